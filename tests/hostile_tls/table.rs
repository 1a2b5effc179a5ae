//! Holds an engine to the table.

use std::{collections::BTreeMap, sync::mpsc, thread, time::Duration};

use iot_thing::{Error, tls::Failure};

use crate::{
    deviations::Deviation,
    engine::Engine,
    outcome::{Failed, Outcome},
    scenarios::{Scenario, all},
    server::Server,
    world::{Client, DRIP, Pace, Peer, Report, SMOOTH, run},
};

/// No scenario takes a second; one that takes this long comes to no end.
const TOO_LONG: Duration = Duration::from_secs(60);

/// What happened, and what was wrong with that.
struct Verdict {
    group: &'static str,
    name: String,
    outcome: Outcome,
    expected: Outcome,
    /// A rule that holds in every scenario was broken.
    breach: Option<String>,
}

/// What must come of a scenario with this engine.
fn expected<E: Engine>(scenario: &Scenario) -> Outcome {
    if E::SENDS_ALERTS {
        scenario.expected
    } else {
        scenario.expected.without_alert()
    }
}

/// Whether an engine does in a scenario what it should.
pub fn conforms<E: Engine>(scenario: &Scenario) -> bool {
    !E::DEVIATIONS
        .iter()
        .any(|deviation| deviation.scenario == scenario.name)
}

/// Runs a scenario in a thread of its own, so that neither a panic nor an endless loop is the
/// end of the tests.
fn contained<E: Engine>(scenario: Scenario, pace: Pace) -> (Outcome, Option<String>) {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = sender.send(perform::<E>(&scenario, pace));
    });
    match receiver.recv_timeout(TOO_LONG) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => (Outcome::Hang, None),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let told = thread.join().err().and_then(|panic| {
                let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
                text.or_else(|| panic.downcast_ref::<String>().cloned())
            });
            match told {
                Some(text) if text.contains("turns in a circle") => (Outcome::Hang, None),
                // A check of the tests themselves, not of the engine.
                Some(text) if text.starts_with("assertion") => (Outcome::Crash, Some(text)),
                _ => (Outcome::Crash, None),
            }
        }
    }
}

fn perform<E: Engine>(scenario: &Scenario, pace: Pace) -> (Outcome, Option<String>) {
    let mut server = Server::new(scenario.flight.clone(), scenario.after.clone(), Some(7));
    let client = Client {
        pace,
        ..scenario.client.clone()
    };
    let report = run::<E>(&client, &mut server);
    let outcome = outcome(&report, &server);
    (outcome, broken_rule(&report, scenario, &server, outcome))
}

fn outcome(report: &Report, server: &Server) -> Outcome {
    let failed = |failure: Failure| Failed {
        error: failure.error,
        ours: server.seen.alert.map(|alert| alert.number),
        theirs: failure.alert,
        needed: failure.needed,
    };
    match report.failure {
        _ if report.waits => Outcome::Waits,
        None => Outcome::Works,
        Some(failure) if report.info.is_none() => Outcome::Refused(failed(failure)),
        Some(failure) => Outcome::Ended(failed(failure)),
    }
}

/// What holds whatever the server does.
fn broken_rule(
    report: &Report,
    scenario: &Scenario,
    server: &Server,
    outcome: Outcome,
) -> Option<String> {
    let message = &scenario.client.message;
    let seen = &server.seen;
    if let Some(wrong) = &seen.wrong {
        return Some(format!("the client sent {wrong}"));
    }
    if report.info.is_none() {
        // Neither application data nor the client's identity, for nobody.
        if !seen.data.is_empty() || !report.received.is_empty() {
            return Some("application data moved before authentication".into());
        }
        if !seen.chain.is_empty() || !seen.messages.is_empty() {
            return Some("the client went on before authentication".into());
        }
    }
    if let Some(alert) = seen.alert {
        if alert.level != 2 {
            return Some("an alert that is not fatal".into());
        }
        if alert.encrypted != (server.has_keys() && scenario.gives_keys()) {
            return Some(format!("an alert, encrypted: {}", alert.encrypted));
        }
    }
    match outcome {
        Outcome::Works => {
            let asked = seen.messages.first() == Some(&11);
            if report.received != *message || seen.data != *message {
                Some("the message did not come through".into())
            } else if !seen.finished || !seen.closed || asked != seen.proven {
                Some("an incomplete handshake or end".into())
            } else {
                None
            }
        }
        Outcome::Ended(_) if !report.received.is_empty() => Some("took application data".into()),
        _ => None,
    }
}

/// Runs all scenarios.
fn verdicts<E: Engine>(pace: Pace) -> Vec<Verdict> {
    let verdict = |scenario: Scenario| {
        let (group, name) = (scenario.group, scenario.name.clone());
        let expected = expected::<E>(&scenario);
        let (outcome, breach) = contained::<E>(scenario, pace);
        Verdict {
            group,
            name,
            outcome,
            expected,
            breach,
        }
    };
    all().into_iter().map(verdict).collect()
}

