//! See `src/return_url.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| billfold_fuzz::return_url::judge(data));
