//! How a job's run ends early.

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
    /// Stripe could not be asked; says why.
    #[error("{0}")]
    Unanswered(String),
    /// There is no usable key: the project is not connected, or the key does not open.
    #[error("no usable Stripe key: {0}")]
    NoKey(String),
}
