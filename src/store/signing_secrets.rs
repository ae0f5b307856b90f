//! The webhook signing secrets of a connection, sealed.
