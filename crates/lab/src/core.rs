//! The border of `core.wasm`: bytes in, bytes out, nothing imported.
//!
//! The host writes postcard bytes of a [`Command`](crate::api::Command) into memory it got
//! from `alloc`, calls `call`, reads the [`Answer`](crate::api::Answer) at the returned place
//! and gives it back with `free`. Between two calls the linear memory is the whole state: a
//! copy of it is a checkpoint.
#![expect(unsafe_code, reason = "a border of raw memory is what this module is")]

mod heap;

use std::cell::RefCell;

use crate::machine::Machine;

thread_local! {
    /// The one machine of this module: wasm exports have no other place for it.
    static MACHINE: RefCell<Machine> = RefCell::new(Machine::new());
}

#[global_allocator]
static HEAP: heap::Heap = heap::Heap::new();

/// Memory for `len` bytes; to be given back by `call` or `free`.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn alloc(len: u32) -> *mut u8 {
    let bytes: Box<[u8]> = vec![0; len as usize].into_boxed_slice();
    Box::into_raw(bytes).cast()
}

/// Gives back what `alloc` or `call` handed out.
///
/// # Safety
/// `place` and `len` must be those of one earlier answer, given back once.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn free(place: *mut u8, len: u32) {
    // SAFETY: the caller keeps the contract above.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(place, len as usize)) });
}

/// Runs a command, taking its bytes; answers with `place << 32 | len`.
///
/// # Safety
/// `place` and `len` must be those of one `alloc`, handed over once.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn call(place: *mut u8, len: u32) -> u64 {
    // SAFETY: the caller keeps the contract above.
    let bytes = unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(place, len as usize)) };
    let answer = MACHINE.with_borrow_mut(|machine| machine.call_bytes(&bytes)).into_boxed_slice();
    let len = answer.len() as u64;
    let place = Box::into_raw(answer).cast::<u8>() as u64;
    place << 32 | len
}

/// `getrandom` for the crates below that insist on it: their draws decide nothing here
/// (election timeouts are set by `crates/etcd`), so a constant is as good and never differs.
fn no_entropy(buffer: &mut [u8]) -> Result<(), getrandom::Error> {
    buffer.fill(0x5a);
    Ok(())
}

getrandom::register_custom_getrandom!(no_entropy);
