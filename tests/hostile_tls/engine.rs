//! The TLS engines, as far as a test has to do with them.

use embedded_io_async::{Read, Write};
use iot_thing::{
    Error,
    tls::{Config, Failure, Info, Random},
};

use crate::world::{Socket, Talk};

/// An engine under test.
pub trait Engine {
    const NAME: &'static str;
    /// What happens otherwise than it should.
    const DEVIATIONS: &'static [crate::deviations::Deviation];
    /// Whether it says why it refuses.
    const SENDS_ALERTS: bool;
    /// Whether it goes on from session tickets.
    const RESUMES: bool;

    fn memory_size(rx: usize, tx: usize) -> usize;

    /// Does a handshake, then lets `talk` go on.
    async fn connect(
        socket: Socket,
        memory: Memory<'_>,
        config: &Config<'_>,
        random: impl Random,
        talk: Talk<'_>,
    );
}

/// The memory of one connection.
pub struct Memory<'m> {
    /// For records of so many bytes each way.
    pub records: &'m mut [u8],
    pub rx: usize,
    pub tx: usize,
    /// For session tickets; may be empty.
    pub tickets: &'m mut [u8],
}

/// An authenticated connection of any engine.
pub trait Connection: Read<Error = Error> + Write<Error = Error> {
    fn info(&self) -> Info;
    fn failure(&self) -> Option<Failure>;
    fn unsent(&self) -> usize;
    async fn close(&mut self) -> Result<(), Error>;
}

macro_rules! engine {
    ($(#[$attribute:meta])* $name:ident, $($module:ident)::+, $deviations:expr, $all:expr) => {
        $(#[$attribute])*
        pub struct $name;

        $(#[$attribute])*
        impl Engine for $name {
            const NAME: &'static str = stringify!($name);
            const DEVIATIONS: &'static [crate::deviations::Deviation] = $deviations;
            const SENDS_ALERTS: bool = $all;
            const RESUMES: bool = $all;

            fn memory_size(rx: usize, tx: usize) -> usize {
                $($module)::+::memory_size(rx, tx)
            }

            async fn connect(
                socket: Socket,
                memory: Memory<'_>,
                config: &Config<'_>,
                random: impl Random,
                talk: Talk<'_>,
            ) {
                let Memory { records, rx, tx, tickets } = memory;
                let mut slot = $($module)::+::Slot::new(socket, records, rx, tx).unwrap();
                slot.keep_tickets(tickets);
                match $($module)::+::handshake(&slot, config, random).await {
                    Ok(secured) => talk.connected(secured).await,
                    Err(failure) => talk.refused(failure),
                }
            }
        }

        $(#[$attribute])*
        impl Connection for $($module)::+::Secured<'_, Socket> {
            fn info(&self) -> Info {
                self.info()
            }

            fn failure(&self) -> Option<Failure> {
                self.failure()
            }

            fn unsent(&self) -> usize {
                self.unsent()
            }

            async fn close(&mut self) -> Result<(), Error> {
                self.close().await
            }
        }
    };
}

engine!(Native, iot_thing::tls::native, &[], true);
engine!(
    #[cfg(feature = "embedded-tls")]
    Embedded,
    iot_thing::tls::embedded,
    crate::deviations::EMBEDDED,
    false
);
