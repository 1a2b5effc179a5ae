//! Waiting for one of two things.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use embassy_time::{Instant, Timer};

/// Which of two futures was ready first.
pub enum Either<A, B> {
    /// The first one.
    First(A),
    /// The second one.
    Second(B),
}

/// Waits for the first of two.
// By reference: an async function that takes a future by value stores it twice.
pub async fn either<A, B>(
    mut first: Pin<&mut impl Future<Output = A>>,
    mut second: Pin<&mut impl Future<Output = B>>,
) -> Either<A, B> {
    poll_fn(|cx| {
        if let Poll::Ready(a) = first.as_mut().poll(cx) {
            return Poll::Ready(Either::First(a));
        }
        second.as_mut().poll(cx).map(Either::Second)
    })
    .await
}

/// Waits until `at`, or for ever.
pub async fn until(at: Option<Instant>) {
    match at {
        Some(at) => Timer::at(at).await,
        None => core::future::pending().await,
    }
}

/// Waits for `future` no longer than until `at`. What is waited for like this happens once in a
/// connection, so it is [`apart`].
pub async fn before<T>(at: Instant, future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match either(pin!(apart(future)), pin!(Timer::at(at))).await {
        Either::First(value) => Some(value),
        Either::Second(()) => None,
    }
}

/// Waits for `future`, whose stack is kept apart from that of all other polls.
pub async fn apart<T>(mut future: Pin<&mut impl Future<Output = T>>) -> T {
    poll_fn(|cx| poll_apart(future.as_mut(), cx)).await
}

#[inline(never)]
fn poll_apart<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
    future.poll(cx)
}

/// Lets the current poll end here; goes on in the next one, which is asked for at once.
pub async fn next_poll() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
