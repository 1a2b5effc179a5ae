//! The TLS client against a real OpenSSL server, over TCP.

#[path = "hostile_tls/pki.rs"]
mod pki;
#[path = "openssl/rsa.rs"]
mod rsa;

use std::{
    fs,
    future::poll_fn,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    pin::pin,
    process::{Child, Command, Stdio},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, SystemTime},
};

use embedded_io_async::{ErrorType, Read, Write};
use iot_thing::{
    Error,
    tls::{
        Clock, Config, Failure, Inputs, KeyInput, LeafKey, Random, Secured, Slot, handshake, load,
        memory_size, storage_needed, tx_needed, verify_chain, verify_signature,
    },
};

use rsa::{Authority, PSS};
use rustls_pki_types::ServerName;

/// A running `openssl s_server` that requires a client certificate and reverses each line.
struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Who a server is, as PEM.
struct Identity {
    certificate: String,
    /// What it sends besides its certificate.
    chain: String,
    key: String,
}

impl Identity {
    /// The server with a P-256 key.
    fn usual() -> Self {
        Self {
            certificate: pki::pem("CERTIFICATE", &pki::server()),
            chain: pki::pem("CERTIFICATE", &pki::intermediate()),
            key: pki::pem("PRIVATE KEY", &pki::pkcs8(pki::SERVER_KEY)),
        }
    }
}

/// Starts a server that trusts this client CA; `None`, with a word, if there is no OpenSSL.
fn server(name: &str, client_ca: &[u8]) -> Option<Server> {
    server_as(&Identity::usual(), name, client_ca, &[])
}

/// The same with an identity and further arguments.
fn server_as(
    identity: &Identity,
    name: &str,
    client_ca: &[u8],
    further: &[&str],
) -> Option<Server> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, pem: &str| {
        let path = folder.join(name);
        fs::write(&path, pem).unwrap();
        path
    };
    let spawned = Command::new("openssl")
        .args([
            "s_server",
            "-tls1_3",
            "-accept",
            "127.0.0.1:0",
            "-naccept",
            "1",
            "-rev",
        ])
        .args([
            "-Verify",
            "3",
            "-verify_return_error",
            "-alpn",
            "x-amzn-mqtt-ca",
        ])
        .arg("-cert")
        .arg(file("server.pem", &identity.certificate))
        .arg("-cert_chain")
        .arg(file("chain.pem", &identity.chain))
        .arg("-key")
        .arg(file("key.pem", &identity.key))
        .arg("-CAfile")
        .arg(file("ca.pem", &pki::pem("CERTIFICATE", client_ca)))
        .args(further)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut process = match spawned {
        Ok(process) => process,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("SKIPPED: there is no openssl on this machine");
            return None;
        }
        Err(error) => panic!("openssl: {error}"),
    };
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let address = lines
        .find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(str::to_string))
        .expect("the server tells its address");
    // Nobody reads what else it says; it is little.
    Some(Server { process, address })
}

/// A TCP stream that gives and takes a few bytes at a time.
struct Socket {
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

/// Polls until the end.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    // A test that hangs shall fail.
    for _ in 0..100_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("no end");
}

