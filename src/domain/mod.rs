//! Plain types and pure rules. No I/O, nothing of the other modules.

pub mod event;
pub mod ids;
pub mod job;
pub mod kind;
pub mod mode;
pub mod objects;
pub mod retry;
pub mod role;
