#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| novaroute_fuzz::targets::authority(data));
