//! The allocator of `core.wasm`: the standard one, with two things it lacks.
//!
//! Small pieces come from lists of their own, one for every sixteen bytes of size: a put makes and
//! frees some dozens, and the sizes come back again and again. They carry no header, and what is
//! freed is kept for its size. And memory grows in large steps: each step costs the browser a
//! collection, and left alone the standard allocator takes sixty-four kilobytes at a time.
//!
//! wasm32 has one thread here, which is all that makes the cells below sound.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;

/// The sizes of small pieces are multiples of this.
const STEP_BYTES: usize = 16;
/// Larger pieces are the standard allocator's.
const SMALL_BYTES_MAX: usize = 1024;
const CLASSES: usize = SMALL_BYTES_MAX / STEP_BYTES;
/// How much a list takes at a time.
const RUN_BYTES: usize = 8192;
/// Bytes of a page of wasm memory.
const PAGE_BYTES: usize = 65_536;
/// How much memory is grown ahead at the least and at the most.
const AHEAD_BYTES: std::ops::RangeInclusive<usize> = 2 << 20..=16 << 20;

/// Pieces of one size.
struct List {
    /// The piece freed last; each holds the place of the one freed before it.
    free: Cell<*mut u8>,
    /// What of the last run was never given out.
    next: Cell<*mut u8>,
    left_bytes: Cell<usize>,
}

impl List {
    const fn new() -> List {
        List { free: Cell::new(null_mut()), next: Cell::new(null_mut()), left_bytes: Cell::new(0) }
    }
}

/// The allocator.
pub(super) struct Heap {
    lists: [List; CLASSES],
    /// Pages of memory when it last grew.
    pages: Cell<usize>,
}

// SAFETY: wasm32-unknown-unknown without atomics has one thread.
unsafe impl Sync for Heap {}

impl Heap {
    pub(super) const fn new() -> Heap {
        let lists = [const { List::new() }; CLASSES];
        Heap { lists, pages: Cell::new(0) }
    }

    /// A piece of the standard allocator; where that grew memory, it is grown well ahead.
    fn large(&self, layout: Layout, zeroed: bool) -> *mut u8 {
        // SAFETY: the caller's layout is not empty.
        let place =
            unsafe { if zeroed { System.alloc_zeroed(layout) } else { System.alloc(layout) } };
        if std::arch::wasm32::memory_size::<0>() > self.pages.get() {
            self.grow_ahead();
        }
        place
    }

    /// Grows memory by an eighth: the standard allocator keeps what it got at the top of its heap.
    #[cold]
    fn grow_ahead(&self) {
        let bytes = std::arch::wasm32::memory_size::<0>() * PAGE_BYTES;
        let ahead = (bytes / 8).clamp(*AHEAD_BYTES.start(), *AHEAD_BYTES.end());
        if let Ok(layout) = Layout::from_size_align(ahead, STEP_BYTES) {
            // SAFETY: the layout is not empty, and the piece is given back as it was taken.
            unsafe {
                let place = System.alloc(layout);
                if !place.is_null() {
                    System.dealloc(place, layout);
                }
            }
        }
        self.pages.set(std::arch::wasm32::memory_size::<0>());
    }

    /// A piece of a list whose run is used up.
    #[cold]
    fn begin_run(&self, class: usize) -> *mut u8 {
        let size = (class + 1) * STEP_BYTES;
        let run_bytes = RUN_BYTES / size * size;
        let Ok(layout) = Layout::from_size_align(run_bytes, STEP_BYTES) else { return null_mut() };
        let run = self.large(layout, false);
        if !run.is_null() {
            let list = &self.lists[class];
            list.next.set(run.wrapping_add(size));
            list.left_bytes.set(run_bytes - size);
        }
        run
    }
}

/// The list a piece belongs to; none for large ones.
fn class_of(layout: &Layout) -> Option<usize> {
    let small = layout.size() <= SMALL_BYTES_MAX && layout.align() <= STEP_BYTES;
    (small && layout.size() > 0).then(|| (layout.size() - 1) / STEP_BYTES)
}

// SAFETY: a small piece is given out once until it is freed, is as large as its class and lies at
// a multiple of sixteen; everything else is the standard allocator's.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(&layout) else { return self.large(layout, false) };
        let list = &self.lists[class];
        let free = list.free.get();
        if !free.is_null() {
            // SAFETY: a freed piece holds the place of the one freed before it.
            list.free.set(unsafe { free.cast::<*mut u8>().read() });
            return free;
        }
        let size = (class + 1) * STEP_BYTES;
        let left_bytes = list.left_bytes.get();
        if left_bytes == 0 {
            return self.begin_run(class);
        }
        let place = list.next.get();
        list.next.set(place.wrapping_add(size));
        list.left_bytes.set(left_bytes - size);
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        let Some(class) = class_of(&layout) else {
            // SAFETY: large pieces are the standard allocator's.
            return unsafe { System.dealloc(place, layout) };
        };
        let list = &self.lists[class];
        // SAFETY: the piece is ours again, and at least sixteen bytes long.
        unsafe { place.cast::<*mut u8>().write(list.free.get()) };
        list.free.set(place);
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if class_of(&layout).is_none() {
            return self.large(layout, true);
        }
        // SAFETY: the same layout; a piece that was given out can be written.
        unsafe {
            let place = self.alloc(layout);
            if !place.is_null() {
                place.write_bytes(0, layout.size());
            }
            place
        }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(new_size, layout.align()) else { return null_mut() };
        // SAFETY: both layouts are the caller's; what moves fits into both pieces.
        unsafe {
            match (class_of(&layout), class_of(&new)) {
                (Some(old), Some(new)) if old == new => return place,
                (None, None) => {
                    let moved = System.realloc(place, layout, new_size);
                    if std::arch::wasm32::memory_size::<0>() > self.pages.get() {
                        self.grow_ahead();
                    }
                    return moved;
                }
                _ => {}
            }
            let moved = self.alloc(new);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(place, layout.size().min(new_size));
                self.dealloc(place, layout);
            }
            moved
        }
    }
}
