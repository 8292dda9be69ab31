//! The target `etcdctl`; what it does is in `fuzz::targets`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::etcdctl(data));

#[cfg(not(fuzzing))]
fn main() {
    fuzz::mutate::run("etcdctl", fuzz::targets::etcdctl);
}
