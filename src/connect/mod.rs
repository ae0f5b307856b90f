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
use crate::{
    app::App,
    db,
    domain::ids::{ProjectId, TenantId},
};

/// What follows once it is stored that Stripe refuses a project's key: nobody goes on with it, and if the connection was `paused` by
/// that, it is counted and told.
pub async fn key_was_rejected(app: &App, tenant: &TenantId, project: &ProjectId, paused: bool) {
    if paused {
        metrics::counter!("billfold_stripe_keys_rejected_total").increment(1);
        tracing::warn!(
            tenant.id = %tenant, project.id = %project,
            "Stripe does not accept a project's key any more: its connection is paused until somebody enters a new one"
        );
    }
    app.stripe.forget(tenant, project).await;
}

/// Runs work to its end even when the person who asked goes away: half of it would leave an endpoint at Stripe that nobody
/// knows.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    use tracing::Instrument as _;
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(stopped) => Err(db::Error::from(stopped).into()),
    }
}
