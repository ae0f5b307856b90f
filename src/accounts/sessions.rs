//! How long a person stays signed in.

/// Seconds after the last use.
pub const IDLE: i64 = 30 * 60;
/// Seconds after the start.
pub const ABSOLUTE: i64 = 12 * 60 * 60;
