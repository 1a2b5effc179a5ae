//! One TCP connection as an asynchronous byte stream, with a stall timer and a memory of why it
//! ended.

use core::cell::Cell;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::{Context, Poll};

use embassy_time::{Duration, Instant};
use embedded_io_async::{ErrorType, Read, Write};
use embedded_nal::{AddrType, TcpError, TcpErrorKind};

use super::{Stack, StackError};
use crate::Error;
use crate::port::{Interest, PollSlot};

/// How often a name that is being resolved is asked for again: there is no event to wait for.
const RESOLVE_INTERVAL: Duration = Duration::from_millis(20);
/// How often a connection that is being made is looked at, on ports that cannot tell when it is.
const CONNECT_INTERVAL: Duration = Duration::from_millis(100);

/// What one connection did and why it ended; shared with whoever has to report it.
#[derive(Debug, Default)]
pub struct Link {
    failure: Cell<Option<(Error, i32)>>,
    bytes_in: Cell<u64>,
    bytes_out: Cell<u64>,
}

impl Link {
    /// The first failure, with the port's own code.
    pub fn failure(&self) -> Option<(Error, i32)> {
        self.failure.get()
    }

    /// Bytes received and sent since the last call.
    pub fn take_bytes(&self) -> (u64, u64) {
        (self.bytes_in.take(), self.bytes_out.take())
    }

    fn fail(&self, error: Error, port_code: i32) -> Error {
        if self.failure.get().is_none() {
            self.failure.set(Some((error, port_code)));
        }
        error
    }
}

/// A connected socket. Closes itself when dropped.
pub struct Socket<'a, N: Stack> {
    stack: &'a mut N,
    handle: Option<N::TcpSocket>,
    slot: &'a PollSlot,
    link: &'a Link,
    stall: Duration,
    stalled_since: Option<Instant>,
}

/// Resolves `host` and connects to it.
pub async fn connect<'a, N: Stack>(
    stack: &'a mut N,
    host: &str,
    port: u16,
    slot: &'a PollSlot,
    link: &'a Link,
    stall: Duration,
    resolved: impl FnOnce(),
) -> Result<Socket<'a, N>, Error> {
    let address = if stack.connects_by_name() {
        None
    } else {
        Some(resolve(stack, host, link).await?)
    };
    resolved();
    let handle = stack
        .socket()
        .map_err(|e| link.fail(connect_error::<N>(&e), N::error_code(&e)))?;
    // From here on the socket is closed whatever happens.
    let mut socket = Socket {
        stack,
        handle: Some(handle),
        slot,
        link,
        stall,
        stalled_since: None,
    };
    poll_fn(|cx| {
        let Some(handle) = socket.handle.as_mut() else {
            return Poll::Ready(Err(Error::TcpConnect));
        };
        let attempt = match address {
            Some(ip) => socket.stack.connect(handle, SocketAddr::new(ip, port)),
            None => socket.stack.connect_by_name(handle, host, port),
        };
        match attempt {
            Ok(()) => Poll::Ready(Ok(())),
            Err(nb::Error::WouldBlock) => {
                slot.want(Interest::Write);
                wake_at(Instant::now() + CONNECT_INTERVAL, cx);
                Poll::Pending
            }
            Err(nb::Error::Other(e)) => {
                Poll::Ready(Err(link.fail(connect_error::<N>(&e), N::error_code(&e))))
            }
        }
    })
    .await?;
    Ok(socket)
}

fn connect_error<N: Stack>(error: &StackError<N>) -> Error {
    if N::is_contract(error) {
        Error::SocketContract
    } else {
        Error::TcpConnect
    }
}

async fn resolve<N: Stack>(
    stack: &mut N,
    host: &str,
    link: &Link,
) -> Result<core::net::IpAddr, Error> {
    poll_fn(|cx| match stack.get_host_by_name(host, AddrType::Either) {
        Ok(ip) => Poll::Ready(Ok(ip)),
        Err(nb::Error::WouldBlock) => {
            wake_at(Instant::now() + RESOLVE_INTERVAL, cx);
            Poll::Pending
        }
        Err(nb::Error::Other(e)) => {
            let error = if N::is_contract(&e) {
                Error::SocketContract
            } else {
                Error::Resolve
            };
            Poll::Ready(Err(link.fail(error, N::error_code(&e))))
        }
    })
    .await
}

