//! The MQTT broker: mosquitto as a child process.

use crate::access;
use crate::place::Place;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// AWS's figures, as its CONNACK announces them.
pub const MAX_PACKET_BYTES: u32 = 149_504;
const MAX_PAYLOAD_BYTES: u32 = 131_072;
const RECEIVE_MAXIMUM: u16 = 100;
const TOPIC_ALIAS_MAXIMUM: u16 = 8;
const MAX_KEEP_ALIVE_S: u16 = 1200;

const START_TIMEOUT: Duration = Duration::from_secs(10);
/// A free port can be taken by somebody else before mosquitto has it.
const PORT_ATTEMPTS: usize = 5;
/// What is quoted when mosquitto does not start.
const QUOTED_LINES: usize = 8;

/// What mosquitto is to be.
pub struct Config {
    /// For devices, with TLS. 0: any free port.
    pub port: u16,
    /// For the service and the commands, without TLS. 0: any free port.
    pub plain_port: u16,
    /// Server certificate followed by its intermediates.
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub things: Vec<String>,
}

/// A line of mosquitto's log, or its end.
pub enum Sign {
    Line(String),
    Ended,
}

pub struct Broker {
    child: Child,
    pub port: u16,
    pub plain_port: u16,
}

enum Failure {
    PortTaken(String),
    Other(String),
}

impl Broker {
    /// Starts mosquitto and waits until it listens. Everything it logs later goes to `signs`.
    ///
    /// To be called from the program's main thread: mosquitto is told to end with the thread
    /// that started it.
    pub fn start(place: &Place, config: &Config, signs: &Sender<Sign>) -> Result<Self, String> {
        let mut attempts = 1..=PORT_ATTEMPTS;
        loop {
            attempts.next();
            match Self::try_start(place, config, signs) {
                Ok(broker) => return Ok(broker),
                Err(Failure::PortTaken(_)) if config.port == 0 && !attempts.is_empty() => {}
                Err(Failure::PortTaken(why) | Failure::Other(why)) => return Err(why),
            }
        }
    }

    fn try_start(place: &Place, config: &Config, signs: &Sender<Sign>) -> Result<Self, Failure> {
        let other = Failure::Other;
        let port = pick_port(config.port).map_err(Failure::Other)?;
        let plain_port = pick_port(config.plain_port).map_err(Failure::Other)?;

        let access = access::initial(&config.things).to_string();
        place.write("access.json", &access).map_err(other)?;
        let text = configuration(place, config, port, plain_port).map_err(other)?;
        place.write("mosquitto.conf", &text).map_err(other)?;

        let mut child = spawn(&place.file("mosquitto.conf")).map_err(other)?;
        let Some(stderr) = child.stderr.take() else {
            return Err(other("mosquitto has no log".into()));
        };
        let log = File::create(place.file("mosquitto.log"))
            .map_err(|e| other(format!("cannot write mosquitto.log: {e}")))?;
        let mut broker = Self {
            child,
            port,
            plain_port,
        };
        broker.wait_until_up(stderr, log, signs)?;
        Ok(broker)
    }