/// Prints the sums and fails unless every scenario comes out as it should, or deviates exactly as
/// is known.
fn judge<E: Engine>(verdicts: &[Verdict]) {
    let mut known = E::DEVIATIONS.iter().collect::<Vec<_>>();
    let mut wrong = Vec::new();
    let mut sums = BTreeMap::<&str, [usize; 4]>::new();
    let mut order = Vec::new();
    for verdict in verdicts {
        if !order.contains(&verdict.group) {
            order.push(verdict.group);
        }
        let sum = sums.entry(verdict.group).or_default();
        sum[0] += 1;
        sum[1] += usize::from(verdict.outcome == verdict.expected);
        sum[2] += usize::from(verdict.outcome == Outcome::Crash);
        sum[3] += usize::from(verdict.outcome == Outcome::Hang);

        let position = known
            .iter()
            .position(|deviation| deviation.scenario == verdict.name);
        let deviation = position.map(|position| known.remove(position));
        let right = match deviation {
            Some(Deviation { outcome, .. }) => {
                *outcome == verdict.outcome && verdict.outcome != verdict.expected
            }
            None => verdict.outcome == verdict.expected,
        };
        if !right || verdict.breach.is_some() {
            wrong.push(verdict);
        }
    }
    println!("{}: scenarios, as wanted, crashes, hangs", E::NAME);
    let mut total = [0; 4];
    for group in order {
        let sum = sums[group];
        println!(
            "  {group:<20} {:>4} {:>4} {:>4} {:>4}",
            sum[0], sum[1], sum[2], sum[3]
        );
        for (total, sum) in total.iter_mut().zip(sum) {
            *total += sum;
        }
    }
    println!(
        "  {:<20} {:>4} {:>4} {:>4} {:>4}",
        "all", total[0], total[1], total[2], total[3]
    );
    for verdict in &wrong {
        println!(
            "{}: {:?}\n    outcome  {:?}\n    expected {:?}\n    {}",
            verdict.group,
            verdict.name,
            verdict.outcome,
            verdict.expected,
            verdict.breach.as_deref().unwrap_or("")
        );
    }
    let unknown = known.iter().map(|deviation| deviation.scenario);
    let unknown = unknown.collect::<Vec<_>>();
    assert!(unknown.is_empty(), "no such scenarios: {unknown:?}");
    assert!(wrong.is_empty(), "{} came out otherwise", wrong.len());
}

/// Every scenario over a good network.
pub fn smooth<E: Engine>() {
    judge::<E>(&verdicts::<E>(SMOOTH));
}

/// Every scenario one byte at a time, pending before each.
pub fn byte_by_byte<E: Engine>() {
    judge::<E>(&verdicts::<E>(DRIP));
}

#[test]
fn the_names_are_unique() {
    let mut names = all()
        .into_iter()
        .map(|scenario| scenario.name)
        .collect::<Vec<_>>();
    names.sort();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None);
}

/// The bytes that a server sent in an earlier run, at the same points of the client's course: the
/// same random bytes on both sides make the same conversation, without the work.
struct Recording {
    /// What the client had sent altogether, and what came then.
    answers: Vec<(usize, Vec<u8>)>,
    received: usize,
}

impl Peer for Recording {
    fn receive(&mut self, bytes: &[u8]) {
        self.received += bytes.len();
    }

    fn take_output(&mut self) -> Vec<u8> {
        let due = self
            .answers
            .iter()
            .take_while(|(after, _)| *after <= self.received)
            .count();
        self.answers
            .drain(..due)
            .flat_map(|(_, bytes)| bytes)
            .collect()
    }

    fn at_end(&self) -> bool {
        false
    }
}

/// A server whose answers are written down.
struct Recorder {
    server: Server,
    recording: Vec<(usize, Vec<u8>)>,
    received: usize,
}

impl Peer for Recorder {
    fn receive(&mut self, bytes: &[u8]) {
        self.received += bytes.len();
        self.server.receive(bytes);
    }

    fn take_output(&mut self) -> Vec<u8> {
        let output = self.server.take_output();
        if !output.is_empty() {
            self.recording.push((self.received, output.clone()));
        }
        output
    }

    fn at_end(&self) -> bool {
        self.server.at_end()
    }
}

/// In every scenario that works the stream ends too early: in the plain one after every byte, in
/// the others at some fifty places, other ones in each.
pub fn cut_short<E: Engine>() {
    let mut runs = 0;
    for (index, scenario) in all().iter().enumerate() {
        if scenario.expected != Outcome::Works || !conforms::<E>(scenario) {
            continue;
        }
        let name = &scenario.name;
        let mut recorder = Recorder {
            server: Server::new(scenario.flight.clone(), scenario.after.clone(), Some(7)),
            recording: Vec::new(),
            received: 0,
        };
        let whole = run::<E>(&scenario.client, &mut recorder);
        assert_eq!(whole.failure, None, "{name}");
        let step = if index == 0 { 1 } else { whole.taken / 50 };
        for cut in (index % step..whole.taken).step_by(step) {
            let client = Client {
                pace: Pace { cut, ..SMOOTH },
                ..scenario.client.clone()
            };
            let mut recording = Recording {
                answers: recorder.recording.clone(),
                received: 0,
            };
            let report = run::<E>(&client, &mut recording);
            let failure = report.failure.expect("it was cut");
            assert_eq!(
                (failure.error, failure.alert),
                (Error::TcpClosed, None),
                "{name}: {cut}"
            );
            assert_eq!(
                report.info.is_some(),
                cut >= whole.taken_for_handshake,
                "{name}: {cut}"
            );
            assert!(
                report.received.len() < client.message.len(),
                "{name}: {cut}"
            );
            runs += 1;
        }
    }
    println!("{}: {runs} ends", E::NAME);
}
