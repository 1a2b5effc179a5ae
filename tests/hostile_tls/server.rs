//! A TLS 1.3 server that does what it is told, right or wrong. Bytes in, bytes out, no I/O.

use std::{collections::VecDeque, sync::Arc};

use p256::{
    EncodedPoint, PublicKey, SecretKey,
    ecdsa::{DerSignature, SigningKey, VerifyingKey, signature::Verifier as _},
    elliptic_curve::sec1::ToEncodedPoint as _,
    pkcs8::DecodePublicKey as _,
};
use x25519_dalek::x25519;

use crate::{
    offer::Offer,
    pki,
    traffic::{Suite, Traffic},
};

pub const CHANGE_CIPHER_SPEC: u8 = 20;
pub const ALERT: u8 = 21;
pub const HANDSHAKE: u8 = 22;
pub const APPLICATION_DATA: u8 = 23;

/// Changes a message or a record before it is sent.
pub type Change = Arc<dyn Fn(&mut Vec<u8>) + Send + Sync>;

/// One thing that the server does.
#[derive(Clone)]
pub enum Step {
    // ---- handshake messages: they take part in the transcript
    /// ServerHello; from here on there are keys.
    Hello,
    /// ServerHello of a server that goes on from the ticket that the client offered.
    Resume(Resume),
    /// HelloRetryRequest with these extensions besides the version.
    Retry(Vec<u8>),
    /// EncryptedExtensions with these extensions.
    Extensions(Vec<u8>),
    /// CertificateRequest.
    Request,
    /// Certificate with these certificates.
    Certificate(Vec<Vec<u8>>),
    /// CertificateVerify.
    Verify(Verify),
    /// Finished.
    Finished,
    /// Any message.
    Message(Vec<u8>),
    /// KeyUpdate with this request; from here on there are new keys for sending.
    KeyUpdate(u8),
    /// The next message is changed before it is hashed and sent.
    Change(Change),

    // ---- how messages are put into records
    /// Handshake messages are sent in records of at most so many bytes.
    Fragment(usize),
    /// Every record has so many bytes of padding.
    Pad(usize),
    /// The following handshake messages share records, until `Release`.
    Hold,
    /// Ends `Hold`.
    Release,

    // ---- records
    /// An encrypted record: inner type, contents, bytes of padding.
    Sealed(u8, Vec<u8>, usize),
    /// An encrypted record without even an inner type.
    SealedNothing,
    /// A record in plaintext.
    Plain(u8, Vec<u8>),
    /// Bytes as they are.
    Raw(Vec<u8>),
    /// The next record is changed on its way.
    Tamper(Change),
    /// The last record once more, bit by bit.
    Replay,
    /// The next encrypted record is lost.
    Lose,

    // ---- the course of things
    /// Goes on when the client has done this.
    Await(Event),
    /// No more bytes will come.
    Eof,
}

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Hello,
    Finished,
    Data,
    KeyUpdate,
}

/// How a server goes on from a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// As it should be.
    Knowing,
    /// It does not know the ticket's key.
    NotKnowing,
    /// It does not say so.
    NotSaying,
}

/// What a server knows of a ticket that it gave out.
#[derive(Clone)]
pub struct Known {
    pub ticket: Vec<u8>,
    pub key: Vec<u8>,
    /// The suite of its connection.
    pub suite: Suite,
    /// What the client must say of its age.
    pub age: u32,
}

/// How CertificateVerify is made.
#[derive(Clone, Copy)]
pub enum Verify {
    /// As it should be, by the key with this number.
    By(u8),
    /// Over another transcript.
    OtherTranscript,
    /// By the right key, but named as of another signature scheme.
    Scheme(u16),
    /// As a client would.
    ClientContext,
    /// Over the transcript alone, as if it were not for TLS.
    NoContext,
}

/// An alert that the client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    pub level: u8,
    pub number: u8,
    pub encrypted: bool,
}