/// Connects and calls `talk` with the connection.
fn connect<T>(
    server: &Server,
    host: &str,
    most: usize,
    talk: impl AsyncFnOnce(&mut Secured<'_, Socket>) -> T,
) -> Result<T, Failure> {
    let ca = pki::pem("CERTIFICATE", &pki::root());
    connect_trusting(&ca, pki::NOW, server, host, most, talk)
}

/// The same with this CA, as PEM, at this time.
fn connect_trusting<T>(
    ca: &str,
    unix_time: u64,
    server: &Server,
    host: &str,
    most: usize,
    talk: impl AsyncFnOnce(&mut Secured<'_, Socket>) -> T,
) -> Result<T, Failure> {
    let certificate = pki::pem("CERTIFICATE", &pki::client());
    let key = pki::pem("EC PRIVATE KEY", &pki::sec1(pki::CLIENT_KEY));
    let inputs = Inputs {
        certificate: certificate.as_bytes(),
        key: KeyInput::Bytes(key.as_bytes()),
        ca: ca.as_bytes(),
    };
    connect_as(&inputs, unix_time, server, host, most, talk)
}

/// The same with these credentials.
fn connect_as<T>(
    inputs: &Inputs<'_>,
    unix_time: u64,
    server: &Server,
    host: &str,
    most: usize,
    talk: impl AsyncFnOnce(&mut Secured<'_, Socket>) -> T,
) -> Result<T, Failure> {
    let stream = TcpStream::connect(&server.address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_nonblocking(true).unwrap();
    let socket = Socket { stream, most };
    let mut storage = vec![0; storage_needed(inputs).unwrap()];
    let credentials = load(inputs, &mut storage).unwrap();
    // As small as it may be: certificates take several records, the proof takes one.
    let (rx, tx) = (4096, tx_needed(&credentials));
    let mut memory = vec![0; memory_size(rx, tx)];
    let slot = Slot::new(socket, &mut memory, rx, tx).unwrap();
    let config = Config {
        alpn: Some(b"x-amzn-mqtt-ca"),
        ..Config::new(host, &credentials, Clock::new(unix_time, 0))
    };
    block_on(async {
        let mut secured = handshake(&slot, &config, Counter(1)).await?;
        Ok(talk(&mut secured).await)
    })
}

/// Connects with these session tickets and talks; whether the session was resumed.
fn resume(
    server: &Server,
    tickets: &mut [u8],
    tx: usize,
    clock: Clock,
    alpn: Option<&[u8]>,
) -> Result<bool, Failure> {
    let stream = TcpStream::connect(&server.address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_nonblocking(true).unwrap();
    let (certificate, key) = (pki::client(), pki::sec1(pki::CLIENT_KEY));
    let ca = pki::root();
    let inputs = Inputs {
        certificate: &certificate,
        key: KeyInput::Bytes(&key),
        ca: &ca,
    };
    let credentials = load(&inputs, &mut []).unwrap();
    let mut memory = vec![0; memory_size(4096, tx)];
    let socket = Socket {
        stream,
        most: usize::MAX,
    };
    let mut slot = Slot::new(socket, &mut memory, 4096, tx).unwrap();
    slot.keep_tickets(tickets);
    let config = Config {
        alpn,
        ..Config::new(pki::HOST, &credentials, clock)
    };
    block_on(async {
        let mut secured = handshake(&slot, &config, Counter(1)).await?;
        reverse(&mut secured).await;
        Ok(secured.info().resumed)
    })
}

/// The name that the servers here select.
const ALPN: Option<&[u8]> = Some(b"x-amzn-mqtt-ca");

/// A server for several connections.
fn server_for_many(name: &str, further: &[&str]) -> Option<Server> {
    let further = [&["-naccept", "100"], further].concat();
    server_as(&Identity::usual(), name, &pki::root(), &further)
}

#[test]
fn sessions_are_resumed_and_tickets_used_once() {
    let Some(server) = server_for_many("resume", &[]) else {
        return;
    };
    let mut tickets = vec![0; 4096];
    let at = Clock::At(pki::NOW);
    assert!(!resume(&server, &mut tickets, 4096, at, ALPN).unwrap());
    for _ in 0..3 {
        let used = tickets.clone();
        assert!(resume(&server, &mut tickets, 4096, at, ALPN).unwrap());
        assert_ne!(used, tickets, "a new one has taken its place");
    }
    // Without memory for it there is no ticket; one that is too large for it is left.
    for size in [0, 100, 300] {
        let mut small = vec![0; size];
        for _ in 0..2 {
            assert!(!resume(&server, &mut small, 4096, at, ALPN).unwrap());
        }
    }
    // One that does not fit our ClientHello is not offered.
    let kept = tickets.clone();
    assert!(!resume(&server, &mut tickets, 512, at, ALPN).unwrap());
    // Whatever was changed in it, it is none any more.
    let used = kept.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    for place in (0..used).step_by(used / 20) {
        let mut changed = kept.clone();
        changed[place] ^= 0x10;
        let resumed = resume(&server, &mut changed, 4096, at, ALPN).unwrap();
        assert!(!resumed, "{place}");
    }
    let mut tickets = kept;
    assert!(resume(&server, &mut tickets, 4096, at, ALPN).unwrap());
}

#[test]
fn tickets_are_for_one_host_and_one_time() {
    let Some(server) = server_for_many("resume-bound", &[]) else {
        return;
    };
    let mut tickets = vec![0; 4096];
    let at = |later| Clock::At(pki::NOW + later);
    assert!(!resume(&server, &mut tickets, 4096, at(0), ALPN).unwrap());
    let kept = tickets;
    // Another configuration; a time that is not known, or before; too late (the server says two
    // hours).
    for (clock, alpn) in [
        (at(1), None),
        (Clock::AtLeast(pki::NOW), ALPN),
        (Clock::At(pki::NOW - 1), ALPN),
        (at(7200), ALPN),
    ] {
        let mut tickets = kept.clone();
        assert!(!resume(&server, &mut tickets, 4096, clock, alpn).unwrap());
    }
    let mut tickets = kept.clone();
    assert!(resume(&server, &mut tickets, 4096, at(7199), ALPN).unwrap());
    // Another server of the same name that does not know it goes on without.
    let Some(other) = server_for_many("resume-other", &[]) else {
        return;
    };
    let mut tickets = kept;
    assert!(!resume(&other, &mut tickets, 4096, at(1), ALPN).unwrap());
    assert!(resume(&other, &mut tickets, 4096, at(1), ALPN).unwrap());
}

#[test]
fn a_certificate_is_shown_at_least_once_in_seven_days() {
    const WEEK: u64 = 7 * 24 * 3600;
    let Some(server) = server_for_many("resume-week", &[]) else {
        return;
    };
    let mut tickets = vec![0; 4096];
    let at = |later| Clock::At(pki::NOW + later);
    assert!(!resume(&server, &mut tickets, 4096, at(0), ALPN).unwrap());
    // Each ticket is young enough by itself.
    for later in (7000..).step_by(7000) {
        let resumed = resume(&server, &mut tickets, 4096, at(later), ALPN).unwrap();
        assert_eq!(resumed, later < WEEK, "{later}");
        if !resumed {
            assert!(resume(&server, &mut tickets, 4096, at(later + 1), ALPN).unwrap());
            break;
        }
    }
}

#[test]
#[cfg(feature = "x25519")]
fn sessions_are_resumed_after_a_retry() {
    let Some(server) = server_for_many("resume-retry", &["-groups", "P-256"]) else {
        return;
    };
    let mut tickets = vec![0; 4096];
    let at = Clock::At(pki::NOW);
    assert!(!resume(&server, &mut tickets, 4096, at, ALPN).unwrap());
    assert!(resume(&server, &mut tickets, 4096, at, ALPN).unwrap());
}

#[test]
#[cfg(all(feature = "aes256", feature = "chacha20"))]
fn sessions_of_every_suite_are_resumed() {
    for suite in ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
        let Some(server) = server_for_many(suite, &["-ciphersuites", suite]) else {
            return;
        };
        let mut tickets = vec![0; 4096];
        let at = Clock::At(pki::NOW);
        assert!(!resume(&server, &mut tickets, 4096, at, ALPN).unwrap());
        assert!(resume(&server, &mut tickets, 4096, at, ALPN).unwrap());
    }
}

/// Sends lines, and expects each back in reverse.
async fn reverse(secured: &mut Secured<'_, Socket>) {
    for length in [1, 100, 2500] {
        let line = (0..length)
            .map(|n| b'a' + (n % 26) as u8)
            .collect::<Vec<_>>();
        secured.write_all(&line).await.unwrap();
        secured.write_all(b"\n").await.unwrap();
        secured.flush().await.unwrap();
        let mut answer = vec![0; line.len() + 1];
        secured.read_exact(&mut answer).await.unwrap();
        answer.pop();
        answer.reverse();
        assert_eq!(answer, line);
    }
    secured.close().await.unwrap();
}

#[test]
fn mutual_authentication_and_echo() {
    for most in [usize::MAX, 7, 1] {
        let Some(server) = server(&format!("echo{most}"), &pki::root()) else {
            return;
        };
        connect(&server, pki::HOST, most, reverse).unwrap();
    }
}

#[test]
fn a_server_that_does_not_know_us_says_so() {
    let other = pki::Spec::ca("root", "root", &pki::key(pki::OTHER_KEY));
    let Some(server) = server("stranger", &other.sign(&pki::key(pki::OTHER_KEY))) else {
        return;
    };
    // In TLS 1.3 the client is done before the server has looked at its certificate.
    let failure = connect(&server, pki::HOST, usize::MAX, async |secured| {
        let outcome = secured.read(&mut [0; 10]).await;
        assert_eq!(outcome, Err(Error::TlsAlert));
        secured.failure()
    });
    assert_eq!(failure.unwrap().unwrap().error, Error::TlsAlert);
}

#[test]
fn a_server_of_another_name_is_refused() {
    let Some(server) = server("name", &pki::root()) else {
        return;
    };
    let outcome = connect(&server, "other.example.com", usize::MAX, async |_| ());
    assert_eq!(outcome.unwrap_err().error, Error::CertHostName);
}

/// The time of certificates that were made just now.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// Connects to a server with an RSA certificate.
fn try_rsa(name: &str, root: &str, identity: &Identity, further: &[&str]) -> Result<(), Failure> {
    let server = server_as(identity, name, &pki::root(), further).unwrap();
    connect_trusting(root, now(), &server, pki::HOST, usize::MAX, reverse)
}

#[test]
fn rsa_keys_of_all_sizes() {
    let Some(authority) = Authority::new("rsa-sizes") else {
        return;
    };
    for bits in [2048, 3072, 4096] {
        let identity = authority.server(bits, &["-sha256"]);
        try_rsa("rsa-sizes-server", &authority.root(), &identity, &[]).unwrap();
    }
}

#[test]
fn rsa_signatures_of_all_kinds() {
    let Some(authority) = Authority::new("rsa-kinds") else {
        return;
    };
    let root = authority.root();
    for hash in ["sha256", "sha384", "sha512"] {
        let option = format!("-{hash}");
        let identity = authority.server(2048, &[&option]);
        let scheme = format!("rsa_pss_rsae_{hash}");
        // For the proof; what is on the certificates does not depend on it.
        let schemes = ["-sigalgs", &scheme, "-client_sigalgs", "ECDSA+SHA256"];
        try_rsa("rsa-kinds-server", &root, &identity, &schemes).unwrap();
        let identity = authority.server(2048, &[&[&option[..]], PSS].concat());
        try_rsa("rsa-kinds-server", &root, &identity, &schemes).unwrap();
    }
}

#[test]
fn rsa_keys_of_the_client() {
    let Some(authority) = Authority::new("rsa-client") else {
        return;
    };
    let server_ca = pki::pem("CERTIFICATE", &pki::root());
    for bits in [2048, 3072, 4096] {
        let client = authority.server(bits, &["-sha256"]);
        let certificate = client.certificate + &client.chain;
        let inputs = Inputs {
            certificate: certificate.as_bytes(),
            key: KeyInput::Bytes(client.key.as_bytes()),
            ca: server_ca.as_bytes(),
        };
        for hash in ["sha256", "sha384", "sha512"] {
            // Which scheme it proves its key with; its certificates are signed otherwise.
            let offer = format!("rsa_pss_rsae_{hash}:RSA+SHA256");
            let ca = rsa::der(&authority.root());
            let further = ["-client_sigalgs", &offer];
            let server = server_as(&Identity::usual(), "rsa-client-server", &ca, &further).unwrap();
            connect_as(&inputs, now(), &server, pki::HOST, usize::MAX, reverse).unwrap();
        }
    }
}

#[test]
fn bad_rsa_chains_are_refused() {
    let (Some(authority), Some(other)) = (Authority::new("rsa-bad"), Authority::new("rsa-other"))
    else {
        return;
    };
    let root = authority.root();
    let refused = |root: &str, identity: &Identity| {
        try_rsa("rsa-bad-server", root, identity, &[])
            .unwrap_err()
            .error
    };
    let mut identity = authority.server(2048, &["-sha256"]);
    // A root of the same name with another key, and one of another name.
    assert_eq!(refused(&other.root(), &identity), Error::CertSignature);
    let stranger = pki::pem("CERTIFICATE", &{
        let key = pki::key(pki::OTHER_KEY);
        pki::Spec::ca("stranger", "stranger", &key).sign(&key)
    });
    assert_eq!(refused(&stranger, &identity), Error::CertUnknownIssuer);
    // The intermediate CA of somebody else.
    let chain = std::mem::replace(&mut identity.chain, {
        other.server(2048, &["-sha256"]).chain
    });
    assert_eq!(refused(&root, &identity), Error::CertSignature);
    // None that matters.
    identity.chain = stranger;
    assert_eq!(refused(&root, &identity), Error::CertUnknownIssuer);
    identity.chain = chain;
    // A signature that was tampered with.
    let mut der = rsa::der(&identity.certificate);
    *der.last_mut().unwrap() ^= 1;
    identity.certificate = pki::pem("CERTIFICATE", &der);
    assert_eq!(refused(&root, &identity), Error::CertSignature);
}

/// The key of a server whose chain is good.
fn leaf_key(root: &str, identity: &Identity) -> Result<LeafKey, Error> {
    let ca = root.as_bytes();
    let (certificate, key) = (pki::client(), pki::sec1(pki::CLIENT_KEY));
    let inputs = Inputs {
        certificate: &certificate,
        key: KeyInput::Bytes(&key),
        ca,
    };
    let mut storage = vec![0; storage_needed(&inputs).unwrap()];
    let credentials = load(&inputs, &mut storage).unwrap();
    let chain = [rsa::der(&identity.chain)];
    verify_chain(
        &rsa::der(&identity.certificate),
        chain.iter().map(Vec::as_slice),
        credentials.roots(),
        &ServerName::try_from(pki::HOST).unwrap(),
        Clock::At(now()),
    )
}

#[test]
fn the_proof_with_an_rsa_key_is_pss() {
    let Some(authority) = Authority::new("rsa-proof") else {
        return;
    };
    let root = authority.root();
    let key = leaf_key(&root, &authority.server(2048, &["-sha256"])).unwrap();
    let transcript = [7; 32];
    let message = [
        &[0x20; 64][..],
        b"TLS 1.3, server CertificateVerify\0",
        &transcript,
    ]
    .concat();
    let pkcs1 = authority.sign(&message, &["-sha256"]);
    let pss = authority.sign(&message, &[&["-sha256"], PSS].concat());
    let pss_384 = authority.sign(&message, &[&["-sha384"], PSS].concat());
    let longer_salt = ["-sigopt", "rsa_pss_saltlen:33"];
    let salt = authority.sign(&message, &[&["-sha256"], &PSS[..2], &longer_salt].concat());
    let other_mask = ["-sigopt", "rsa_mgf1_md:sha384"];
    let mask = authority.sign(&message, &[&["-sha256"], PSS, &other_mask].concat());

    let verify =
        |scheme: u16, signature: &[u8]| verify_signature(&key, scheme, &transcript, signature);
    assert_eq!(verify(0x0804, &pss), Ok(()));
    assert_eq!(verify(0x0805, &pss_384), Ok(()));
    let wrong = Err(Error::CertSignature);
    assert_eq!(
        verify_signature(&key, 0x0804, &[8; 32], &pss),
        wrong,
        "another transcript"
    );
    assert_eq!(verify(0x0804, &pkcs1), wrong);
    assert_eq!(verify(0x0804, &pss_384), wrong);
    assert_eq!(verify(0x0805, &pss), wrong);
    assert_eq!(verify(0x0806, &pss), wrong);
    assert_eq!(verify(0x0804, &salt), wrong);
    assert_eq!(verify(0x0804, &mask), wrong);
    assert_eq!(verify(0x0804, &pss[..255]), wrong);
    assert_eq!(verify(0x0804, &[]), wrong);
    for scheme in 0..=u16::MAX {
        if !matches!(scheme, 0x0804..=0x0806) {
            // rsa_pkcs1_sha256 (0x0401) with a good signature among them.
            assert_eq!(verify(scheme, &pkcs1), Err(Error::CertUnsupported));
            assert_eq!(verify(scheme, &pss), Err(Error::CertUnsupported));
        }
    }
}

#[test]
fn rsa_keys_that_are_too_short_or_too_long_are_refused() {
    let Some(authority) = Authority::new("rsa-short") else {
        return;
    };
    for bits in [1024, 2040, 4104] {
        let key = leaf_key(&authority.root(), &authority.server(bits, &["-sha256"]));
        assert_eq!(key.err(), Some(Error::CertUnsupported), "{bits}");
    }
}
