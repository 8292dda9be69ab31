//! The target `snapshot`; what it does is in `fuzz::targets`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::snapshot(data));

#[cfg(not(fuzzing))]
fn main() {
    fuzz::mutate::run("snapshot", fuzz::targets::snapshot);
}