    fn wait_until_up(
        &mut self,
        stderr: ChildStderr,
        log: File,
        signs: &Sender<Sign>,
    ) -> Result<(), Failure> {
        let (first, starting) = channel();
        let signs = signs.clone();
        thread::spawn(move || follow(stderr, log, &first, &signs));

        let deadline = Instant::now() + START_TIMEOUT;
        let mut recent = VecDeque::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match starting.recv_timeout(left) {
                // Written after all listeners are open.
                Ok(line) if line.starts_with("mosquitto version") && line.ends_with("running") => {
                    return Ok(());
                }
                Ok(line) => {
                    recent.push_back(line);
                    if recent.len() > QUOTED_LINES {
                        recent.pop_front();
                    }
                }
                Err(end) => {
                    let lines = Vec::from(recent).join("\n  ");
                    let why = match end {
                        RecvTimeoutError::Timeout => "did not start in time",
                        RecvTimeoutError::Disconnected => "did not start",
                    };
                    let text = format!("mosquitto {why}; its last log lines:\n  {lines}");
                    return Err(if lines.contains("Address already in use") {
                        Failure::PortTaken(text)
                    } else {
                        Failure::Other(text)
                    });
                }
            }
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It has ended already when this fails. Nothing is lost by a hard end: it stores nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies the log to its file and passes it on: to `first` while somebody waits for the start,
/// to `signs` afterwards.
fn follow(stderr: ChildStderr, mut log: File, first: &Sender<String>, signs: &Sender<Sign>) {
    let mut starting = true;
    for line in BufReader::new(stderr).lines() {
        let Ok(line) = line else { break };
        // The file is a convenience: a full disk must not stop the broker.
        let _ = writeln!(log, "{line}");
        let text = line
            .split_once(": ")
            .map_or(line.as_str(), |(_, text)| text);
        if starting {
            starting = first.send(text.to_owned()).is_ok();
        }
        if !starting {
            let _ = signs.send(Sign::Line(text.to_owned()));
        }
    }
    if !starting {
        let _ = signs.send(Sign::Ended);
    }
}

fn pick_port(wanted: u16) -> Result<u16, String> {
    if wanted != 0 {
        return Ok(wanted);
    }
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| format!("no free port: {e}"))
}

fn spawn(config: &Path) -> Result<Child, String> {
    let mosquitto = find_mosquitto()?;
    let start = |mut command: Command| {
        command
            .arg("-c")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
    };
    // setpriv (util-linux) makes the kernel end mosquitto when this program ends in whatever
    // way, SIGKILL included. Where there is none, only an orderly end stops it.
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "KILL"]).arg(&mosquitto);
    start(tied)
        .or_else(|_| start(Command::new(&mosquitto)))
        .map_err(|e| format!("cannot run {}: {e}", mosquitto.display()))
}

fn find_mosquitto() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        // Debian puts it where the PATH of ordinary users does not look.
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|dir| dir.join("mosquitto"))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| "mosquitto is not installed (tools/cloud installs it)".into())
}

fn find_plugin() -> Result<PathBuf, String> {
    const PLUGIN: &str = "mosquitto_dynamic_security.so";
    let roots = [
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/opt/homebrew/lib",
    ]
    .map(PathBuf::from);
    // Debian has one directory for each architecture below /usr/lib.
    let below = fs::read_dir("/usr/lib").into_iter().flatten();
    roots
        .into_iter()
        .chain(below.filter_map(|entry| Some(entry.ok()?.path())))
        .map(|dir| dir.join(PLUGIN))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| format!("mosquitto's plugin {PLUGIN} is not installed"))
}

fn configuration(
    place: &Place,
    config: &Config,
    port: u16,
    plain_port: u16,
) -> Result<String, String> {
    let plugin = find_plugin()?.display().to_string();
    let access = place.file("access.json").display().to_string();
    let device_ca = place.file("device-ca.pem").display().to_string();
    let certificate = config.certificate.display();
    let key = config.key.display();
    // Started by root it would become the user "mosquitto", who may not read our directory;
    // and the change of user would undo the tie to our process. Everyone else ignores this.
    let text = format!(
        "user root
persistence false
per_listener_settings false
log_dest stderr
log_type all
log_timestamp_format %H.%M.%S
set_tcp_nodelay true

max_inflight_messages {RECEIVE_MAXIMUM}
max_keepalive {MAX_KEEP_ALIVE_S}
max_packet_size {MAX_PACKET_BYTES}
message_size_limit {MAX_PAYLOAD_BYTES}
persistent_client_expiration 1h

# Only the plain listener has clients without a name: the other one takes it from the certificate.
allow_anonymous true
plugin {plugin}
plugin_opt_config_file {access}

listener {port} 127.0.0.1
cafile {device_ca}
certfile {certificate}
keyfile {key}
require_certificate true
use_identity_as_username true
tls_version tlsv1.3
max_qos 1
max_topic_alias {TOPIC_ALIAS_MAXIMUM}

listener {plain_port} 127.0.0.1
"
    );
    Ok(text)
}
