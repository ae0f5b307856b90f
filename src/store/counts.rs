//! How many objects of a kind have a status.
