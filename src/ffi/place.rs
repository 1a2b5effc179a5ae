//! A future and what it works on, in memory that C provides, with their types hidden behind four
//! functions.
//!
//! The type of an `async fn`'s future cannot be named, but a generic function can receive the
//! `async fn` itself and infer the type from it. That is all the trick: `F` below is always the
//! type of such a function, and `Fut` follows.
//!
//! The future borrows its arguments, which lie before it, instead of owning them: an `async fn`
//! keeps an argument that it moves on in both places.

use core::future::Future;
use core::mem::ManuallyDrop;
use core::pin::Pin;
use core::task::{Context, Poll};

/// What lies in the place. Only field addresses are used.
#[repr(C)]
struct Root<A, Fut> {
    args: ManuallyDrop<A>,
    future: ManuallyDrop<Fut>,
}

/// Size and alignment of the arguments and of the future that `_run` returns.
pub const fn layout<A, Fut, F>(_run: &F) -> (usize, usize)
where
    A: 'static,
    F: FnOnce(&'static mut A) -> Fut + Copy,
    Fut: Future<Output = ()>,
{
    (size_of::<Root<A, Fut>>(), align_of::<Root<A, Fut>>())
}

/// Makes the future in place.
///
/// # Safety
/// `place` must have the size and alignment of [`layout`] and be unused.
pub unsafe fn start<A, Fut, F>(run: F, place: *mut u8, args: A)
where
    A: 'static,
    F: FnOnce(&'static mut A) -> Fut + Copy,
    Fut: Future<Output = ()>,
{
    let root = place.cast::<Root<A, Fut>>();
    // SAFETY: by the demand above the place fits the type, and writing drops nothing. The
    // arguments stay where they are and are reached only through the future until `finish` has
    // dropped it, so the reference that it gets is good for as long as it can use it.
    unsafe {
        let args_at = (&raw mut (*root).args).cast::<A>();
        args_at.write(args);
        (&raw mut (*root).future)
            .cast::<Fut>()
            .write(run(&mut *args_at));
    }
}

/// Polls the future.
///
/// # Safety
/// `place` must hold what [`start`] made with the same function, not moved or otherwise used until
/// [`finish`].
pub unsafe fn poll<A, Fut, F>(_run: F, place: *mut u8, context: &mut Context<'_>) -> Poll<()>
where
    A: 'static,
    F: FnOnce(&'static mut A) -> Fut + Copy,
    Fut: Future<Output = ()>,
{
    let root = place.cast::<Root<A, Fut>>();
    // SAFETY: by the demand above the future is there and nobody else uses it; it is never moved
    // before it is dropped, so it is pinned.
    let future = unsafe { Pin::new_unchecked(&mut *(&raw mut (*root).future).cast::<Fut>()) };
    future.poll(context)
}

/// Drops the future, then its arguments.
///
/// # Safety
/// As for [`poll`], and neither must be used afterwards.
pub unsafe fn finish<A, Fut, F>(_run: F, place: *mut u8)
where
    A: 'static,
    F: FnOnce(&'static mut A) -> Fut + Copy,
    Fut: Future<Output = ()>,
{
    let root = place.cast::<Root<A, Fut>>();
    // SAFETY: by the demand above both are there and nobody uses them from here on; the future,
    // which borrows the arguments, goes first.
    unsafe {
        (&raw mut (*root).future).cast::<Fut>().drop_in_place();
        (&raw mut (*root).args).cast::<A>().drop_in_place();
    }
}
