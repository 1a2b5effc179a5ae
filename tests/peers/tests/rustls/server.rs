//! One connection of a rustls server.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use peers::pki;
use rustls::{
    Error, RootCertStore, ServerConfig, ServerConnection, SupportedCipherSuite,
    crypto::{CryptoProvider, SupportedKxGroup, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{Accepted, Acceptor, WebPkiClientVerifier},
};

/// How it is set up.
pub struct Setup {
    /// Whether it requires a client certificate.
    pub asks: bool,
    /// The largest record it sends, with its header.
    pub record: Option<usize>,
    pub tickets: usize,
    pub protocols: &'static [&'static str],
    /// All if empty.
    pub suites: Vec<SupportedCipherSuite>,
    pub groups: Vec<&'static dyn SupportedKxGroup>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            asks: true,
            record: None,
            tickets: 2,
            protocols: &[],
            suites: Vec::new(),
            groups: Vec::new(),
        }
    }
}

/// What it does once connected.
#[derive(Clone, Copy)]
pub enum Course {
    /// Sends everything back.
    Echo,
    /// The same, and changes keys each time.
    NewKeys,
    /// Sends so many bytes.
    Send(usize),
}

/// A running server.
pub struct Server {
    pub address: String,
    thread: JoinHandle<Seen>,
}

/// What it saw.
pub struct Seen {
    /// The suites that the client offered.
    pub suites: Vec<u16>,
    /// The name that the client wanted.
    pub name: Option<String>,
    /// The bytes of its own certificates.
    pub sent: usize,
    /// Why it failed, if it did.
    pub outcome: Result<(), Error>,
}

impl Server {
    /// Waits for its end.
    pub fn seen(self) -> Seen {
        self.thread.join().unwrap()
    }

    /// Why it failed, if it did.
    pub fn ended(self) -> Result<(), Error> {
        self.seen().outcome
    }
}

/// Starts one with this chain.
pub fn start(chain: &str, setup: Setup, course: Course) -> Server {
    start_for(1, chain, setup, course)
}

/// Starts one for so many connections, of which it tells the last one.
pub fn start_for(connections: usize, chain: &str, setup: Setup, course: Course) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (config, sent) = configure(chain, setup);
    let connection = move || {
        let config = config.clone();
        let mut stream = listener.accept().unwrap().0;
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let accepted = accept(&mut stream);
        let hello = accepted.client_hello();
        Seen {
            suites: hello
                .cipher_suites()
                .iter()
                .map(|&suite| suite.into())
                .collect(),
            name: hello.server_name().map(str::to_string),
            sent,
            outcome: match accepted.into_connection(config) {
                Ok(connection) => serve(connection, &mut stream, course),
                Err((error, mut alert)) => {
                    alert.write_all(&mut stream).unwrap();
                    Err(error)
                }
            },
        }
    };
    let thread = thread::spawn(move || {
        (1..connections).for_each(|_| connection().outcome.unwrap());
        connection()
    });
    Server { address, thread }
}

fn configure(chain: &str, setup: Setup) -> (Arc<ServerConfig>, usize) {
    let certificates = |file: &str| {
        CertificateDer::pem_file_iter(pki::file(file))
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap()
    };
    let own = certificates(&format!("{chain}-chain.pem"));
    let sent = own.iter().map(|certificate| certificate.len()).sum();
    let key = PrivateKeyDer::from_pem_file(pki::file(&format!("{chain}-leaf.key"))).unwrap();
    let mut provider: CryptoProvider = ring::default_provider();
    if !setup.suites.is_empty() {
        provider.cipher_suites = setup.suites;
    }
    if !setup.groups.is_empty() {
        provider.kx_groups = setup.groups;
    }
    let provider = Arc::new(provider);
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap();
    let builder = if setup.asks {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates("device-ca.pem"));
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(own, key).unwrap();
    config.max_fragment_size = setup.record;
    config.send_tls13_tickets = setup.tickets;
    config.alpn_protocols = setup
        .protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    (config.into(), sent)
}

/// Takes the ClientHello.
fn accept(stream: &mut TcpStream) -> Accepted {
    let mut acceptor = Acceptor::default();
    loop {
        acceptor.read_tls(stream).unwrap();
        match acceptor.accept() {
            Ok(Some(accepted)) => return accepted,
            Ok(None) => {}
            Err((error, _)) => panic!("{error}"),
        }
    }
}

/// Runs the connection until the client closes it.
fn serve(
    mut connection: ServerConnection,
    stream: &mut TcpStream,
    course: Course,
) -> Result<(), Error> {
    let mut rest = match course {
        Course::Send(length) => (0..length).map(|n| n as u8).collect(),
        Course::Echo | Course::NewKeys => Vec::new(),
    };
    let broken = |error: std::io::Error| Error::General(error.to_string());
    loop {
        while !connection.is_handshaking() && !rest.is_empty() {
            let taken = connection.writer().write(&rest).map_err(broken)?;
            rest.drain(..taken);
            while connection.wants_write() {
                connection.write_tls(stream).map_err(broken)?;
            }
        }
        while connection.wants_write() {
            connection.write_tls(stream).map_err(broken)?;
        }
        if connection.read_tls(stream).map_err(broken)? == 0 {
            return Err(Error::General("the client is gone".into()));
        }
        let state = match connection.process_new_packets() {
            Ok(state) => state,
            Err(error) => {
                // The alert.
                let _ = connection.write_tls(stream);
                return Err(error);
            }
        };
        if state.plaintext_bytes_to_read() > 0 {
            let mut bytes = vec![0; state.plaintext_bytes_to_read()];
            connection.reader().read_exact(&mut bytes).map_err(broken)?;
            if let Course::NewKeys = course {
                connection.refresh_traffic_keys()?;
            }
            rest.extend(bytes);
        }
        if state.peer_has_closed() {
            return Ok(());
        }
    }
}
