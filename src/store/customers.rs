//! Mirrored customers: lists and details.
