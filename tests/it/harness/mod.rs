//! What every story stands on: an engine, a database of its own, a running site, and the people who use it.
//!
//! ```ignore
//! both_engines!(a_viewer_reads_customers);
//!
//! async fn a_viewer_reads_customers(engine: Engine) {
//!     let site = Site::start(engine).await;
//!     let page = site.user(Role::Viewer).await.get("customers").await.expect(200);
//!     assert!(page.text().contains("No customers yet"));
//! }
//! ```

use std::str::FromStr;

mod answer;
mod audit;
pub mod crawl;
mod database;
mod events;
pub mod fleet;
pub mod identity_provider;
mod log;
pub mod oracle;
mod people;
pub mod post_office;
mod postgres;
pub mod process;
mod program;
mod rows;
mod site;
mod stripe;
pub mod verdict;
mod visitor;
mod work;

pub use answer::{Answer, Form};
pub use audit::audit_log;
pub use database::{Engine, TestDatabase};
pub use people::{PASSWORD, Tenant, new_tenant};
pub use program::{Program, new_key, scope};
pub use rows::{connection, parts};
pub use site::Site;
pub use stripe::Account;
pub use verdict::Verdict;
pub use visitor::Visitor;

/// A setting of a story's long form, or what the suite does.
pub fn setting<T: FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// Runs each named story on both engines, as the tests `name::sqlite` and `name::postgres`.
macro_rules! both_engines {
    ($($(#[$attribute:meta])* $story:ident),+ $(,)?) => { $(
        mod $story {
            use crate::harness::Engine;

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                Box::pin(super::$story(Engine::Sqlite)).await;
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                Box::pin(super::$story(Engine::Postgres)).await;
            }
        }
    )+ };
}
pub(crate) use both_engines;