fn wake_at(at: Instant, cx: &Context<'_>) {
    embassy_time_driver::schedule_wake(at.as_ticks(), cx.waker());
}

impl<N: Stack> Socket<'_, N> {
    fn poll_read(&mut self, out: &mut [u8]) -> Poll<Result<usize, Error>> {
        if out.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let Some(handle) = self.handle.as_mut() else {
            return Poll::Ready(Err(Error::TcpClosed));
        };
        if !self.slot.step() {
            return Poll::Pending;
        }
        match self.stack.receive(handle, out) {
            Ok(0) => Poll::Ready(Err(self.link.fail(Error::SocketContract, 0))),
            Ok(n) => {
                self.slot.received(n);
                self.link
                    .bytes_in
                    .set(self.link.bytes_in.get().wrapping_add(n as u64));
                Poll::Ready(Ok(n))
            }
            Err(nb::Error::WouldBlock) => {
                self.slot.want(Interest::Read);
                Poll::Pending
            }
            Err(nb::Error::Other(e)) if e.kind() == TcpErrorKind::PipeClosed => Poll::Ready(Ok(0)),
            Err(nb::Error::Other(e)) => {
                let error = if N::is_contract(&e) {
                    Error::SocketContract
                } else {
                    Error::TcpReset
                };
                Poll::Ready(Err(self.link.fail(error, N::error_code(&e))))
            }
        }
    }

    fn poll_write(&mut self, data: &[u8], cx: &Context<'_>) -> Poll<Result<usize, Error>> {
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if let Some((error, _)) = self.link.failure() {
            return Poll::Ready(Err(error));
        }
        let Some(handle) = self.handle.as_mut() else {
            return Poll::Ready(Err(Error::TcpClosed));
        };
        if !self.slot.step() {
            return Poll::Pending;
        }
        let (error, port_code) = match self.stack.send(handle, data) {
            Ok(0) => (Error::SocketContract, 0),
            Ok(n) => {
                self.stalled_since = None;
                self.link
                    .bytes_out
                    .set(self.link.bytes_out.get().wrapping_add(n as u64));
                return Poll::Ready(Ok(n));
            }
            Err(nb::Error::WouldBlock) => {
                let now = Instant::now();
                let since = *self.stalled_since.get_or_insert(now);
                let give_up = since.saturating_add(self.stall);
                if now < give_up {
                    self.slot.want(Interest::Write);
                    wake_at(give_up, cx);
                    return Poll::Pending;
                }
                (Error::TcpTimeout, 0)
            }
            Err(nb::Error::Other(e)) if e.kind() == TcpErrorKind::PipeClosed => {
                return Poll::Ready(Err(Error::TcpClosed));
            }
            Err(nb::Error::Other(e)) if N::is_contract(&e) => {
                (Error::SocketContract, N::error_code(&e))
            }
            Err(nb::Error::Other(e)) => (Error::TcpReset, N::error_code(&e)),
        };
        Poll::Ready(Err(self.link.fail(error, port_code)))
    }
}

impl<N: Stack> ErrorType for Socket<'_, N> {
    type Error = Error;
}

impl<N: Stack> Read for Socket<'_, N> {
    /// `Ok(0)`: the peer has closed. Dropping the future loses nothing.
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        poll_fn(|_| self.poll_read(out)).await
    }
}

impl<N: Stack> Write for Socket<'_, N> {
    /// Pends only while nothing was taken: dropping the future loses nothing.
    async fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        poll_fn(|cx| self.poll_write(data, cx)).await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl<N: Stack> Drop for Socket<'_, N> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            // There is nobody left to tell, and nothing else to do.
            let _ = self.stack.close(handle);
        }
    }
}
