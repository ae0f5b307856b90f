//! Failed attempts to apply an event.
