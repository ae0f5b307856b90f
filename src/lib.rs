//! billfold: many businesses run their Stripe billing from one program.

pub mod domain;

pub mod clock;
pub mod config;
pub mod telemetry;
pub mod vault;

pub mod db;

pub mod store;
pub mod stripe;

pub mod app;

pub mod accounts;
pub mod connect;
pub mod sync;

pub mod web;
pub mod worker;

pub mod standin;
