//! What must hold for any bytes at all, one module for each reader of foreign bytes. `tests/fuzz` lets libFuzzer look for an input that
//! breaks one; the suite tries the seeds and some random inputs (`tests/it/fuzz.rs`).
//!
//! Each `judge` panics when its promise is broken. Where a promise is about how others read a text, another reader is asked: ring for a
//! signature, the crate `url` for an address, the crate `csv` for a cell.

mod bytes;

pub mod api_key;
pub mod csv_cell;
pub mod cursor;
pub mod event;
pub mod money;
pub mod next_path;
pub mod return_url;
pub mod sealed;
pub mod signature;

/// A name, and what must hold.
pub type Property = (&'static str, fn(&[u8]));

/// Every property, by the name of its target and of its folder of seeds.
pub const PROPERTIES: [Property; 9] = [
    ("api_key", api_key::judge),
    ("csv_cell", csv_cell::judge),
    ("cursor", cursor::judge),
    ("event", event::judge),
    ("money", money::judge),
    ("next_path", next_path::judge),
    ("return_url", return_url::judge),
    ("sealed", sealed::judge),
    ("signature", signature::judge),
];
