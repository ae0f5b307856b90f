//! The businesses.
