//! The client under test, over TCP.

use std::{
    future::poll_fn,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use embedded_io_async::{ErrorType, Read, Write};
#[cfg(feature = "embedded-tls")]
use iot_thing::tls::embedded as engine;
#[cfg(not(feature = "embedded-tls"))]
use iot_thing::tls::native as engine;
use iot_thing::{
    Error,
    tls::{Clock, Config, Failure, Inputs, KeyInput, Random, load, storage_needed},
};

use crate::pki;

/// Whether the engine under test is our own.
pub const NATIVE: bool = !cfg!(feature = "embedded-tls");
/// Whether all cipher suites and groups are there.
pub const OPTIONS: bool = cfg!(feature = "options");

/// A connection of the engine under test.
pub type Secured<'a> = engine::Secured<'a, Socket>;

/// A socket that gives and takes a few bytes at a time.
pub struct Socket {
    stream: TcpStream,
    most: usize,
}

/// What a stream that does not block says.
fn outcome(result: io::Result<usize>) -> Poll<Result<usize, Error>> {
    match result {
        Ok(length) => Poll::Ready(Ok(length)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        Err(_) => Poll::Ready(Err(Error::TcpReset)),
    }
}

impl ErrorType for Socket {
    type Error = Error;
}

impl Read for Socket {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        poll_fn(|_| {
            let length = bytes.len().min(self.most);
            outcome(self.stream.read(&mut bytes[..length]))
        })
        .await
    }
}

impl Write for Socket {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        poll_fn(|_| {
            let length = bytes.len().min(self.most);
            outcome(self.stream.write(&bytes[..length]))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Random enough for a test.
struct Counter(u8);

impl Random for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            self.0 = self.0.wrapping_mul(5).wrapping_add(3);
            *byte = self.0;
        }
        Ok(())
    }
}

/// Polls until the end. A test that hangs shall fail.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::sleep(Duration::from_micros(100));
    }
    panic!("no end");
}

/// A device.
pub struct Client {
    pub host: &'static str,
    /// The file with whom it trusts.
    pub ca: &'static str,
    pub unix_time: u64,
    pub alpn: Option<&'static [u8]>,
    pub rx: usize,
    /// The most bytes per read and write.
    pub most: usize,
}

impl Client {
    /// One that trusts the root of this chain.
    pub fn trusting(chain: &str) -> Self {
        Self {
            host: "localhost",
            ca: pki::root_of(chain),
            unix_time: pki::now(),
            alpn: Some(b"x-amzn-mqtt-ca"),
            rx: 16640,
            most: usize::MAX,
        }
    }

    /// Connects and calls `talk` with the connection.
    pub fn connect<T>(
        &self,
        address: &str,
        talk: impl AsyncFnOnce(&mut Secured<'_>) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        self.connect_with(address, 1024, &mut [], talk)
    }

    /// Connects three times and keeps tickets: the session is resumed from the second time on.
    pub fn resumes(
        &self,
        address: &str,
        talk: impl AsyncFn(&mut Secured<'_>) -> Result<(), Error>,
    ) {
        let mut tickets = vec![0; 4096];
        for resumed in [false, true, true] {
            // What OpenSSL gives out has our certificate in it, and must fit our hello.
            let outcome = self.connect_with(address, 4096, &mut tickets, async |secured| {
                talk(secured).await?;
                Ok(secured.info().resumed)
            });
            assert_eq!(outcome, Ok(resumed));
        }
    }

    /// Connects with this `tx` and memory for tickets.
    fn connect_with<T>(
        &self,
        address: &str,
        tx: usize,
        tickets: &mut [u8],
        talk: impl AsyncFnOnce(&mut Secured<'_>) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        let socket = Socket {
            stream,
            most: self.most,
        };
        let (certificate, key) = (
            pki::read("device-device.pem"),
            pki::read("device-device.key"),
        );
        let ca = pki::read(self.ca);
        let inputs = Inputs {
            certificate: certificate.as_bytes(),
            key: KeyInput::Bytes(key.as_bytes()),
            ca: ca.as_bytes(),
        };
        let mut storage = vec![0; storage_needed(&inputs).unwrap()];
        let credentials = load(&inputs, &mut storage).unwrap();
        let mut memory = vec![0; engine::memory_size(self.rx, tx)];
        let mut slot = engine::Slot::new(socket, &mut memory, self.rx, tx).unwrap();
        slot.keep_tickets(tickets);
        let config = Config {
            alpn: self.alpn,
            ..Config::new(self.host, &credentials, Clock::new(self.unix_time, 0))
        };
        block_on(async {
            let mut secured = engine::handshake(&slot, &config, Counter(1)).await?;
            let talked = talk(&mut secured).await;
            talked.map_err(|error| secured.failure().unwrap_or(Failure::new(error)))
        })
    }
}

/// Sends lines of these lengths, and expects each back, as it is or in reverse.
pub async fn lines(
    secured: &mut Secured<'_>,
    lengths: &[usize],
    reversed: bool,
) -> Result<(), Error> {
    for &length in lengths {
        let mut line = (0..length)
            .map(|n| b'a' + (n % 26) as u8)
            .collect::<Vec<_>>();
        secured.write_all(&line).await?;
        secured.write_all(b"\n").await?;
        secured.flush().await?;
        let answer = read(secured, length + 1).await?;
        if reversed {
            line.reverse();
        }
        assert_eq!(answer.split_last(), Some((&b'\n', &line[..])));
    }
    secured.close().await
}

/// Reads so many bytes.
pub async fn read(secured: &mut Secured<'_>, length: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; length];
    let mut have = 0;
    while have < length {
        have += secured.read(&mut bytes[have..]).await?;
    }
    Ok(bytes)
}
