//! A client under test and a scripted server, connected by memory, driven by one loop.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use embedded_io_async::{ErrorType, Read, Write};
use iot_thing::{
    Error,
    tls::{
        Clock, Config, Credentials, Failure, Info, Inputs, KeyInput, Random, load, storage_needed,
    },
};

use crate::{
    engine::{Connection, Engine, Memory},
    pki,
    server::Server,
};

/// How the socket gives and takes.
#[derive(Clone, Copy)]
pub struct Pace {
    /// The most bytes per read.
    pub read: usize,
    /// The most bytes per write.
    pub write: usize,
    /// Whether every other call is pending, whatever there is.
    pub pends: bool,
    /// The bytes that arrive from the server before the stream ends.
    pub cut: usize,
}

/// As a good network.
pub const SMOOTH: Pace = Pace {
    read: usize::MAX,
    write: usize::MAX,
    pends: false,
    cut: usize::MAX,
};

/// One byte at a time, pending before each.
pub const DRIP: Pace = Pace {
    read: 1,
    write: 1,
    pends: true,
    cut: usize::MAX,
};

/// The calls of the socket within one poll that are too many: nobody reads that much at once.
const TOO_MANY_CALLS: usize = 100_000;

/// What the client talks to.
pub trait Peer {
    /// Takes bytes of the client.
    fn receive(&mut self, bytes: &[u8]);
    /// What is to be sent to the client.
    fn take_output(&mut self) -> Vec<u8>;
    /// No more output will come.
    fn at_end(&self) -> bool;
}

impl Peer for Server {
    fn receive(&mut self, bytes: &[u8]) {
        self.receive(bytes);
    }

    fn take_output(&mut self) -> Vec<u8> {
        self.take_output()
    }

    fn at_end(&self) -> bool {
        self.at_end()
    }
}

#[derive(Default)]
struct Network {
    to_client: VecDeque<u8>,
    ended: bool,
    to_server: Vec<u8>,
    delivered: usize,
    sends: usize,
    /// The calls of the socket since the client was last polled.
    calls: usize,
}

/// The client's end.
pub struct Socket {
    network: Rc<RefCell<Network>>,
    pace: Pace,
    /// Whether the last read and write were pending.
    pended: [bool; 2],
}

impl Socket {
    /// Whether this read (0) or write (1) is one to be pending.
    fn pends(&mut self, kind: usize) -> bool {
        let calls = &mut self.network.borrow_mut().calls;
        *calls += 1;
        assert!(*calls < TOO_MANY_CALLS, "the client turns in a circle");
        self.pended[kind] = self.pace.pends && !self.pended[kind];
        self.pended[kind]
    }
}

impl ErrorType for Socket {
    type Error = Error;
}

impl Read for Socket {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        poll_fn(|_| {
            if self.pends(0) {
                return Poll::Pending;
            }
            let mut network = self.network.borrow_mut();
            let left = self.pace.cut - network.delivered;
            let length = bytes
                .len()
                .min(self.pace.read)
                .min(network.to_client.len())
                .min(left);
            if length == 0 {
                return if network.ended || left == 0 {
                    Poll::Ready(Ok(0))
                } else {
                    Poll::Pending
                };
            }
            for (place, byte) in bytes.iter_mut().zip(network.to_client.drain(..length)) {
                *place = byte;
            }
            network.delivered += length;
            Poll::Ready(Ok(length))
        })
        .await
    }
}

impl Write for Socket {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        poll_fn(|_| {
            if self.pends(1) {
                return Poll::Pending;
            }
            let length = bytes.len().min(self.pace.write);
            let mut network = self.network.borrow_mut();
            network.to_server.extend(&bytes[..length]);
            network.sends += 1;
            Poll::Ready(Ok(length))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Random bytes that are the same each time.
pub struct Counter(pub u8);

impl Random for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            self.0 = self.0.wrapping_mul(5).wrapping_add(3);
            *byte = self.0;
        }
        Ok(())
    }
}

