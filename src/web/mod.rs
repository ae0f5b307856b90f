//! All HTTP. The parts that every surface shares stand here; each surface (`dashboard`, `portal`, `api`, `webhooks`) has its own module.
//!
//! Reading order: [`server`] accepts, [`middleware`] says what happens to every request, [`extract`] and [`csrf`] hand values to a
//! handler, [`html`] and [`shell`] make its page, [`error`] is everything else it may answer.

pub mod assets;
pub mod csrf;
pub mod error;
pub mod extract;
pub mod health;
pub mod html;
pub mod middleware;
pub mod rate_limit;
pub mod server;
pub mod shell;
pub mod ui;
