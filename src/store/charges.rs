//! Mirrored charges.
