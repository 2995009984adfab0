#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::utf8::check(data));
