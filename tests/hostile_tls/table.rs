//! Holds an engine to the table.

use std::{collections::BTreeMap, sync::mpsc, thread, time::Duration};

use iot_thing::{Error, tls::Failure};

use crate::{
    deviations::Deviation,
    engine::Engine,
    outcome::{Failed, Outcome},
    scenarios::{self, Scenario, honest},
    server::{Event, Known, Server, Step},
    traffic::Suite,
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
fn contained<E: Engine>(scenario: Scenario, suite: Suite, pace: Pace) -> (Outcome, Option<String>) {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = sender.send(perform::<E>(&scenario, suite, pace));
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

/// The client and the server of a scenario, with what both know of an earlier connection.
fn stage<E: Engine>(scenario: &Scenario, suite: Suite) -> (Client, Server) {
    let mut client = scenario.client.clone();
    let mut server = Server::new(scenario.flight.clone(), scenario.after.clone(), Some(7));
    server.suite = scenario.suite.unwrap_or(suite);
    if let Some(earlier) = &scenario.earlier {
        let suite = earlier.suite.unwrap_or(suite);
        let mut other = Server::new(honest::flight(), earlier.after.clone(), Some(7));
        other.suite = suite;
        let report = run::<E>(&earlier.client, &mut other);
        assert_eq!((report.failure, other.seen.wrong), (None, None));
        client.tickets = report.tickets;
        if let Some((nonce, ticket)) = &earlier.offered {
            let age = client.unix_time - earlier.client.unix_time;
            server.known = Some(Known {
                ticket: ticket.clone(),
                key: suite.derive(&other.resumption, "resumption", nonce),
                suite,
                age: (1000 * age as u32).wrapping_add(honest::AGE_ADD),
            });
        }
    }
    (client, server)
}

/// The ticket that a client with this memory offers next.
fn next_ticket<E: Engine>(client: &Client, tickets: &[u8]) -> Option<Vec<u8>> {
    let client = Client {
        tickets: tickets.to_vec(),
        tx: 4096,
        pace: SMOOTH,
        ..client.clone()
    };
    let mut server = Server::new(vec![Step::Await(Event::Data)], Vec::new(), None);
    assert!(run::<E>(&client, &mut server).waits);
    server.seen.offered.pop().expect("a ClientHello came")
}

fn perform<E: Engine>(scenario: &Scenario, suite: Suite, pace: Pace) -> (Outcome, Option<String>) {
    let (client, mut server) = stage::<E>(scenario, suite);
    let client = Client { pace, ..client };
    let report = run::<E>(&client, &mut server);
    let outcome = outcome(&report, &server);
    let broken = broken_rule(&report, scenario, &server, outcome);
    let broken = broken.or_else(|| broken_rule_of_tickets::<E>(&report, scenario, &server));
    (outcome, broken)
}

/// What holds of tickets whatever the server does: what is offered, what is kept, and that what was
/// offered once is not offered again.
fn broken_rule_of_tickets<E: Engine>(
    report: &Report,
    scenario: &Scenario,
    server: &Server,
) -> Option<String> {
    let mut offers = server.seen.offered.iter();
    // Without a ClientHello there is nothing to say.
    let first = offers.next()?;
    let earlier = scenario.earlier.as_ref();
    let offered = earlier.and_then(|earlier| earlier.offered.as_ref());
    if *first != offered.map(|(_, ticket)| ticket.clone()) {
        return Some(format!("the ticket offered: {first:?}"));
    }
    if offers.any(|offer| offer.is_some() && offer != first) {
        return Some("another ticket in the second ClientHello".into());
    }
    if report.info.is_some_and(|info| info.resumed) != (report.info.is_some() && server.resumed) {
        return Some("the client does not know whether it resumed".into());
    }
    if server.resumed && !server.seen.chain.is_empty() {
        return Some("the client showed its certificate".into());
    }
    if report.tickets.is_empty() {
        return None;
    }
    let next = next_ticket::<E>(&scenario.client, &report.tickets);
    (next != scenario.next).then(|| format!("the ticket offered next time: {next:?}"))
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

/// All scenarios for this engine.
fn all<E: Engine>() -> impl Iterator<Item = Scenario> {
    let fits = |scenario: &Scenario| E::RESUMES || scenario.earlier.is_none();
    scenarios::all().into_iter().filter(fits)
}

/// Runs all scenarios.
fn verdicts<E: Engine>(suite: Suite, pace: Pace) -> Vec<Verdict> {
    let verdict = |scenario: Scenario| {
        let (group, name) = (scenario.group, scenario.name.clone());
        let expected = expected::<E>(&scenario);
        let (outcome, breach) = contained::<E>(scenario, suite, pace);
        Verdict {
            group,
            name,
            outcome,
            expected,
            breach,
        }
    };
    all::<E>().map(verdict).collect()
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
    judge::<E>(&verdicts::<E>(Suite::Aes128, SMOOTH));
}

/// Every scenario one byte at a time, pending before each.
pub fn byte_by_byte<E: Engine>() {
    judge::<E>(&verdicts::<E>(Suite::Aes128, DRIP));
}

/// Every scenario with another cipher suite.
#[cfg(any(feature = "aes256", feature = "chacha20"))]
pub fn with_suite<E: Engine>(suite: Suite) {
    println!("{suite:?}");
    judge::<E>(&verdicts::<E>(suite, SMOOTH));
}

#[test]
fn the_names_are_unique() {
    let mut names = scenarios::all()
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

/// The scenarios that are cut off after every byte: each kind of handshake that there is.
const AT_EVERY_BYTE: [&str; 4] = [
    "plain",
    "retry with a cookie",
    "resumed",
    "resumed after a retry",
];

/// In every scenario that works the stream ends too early: in the plain ones after every byte, in
/// the others at some fifty places, other ones in each.
pub fn cut_short<E: Engine>() {
    let (mut runs, mut whole) = (0, 0);
    for (index, scenario) in all::<E>().enumerate() {
        if scenario.expected != Outcome::Works || !conforms::<E>(&scenario) {
            continue;
        }
        let at_every_byte = AT_EVERY_BYTE.contains(&&scenario.name[..]);
        whole += usize::from(at_every_byte);
        runs += cut_scenario::<E>(&scenario, index, at_every_byte);
    }
    assert!(!E::RESUMES || whole == AT_EVERY_BYTE.len());
    println!("{}: {runs} ends", E::NAME);
}

/// Cuts one scenario; returns at how many places.
fn cut_scenario<E: Engine>(scenario: &Scenario, index: usize, at_every_byte: bool) -> usize {
    let name = &scenario.name;
    let (client, server) = stage::<E>(scenario, Suite::Aes128);
    let mut recorder = Recorder {
        server,
        recording: Vec::new(),
        received: 0,
    };
    let whole = run::<E>(&client, &mut recorder);
    assert_eq!(whole.failure, None, "{name}");
    let step = if at_every_byte { 1 } else { whole.taken / 50 };
    let cuts = (index % step..whole.taken).step_by(step);
    for cut in cuts.clone() {
        let client = Client {
            pace: Pace { cut, ..SMOOTH },
            ..client.clone()
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
        // A ticket was used, even so.
        if let Some(earlier) = &scenario.earlier
            && let Some((_, used)) = &earlier.offered
        {
            let next = next_ticket::<E>(&client, &report.tickets);
            assert!(next.is_none_or(|next| next != *used), "{name}: {cut}");
        }
    }
    cuts.count()
}
