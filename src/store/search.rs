//! Finding objects by words.
