//! See `src/csv_cell.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| billfold_fuzz::csv_cell::judge(data));
