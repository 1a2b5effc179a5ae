//! The waker of a Thing: it leads to the Thing's poll slot.

use core::task::{RawWaker, RawWakerVTable, Waker};

use crate::port::PollSlot;

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, drop);

/// A waker for `slot`.
///
/// # Safety
/// `slot` must outlive the waker and its clones, and the waker must stay on the polling thread.
pub unsafe fn of(slot: &PollSlot) -> Waker {
    // SAFETY: the functions of VTABLE treat the data as the slot that it is, and by the demand
    // above it is there and not used by another thread.
    unsafe { Waker::new(core::ptr::from_ref(slot).cast(), &VTABLE) }
}

/// The slot that a waker leads to, if it is one of ours.
pub fn slot(waker: &Waker) -> Option<&PollSlot> {
    if !core::ptr::eq(waker.vtable(), &VTABLE) {
        return None;
    }
    // SAFETY: only `of` makes wakers with this table, from a slot that outlives them.
    Some(unsafe { &*waker.data().cast::<PollSlot>() })
}

fn clone(slot: *const ()) -> RawWaker {
    RawWaker::new(slot, &VTABLE)
}

fn wake(slot: *const ()) {
    // SAFETY: only called with the data of a waker made by `of`.
    unsafe { (*slot.cast::<PollSlot>()).wake() };
}

fn drop(_: *const ()) {}
