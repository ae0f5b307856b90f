//! Mirrored products.