/// What the client is configured with and does.
#[derive(Clone)]
pub struct Client {
    pub host: &'static str,
    pub alpn: &'static [u8],
    pub certificate: fn() -> Vec<u8>,
    /// The roots that it trusts.
    pub ca: fn() -> Vec<u8>,
    pub unix_time: u64,
    /// A time that has certainly passed.
    pub earliest: u64,
    /// The memory for session tickets, with what is in it.
    pub tickets: Vec<u8>,
    pub rx: usize,
    pub tx: usize,
    /// What it sends when it is connected; it then reads until as much came back.
    pub message: Vec<u8>,
    /// Whether it drops every future of the connection after one poll, and starts anew.
    pub cancels: bool,
    pub pace: Pace,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            host: pki::HOST,
            alpn: b"x-amzn-mqtt-ca",
            certificate: pki::client,
            ca: pki::root,
            unix_time: pki::NOW,
            earliest: 0,
            tickets: Vec::new(),
            rx: 2048,
            tx: 1024,
            message: b"not for everybody".to_vec(),
            cancels: false,
            pace: SMOOTH,
        }
    }
}

/// What became of it.
#[derive(Default)]
pub struct Report {
    /// What was agreed on, if the handshake succeeded.
    pub info: Option<Info>,
    /// Why it ended, if it did not end well.
    pub failure: Option<Failure>,
    /// The application data that came.
    pub received: Vec<u8>,
    /// Neither side had anything to do, and the client was not done.
    pub waits: bool,
    /// The sends that the client made.
    pub sends: usize,
    /// The bytes that the client took from the server.
    pub taken: usize,
    /// The bytes that had been taken when the client was connected.
    pub taken_for_handshake: usize,
    /// The memory for session tickets afterwards.
    pub tickets: Vec<u8>,
}

impl Client {
    /// Calls `function` with its credentials.
    pub fn with_credentials<T>(&self, function: impl FnOnce(&Credentials<'_>) -> T) -> T {
        let (certificate, ca) = ((self.certificate)(), (self.ca)());
        let key = pki::sec1(pki::CLIENT_KEY);
        let inputs = Inputs {
            certificate: &certificate,
            key: KeyInput::Bytes(&key),
            ca: &ca,
        };
        let mut storage = vec![0; storage_needed(&inputs).unwrap()];
        function(&load(&inputs, &mut storage).unwrap())
    }
}

/// Runs `client` against `server` until it is done.
pub fn run<E: Engine>(client: &Client, server: &mut impl Peer) -> Report {
    client.with_credentials(|credentials| run_with::<E>(client, server, credentials, Counter(1)))
}

/// The same with other credentials or random bytes.
pub fn run_with<E: Engine>(
    client: &Client,
    server: &mut impl Peer,
    credentials: &Credentials<'_>,
    random: impl Random,
) -> Report {
    let network = Rc::new(RefCell::new(Network::default()));
    let socket = Socket {
        network: network.clone(),
        pace: client.pace,
        pended: [false; 2],
    };
    let mut memory = vec![0; E::memory_size(client.rx, client.tx)];
    let config = Config {
        alpn: Some(client.alpn),
        ..Config::new(
            client.host,
            credentials,
            Clock::new(client.unix_time, client.earliest),
        )
    };
    let mut tickets = client.tickets.clone();
    let mut report = Report::default();
    let talk = Talk {
        client,
        report: &mut report,
        network: &network,
    };
    let memory = Memory {
        records: &mut memory,
        rx: client.rx,
        tx: client.tx,
        tickets: &mut tickets,
    };
    let future = E::connect(socket, memory, &config, random, talk);
    let done = drive(pin!(future), &network, server);
    report.waits = !done;
    report.tickets = tickets;
    let network = network.borrow();
    report.sends = network.sends;
    report.taken = network.delivered;
    report
}

/// What a client says once it is connected, and where it is written down.
pub struct Talk<'a> {
    client: &'a Client,
    report: &'a mut Report,
    network: &'a RefCell<Network>,
}