/// What the client was seen to do.
#[derive(Default)]
pub struct Seen {
    /// Its ClientHello messages.
    pub hellos: Vec<Vec<u8>>,
    /// Its certificates.
    pub chain: Vec<Vec<u8>>,
    /// The handshake messages that it sent after its ClientHello.
    pub messages: Vec<u8>,
    /// Its ChangeCipherSpec, of which one is enough.
    pub change_cipher_spec: bool,
    /// It proved to have the key.
    pub proven: bool,
    /// Its Finished was good.
    pub finished: bool,
    /// Its application data.
    pub data: Vec<u8>,
    /// The sizes of the records that it came in.
    pub records: Vec<usize>,
    /// The KeyUpdates that it sent.
    pub key_updates: usize,
    /// The alert that was its last word, if it was not close_notify.
    pub alert: Option<Alert>,
    /// It sent close_notify.
    pub closed: bool,
    /// The ticket that it offered with each ClientHello.
    pub offered: Vec<Option<Vec<u8>>>,
    /// It sent something that it should not.
    pub wrong: Option<String>,
}

/// A handshake message.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(&(body.len() as u32).to_be_bytes()[1..]);
    out.extend(body);
    out
}

/// Changes the body of a message and corrects its length.
pub fn with_body(message: &mut Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) {
    let mut body = message.split_off(4);
    change(&mut body);
    *message = self::message(message[0], &body);
}

/// An extension.
pub fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut out = kind.to_be_bytes().to_vec();
    out.extend(list16(data));
    out
}

/// Bytes with their length in two bytes before them.
pub fn list16(data: &[u8]) -> Vec<u8> {
    [&(data.len() as u16).to_be_bytes(), data].concat()
}

/// Bytes with their length in three bytes before them.
pub fn list24(data: &[u8]) -> Vec<u8> {
    [&(data.len() as u32).to_be_bytes()[1..], data].concat()
}

/// The Random of a ServerHello that is a HelloRetryRequest.
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// The signature schemes of an honest CertificateRequest.
const SCHEMES: [u8; 6] = [4, 3, 8, 4, 8, 5];

/// The server.
pub struct Server {
    script: VecDeque<Step>,
    waits_for: Option<Event>,
    /// Sends application data back, in records of this size.
    echo: Option<usize>,
    /// All messages so far.
    transcript: Vec<u8>,
    input: Vec<u8>,
    /// Handshake messages of the client that are not complete.
    client_messages: Vec<u8>,
    output: Vec<u8>,
    last_record: Vec<u8>,
    change: Option<Change>,
    tamper: Option<Change>,
    lose: bool,
    fragment: usize,
    padding: usize,
    held: Option<Vec<u8>>,
    /// What was sent since the last ClientHello, without keys, as it arrives.
    unprotected: Vec<u8>,
    master: Vec<u8>,
    send: Option<Traffic>,
    receive: Option<Traffic>,
    application: Option<(Traffic, Traffic)>,
    eof: bool,
    /// The suite that it chooses.
    pub suite: Suite,
    /// The ticket that it knows.
    pub known: Option<Known>,
    /// It went on from that.
    pub resumed: bool,
    /// From this come the keys of its tickets, once the handshake is over.
    pub resumption: Vec<u8>,
    /// The types of the messages that it sent.
    pub sent: Vec<u8>,
    pub seen: Seen,
}

