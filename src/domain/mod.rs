//! Plain types and pure rules. No I/O, nothing of the other modules.

pub mod ids;
pub mod kind;
pub mod mode;
pub mod role;
