//! Failed sign-ins, for throttling.
