//! The pool of connections that requests to others go through: rustls with the bundled roots, bounded waits, no redirects.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

/// A pool. Cheap to clone.
pub type Pool = Client<hyper_rustls::HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Makes a pool.
///
/// # Errors
/// TLS cannot be set up.
pub fn pool() -> Result<Pool, rustls::Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false); // https goes through here too, wrapped below
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(Duration::from_secs(5)));
    let tls = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_mins(1))
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(Duration::from_secs(20))
        .build(tls))
}

/// What happened to a connection, in words. hyper's own text names only the stage; the cause behind it says what happened.
pub fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}
