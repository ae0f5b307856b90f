//! How the mirror is kept exact: at least once in, exactly once in effect, newest wins.
//!
//! `inbox` stores deliveries before they are acknowledged; `apply` turns stored events into changes; `poll` fetches
//! the events that no delivery has brought; `refetch` reads single objects again; `backfill` copies the whole account; `reconcile` compares
//! everything with Stripe; `requeue` gives given-up events another chance; `runs` is what people ask of all that. Which changes count is decided one level below, in [`crate::mirror`].

pub mod apply;
pub mod backfill;
pub mod inbox;
pub mod poll;
pub mod reconcile;
pub mod refetch;
pub mod requeue;
pub mod runs;
