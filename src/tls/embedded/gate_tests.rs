use std::{collections::VecDeque, task::Waker};

use embedded_io_async::ErrorType;

use super::{super::server_hello::tests::good, *};
use crate::tls::verifier::tests::proof;

/// A socket with a script: one byte at a time, pending before each.
#[derive(Default)]
struct Script {
    input: VecDeque<u8>,
    output: Vec<u8>,
    ended: bool,
    fails: Option<Error>,
    /// Calls that are pending before one is not.
    patience: usize,
    calls: usize,
}

impl Script {
    fn pends(&mut self) -> bool {
        self.calls += 1;
        !self.calls.is_multiple_of(self.patience + 1)
    }
}

impl ErrorType for Script {
    type Error = Error;
}

impl Read for Script {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        if self.pends() {
            core::future::pending::<()>().await;
        }
        match (self.fails, self.input.pop_front()) {
            (Some(error), _) => Err(error),
            (None, Some(byte)) => {
                bytes[0] = byte;
                Ok(1)
            }
            (None, None) if self.ended => Ok(0),
            (None, None) => core::future::pending().await,
        }
    }
}

impl Write for Script {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if self.pends() {
            core::future::pending::<()>().await;
        }
        if let Some(error) = self.fails {
            return Err(error);
        }
        self.output.push(bytes[0]);
        Ok(1)
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

fn script(input: &[u8], patience: usize) -> Script {
    Script {
        input: input.iter().copied().collect(),
        patience,
        ..Script::default()
    }
}

fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend((payload.len() as u16).to_be_bytes());
    record.extend(payload);
    record
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Polls, as if each future were dropped and made anew, until there is an outcome.
fn until_ready<T>(mut poll: impl FnMut() -> Poll<T>) -> T {
    for _ in 0..100_000 {
        if let Poll::Ready(output) = poll() {
            return output;
        }
    }
    panic!("no end");
}

/// Takes a whole record as embedded-tls does: header, then payload. Nothing in between may pend.
fn take(gate: &mut Gate<'_>, socket: &mut Script) -> Result<Vec<u8>, Error> {
    let mut header = [0; HEADER];
    let length = until_ready(|| gate.poll_take(&mut header, socket, &mut context()))?;
    assert_eq!(length, HEADER);
    let mut payload = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    match gate.poll_take(&mut payload, socket, &mut context()) {
        Poll::Ready(length) => assert_eq!(length?, payload.len()),
        Poll::Pending => panic!("the record is not whole"),
    }
    Ok([&header[..], &payload].concat())
}

struct Buffers {
    record: [u8; 300],
    out: [u8; 64],
}

impl Buffers {
    fn new() -> Self {
        Self {
            record: [0; 300],
            out: [0; 64],
        }
    }

    /// A gate in the given phase.
    fn gate(&mut self, phase: Phase) -> Gate<'_> {
        let mut gate = Gate::new(&mut self.record, &mut self.out);
        gate.phase = phase;
        gate
    }
}

#[test]
fn records_come_whole_however_they_arrive() {
    let first = record(HANDSHAKE, &good());
    let ccs = record(CHANGE_CIPHER_SPEC, &[1]);
    let second = record(APPLICATION_DATA, &[5; 295]);
    let third = record(APPLICATION_DATA, &[6; 17]);
    let stream = [&first[..], &ccs, &second, &third].concat();
    for patience in 0..5 {
        let mut buffers = Buffers::new();
        let mut gate = buffers.gate(Phase::Hello);
        let mut socket = script(&stream, patience);
        assert_eq!(take(&mut gate, &mut socket), Ok(first.clone()));
        assert_eq!(take(&mut gate, &mut socket), Ok(second.clone()));
        assert_eq!(take(&mut gate, &mut socket), Ok(third.clone()));
        assert_eq!(socket.input.len(), 0, "nothing was read ahead of a record");
    }
}

#[test]
fn the_engine_sees_no_byte_of_an_incomplete_record() {
    let stream = record(APPLICATION_DATA, &[5; 30]);
    for length in 0..stream.len() {
        let mut buffers = Buffers::new();
        let mut gate = buffers.gate(Phase::Application);
        let mut socket = script(&stream[..length], 0);
        for _ in 0..100 {
            let mut bytes = [0; HEADER];
            let poll = gate.poll_take(&mut bytes, &mut socket, &mut context());
            assert!(poll.is_pending());
            assert_eq!(bytes, [0; HEADER]);
        }
        // What was collected is kept, and the rest completes it.
        socket.input.extend(&stream[length..]);
        assert_eq!(take(&mut gate, &mut socket), Ok(stream.clone()));
    }
}

