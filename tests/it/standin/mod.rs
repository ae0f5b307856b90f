//! The stand-in of Stripe, judged from outside: over HTTP, against Stripe's own description of its API.

mod checkout;
mod client;
mod description;
mod invoices;
mod lists;
mod money;
mod objects;
mod previews;
mod requests;
mod subscriptions;
mod usage;
mod webhooks;
