//! Servers in processes of their own, and a slow network before them.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

/// A running server, which ends with this.
pub struct Server {
    process: Child,
    pub address: String,
    pub stdin: Option<ChildStdin>,
    /// What it says, line by line.
    pub lines: Receiver<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Server {
    /// Starts a program that listens at the port that `arguments` make of a free one. `None`, with
    /// a word, if there is no such program.
    pub fn start(program: &str, arguments: impl Fn(u16) -> Vec<String>) -> Option<Self> {
        // The port may be taken by somebody else meanwhile.
        for _ in 0..5 {
            let port = free_port();
            let spawned = Command::new(program)
                .args(arguments(port))
                .env(
                    "PATH",
                    format!("{}:/usr/sbin", std::env::var("PATH").unwrap()),
                )
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn();
            let Ok(mut process) = spawned else {
                eprintln!("SKIPPED: there is no {program} on this machine");
                return None;
            };
            let (sender, lines) = channel();
            let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
            let streams: [Box<dyn std::io::Read + Send>; 2] =
                [Box::new(stdout.unwrap()), Box::new(stderr.unwrap())];
            for stream in streams {
                let sender = sender.clone();
                thread::spawn(move || {
                    for line in BufReader::new(stream).lines().map_while(Result::ok) {
                        let _ = sender.send(line);
                    }
                });
            }
            let mut server = Self {
                stdin: process.stdin.take(),
                process,
                address: format!("127.0.0.1:{port}"),
                lines,
            };
            if server.listens(port) {
                return Some(server);
            }
        }
        panic!("{program} does not listen");
    }

    /// Waits until it listens; false if it has ended.
    fn listens(&mut self, port: u16) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return false;
            }
            // Not by connecting: some servers take only one connection.
            let listening = Command::new("ss").args(["-Hltn"]).output();
            match listening {
                Ok(output) => {
                    if String::from_utf8_lossy(&output.stdout).contains(&format!(":{port} ")) {
                        return true;
                    }
                }
                Err(_) => {
                    thread::sleep(Duration::from_secs(1));
                    return true;
                }
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
        stdin.flush().unwrap();
    }

    /// Whether it says something with these words within a second.
    pub fn says(&self, words: &str) -> bool {
        let end = Instant::now() + Duration::from_secs(1);
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(words) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// Waits until it says something with these words.
    pub fn wait_for(&self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(20));
            let line = line.unwrap_or_else(|_| panic!("it never says {words:?}"));
            if line.contains(words) {
                return line;
            }
        }
    }
}

/// A network before a server that lets a few bytes through at a time. Returns its address.
pub fn slow(server: &str, bytes: usize, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server.to_string();
    thread::spawn(move || {
        let near = listener.accept().unwrap().0;
        let far = TcpStream::connect(server).unwrap();
        let pass = move |mut from: TcpStream, mut to: TcpStream| {
            let mut buffer = vec![0; bytes];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                thread::sleep(pause);
                if to.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Write);
        };
        let (from, to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        thread::spawn(move || pass(from, to));
        pass(far, near);
    });
    address
}
