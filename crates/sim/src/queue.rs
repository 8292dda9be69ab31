//! What is to happen, in order of time; what is due at the same instant happens in the order
//! it was asked for. Cancelled events stay in the heap until their time and cost nothing but
//! their place.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use etcd::{Lane, MemberId};

use crate::ids::HostId;
use crate::kernel::KernelEvent;

/// Something that will happen. Kept small: what is big lies in the net's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The kernel's own: timers, syncs of programs, terminals.
    Kernel(KernelEvent),
    /// A member's tick, of the run that asked for it.
    Tick { slot: u16, run: u32 },
    /// A member's wake-up.
    Wake { slot: u16, run: u32 },
    /// The disk is done with the writes at the head of a member's lane.
    Disk { slot: u16, run: u32, lane: Lane },
    /// A message between members arrives.
    Peer { flight: u32 },
    /// The transport of one member learns whether it reaches another.
    PeerStatus { slot: u16, run: u32, peer: MemberId },
    /// A packet of a client connection arrives, or is tried again.
    Stream { flight: u32 },
    /// A member that is to start starts.
    Start { host: HostId, serial: u32 },
    /// A host is turned off or on from within.
    Power { host: HostId, on: bool },
    /// The first process of a host starts.
    Init { host: HostId },
}

/// Names an event that was asked for, so that it can be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventKey {
    slot: u32,
    sequence: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    sequence: u64,
    event: Option<Event>,
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    sequence: u64,
    live: u32,
}

impl Queue {
    pub(crate) fn new() -> Queue {
        Queue::default()
    }

    /// Asks for an event.
    pub(crate) fn push(&mut self, at_us: u64, event: Event) -> EventKey {
        self.sequence += 1;
        let filled = Slot { sequence: self.sequence, event: Some(event) };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = filled;
                slot
            }
            None => {
                self.slots.push(filled);
                u32::try_from(self.slots.len() - 1).expect("fewer than 4 billion events wait")
            }
        };
        self.heap.push(Reverse((at_us, self.sequence, slot)));
        self.live += 1;
        EventKey { slot, sequence: self.sequence }
    }

    /// Takes an event back; one that happened already is left alone.
    pub(crate) fn cancel(&mut self, key: EventKey) {
        let slot = &mut self.slots[key.slot as usize];
        if slot.sequence == key.sequence && slot.event.take().is_some() {
            self.live -= 1;
        }
    }

    /// When the next event is due.
    pub(crate) fn next_at(&mut self) -> Option<u64> {
        loop {
            let Reverse((at_us, _, slot)) = *self.heap.peek()?;
            if self.slots[slot as usize].event.is_some() {
                return Some(at_us);
            }
            self.heap.pop();
            self.free.push(slot);
        }
    }

    /// Takes the next event if it is due by `until_us`.
    pub(crate) fn pop(&mut self, until_us: u64) -> Option<(u64, Event)> {
        loop {
            let Reverse((at_us, _, slot)) = *self.heap.peek()?;
            if at_us > until_us {
                return None;
            }
            self.heap.pop();
            self.free.push(slot);
            if let Some(event) = self.slots[slot as usize].event.take() {
                self.live -= 1;
                return Some((at_us, event));
            }
        }
    }

    /// How many events wait.
    pub(crate) fn len(&self) -> u32 {
        self.live
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn event(number: u32) -> Event {
        Event::Peer { flight: number }
    }

    /// The queue against a sorted list: same order, cancelled events never come.
    #[test]
    fn it_orders_like_a_sorted_list() {
        for seed in 0..20 {
            let mut rng = Rng::for_purpose(seed, "queue", 0);
            let mut queue = Queue::new();
            let mut model: Vec<(u64, u32, EventKey)> = Vec::new();
            let mut now = 0;
            for number in 0..2000 {
                match rng.below(4) {
                    0 | 1 => {
                        let at = now + rng.below(50);
                        let key = queue.push(at, event(number));
                        let place = model.partition_point(|(other, ..)| *other <= at);
                        model.insert(place, (at, number, key));
                    }
                    2 if !model.is_empty() => {
                        let len = u64::try_from(model.len()).unwrap();
                        let place = usize::try_from(rng.below(len)).unwrap();
                        queue.cancel(model.remove(place).2);
                    }
                    _ => {
                        let expected = (!model.is_empty()).then(|| model.remove(0));
                        let got = queue.pop(u64::MAX);
                        assert_eq!(got, expected.map(|(at, number, _)| (at, event(number))));
                        if let Some((at, _, key)) = expected {
                            now = at;
                            queue.cancel(key);
                        }
                    }
                }
                assert_eq!(queue.len() as usize, model.len());
                assert_eq!(queue.next_at(), model.first().map(|(at, ..)| *at));
            }
        }
    }

    #[test]
    fn it_waits_for_the_time() {
        let mut queue = Queue::new();
        queue.push(10, event(1));
        assert_eq!(queue.pop(9), None);
        assert_eq!(queue.pop(10), Some((10, event(1))));
    }
}
