//! See `src/cursor.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| billfold_fuzz::cursor::judge(data));