impl Server {
    /// Follows `flight` from the ClientHello on, and `after` from the client's Finished on.
    pub fn new(flight: Vec<Step>, after: Vec<Step>, echo: Option<usize>) -> Self {
        let mut script = VecDeque::from(flight);
        script.push_back(Step::Await(Event::Finished));
        script.extend(after);
        Self {
            script,
            waits_for: Some(Event::Hello),
            echo,
            transcript: Vec::new(),
            input: Vec::new(),
            client_messages: Vec::new(),
            output: Vec::new(),
            last_record: Vec::new(),
            change: None,
            tamper: None,
            lose: false,
            fragment: 16384,
            padding: 0,
            held: None,
            unprotected: Vec::new(),
            master: Vec::new(),
            send: None,
            receive: None,
            application: None,
            eof: false,
            suite: Suite::Aes128,
            known: None,
            resumed: false,
            resumption: Vec::new(),
            sent: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// What is to be sent to the client.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// No more output will come.
    pub fn at_end(&self) -> bool {
        self.eof
    }

    /// Both sides have keys.
    pub fn has_keys(&self) -> bool {
        self.receive.is_some()
    }

    /// Bytes of the client.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
        while self.input.len() >= 5 {
            let size = 5 + usize::from(u16::from_be_bytes([self.input[3], self.input[4]]));
            if self.input.len() < size {
                break;
            }
            let record = self.input.drain(..size).collect::<Vec<_>>();
            self.record(&record);
        }
    }

    fn wrong(&mut self, what: impl Into<String>) {
        self.seen.wrong.get_or_insert(what.into());
    }

    /// Goes on if this was what the server waits for.
    fn event(&mut self, event: Event) {
        if self.waits_for != Some(event) {
            return;
        }
        self.waits_for = None;
        while self.waits_for.is_none()
            && let Some(step) = self.script.pop_front()
        {
            self.step(step);
        }
    }

    // ---- what the client sends

    fn record(&mut self, record: &[u8]) {
        if self.seen.alert.is_some() || self.seen.closed {
            return self.wrong("a record after its last word");
        }
        match record[0] {
            CHANGE_CIPHER_SPEC
                if record[5..] == [1] && !self.seen.finished && !self.seen.change_cipher_spec =>
            {
                self.seen.change_cipher_spec = true;
            }
            HANDSHAKE if self.receive.is_none() => self.client_bytes(&record[5..]),
            ALERT if self.seen.messages.is_empty() => self.client_alert(&record[5..], false),
            APPLICATION_DATA => {
                let opened = self.receive.as_mut().and_then(|keys| keys.open(record));
                match opened {
                    Some((HANDSHAKE, bytes)) => self.client_bytes(&bytes),
                    Some((ALERT, alert)) => self.client_alert(&alert, true),
                    Some((APPLICATION_DATA, data)) => self.client_data(&data),
                    Some((kind, _)) => self.wrong(format!("inner type {kind}")),
                    None => self.wrong("a record that cannot be decrypted"),
                }
            }
            kind => self.wrong(format!("a record of type {kind}")),
        }
    }

    fn client_alert(&mut self, alert: &[u8], encrypted: bool) {
        match *alert {
            [1, 0] => self.seen.closed = true,
            [level, number] => {
                self.seen.alert = Some(Alert {
                    level,
                    number,
                    encrypted,
                });
            }
            _ => self.wrong(format!("alert {alert:?}")),
        }
    }

    fn client_bytes(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.wrong("an empty handshake record");
        }
        self.client_messages.extend(bytes);
        while let [_, high, middle, low, ..] = self.client_messages[..] {
            let size = 4 + u32::from_be_bytes([0, high, middle, low]) as usize;
            if self.client_messages.len() < size {
                break;
            }
            let message = self.client_messages.drain(..size).collect::<Vec<_>>();
            self.client_message(&message);
        }
    }

    fn client_message(&mut self, message: &[u8]) {
        if message[0] == 1 {
            let expected = self.waits_for == Some(Event::Hello);
            if !expected || self.receive.is_some() {
                return self.wrong("a ClientHello");
            }
            self.seen.hellos.push(message.to_vec());
            self.client_ticket(message);
            self.transcript.extend(message);
            self.unprotected.clear();
            return self.event(Event::Hello);
        }
        self.seen.messages.push(message[0]);
        if self.seen.finished {
            return self.client_key_update(message);
        }
        let hash = self.hash();
        match message[0] {
            11 => match certificates(message) {
                Some(chain) => self.seen.chain = chain,
                None => self.wrong("a malformed Certificate"),
            },
            15 => {
                let mut signed = vec![0x20; 64];
                signed.extend(b"TLS 1.3, client CertificateVerify\0");
                signed.extend(hash);
                let leaf = self.seen.chain.first().map_or(&[][..], Vec::as_slice);
                self.seen.proven = proves(leaf, &signed, &message[4..]);
            }
            20 => {
                let keys = self.receive.as_ref().unwrap();
                self.seen.finished = message[4..] == self.suite.finished(&keys.secret, &hash);
                let Some((send, receive)) = self.application.take() else {
                    return self.wrong("a Finished before ours");
                };
                self.send = Some(send);
                self.receive = Some(receive);
                self.transcript.extend(message);
                self.resumption = self.suite.derive(&self.master, "res master", &self.hash());
                return self.event(Event::Finished);
            }
            kind => self.wrong(format!("a handshake message of type {kind}")),
        }
        self.transcript.extend(message);
    }

