//! Events as they arrived and what became of them.