#[test]
fn an_end_or_an_error_at_any_byte_poisons() {
    let stream = record(APPLICATION_DATA, &[5; 30]);
    for length in 0..stream.len() {
        for (fails, expected) in [
            (None, Error::TcpClosed),
            (Some(Error::TcpReset), Error::TcpReset),
        ] {
            let mut buffers = Buffers::new();
            let mut gate = buffers.gate(Phase::Application);
            let mut socket = script(&stream[..length], 0);
            while !socket.input.is_empty() {
                let _ = gate.poll_record(&mut socket, &mut context());
            }
            socket.ended = true;
            socket.fails = fails;
            assert_eq!(take(&mut gate, &mut socket), Err(expected));
            // For ever, whatever the socket says now.
            socket.fails = None;
            socket.input.extend(&stream);
            assert_eq!(take(&mut gate, &mut socket), Err(expected));
            gate.authenticated(proof());
            let sealed = record(APPLICATION_DATA, &[1; 20]);
            let poll = gate.poll_take_sealed(&sealed, &mut socket, &mut context());
            assert_eq!(poll, Poll::Ready(Err(expected)));
            assert_eq!(gate.fail(Error::Tls), expected);
            assert!(socket.output.is_empty());
        }
    }
}

#[test]
fn only_legal_headers_pass() {
    let phases = [Phase::Hello, Phase::Flight, Phase::Application];
    for phase in phases {
        for kind in 0..=255 {
            for length in [
                0, 1, 2, 3, 16, 17, 295, 296, 16384, 16385, 16640, 16641, 65535,
            ] {
                let legal = match kind {
                    CHANGE_CIPHER_SPEC => phase != Phase::Application && length == 1,
                    ALERT => phase != Phase::Application && length == 2,
                    HANDSHAKE => phase == Phase::Hello && (1..=16384).contains(&length),
                    APPLICATION_DATA => phase != Phase::Hello && (17..=16640).contains(&length),
                    _ => false,
                };
                let [high, low] = u16::to_be_bytes(length);
                let mut buffers = Buffers::new();
                let mut gate = buffers.gate(phase);
                let mut socket = script(&[kind, 3, 3, high, low], 0);
                let mut outcome = Poll::Pending;
                for _ in 0..HEADER {
                    outcome = gate.poll_record(&mut socket, &mut context());
                }
                let expected = if !legal {
                    Some(Failure::new(Error::TlsProtocol))
                } else if length > 295 {
                    Some(Failure {
                        needed: usize::from(length),
                        ..Failure::new(Error::TlsRecordTooLarge)
                    })
                } else {
                    None
                };
                assert_eq!(gate.failure(), expected, "{phase:?} {kind} {length}");
                assert_eq!(outcome.is_ready(), expected.is_some());
            }
        }
    }
}

#[test]
fn the_version_is_checked() {
    for (kind, version, legal) in [
        (HANDSHAKE, [3, 1], true),
        (HANDSHAKE, [3, 4], true),
        (HANDSHAKE, [2, 3], false),
        (APPLICATION_DATA, [3, 3], true),
        (APPLICATION_DATA, [3, 1], false),
    ] {
        let mut buffers = Buffers::new();
        let phase = if kind == HANDSHAKE {
            Phase::Hello
        } else {
            Phase::Flight
        };
        let mut gate = buffers.gate(phase);
        let mut socket = script(&[kind, version[0], version[1], 0, 40], 0);
        for _ in 0..HEADER {
            let _ = gate.poll_record(&mut socket, &mut context());
        }
        assert_eq!(gate.check().is_ok(), legal, "{kind} {version:?}");
    }
}

#[test]
fn nothing_encrypted_leaves_before_the_server_is_authenticated() {
    let hello = record(HANDSHAKE, &[1; 20]);
    let sealed = record(APPLICATION_DATA, &[1; 20]);
    let malformed_alert = record(CHANGE_CIPHER_SPEC, &[2, 47]);
    for (record, phase, proven, expected) in [
        (&hello, Phase::Hello, false, Ok(())),
        (&hello, Phase::Flight, true, Err(Error::TlsProtocol)),
        (
            &sealed,
            Phase::Flight,
            false,
            Err(Error::TlsNotAuthenticated),
        ),
        (
            &sealed,
            Phase::Application,
            false,
            Err(Error::TlsNotAuthenticated),
        ),
        (&sealed, Phase::Flight, true, Ok(())),
        (
            &malformed_alert,
            Phase::Hello,
            false,
            Err(Error::TlsProtocol),
        ),
    ] {
        let mut buffers = Buffers::new();
        let mut gate = buffers.gate(phase);
        if proven {
            gate.authenticated(proof());
        }
        let mut socket = script(&[], 0);
        let poll = gate.poll_take_sealed(record, &mut socket, &mut context());
        assert_eq!(poll, Poll::Ready(expected));
        let left = if expected.is_ok() { record.len() } else { 0 };
        assert_eq!(gate.unsent(), left);
    }
}

