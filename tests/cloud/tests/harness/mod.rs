//! Starts a real cloud for a test and makes sure that nothing of it is left.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Generous: the tests run on loaded machines. Nothing waits that long unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A directory that ends with the test.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("cloud-{name}-{}", std::process::id()));
        // Of an earlier process with the same number.
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a scratch directory");
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running `cloud serve` with ports of its own.
pub struct Cloud {
    pub child: Child,
    pub port: u16,
    pub plain_port: u16,
    dir: Scratch,
}

impl Cloud {
    pub fn start(name: &str) -> Self {
        Self::start_in(Scratch::new(name), &[])
    }

    pub fn start_in(dir: Scratch, options: &[&str]) -> Self {
        let mut child = serve(&dir.0)
            .args(["--port", "0"])
            .args(options)
            .spawn()
            .expect("cloud starts");
        wait_for("cloud.env", || {
            let ended = child.try_wait().expect("a state");
            assert!(ended.is_none(), "cloud serve ended: {ended:?}");
            dir.0.join("cloud.env").exists()
        });
        let running = cloud::place::Place::open(&dir.0).running().expect("ports");
        Self {
            child,
            port: running.port,
            plain_port: running.plain_port,
            dir,
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir.0
    }

    pub fn file(&self, name: &str) -> String {
        self.dir.0.join(name).display().to_string()
    }

    /// Runs one of the commands to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cloud"))
            .args(arguments)
            .arg("--dir")
            .arg(self.dir())
            .output()
            .expect("cloud runs")
    }

    /// Runs a command that must succeed; its output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs a command that must fail; its error message.
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).expect("text")
    }

    /// A mosquitto client that connects like the device `thing`.
    pub fn device(&self, program: &str, thing: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args(["-h", "localhost", "-p", &self.port.to_string()])
            .args(["-V", "mqttv5", "--tls-version", "tlsv1.3", "-q", "1"])
            .args(["--cafile", &self.file("server-root.pem")])
            .args(["--cert", &self.file(&format!("device-{thing}.pem"))])
            .args(["--key", &self.file(&format!("device-{thing}.key"))])
            .stdin(Stdio::null());
        command
    }

    /// Publishes as a device; what mosquitto_pub says about it.
    pub fn publish(&self, thing: &str, topic: &str, payload: &str) -> String {
        let output = self
            .device("mosquitto_pub", thing)
            .args(["-i", thing, "-d", "-t", topic, "-m", payload])
            .output()
            .expect("mosquitto_pub is installed (package mosquitto-clients)");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn listen(&self, thing: &str, filters: &[impl AsRef<str>]) -> Listener {
        Listener::start(self, thing, filters)
    }

    pub fn signal(&self, signal: &str) {
        // The shell's own kill: Rust's can send nothing but SIGKILL.
        let command = format!("kill -{signal} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &command]).status();
        assert!(status.expect("sh runs").success());
    }

    /// Whether broker and listeners have gone.
    pub fn is_gone(&self) -> bool {
        [self.port, self.plain_port]
            .iter()
            .all(|port| TcpStream::connect(("127.0.0.1", *port)).is_err())
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // mosquitto goes with it; should this process be killed, the closing stdin ends both.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `cloud serve` on `dir`, not yet started, that ends when this process does.
pub fn serve(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloud"));
    command
        .args(["serve", "--die-with-stdin", "--dir"])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    command
}

/// A device that has subscribed.
pub struct Listener {
    child: Child,
    lines: Receiver<String>,
    pub subscribed: String,
}

impl Listener {
    fn start(cloud: &Cloud, thing: &str, filters: &[impl AsRef<str>]) -> Self {
        // Line by line: mosquitto_sub fills a buffer when it writes to a pipe.
        let sub = cloud.device("mosquitto_sub", thing);
        let mut command = Command::new("stdbuf");
        command
            .arg("-oL")
            .arg(sub.get_program())
            .args(sub.get_args());
        command.args(["-i", thing, "-d", "-v"]);
        for filter in filters {
            command.args(["-t", filter.as_ref()]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("mosquitto_sub is installed (package mosquitto-clients)");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut listener = Self {
            child,
            lines,
            subscribed: String::new(),
        };
        listener.subscribed = listener.line("Subscribed");
        listener
    }

    /// The next line that starts so.
    pub fn line(&mut self, start: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line starts with {start}; came: {seen:#?}");
            };
            if line.starts_with(start) {
                return line;
            }
            seen.push(line);
        }
    }

    /// The payload of the next message on `topic`.
    pub fn message(&mut self, topic: &str) -> serde_json::Value {
        let start = format!("{topic} ");
        let line = self.line(&start);
        serde_json::from_str(&line[start.len()..]).expect("JSON")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until the answer is yes.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
