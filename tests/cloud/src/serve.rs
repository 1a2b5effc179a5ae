//! `cloud serve`: certificates, broker and shadow service, from start to end.

use crate::broker::{Broker, Config, Sign};
use crate::faults::{Faults, Misfortune};
use crate::mqtt::{Connection, OWN_CLIENT_PREFIX};
use crate::place::{Place, Running};
use crate::service::{FAULTS_TOPIC, Service, Store};
use crate::shadow::Limits;
use crate::topic::{self, ShadowId};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::thread;

pub struct Options {
    pub dir: PathBuf,
    pub port: u16,
    pub plain_port: u16,
    /// Things to make certificates for; those that have one already are let in, too.
    pub things: Vec<String>,
    /// Instead of the usual server certificate: file names, relative to `dir`.
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub limits: Limits,
    /// What goes wrong from the start.
    pub faults: Faults,
    /// Of the dice that decide when.
    pub seed: u64,
    pub die_with_stdin: bool,
    pub quiet: bool,
}

/// Runs until it is told to stop, or says what went wrong.
pub fn serve(options: &Options) -> Result<(), String> {
    let Some(first_thing) = options.things.first() else {
        return Err("serve needs a thing".into());
    };
    for thing in &options.things {
        check_thing(thing)?;
    }
    let place = Place::create(&options.dir)?;
    refuse_second(&place)?;
    place.withdraw()?;
    place.make_certificates(&options.things)?;

    // Installed before the child exists, so that no signal finds it unattended.
    let (stop, stopped) = channel();
    stop_on_signals(&stop)?;
    if options.die_with_stdin {
        stop_with_stdin(&stop);
    }

    let (signs, log) = channel();
    let config = Config {
        port: options.port,
        plain_port: options.plain_port,
        certificate: place.dir().join(&options.certificate),
        key: place.dir().join(&options.key),
        things: place.things()?,
    };
    let broker = Broker::start(&place, &config, &signs)?;
    let stop_service = stop.clone();
    let stop_log = stop;
    let quiet = options.quiet;
    thread::spawn(move || {
        for sign in log {
            match sign {
                Sign::Line(line) if quiet || !is_of_interest(&line) => {}
                Sign::Line(line) => say(&format!("  {line}")),
                Sign::Ended => {
                    let _ = stop_log.send(Err("mosquitto has ended by itself".to_owned()));
                    return;
                }
            }
        }
    });

    let mut connection = Connection::open(broker.plain_port, "shadow-service")?;
    connection.subscribe(topic::REQUEST_FILTERS)?;
    connection.subscribe([FAULTS_TOPIC])?;
    let store = Store::new(options.limits);
    let luck = Misfortune::new(options.faults, options.seed);
    thread::spawn(move || {
        let report = move |line: &str| {
            if !quiet {
                say(line);
            }
        };
        let why = Service::new(connection, store, luck, &report).run();
        let _ = stop_service.send(Err(format!("the shadow service stopped: {why}")));
    });

    place.announce(&Running {
        port: broker.port,
        plain_port: broker.plain_port,
        thing: first_thing.clone(),
    })?;
    say(&format!(
        "local cloud is up: localhost:{} (TLS 1.3, things: {}), files in {}",
        broker.port,
        config.things.join(", "),
        place.dir().display()
    ));

    let verdict = stopped.recv().unwrap_or(Ok(()));
    let withdrawn = place.withdraw();
    drop(broker);
    verdict.and(withdrawn)
}

/// A thing needs a certificate whose common name it is.
pub fn check_thing(thing: &str) -> Result<(), String> {
    match ShadowId::classic(thing).fault() {
        Some(fault) => Err(format!("{fault}: '{thing}'")),
        None if thing == "ca" => Err("a thing called 'ca' would overwrite device-ca.pem".into()),
        None => Ok(()),
    }
}

fn refuse_second(place: &Place) -> Result<(), String> {
    match place.running() {
        Ok(running) if TcpStream::connect(("127.0.0.1", running.plain_port)).is_ok() => {
            Err(format!(
                "a cloud runs in {} already (port {})",
                place.dir().display(),
                running.port
            ))
        }
        _ => Ok(()),
    }
}

fn stop_on_signals(stop: &Sender<Result<(), String>>) -> Result<(), String> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])
        .map_err(|e| format!("cannot watch for signals: {e}"))?;
    let stop = stop.clone();
    thread::spawn(move || {
        for _ in signals.forever() {
            let _ = stop.send(Ok(()));
        }
    });
    Ok(())
}

fn stop_with_stdin(stop: &Sender<Result<(), String>>) {
    let stop = stop.clone();
    thread::spawn(move || {
        let mut ignored = [0; 256];
        // The end and any error mean the same: whoever held the other side is gone.
        while matches!(std::io::stdin().read(&mut ignored), Ok(n) if n > 0) {}
        let _ = stop.send(Ok(()));
    });
}

/// Lines of the broker's log that tell a developer what his device did or why it failed.
fn is_of_interest(line: &str) -> bool {
    const SIGNS: [&str; 8] = [
        "New client connected",
        "Client ",
        "Denied ",
        "OpenSSL Error",
        "Socket error",
        "Error",
        "Warning",
        "Bad socket",
    ];
    SIGNS.iter().any(|sign| line.starts_with(sign)) && !line.contains(OWN_CLIENT_PREFIX)
}

/// Prints a line. That nobody reads it any more is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
