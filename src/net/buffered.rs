//! Collects writes until they are flushed, so that packets that are made together leave in one
//! send.

use embedded_io_async::{ErrorType, Read, Write};

use super::ByteStream;
use crate::{Error, bytes};

/// A stream with a write buffer. Cancel-safe: what was accepted is sent by the next flush.
pub struct Buffered<'a, S> {
    stream: S,
    out: &'a mut [u8],
    /// `out[sent..filled]` is still to be sent.
    sent: usize,
    filled: usize,
}

impl<'a, S: ByteStream> Buffered<'a, S> {
    /// Buffers up to `out.len()` bytes.
    pub fn new(stream: S, out: &'a mut [u8]) -> Self {
        Self {
            stream,
            out,
            sent: 0,
            filled: 0,
        }
    }

    async fn drain(&mut self) -> Result<(), Error> {
        while self.sent < self.filled {
            let waiting = self.out.get(self.sent..self.filled).unwrap_or_default();
            self.sent = self.sent.saturating_add(self.stream.write(waiting).await?);
        }
        self.sent = 0;
        self.filled = 0;
        Ok(())
    }
}

impl<S: ErrorType<Error = Error>> ErrorType for Buffered<'_, S> {
    type Error = Error;
}

impl<S: ByteStream> Read for Buffered<'_, S> {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        self.stream.read(out).await
    }
}

impl<S: ByteStream> Write for Buffered<'_, S> {
    async fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        if self.filled == self.out.len() || self.sent > 0 {
            self.drain().await?;
        }
        let room = self.out.get_mut(self.filled..).unwrap_or_default();
        let n = bytes::copy(data, room);
        self.filled = self.filled.saturating_add(n);
        Ok(n)
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.drain().await
    }
}
