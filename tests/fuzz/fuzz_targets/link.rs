//! The target `link`; what it does is in `fuzz::targets`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::link(data));

#[cfg(not(fuzzing))]
fn main() {
    fuzz::mutate::run("link", fuzz::targets::link);
}
