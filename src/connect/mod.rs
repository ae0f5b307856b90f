//! Connecting a project to a Stripe account: check, seal, endpoint, backfill; and everything that later happens to the
//! connection. Nothing is saved before the key has passed live calls, and nothing is lost before its successor has.
//!
//! Reading order: [`check`] (what may the key do), [`open`] (the first connection), [`rotate`] (another key), [`renew`] (another
//! address or signing secret), [`secrets`] (signing secrets by hand), [`endpoint`] (the endpoint in the account), [`doctor`] (is
//! everything as it should be), [`close`] (the end).

pub mod check;
pub mod close;
pub mod doctor;
pub mod endpoint;
mod error;
pub mod open;
pub mod renew;
pub mod rotate;
mod seal;
pub mod secrets;

pub use error::{Error, Result};

pub use crate::app::Scope;
use crate::db;

/// Runs work to its end even when the person who asked goes away: half of it would leave an endpoint at Stripe that nobody
/// knows.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    use tracing::Instrument as _;
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(stopped) => Err(db::Error::from(stopped).into()),
    }
}
