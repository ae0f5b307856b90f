//! The integration suite.

mod http;
