//! Writes at Stripe, for every surface: the dashboard, the API and the portal call the same use cases.
//!
//! Each is a method of [`crate::app::Scope`] that looks up what it is about, makes the request, and hands it over to be
//! carried out (`carry`): stored as a row of the outbox first, sent under a key made from the row's id, and ended in one
//! transaction that holds the row's end, the mirror's new state and the audit entry. What is left open by a lost answer or a
//! kill is finished by [`job`]; `judge` decides what came of it where repeating cannot.
//!
//! Reading order: [`action`] (what there is to do), [`error`], [`nonce`] (a double click), `carry`, `judge`, [`job`], then the
//! use cases by the object that they change.

pub mod action;
pub mod card;
mod carry;
pub mod catalog;
pub mod changes;
pub mod checkout;
pub mod customers;
pub mod discounts;
pub mod error;
pub mod invoices;
pub mod job;
mod judge;
pub mod live;
pub mod nonce;
pub mod origins;
pub mod portal;
pub mod portal_settings;
mod record;
pub mod subscriptions;
pub mod tax_ids;
pub mod usage;

pub use action::Action;
pub use carry::{Done, Outcome};
pub use error::{Error, Refusal, Result};
pub use nonce::Nonce;
