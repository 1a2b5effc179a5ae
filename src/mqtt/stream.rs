//! The stream that minimq gets: its writes do not fail, and what it reads is listened to.

use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embedded_io_async::{ErrorType, Read, Write};

use super::tap::Tap;
use crate::Error;

/// Keeps a failure of a write, and discards what is written after it.
///
/// minimq retains a QoS 1 message before it writes it, and forgets to say so when the write
/// fails: the caller cannot know whether to publish it again. With writes that do not fail, every
/// message is either acknowledged or known to be open, and the failure still ends the connection:
/// reading reports it once everything that has arrived was read, for that may say why.
pub struct Stream<'t, IO> {
    io: IO,
    tap: &'t RefCell<Tap>,
}

impl<'t, IO> Stream<'t, IO> {
    pub fn new(io: IO, tap: &'t RefCell<Tap>) -> Self {
        Self { io, tap }
    }

    fn failure(&self) -> Option<Error> {
        self.tap.borrow().write_failure
    }

    fn keep(&self, failure: Error) {
        self.tap.borrow_mut().write_failure = Some(failure);
    }
}

impl<IO> ErrorType for Stream<'_, IO> {
    type Error = Error;
}

impl<IO: Read<Error = Error>> Read for Stream<'_, IO> {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let failure = self.failure();
        let result = {
            let mut read = pin!(self.io.read(out));
            poll_fn(|cx| match (read.as_mut().poll(cx), failure) {
                (Poll::Pending, Some(failure)) => Poll::Ready(Err(failure)),
                (poll, _) => poll,
            })
            .await
        };
        let n = result.map_err(|error| failure.unwrap_or(error))?;
        let mut tap = self.tap.borrow_mut();
        if n == 0 && !out.is_empty() {
            tap.ended = true;
        }
        tap.hear(out.get(..n).unwrap_or_default());
        Ok(n)
    }
}

impl<IO: Write<Error = Error>> Write for Stream<'_, IO> {
    async fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        if self.failure().is_none() {
            match self.io.write(data).await {
                Ok(n) => return Ok(n),
                Err(error) => self.keep(error),
            }
        }
        Ok(data.len())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if self.failure().is_none()
            && let Err(error) = self.io.flush().await
        {
            self.keep(error);
        }
        Ok(())
    }
}
