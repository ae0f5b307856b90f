//! Mirrored prices.
