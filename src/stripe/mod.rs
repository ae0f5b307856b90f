//! The boundary to Stripe: the only place that names async-stripe. It builds the calls, our transport carries them, and what
//! comes back stays the JSON that Stripe sent.
//!
//! Reading order: [`key`] (what was pasted), [`client`] (one per connection), `transport`, `retry`, `limit` and `turns` (how a
//! call travels), [`list`] and [`raw`] (objects), [`mod@write`] (changes), [`account`], [`endpoints`], [`events`], [`permissions`], [`signature`].

pub mod account;
pub mod client;
pub mod endpoints;
mod error;
pub mod event_list;
pub mod events;
pub mod key;
mod limit;
pub mod list;
pub mod permissions;
pub mod raw;
mod retry;
pub mod signature;
mod transport;
mod turns;
mod undelivered;
pub mod write;

pub use client::{Client, Clients};
pub use error::{Answer, Error};
pub use limit::{Budget, Rates};
pub use retry::Patience;
pub use turns::{Share, Unagreed};
pub use undelivered::Undelivered;
