//! A TLS 1.3 server that does what it is told, right or wrong. Bytes in, bytes out, no I/O.

use aes_gcm::{Aes128Gcm, aead::AeadInPlace as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use p256::{
    EncodedPoint, PublicKey, SecretKey,
    ecdsa::{
        DerSignature, Signature, SigningKey, VerifyingKey,
        signature::{Signer as _, Verifier as _},
    },
    elliptic_curve::sec1::ToEncodedPoint as _,
    pkcs8::DecodePublicKey as _,
};
use sha2::{Digest as _, Sha256};

use crate::pki;

pub const CHANGE_CIPHER_SPEC: u8 = 20;
pub const ALERT: u8 = 21;
pub const HANDSHAKE: u8 = 22;
pub const APPLICATION_DATA: u8 = 23;

/// One thing that the server does.
#[derive(Clone)]
pub enum Step {
    /// ServerHello; from here on there are keys.
    Hello,
    /// ServerHello, changed by this function before it is sent.
    HelloWith(fn(&mut Vec<u8>)),
    /// EncryptedExtensions.
    Extensions,
    /// CertificateRequest.
    Request,
    /// Certificate with these certificates.
    Certificate(Vec<Vec<u8>>),
    /// CertificateVerify.
    Verify(Verify),
    /// Finished, good or not.
    Finished(bool),
    /// A handshake message that takes part in the transcript.
    Message(Vec<u8>),
    /// The following handshake messages in one record, until `Release`.
    Hold,
    /// Ends `Hold`.
    Release,
    /// An encrypted record: inner type, contents, bytes of padding.
    Sealed(u8, Vec<u8>, usize),
    /// An encrypted record without even an inner type.
    SealedNothing,
    /// A record in plaintext.
    Plain(u8, Vec<u8>),
    /// Bytes as they are.
    Raw(Vec<u8>),
    /// No more bytes will come.
    Eof,
}

/// How CertificateVerify is made.
#[derive(Clone, Copy)]
pub enum Verify {
    /// As it should be, by the key with this number.
    By(u8),
    /// Over another transcript.
    OtherTranscript,
    /// With another signature scheme.
    Scheme(u16),
    /// As a client would.
    ClientContext,
}

/// What the client was seen to do.
#[derive(Default)]
pub struct Seen {
    /// The records of the client after its first, encrypted ones.
    pub encrypted: usize,
    /// Its ALPN protocols and server name, as they were sent.
    pub hello: Vec<u8>,
    /// Its certificate.
    pub certificate: Option<Vec<u8>>,
    /// It proved to have the key.
    pub proven: bool,
    /// Its Finished was good.
    pub finished: bool,
    /// Its application data.
    pub data: Vec<u8>,
    /// The sizes of the records that it came in.
    pub records: Vec<usize>,
    /// It sent close_notify.
    pub closed: bool,
    /// It sent something that it should not.
    pub wrong: Option<String>,
}

/// Key, IV and record number of one direction.
struct Traffic {
    secret: [u8; 32],
    cipher: Aes128Gcm,
    iv: [u8; 12],
    number: u64,
}

impl Traffic {
    fn new(secret: [u8; 32]) -> Self {
        Self {
            secret,
            cipher: aes_gcm::KeyInit::new(&expand::<16>(&secret, "key", &[]).into()),
            iv: expand(&secret, "iv", &[]),
            number: 0,
        }
    }

    fn nonce(&mut self) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.number.to_be_bytes()) {
            *byte ^= number;
        }
        self.number += 1;
        nonce
    }

    fn seal(&mut self, inner: Vec<u8>) -> Vec<u8> {
        let mut record = vec![APPLICATION_DATA, 3, 3];
        record.extend(((inner.len() + 16) as u16).to_be_bytes());
        let mut inner = inner;
        let nonce = self.nonce();
        self.cipher
            .encrypt_in_place(&nonce.into(), &record, &mut inner)
            .unwrap();
        record.extend(inner);
        record
    }

    fn open(&mut self, record: &[u8]) -> Option<(u8, Vec<u8>)> {
        let (header, payload) = record.split_at(5);
        let mut inner = payload.to_vec();
        let nonce = self.nonce();
        self.cipher
            .decrypt_in_place(&nonce.into(), header, &mut inner)
            .ok()?;
        let end = inner.iter().rposition(|&byte| byte != 0)?;
        let kind = inner[end];
        inner.truncate(end);
        Some((kind, inner))
    }
}

fn expand<const N: usize>(secret: &[u8; 32], label: &str, context: &[u8]) -> [u8; N] {
    let mut info = (N as u16).to_be_bytes().to_vec();
    info.push(6 + label.len() as u8);
    info.extend(b"tls13 ");
    info.extend(label.as_bytes());
    info.push(context.len() as u8);
    info.extend(context);
    let mut out = [0; N];
    Hkdf::<Sha256>::from_prk(secret)
        .unwrap()
        .expand(&info, &mut out)
        .unwrap();
    out
}

