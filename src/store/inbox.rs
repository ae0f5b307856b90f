//! Events that are not finished.
