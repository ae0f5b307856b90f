//! How the mirror is kept exact: at least once in, exactly once in effect, newest wins.
//!
//! `inbox` stores deliveries before they are acknowledged; `apply` turns stored events into changes; `mirror` decides which
//! changes count and writes them; `refetch` reads single objects again; `backfill` copies the whole account; `requeue` gives
//! given-up events another chance; `runs` is what people ask of the copy.

pub mod apply;
pub mod backfill;
pub mod inbox;
pub mod mirror;
pub mod refetch;
pub mod requeue;
pub mod runs;

use crate::{db, stripe};

/// Why a job's run ended early. What it had committed stays.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The database, or the lease.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// Stripe does not let this connection go on.
    #[error(transparent)]
    Stripe(#[from] stripe::Error),
    /// There is no usable key: the project is not connected, or the key does not open.
    #[error("no usable Stripe key: {0}")]
    NoKey(String),
}
