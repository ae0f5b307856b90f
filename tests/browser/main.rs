//! The dashboard in a real browser: what only a browser can tell. Every page in both colour schemes and on two screens has no
//! accessibility violation, no breach of the content security policy and no error in the console; the main flows work with
//! keyboard and mouse; reading works without JavaScript.
//!
//! Needs `chromium` and `chromedriver`; `tests/run` installs them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../it/harness/mod.rs"]
#[expect(dead_code, unused_imports, unused_macros, reason = "the suite of the router uses more of it")]
mod harness;

mod browser;
mod flows;
mod operating;
mod pages;
mod people;
mod portal;
mod selling;
