//! The life of a Thing: one future that connects, serves, and connects again for ever.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_time::{Duration, Instant};

use super::backoff::Backoff;
use super::control::ConnectionInfo;
use super::env::{End, Env};
use super::event::{Event, EventKind, State};
use super::serve::Service;
use super::stats::count;
use super::transport::Transport;
use super::wait::{Either, before, either, next_poll, until};
use super::{App, Failure};
use crate::Error;
use crate::net::{self, Link, Stack};
use crate::port::{Board, LogLevel};

/// A Thing ready to run.
pub struct Args<'m, A: App, N, T> {
    /// Its TCP stack.
    pub stack: N,
    /// Its protection.
    pub transport: T,
    /// What it does with a connection.
    pub service: Service<'m, A>,
}

/// Runs a Thing. Never ends; dropping it closes the socket.
pub async fn run<A, N, T>(args: &mut Args<'_, A, N, T>)
where
    A: App + Board,
    N: Stack,
    T: Transport,
{
    let env = args.service.env();
    let mut life = pin!(live(args));
    // When something is over next, as the last poll found it; since then only a call can have changed
    // that.
    let mut next_end = 0;
    let mut changes = 0;
    poll_fn(|cx| {
        // What was never sent ends before it could be; what was sent may have been answered.
        if next_end <= env.slot.now() || changes != env.control.changes() {
            env.expire(true);
        }
        let poll: Poll<()> = life.as_mut().poll(cx);
        changes = env.control.changes();
        next_end = env.expire(env.slot.is_spent());
        env.slot.wake_at(next_end);
        poll
    })
    .await;
}

async fn live<A, N, T>(args: &mut Args<'_, A, N, T>)
where
    A: App + Board,
    N: Stack,
    T: Transport,
{
    let Args {
        stack,
        transport,
        service,
    } = args;
    let env = service.env();
    let mut backoff = env.settings.backoff;
    loop {
        if !env.control.wanted() {
            env.set_state(State::Idle);
            poll_fn(|_| ready_if(env.control.wanted())).await;
        }
        env.control
            .with(|shared| count(&mut shared.statistics.attempts));

        let link = Link::default();
        let end = {
            let attempt = pin!(attempt(env, stack, transport, service, &link));
            let given_up = pin!(given_up(env));
            let mut race = pin!(either(attempt, given_up));
            poll_fn(|cx| {
                let poll = race.as_mut().poll(cx);
                count_bytes(&env, &link);
                poll
            })
            .await
        };
        let end = match end {
            Either::First(End::Failed(failure)) if env.control.wanted() => End::Failed(failure),
            // Whatever went wrong while it was being ended: it has ended.
            Either::First(_) | Either::Second(()) => End::Asked,
        };
        let online_since = service.take_online_since();
        if let Some(since) = online_since {
            backoff.ended(since, Instant::now(), end == End::Asked);
        }
        env.control.with(|shared| {
            shared.connection = ConnectionInfo::default();
            let statistics = &mut shared.statistics;
            if let Some(since) = statistics.online_since_ms.take() {
                let lasted = Instant::now().as_millis().saturating_sub(since);
                statistics.online_ms = statistics.online_ms.saturating_add(lasted);
            }
        });

        match end {
            End::Asked => {
                env.set_state(State::Idle);
                if online_since.is_some() {
                    env.tell(Event {
                        kind: EventKind::Disconnected,
                        code: -1,
                        ..Event::default()
                    });
                }
            }
            End::Failed(mut failure) => {
                // The socket knows best why it failed, unless the broker has said why.
                if let Some((error, port_error)) = link.failure()
                    && failure.code < 0
                {
                    if !failure.error.is_suspicion() {
                        failure.error = error;
                    }
                    failure.port_error = port_error;
                }
                let delay = retry_delay(&env, &mut backoff);
                env.set_state(State::Waiting);
                tell_failure(&env, failure, online_since.is_some(), delay);
                wait_to_retry(&env, Instant::now() + delay).await;
            }
        }
        // However the application reacts, one poll makes one attempt.
        next_poll().await;
    }
}

fn count_bytes<A: App>(env: &Env<'_, A>, link: &Link) {
    let (bytes_in, bytes_out) = link.take_bytes();
    if bytes_in | bytes_out != 0 {
        env.control.with(|shared| {
            let statistics = &mut shared.statistics;
            statistics.bytes_in = statistics.bytes_in.wrapping_add(bytes_in);
            statistics.bytes_out = statistics.bytes_out.wrapping_add(bytes_out);
        });
    }
}

async fn attempt<A, N, T>(
    env: Env<'_, A>,
    stack: &mut N,
    transport: &mut T,
    service: &mut Service<'_, A>,
    link: &Link,
) -> End
where
    A: App + Board,
    N: Stack,
    T: Transport,
{
    let settings = env.settings;
    env.set_state(State::Resolving);
    let deadline = Instant::now() + settings.connect_timeout;
    let connected = before(
        deadline,
        pin!(net::connect(
            stack,
            settings.endpoint,
            settings.port,
            env.slot,
            link,
            settings.stall_timeout,
            || env.set_state(State::Connecting),
        )),
    )
    .await;
    match connected {
        Some(Ok(socket)) => transport.carry(socket, service).await,
        Some(Err(error)) => error.into(),
        None if env.control.state() == State::Resolving => Error::Resolve.into(),
        None => Error::TcpTimeout.into(),
    }
}

/// Time for a polite end, from the moment at which it is asked for.
const GOODBYE: Duration = Duration::from_secs(5);

/// Ready when the connection is no longer wanted, and the broker either need not be told or has not
/// let itself be told in time.
async fn given_up<A: App>(env: Env<'_, A>) {
    poll_fn(|_| ready_if(!env.control.wanted())).await;
    let silent = |state| {
        matches!(
            state,
            State::Resolving | State::Connecting | State::Securing | State::Opening
        )
    };
    if !silent(env.control.state()) {
        until(Some(Instant::now() + GOODBYE)).await;
    }
}

fn retry_delay<A: App + Board>(env: &Env<'_, A>, backoff: &mut Backoff) -> Duration {
    let mut random = [0; 4];
    let delay = match env.app.random(&mut random) {
        Ok(()) => backoff.next(u32::from_le_bytes(random)),
        // Without randomness wait the longest: safe for the broker.
        Err(_) => backoff.next(u32::MAX),
    };
    let delay_ms = u32::try_from(delay.as_millis()).unwrap_or(u32::MAX);
    let chosen = env.app.retry_delay(backoff.attempt(), delay_ms);
    Duration::from_millis(u64::from(chosen))
}

fn tell_failure<A: App + Board>(
    env: &Env<'_, A>,
    failure: Failure,
    was_online: bool,
    delay: Duration,
) {
    env.control.with(|shared| {
        shared.statistics.last_error = failure.error.code();
        shared.statistics.failures.count(failure.error);
        if was_online {
            count(&mut shared.statistics.disconnects);
        }
    });
    // The name: the explanations are 5 KB, which only a firmware that asks for them should link.
    env.app.log(LogLevel::Warning, failure.error.c_name());
    env.tell(Event {
        kind: if was_online {
            EventKind::Disconnected
        } else {
            EventKind::ConnectFailed
        },
        error: Some(failure.error),
        code: failure.code,
        port_error: failure.port_error,
        needed: failure.needed,
        retry_ms: u32::try_from(delay.as_millis()).unwrap_or(u32::MAX),
        ..Event::default()
    });
}

/// Waits for the next attempt; a call of connect or disconnect ends it early. A call of connect
/// from the event that told of the failure comes before this wait and does not: programs that
/// answer every failure with it must not hammer the broker.
async fn wait_to_retry<A: App>(env: &Env<'_, A>, at: Instant) {
    let asked = env.control.with(|shared| shared.asked);
    let changed = poll_fn(|_| {
        ready_if(!env.control.wanted() || env.control.with(|shared| shared.asked != asked))
    });
    either(pin!(until(Some(at))), pin!(changed)).await;
}

fn ready_if(condition: bool) -> Poll<()> {
    if condition {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}