impl Talk<'_> {
    /// The handshake failed.
    pub fn refused(self, failure: Failure) {
        self.report.failure = Some(failure);
    }

    /// The handshake succeeded: sends the message and reads until as much came back.
    pub async fn connected(self, mut secured: impl Connection) {
        let (message, report) = (&self.client.message[..], self.report);
        report.info = Some(secured.info());
        report.taken_for_handshake = self.network.borrow().delivered;
        let outcome = if self.client.cancels {
            talk_impatiently(&mut secured, message, report).await
        } else {
            talk(&mut secured, message, report).await
        };
        if let Err(error) = outcome {
            report.failure = secured.failure();
            assert_eq!(report.failure.map(|failure| failure.error), Some(error));
            // A failed connection stays failed, and has nothing more to say than an alert.
            assert_eq!(secured.read(&mut [0]).await, Err(error));
            let unsent = secured.unsent();
            assert_eq!(secured.write(b"more").await, Err(error));
            assert_eq!(secured.flush().await, Err(error));
            assert_eq!(secured.close().await, Err(error));
            assert!(secured.unsent() <= unsent);
        }
    }
}

async fn talk(
    secured: &mut impl Connection,
    message: &[u8],
    report: &mut Report,
) -> Result<(), Error> {
    secured.write_all(message).await?;
    secured.flush().await?;
    let mut buffer = [0; 100];
    while report.received.len() < message.len() {
        let length = secured.read(&mut buffer).await?;
        report.received.extend(&buffer[..length]);
    }
    secured.close().await
}

/// The same, but no future is polled twice.
async fn talk_impatiently(
    secured: &mut impl Connection,
    message: &[u8],
    report: &mut Report,
) -> Result<(), Error> {
    let mut buffer = [0; 13];
    let mut rest = message;
    let mut flushed = false;
    while report.received.len() < message.len() {
        // A little at a time, so that there are many records, and reads in between.
        let some = &rest[..rest.len().min(101)];
        if !some.is_empty()
            && let Some(written) = once(secured.write(some)).await
        {
            rest = &rest[written?..];
            flushed = false;
        }
        // Once only, even if there was no room: reading must see to it then.
        if !std::mem::replace(&mut flushed, true)
            && let Some(outcome) = once(secured.flush()).await
        {
            outcome?;
        }
        if let Some(length) = once(secured.read(&mut buffer)).await {
            report.received.extend(&buffer[..length?]);
        }
        yield_now().await;
    }
    loop {
        if let Some(outcome) = once(secured.close()).await {
            return outcome;
        }
        yield_now().await;
    }
}

/// Polls once, then drops.
async fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Lets the rest of the world go on.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|_| {
        if std::mem::replace(&mut yielded, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Polls the client and feeds the server until the client is done (true) or nothing moves (false).
fn drive(
    mut client: std::pin::Pin<&mut impl Future<Output = ()>>,
    network: &RefCell<Network>,
    server: &mut impl Peer,
) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    let mut idle = 0;
    loop {
        network.borrow_mut().calls = 0;
        let before = network.borrow().delivered;
        let done = client.as_mut().poll(&mut context).is_ready();
        let sent = std::mem::take(&mut network.borrow_mut().to_server);
        server.receive(&sent);
        let answer = server.take_output();
        let mut network = network.borrow_mut();
        let moved = !sent.is_empty() || !answer.is_empty() || network.delivered != before;
        network.to_client.extend(answer);
        network.ended = server.at_end();
        if done {
            return true;
        }
        idle = if moved { 0 } else { idle + 1 };
        // Sockets that pend do so every other call, and a client may read what it has got already;
        // many more are idle for good.
        if idle > 100 {
            return false;
        }
    }
}
