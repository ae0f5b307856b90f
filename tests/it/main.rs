//! The integration suite: stories of a kind of user, told through the real router on both engines, with the stand-in as
//! Stripe. One binary, so that it links once; one file per feature, named like the feature's other files.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "tests/breaking uses more of it")]
mod harness;

mod api;
mod api_keys;
mod api_live;
mod api_matrix;
mod api_writes;
mod architecture;
mod audit;
mod backup;
mod billing;
mod browse;
mod cli;
mod connect;
mod connect_keys;
mod connect_transport;
mod connected;
mod convergence;
mod database;
mod dependencies;
mod deploy;
mod doctor;
mod events;
mod fuzz;
mod headers;
mod history;
mod http;
mod inbox;
mod isolation;
mod isolation_selftest;
mod leaks;
mod looks;
mod mail;
mod migrations;
mod mirror;
mod objects;
mod openid;
mod operator;
mod passkeys;
mod people;
mod plans;
mod poll;
mod portal;
mod processes;
mod reconcile;
mod recovery;
mod roles;
mod rotation;
mod schema;
mod secrets;
mod serving;
mod sessions;
mod shapes;
mod shown;
mod spoiled;
mod standin;
mod start;
mod sync_page;
mod team;
mod templates;
mod two_factor;
mod webhooks;
