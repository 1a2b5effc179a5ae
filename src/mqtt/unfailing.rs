//! A stream whose writes do not fail.

use embedded_io_async::{ErrorType, Read, Write};

use crate::Error;

/// Keeps a failure of a write for the next read, and discards what is written after it.
///
/// minimq retains a QoS 1 message before it writes it, and forgets to say so when the write
/// fails: the caller cannot know whether to publish it again. With writes that do not fail, every
/// message is either acknowledged or known to be open, and the failure still ends the connection.
pub struct UnfailingWrites<IO> {
    io: IO,
    failure: Option<Error>,
}

impl<IO> UnfailingWrites<IO> {
    pub fn new(io: IO) -> Self {
        Self { io, failure: None }
    }
}

impl<IO> ErrorType for UnfailingWrites<IO> {
    type Error = Error;
}

impl<IO: Read<Error = Error>> Read for UnfailingWrites<IO> {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        match self.failure {
            Some(error) => Err(error),
            None => self.io.read(out).await,
        }
    }
}

impl<IO: Write<Error = Error>> Write for UnfailingWrites<IO> {
    async fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        if self.failure.is_none() {
            match self.io.write(data).await {
                Ok(n) => return Ok(n),
                Err(error) => self.failure = Some(error),
            }
        }
        Ok(data.len())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if self.failure.is_none()
            && let Err(error) = self.io.flush().await
        {
            self.failure = Some(error);
        }
        Ok(())
    }
}
