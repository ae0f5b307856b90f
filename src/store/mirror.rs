//! What applying an object writes.