    /// The ticket that a ClientHello offers, if it does: it must prove that the client has its key.
    fn client_ticket(&mut self, hello: &[u8]) {
        let offer = Offer::parse(hello).expect("it is well-formed");
        let Some((ticket, age, binder)) = offer.ticket() else {
            if offer.extension(41).is_some() {
                self.wrong("a malformed pre_shared_key");
            }
            return self.seen.offered.push(None);
        };
        if offer.extensions.last().map(|(kind, _)| *kind) != Some(41) {
            self.wrong("pre_shared_key before another extension");
        }
        if offer.extension(45) != Some(&[1, 1]) {
            self.wrong("a ticket without psk_dhe_ke, or with more");
        }
        if offer.extension(42).is_some() {
            self.wrong("early data");
        }
        if let Some(known) = self.known.clone()
            && known.ticket == ticket
        {
            let suite = known.suite;
            let early = suite.extract(&suite.zeros(), &known.key);
            let secret = suite.derive(&early, "res binder", &suite.hash(&[]));
            // The list of binders is left out, with its length and that of the one in it.
            let truncated = &hello[..hello.len() - binder.len() - 3];
            let hash = suite.hash(&[&self.transcript, truncated].concat());
            if binder != suite.finished(&secret, &hash) {
                self.wrong("a wrong binder");
            }
            if known.age != age {
                self.wrong(format!("{age} as the ticket's age"));
            }
        }
        self.seen.offered.push(Some(ticket));
    }

    /// The hash of all messages so far.
    fn hash(&self) -> Vec<u8> {
        self.suite.hash(&self.transcript)
    }

    fn client_key_update(&mut self, message: &[u8]) {
        let asks = match message {
            [24, 0, 0, 1, asks @ 0..=1] => *asks == 1,
            _ => return self.wrong(format!("message {message:?} after the handshake")),
        };
        self.seen.key_updates += 1;
        if let Some(keys) = &mut self.receive {
            *keys = keys.next();
        }
        if asks {
            self.step(Step::KeyUpdate(0));
        }
        self.event(Event::KeyUpdate);
    }

    fn client_data(&mut self, data: &[u8]) {
        if !self.seen.finished {
            return self.wrong("application data in the handshake");
        }
        self.seen.data.extend(data);
        self.seen.records.push(data.len());
        if let Some(size) = self.echo {
            for part in data.chunks(size) {
                self.step(Step::Sealed(APPLICATION_DATA, part.to_vec(), 3));
            }
        }
        self.event(Event::Data);
    }

    // ---- what the server sends

    fn step(&mut self, step: Step) {
        match step {
            Step::Hello => self.hello(None),
            Step::Resume(resume) => self.hello(Some(resume)),
            Step::Retry(extensions) => self.retry(&extensions),
            Step::Extensions(extensions) => self.message(message(8, &list16(&extensions))),
            Step::Request => {
                let schemes = extension(13, &list16(&SCHEMES));
                self.message(message(13, &[&[0], &list16(&schemes)[..]].concat()));
            }
            Step::Certificate(chain) => self.message(certificate(&chain)),
            Step::Verify(verify) => self.verify(verify),
            Step::Finished => self.finish(),
            Step::Message(bytes) => self.message(bytes),
            Step::KeyUpdate(request) => {
                self.message(message(24, &[request]));
                if let Some(keys) = &mut self.send {
                    *keys = keys.next();
                }
            }
            Step::Change(change) => self.change = Some(change),
            Step::Fragment(size) => self.fragment = size,
            Step::Pad(padding) => self.padding = padding,
            Step::Hold => self.held = Some(Vec::new()),
            Step::Release => {
                if let Some(held) = self.held.take() {
                    self.handshake_records(&held);
                }
            }
            Step::Sealed(kind, contents, padding) => {
                let inner = [&contents[..], &[kind], &vec![0; padding + self.padding]].concat();
                self.seal(inner);
            }
            Step::SealedNothing => self.seal(Vec::new()),
            Step::Plain(kind, contents) => {
                let record = [&[kind, 3, 3], &list16(&contents)[..]].concat();
                self.put(record);
            }
            Step::Raw(bytes) => self.put(bytes),
            Step::Tamper(change) => self.tamper = Some(change),
            Step::Replay => self.output.extend(self.last_record.clone()),
            Step::Lose => self.lose = true,
            Step::Await(event) => self.waits_for = Some(event),
            Step::Eof => self.eof = true,
        }
    }