fn extract(salt: &[u8], input: &[u8]) -> [u8; 32] {
    Hkdf::<Sha256>::extract(Some(salt), input).0.into()
}

fn finished(secret: &[u8; 32], hash: &[u8]) -> Vec<u8> {
    let key: [u8; 32] = expand(secret, "finished", &[]);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(hash);
    mac.finalize().into_bytes().to_vec()
}

/// A handshake message.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(&(body.len() as u32).to_be_bytes()[1..]);
    out.extend(body);
    out
}

enum State {
    Hello,
    Flight,
    Connected,
}

/// The server.
pub struct Server {
    flight: Vec<Step>,
    /// Done when the client has finished.
    after: Vec<Step>,
    /// Sends application data back, in records of this size.
    echo: Option<usize>,
    state: State,
    transcript: Sha256,
    input: Vec<u8>,
    output: Vec<u8>,
    held: Option<Vec<u8>>,
    master: [u8; 32],
    send: Option<Traffic>,
    receive: Option<Traffic>,
    application: Option<(Traffic, Traffic)>,
    eof: bool,
    pub seen: Seen,
}

impl Server {
    pub fn new(flight: Vec<Step>, after: Vec<Step>, echo: Option<usize>) -> Self {
        Self {
            flight,
            after,
            echo,
            state: State::Hello,
            transcript: Sha256::new(),
            input: Vec::new(),
            output: Vec::new(),
            held: None,
            master: [0; 32],
            send: None,
            receive: None,
            application: None,
            eof: false,
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

    fn record(&mut self, record: &[u8]) {
        match (&self.state, record[0]) {
            (State::Hello, HANDSHAKE) => {
                self.seen.hello = record[5..].to_vec();
                self.transcript.update(&record[5..]);
                self.state = State::Flight;
                for step in std::mem::take(&mut self.flight) {
                    self.step(step);
                }
            }
            (State::Flight | State::Connected, APPLICATION_DATA) => {
                self.seen.encrypted += 1;
                let opened = self.receive.as_mut().and_then(|keys| keys.open(record));
                match opened {
                    Some((HANDSHAKE, message)) => self.client_message(&message),
                    Some((ALERT, alert)) => {
                        self.seen.closed = alert == [1, 0];
                        if !self.seen.closed {
                            self.wrong(format!("alert {alert:?}"));
                        }
                    }
                    Some((APPLICATION_DATA, data)) => self.client_data(&data),
                    Some((kind, _)) => self.wrong(format!("inner type {kind}")),
                    None => self.wrong("a record that cannot be decrypted"),
                }
            }
            (_, kind) => self.wrong(format!("a record of type {kind}")),
        }
    }

    fn client_message(&mut self, message: &[u8]) {
        let hash = self.transcript.clone().finalize();
        match message[0] {
            11 => {
                let length = usize::from(u16::from_be_bytes([message[9], message[10]]));
                self.seen.certificate = message.get(11..11 + length).map(<[u8]>::to_vec);
            }
            15 => {
                let mut signed = vec![0x20; 64];
                signed.extend(b"TLS 1.3, client CertificateVerify\0");
                signed.extend(hash);
                let info = self.seen.certificate.as_deref().map_or(&[][..], |der| {
                    let at = der
                        .windows(4)
                        .position(|window| window == [0x30, 0x59, 0x30, 0x13])
                        .unwrap();
                    &der[at..at + 91]
                });
                let key = VerifyingKey::from(PublicKey::from_public_key_der(info).unwrap());
                let signature = DerSignature::from_bytes(&message[8..]);
                self.seen.proven = message[4..6] == [4, 3]
                    && signature.is_ok_and(|signature| key.verify(&signed, &signature).is_ok());
            }
            20 => {
                let keys = self.receive.as_ref().unwrap();
                self.seen.finished = message[4..] == finished(&keys.secret, &hash);
                let (send, receive) = self.application.take().unwrap();
                self.send = Some(send);
                self.receive = Some(receive);
                self.state = State::Connected;
                for step in std::mem::take(&mut self.after) {
                    self.step(step);
                }
            }
            kind => self.wrong(format!("a handshake message of type {kind}")),
        }
        self.transcript.update(message);
    }

    fn client_data(&mut self, data: &[u8]) {
        self.seen.data.extend(data);
        self.seen.records.push(data.len());
        if let Some(size) = self.echo {
            for part in data.chunks(size) {
                self.step(Step::Sealed(APPLICATION_DATA, part.to_vec(), 3));
            }
        }
    }

    /// Does one step now.
    pub fn step(&mut self, step: Step) {
        if self.eof {
            return;
        }
        match step {
            Step::Hello => self.hello(|_| {}),
            Step::HelloWith(change) => self.hello(change),
            Step::Extensions => self.handshake(&message(8, &[0, 0])),
            Step::Request => {
                self.handshake(&message(13, &[0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3]));
            }
            Step::Certificate(chain) => {
                let mut list = Vec::new();
                for certificate in chain {
                    list.extend(&(certificate.len() as u32).to_be_bytes()[1..]);
                    list.extend(certificate);
                    list.extend([0, 0]);
                }
                let mut body = vec![0];
                body.extend(&(list.len() as u32).to_be_bytes()[1..]);
                body.extend(list);
                self.handshake(&message(11, &body));
            }
            Step::Verify(verify) => self.verify(verify),
            Step::Finished(good) => {
                let hash = self.transcript.clone().finalize();
                let mut mac = finished(&self.send.as_ref().unwrap().secret, &hash);
                mac[0] ^= u8::from(!good);
                self.handshake(&message(20, &mac));
                // The keys for application data cover the transcript up to here.
                let hash = self.transcript.clone().finalize();
                self.application = Some((
                    Traffic::new(expand(&self.master, "s ap traffic", &hash)),
                    Traffic::new(expand(&self.master, "c ap traffic", &hash)),
                ));
            }
            Step::Message(bytes) => self.handshake(&bytes),
            Step::Hold => self.held = Some(Vec::new()),
            Step::Release => {
                if let Some(held) = self.held.take() {
                    self.step(Step::Sealed(HANDSHAKE, held, 0));
                }
            }
            Step::Sealed(kind, mut contents, padding) => {
                contents.push(kind);
                contents.extend(vec![0; padding]);
                let record = self.send.as_mut().unwrap().seal(contents);
                self.output.extend(record);
            }
            Step::SealedNothing => {
                let record = self.send.as_mut().unwrap().seal(Vec::new());
                self.output.extend(record);
            }
            Step::Plain(kind, contents) => {
                self.output.extend([kind, 3, 3]);
                self.output.extend((contents.len() as u16).to_be_bytes());
                self.output.extend(contents);
            }
            Step::Raw(bytes) => self.output.extend(bytes),
            Step::Eof => self.eof = true,
        }
    }

    /// Sends a handshake message, encrypted.
    fn handshake(&mut self, message: &[u8]) {
        self.transcript.update(message);
        match &mut self.held {
            Some(held) => held.extend(message),
            None => self.step(Step::Sealed(HANDSHAKE, message.to_vec(), 0)),
        }
    }

    fn hello(&mut self, change: fn(&mut Vec<u8>)) {
        let share = key_share(&self.seen.hello);
        let secret = SecretKey::from_slice(&[42; 32]).unwrap();
        let point: EncodedPoint = secret.public_key().to_encoded_point(false);
        let mut body = vec![3, 3];
        body.extend([0x5a; 32]);
        body.extend([0, 0x13, 0x01, 0, 0, 79, 0, 43, 0, 2, 3, 4]);
        body.extend([0, 51, 0, 69, 0, 23, 0, 65]);
        body.extend(point.as_bytes());
        let mut hello = message(2, &body);
        change(&mut hello);
        self.transcript.update(&hello);
        self.step(Step::Plain(HANDSHAKE, hello));

        let shared = p256::ecdh::diffie_hellman(secret.to_nonzero_scalar(), share.as_affine());
        let empty = Sha256::digest([]);
        let hash = self.transcript.clone().finalize();
        let early = extract(&[0; 32], &[0; 32]);
        let salt: [u8; 32] = expand(&early, "derived", &empty);
        let handshake = extract(&salt, shared.raw_secret_bytes());
        self.send = Some(Traffic::new(expand(&handshake, "s hs traffic", &hash)));
        self.receive = Some(Traffic::new(expand(&handshake, "c hs traffic", &hash)));
        let salt: [u8; 32] = expand(&handshake, "derived", &empty);
        self.master = extract(&salt, &[0; 32]);
    }

    fn verify(&mut self, verify: Verify) {
        let mut hash = self.transcript.clone().finalize();
        let mut scheme = 0x0403;
        let mut key = pki::SERVER_KEY;
        let mut party = "server";
        match verify {
            Verify::By(other) => key = other,
            Verify::OtherTranscript => hash[0] ^= 1,
            Verify::Scheme(other) => scheme = other,
            Verify::ClientContext => party = "client",
        }
        let key: SigningKey = pki::key(key);
        let mut signed = vec![0x20; 64];
        signed.extend(format!("TLS 1.3, {party} CertificateVerify\0").bytes());
        signed.extend(hash);
        let signature: Signature = key.sign(&signed);
        let der = signature.to_der();
        let mut body = u16::to_be_bytes(scheme).to_vec();
        body.extend((der.as_bytes().len() as u16).to_be_bytes());
        body.extend(der.as_bytes());
        self.handshake(&message(15, &body));
    }
}

/// The client's share on P-256.
fn key_share(hello: &[u8]) -> PublicKey {
    let at = hello
        .windows(5)
        .position(|window| window == [0, 23, 0, 65, 4])
        .expect("the client offers P-256");
    PublicKey::from_sec1_bytes(&hello[at + 4..at + 69]).unwrap()
}
