//! See `src/signature.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| billfold_fuzz::signature::judge(data));