#[test]
fn sealed_records_are_taken_whole_and_leave_in_order() {
    // Sizes that make the buffer of 64 bytes wrap in every way.
    let records = (0..40_u8)
        .map(|n| record(APPLICATION_DATA, &vec![n; 17 + usize::from(n)]))
        .collect::<Vec<_>>();
    for patience in 0..4 {
        let mut buffers = Buffers::new();
        let mut gate = buffers.gate(Phase::Application);
        gate.authenticated(proof());
        let mut socket = script(&[], patience);
        for record in &records {
            // Each attempt that is given up takes nothing.
            until_ready(|| {
                let before = gate.unsent() + socket.output.len();
                let poll = gate.poll_take_sealed(record, &mut socket, &mut context());
                if poll.is_pending() {
                    assert_eq!(gate.unsent() + socket.output.len(), before);
                }
                poll
            })
            .unwrap();
        }
        until_ready(|| gate.poll_send(&mut socket, &mut context())).unwrap();
        assert_eq!(socket.output, records.concat());
    }
}

#[test]
fn a_record_that_can_never_fit_is_told() {
    let mut buffers = Buffers::new();
    let mut gate = buffers.gate(Phase::Application);
    let poll = gate.poll_room(65, &mut script(&[], 0), &mut context());
    assert_eq!(poll, Poll::Ready(Err(Error::TooLarge)));
    assert_eq!(gate.failure().map(|failure| failure.needed), Some(60));
}

#[test]
fn reading_sends_as_well() {
    let mut buffers = Buffers::new();
    let mut gate = buffers.gate(Phase::Application);
    gate.authenticated(proof());
    let mut socket = script(&record(APPLICATION_DATA, &[5; 17]), 0);
    let sealed = record(APPLICATION_DATA, &[1; 20]);
    let poll = gate.poll_take_sealed(&sealed, &mut socket, &mut context());
    assert_eq!(poll, Poll::Ready(Ok(())));
    until_ready(|| gate.poll_record(&mut socket, &mut context())).unwrap();
    assert_eq!(socket.output, sealed);
}

#[test]
fn barren_records_are_counted() {
    let stream = record(APPLICATION_DATA, &[5; 17]).repeat(2 * usize::from(MAX_BARREN_RECORDS) + 1);
    let mut buffers = Buffers::new();
    let mut gate = buffers.gate(Phase::Application);
    let mut socket = script(&stream, 0);
    for _ in 0..MAX_BARREN_RECORDS {
        assert!(take(&mut gate, &mut socket).is_ok());
    }
    gate.fruitful();
    for _ in 0..MAX_BARREN_RECORDS {
        assert!(take(&mut gate, &mut socket).is_ok());
    }
    assert_eq!(take(&mut gate, &mut socket), Err(Error::TlsProtocol));
}

#[test]
fn a_socket_that_lies_is_refused() {
    struct Liar;
    impl ErrorType for Liar {
        type Error = Error;
    }
    impl Read for Liar {
        async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
            Ok(bytes.len() + 1)
        }
    }
    impl Write for Liar {
        async fn write(&mut self, _: &[u8]) -> Result<usize, Error> {
            Ok(0)
        }
        async fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }
    }
    let contract = Poll::Ready(Err(Error::SocketContract));
    let mut buffers = Buffers::new();
    let mut gate = buffers.gate(Phase::Application);
    assert_eq!(gate.poll_record(&mut Liar, &mut context()), contract);
    let mut buffers = Buffers::new();
    let mut gate = buffers.gate(Phase::Hello);
    let hello = record(HANDSHAKE, &[1; 20]);
    assert!(
        gate.poll_take_sealed(&hello, &mut Liar, &mut context())
            .is_ready()
    );
    assert_eq!(gate.poll_send(&mut Liar, &mut context()), contract);
}
