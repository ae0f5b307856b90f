//! Plain types and pure rules. No I/O, nothing of the other modules.

pub mod api_key;
pub mod brand;
pub mod browser;
pub mod changes;
pub mod csv;
pub mod drafts;
pub mod drift;
pub mod event;
pub mod ids;
pub mod job;
pub mod kind;
pub mod mode;
pub mod money;
pub mod objects;
pub mod permission;
pub mod plan;
pub mod portal;
pub mod price;
pub mod raw;
pub mod reading;
pub mod retry;
pub mod return_url;
pub mod role;
pub mod sealed;
pub mod status;
pub mod time;
