//! All SQL, one file per table. Functions take the transaction first and never open one; a look-up answers `Option` and the
//! caller decides what none means.

pub mod account_routes;
pub mod api_keys;
pub mod api_requests;
pub mod audit_log;
pub mod charges;
pub mod connections;
pub mod counts;
pub mod customers;
pub mod event_attempts;
pub mod held;
pub mod idempotency;
pub mod inbox;
pub mod instance;
pub mod invoices;
pub mod jobs;
pub mod list;
pub mod login_failures;
pub mod members;
pub mod mirror;
pub mod prices;
pub mod products;
pub mod projects;
pub mod refetches;
pub mod search;
pub mod sessions;
pub mod signing_secrets;
pub mod subscriptions;
pub mod sync_runs;
pub mod tenants;
pub mod timeline;
pub mod users;
pub mod webhook_events;
pub mod webhook_refusals;
pub mod webhook_routes;
