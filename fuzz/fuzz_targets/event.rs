//! See `src/event.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| billfold_fuzz::event::judge(data));
