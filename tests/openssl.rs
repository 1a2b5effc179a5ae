//! The TLS client against a real OpenSSL server, over TCP.

#![cfg(feature = "embedded-tls")]

#[path = "hostile_tls/pki.rs"]
mod pki;

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
    time::Duration,
};

use embedded_io_async::{ErrorType, Read, Write};
use iot_thing::{
    Error,
    tls::{
        Config, Failure, Inputs, KeyInput, Random, Secured, Slot, handshake, load, memory_size,
        storage_needed,
    },
};

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

/// Starts a server that trusts this client CA; `None`, with a word, if there is no OpenSSL.
fn server(name: &str, client_ca: &[u8]) -> Option<Server> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, label: &str, der: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, pki::pem(label, der)).unwrap();
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
        .arg(file("server.pem", "CERTIFICATE", &pki::server()))
        .arg("-cert_chain")
        .arg(file("chain.pem", "CERTIFICATE", &pki::intermediate()))
        .arg("-key")
        .arg(file("key.pem", "PRIVATE KEY", &pki::pkcs8(pki::SERVER_KEY)))
        .arg("-CAfile")
        .arg(file("ca.pem", "CERTIFICATE", client_ca))
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
    let stream = TcpStream::connect(&server.address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_nonblocking(true).unwrap();
    let socket = Socket { stream, most };
    let certificate = pki::pem("CERTIFICATE", &pki::client());
    let key = pki::pem("EC PRIVATE KEY", &pki::sec1(pki::CLIENT_KEY));
    let ca = pki::pem("CERTIFICATE", &pki::root());
    let inputs = Inputs {
        certificate: certificate.as_bytes(),
        key: KeyInput::Bytes(key.as_bytes()),
        ca: ca.as_bytes(),
    };
    let mut storage = vec![0; storage_needed(&inputs).unwrap()];
    let credentials = load(&inputs, &mut storage).unwrap();
    let (rx, tx) = (4096, 1024);
    let mut memory = vec![0; memory_size(rx, tx)];
    let slot = Slot::new(socket, &mut memory, rx, tx).unwrap();
    let config = Config {
        host,
        alpn: Some(b"x-amzn-mqtt-ca"),
        credentials: &credentials,
        unix_time: pki::NOW,
    };
    block_on(async {
        let mut secured = handshake(&slot, &config, Counter(1)).await?;
        Ok(talk(&mut secured).await)
    })
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
