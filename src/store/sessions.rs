//! Signed-in browsers, by the hash of their cookie.