    fn seal(&mut self, inner: Vec<u8>) {
        // Without keys there is nothing to encrypt with; a script that tries is for a client that
        // should have failed before.
        if let Some(keys) = &mut self.send {
            let record = keys.seal(inner);
            if !std::mem::take(&mut self.lose) {
                self.put(record);
            }
        }
    }

    fn put(&mut self, mut bytes: Vec<u8>) {
        if self.eof {
            return;
        }
        if let Some(tamper) = self.tamper.take() {
            tamper(&mut bytes);
        }
        if self.send.is_none() {
            self.unprotected.extend(&bytes);
        }
        self.output.extend(&bytes);
        self.last_record = bytes;
    }

    /// Sends a handshake message.
    fn message(&mut self, mut message: Vec<u8>) {
        if let Some(change) = self.change.take() {
            change(&mut message);
        }
        // What follows our Finished is not part of the client's.
        if self.application.is_none() {
            self.transcript.extend(&message);
        }
        self.sent.extend(message.first());
        match &mut self.held {
            Some(held) => held.extend(message),
            None => self.handshake_records(&message),
        }
    }

    fn handshake_records(&mut self, messages: &[u8]) {
        for part in messages.chunks(self.fragment) {
            self.step(match self.send {
                Some(_) => Step::Sealed(HANDSHAKE, part.to_vec(), 0),
                None => Step::Plain(HANDSHAKE, part.to_vec()),
            });
        }
    }

    fn offer(&self) -> Offer {
        let hello = self.seen.hellos.last().expect("a ClientHello came");
        Offer::parse(hello).expect("it is well-formed")
    }

    /// A ServerHello with this Random and these extensions besides the version.
    fn server_hello(&self, random: [u8; 32], extensions: &[u8]) -> Vec<u8> {
        let session_id = self.offer().session_id;
        let mut body = vec![3, 3];
        body.extend(random);
        body.push(session_id.len() as u8);
        body.extend(session_id);
        body.extend((self.suite as u16).to_be_bytes());
        body.push(0);
        body.extend(list16(&[&extension(43, &[3, 4]), extensions].concat()));
        message(2, &body)
    }

    fn retry(&mut self, extensions: &[u8]) {
        self.transcript = message(254, &self.hash());
        let retry = self.server_hello(RETRY_RANDOM, extensions);
        self.message(retry);
    }

    /// Our share on the group of the client's, and what comes of the two.
    fn agree(&self) -> (Vec<u8>, Vec<u8>) {
        let (group, share) = self.offer().first_share().expect("the client has a share");
        let (ours, shared) = match group {
            23 => {
                let share = PublicKey::from_sec1_bytes(&share).expect("its share is on the curve");
                let secret = SecretKey::from_slice(&[42; 32]).unwrap();
                let point: EncodedPoint = secret.public_key().to_encoded_point(false);
                let shared =
                    p256::ecdh::diffie_hellman(secret.to_nonzero_scalar(), share.as_affine());
                let shared = shared.raw_secret_bytes().to_vec();
                (point.as_bytes().to_vec(), shared)
            }
            29 => {
                let share = share.try_into().expect("its share has 32 bytes");
                let ours = x25519([42; 32], x25519_dalek::X25519_BASEPOINT_BYTES);
                (ours.to_vec(), x25519([42; 32], share).to_vec())
            }
            other => panic!("a share on group {other}"),
        };
        ([&group.to_be_bytes(), &list16(&ours)[..]].concat(), shared)
    }

    /// The first handshake message in what was sent without keys, if it arrives.
    fn unprotected_message(&self) -> Option<Vec<u8>> {
        let mut rest = &self.unprotected[..];
        let mut messages = Vec::new();
        while let [kind, _, _, high, low, tail @ ..] = rest {
            let (record, next) = tail.split_at_checked(u16::from_be_bytes([*high, *low]).into())?;
            if *kind == HANDSHAKE {
                messages.extend(record);
            }
            if let [_, high, middle, low, ..] = messages[..] {
                let size = 4 + u32::from_be_bytes([0, high, middle, low]) as usize;
                if messages.len() >= size {
                    messages.truncate(size);
                    return Some(messages);
                }
            }
            rest = next;
        }
        None
    }

