//! The connection after the handshake, as a stream of bytes.

use core::{
    future::poll_fn,
    task::{Context, Poll, ready},
};

use embedded_io_async::{ErrorType, Read, Write};

use super::{Lease, Line, alert::Fatal, record::APPLICATION_DATA};
use crate::{
    Error,
    tls::{Authenticated, Failure, Info},
};

/// An authenticated connection, the only thing that carries application bytes.
///
/// Every method may be dropped while it is pending: nothing is lost, torn or sent twice. The first
/// error of any kind ends the connection: every later call fails with it.
///
/// Reading goes on sending what is still to be sent, so nobody has to flush while waiting.
pub struct Secured<'a, S> {
    slot: Lease<'a, S>,
    info: Info,
    /// What waits in the receive buffer is application data.
    unread: bool,
    /// The record that is being written was flushed while it could not be sealed.
    flush_due: bool,
}

impl<'a, S: Read<Error = Error> + Write<Error = Error>> Secured<'a, S> {
    /// There is no other way than with a proof.
    pub(super) fn new(slot: Lease<'a, S>, info: Info, _: Authenticated) -> Self {
        Self {
            slot,
            info,
            unread: false,
            flush_due: false,
        }
    }

    /// What was agreed on in the handshake.
    pub fn info(&self) -> Info {
        self.info
    }

    /// Why the connection failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.slot.failure()
    }

    /// The bytes that wait for the socket.
    pub fn unsent(&self) -> usize {
        match self.slot.0.0.try_borrow() {
            Ok(line) => line.connection.transmit.pending().len(),
            Err(_) => 0,
        }
    }

    /// Sends what was written and an orderly end, then ends the connection on our side; the socket
    /// stays open. If dropped while pending, call it again.
    pub async fn close(&mut self) -> Result<(), Error> {
        poll_fn(|context| {
            self.slot.poll(|line| {
                while !line.connection.is_closed() {
                    if let Err(error) = line.connection.check() {
                        return line.poll_end(error, context);
                    }
                    match line.connection.seal(APPLICATION_DATA) {
                        Ok(true) => line.connection.close(),
                        Ok(false) => match ready!(line.poll_send(context)) {
                            Ok(()) => {}
                            Err(error) => return line.poll_fail(Fatal::silent(error), context),
                        },
                        Err(fatal) => return line.poll_fail(fatal, context),
                    }
                }
                line.poll_send(context)
            })
        })
        .await
    }
}

impl<S> ErrorType for Secured<'_, S> {
    type Error = Error;
}

impl<S: Read<Error = Error> + Write<Error = Error>> Read for Secured<'_, S> {
    /// Reads application data. Never 0 bytes unless `bytes` is empty: the end of the connection is
    /// [`Error::TcpClosed`].
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        let Self {
            slot,
            unread,
            flush_due,
            ..
        } = self;
        poll_fn(|context| slot.poll(|line| poll_read(line, unread, flush_due, bytes, context)))
            .await
    }
}

fn poll_read<S: Read<Error = Error> + Write<Error = Error>>(
    line: &mut Line<'_, S>,
    unread: &mut bool,
    flush_due: &mut bool,
    bytes: &mut [u8],
    context: &mut Context<'_>,
) -> Poll<Result<usize, Error>> {
    if let Err(error) = line.connection.check() {
        return line.poll_end(error, context);
    }
    if bytes.is_empty() {
        return Poll::Ready(Ok(0));
    }
    while !*unread {
        let taken = line.connection.take_data().and_then(|taken| {
            // An answer to a KeyUpdate, a record that was to be flushed: as soon as they can.
            *flush_due = *flush_due && !line.connection.seal(APPLICATION_DATA)?;
            line.connection.settle()?;
            Ok(taken)
        });
        match taken {
            Ok(taken) => *unread = taken,
            Err(fatal) => return line.poll_fail(fatal, context),
        }
        if !*unread && let Err(fatal) = ready!(line.poll_receive(context)) {
            return line.poll_fail(fatal, context);
        }
    }
    let contents = line.connection.receive.contents();
    let length = contents.len().min(bytes.len());
    if let (Some(to), Some(from)) = (bytes.get_mut(..length), contents.get(..length)) {
        to.copy_from_slice(from);
    }
    *unread = contents.len() > length;
    line.connection.receive.consume(length);
    Poll::Ready(Ok(length))
}

impl<S: Read<Error = Error> + Write<Error = Error>> Write for Secured<'_, S> {
    /// Adds to the record that is being written, as much as fits. Waits only if it is full, and
    /// then before taking anything.
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        poll_fn(|context| self.slot.poll(|line| poll_write(line, bytes, context))).await
    }

    /// Seals what was written and hands the socket what it takes. Waits only for room, not until
    /// all was sent; what the socket did not take now is sent by every later call.
    ///
    /// If dropped while waiting, the next read or flush does the rest.
    async fn flush(&mut self) -> Result<(), Error> {
        let Self {
            slot, flush_due, ..
        } = self;
        poll_fn(|context| {
            slot.poll(|line| {
                line.connection.check()?;
                *flush_due = true;
                match line.connection.seal(APPLICATION_DATA) {
                    Ok(sealed) => *flush_due = !sealed,
                    Err(fatal) => return Poll::Ready(Err(line.connection.fail(fatal))),
                }
                match line.poll_send(context) {
                    Poll::Ready(Err(error)) => {
                        Poll::Ready(Err(line.connection.fail(Fatal::silent(error))))
                    }
                    // There was no room for a KeyUpdate; now there is.
                    Poll::Ready(Ok(())) if *flush_due => {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    Poll::Pending if *flush_due => Poll::Pending,
                    _ => Poll::Ready(Ok(())),
                }
            })
        })
        .await
    }
}

fn poll_write<S: Read<Error = Error> + Write<Error = Error>>(
    line: &mut Line<'_, S>,
    bytes: &[u8],
    context: &mut Context<'_>,
) -> Poll<Result<usize, Error>> {
    line.connection.check()?;
    if bytes.is_empty() {
        return Poll::Ready(Ok(0));
    }
    loop {
        let transmit = &mut line.connection.transmit;
        let room = transmit.room();
        // Rather a full record than a small one behind others, unless it takes all.
        let begin = transmit.open() > 0 || transmit.pending().is_empty() || bytes.len() <= room;
        if room > 0 && begin {
            let length = room.min(bytes.len());
            if let (Some(to), Some(from)) =
                (transmit.place().get_mut(..length), bytes.get(..length))
            {
                to.copy_from_slice(from);
            }
            transmit.extend(length);
            return Poll::Ready(Ok(length));
        }
        if let Err(fatal) = line.connection.seal(APPLICATION_DATA) {
            return Poll::Ready(Err(line.connection.fail(fatal)));
        }
        if let Err(error) = ready!(line.poll_send(context)) {
            return Poll::Ready(Err(line.connection.fail(Fatal::silent(error))));
        }
    }
}