    fn hello(&mut self, resume: Option<Resume>) {
        let (share, shared) = self.agree();
        let mut extensions = extension(51, &share);
        if matches!(resume, Some(Resume::Knowing | Resume::NotKnowing)) {
            extensions.extend(extension(41, &[0, 0]));
        }
        let hello = self.server_hello([0x5a; 32], &extensions);
        let before = self.transcript.clone();
        self.message(hello);

        let suite = self.suite;
        let hash = self.hash();
        // The client's keys come from the ServerHello that it got, changed on its way or not.
        let heard = self.unprotected_message();
        let heard = heard.map_or_else(|| hash.clone(), |it| suite.hash(&[before, it].concat()));
        let handshake = |knows: bool| {
            let key = match (&self.known, knows) {
                (Some(known), true) => known.key.clone(),
                _ => suite.zeros(),
            };
            suite.next_secret(&suite.extract(&suite.zeros(), &key), &shared)
        };
        // What the client says can be read in any case.
        let ours = handshake(matches!(resume, Some(Resume::Knowing | Resume::NotSaying)));
        let theirs = handshake(matches!(resume, Some(Resume::Knowing | Resume::NotKnowing)));
        self.send = Some(Traffic::new(
            suite,
            suite.derive(&ours, "s hs traffic", &hash),
        ));
        self.receive = Some(Traffic::new(
            suite,
            suite.derive(&theirs, "c hs traffic", &heard),
        ));
        self.master = suite.next_secret(&ours, &suite.zeros());
        self.resumed = resume.is_some();
    }

    fn finish(&mut self) {
        let Some(keys) = &self.send else { return };
        let suite = self.suite;
        let mac = suite.finished(&keys.secret, &self.hash());
        self.message(message(20, &mac));
        let hash = self.hash();
        let traffic = |label| Traffic::new(suite, suite.derive(&self.master, label, &hash));
        self.application = Some((traffic("s ap traffic"), traffic("c ap traffic")));
    }

    fn verify(&mut self, verify: Verify) {
        let mut hash = self.hash();
        let mut scheme = 0x0403;
        let mut key = pki::SERVER_KEY;
        let mut context = &b"TLS 1.3, server CertificateVerify\0"[..];
        match verify {
            Verify::By(other) => key = other,
            Verify::OtherTranscript => hash[0] ^= 1,
            Verify::Scheme(other) => scheme = other,
            Verify::ClientContext => context = b"TLS 1.3, client CertificateVerify\0",
            Verify::NoContext => context = b"",
        }
        let key: SigningKey = pki::key(key);
        let padding: &[u8] = if context.is_empty() { &[] } else { &[0x20; 64] };
        let signature = pki::sign(&key, &[padding, context, &hash].concat());
        let body = [&u16::to_be_bytes(scheme), &list16(&signature)[..]];
        self.message(message(15, &body.concat()));
    }
}

/// A Certificate message.
pub fn certificate(chain: &[Vec<u8>]) -> Vec<u8> {
    let list = chain
        .iter()
        .flat_map(|certificate| [list24(certificate), vec![0, 0]].concat())
        .collect::<Vec<_>>();
    message(11, &[&[0], &list24(&list)[..]].concat())
}

/// The certificates in a Certificate message without extensions.
fn certificates(message: &[u8]) -> Option<Vec<Vec<u8>>> {
    let context = usize::from(*message.get(4)?);
    let mut rest = message.get(5 + context + 3..)?;
    let mut chain = Vec::new();
    while let Some((&[high, middle, low], tail)) = rest.split_first_chunk::<3>() {
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        chain.push(tail.get(..length)?.to_vec());
        rest = tail.get(length..)?.strip_prefix(&[0, 0])?;
    }
    rest.is_empty().then_some(chain)
}

/// Whether what follows the header of a CertificateVerify proves possession of the P-256 key of a
/// certificate.
fn proves(certificate: &[u8], signed: &[u8], verify: &[u8]) -> bool {
    let info = certificate
        .windows(4)
        .position(|window| window == [0x30, 0x59, 0x30, 0x13])
        .and_then(|at| certificate.get(at..at + 91));
    let (Some(info), Some(signature)) = (info, verify.strip_prefix(&[4, 3])) else {
        return false;
    };
    let key = VerifyingKey::from(PublicKey::from_public_key_der(info).unwrap());
    DerSignature::from_bytes(&signature[2..])
        .is_ok_and(|signature| key.verify(signed, &signature).is_ok())
}
