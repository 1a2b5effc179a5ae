//! A server that has the keys of its session and does with them what the bytes say: messages
//! changed, in any order, any number, any length; records likewise. The client may come with a
//! ticket that the server knows.

use std::sync::{Arc, OnceLock};

use crate::{
    engine::Native,
    pki,
    server::{
        Change, Event, HANDSHAKE, Known, Resume, Server,
        Step::{self, *},
        Verify as V, extension, list16, message,
    },
    world::{Client, Pace, SMOOTH, run as run_client},
};

/// What one honest server does after the other.
fn honest() -> Vec<Step> {
    vec![
        Hello,
        Extensions(Vec::new()),
        Request,
        Certificate(vec![pki::server(), pki::intermediate()]),
        Verify(V::By(pki::SERVER_KEY)),
        Finished,
    ]
}

/// The same if it goes on from a ticket.
fn resumed() -> Vec<Step> {
    vec![Resume(Resume::Knowing), Extensions(Vec::new()), Finished]
}

/// The memory of a client that has been here before, and what the server knows of its ticket.
fn ticket() -> &'static (Vec<u8>, Known) {
    static TICKET: OnceLock<(Vec<u8>, Known)> = OnceLock::new();
    TICKET.get_or_init(|| {
        // Lifetime, age_add, nonce, ticket, no extensions.
        let body = [
            &[0, 0, 1, 0, 0, 0, 0, 0, 1, 1][..],
            &list16(&[7; 32]),
            &[0, 0],
        ];
        let gives = vec![Message(message(4, &body.concat()))];
        let mut server = Server::new(honest(), gives, Some(7));
        let client = Client {
            tickets: vec![0; 512],
            ..Client::default()
        };
        let report = run_client::<Native>(&client, &mut server);
        let known = Known {
            ticket: vec![7; 32],
            key: server.suite.derive(&server.resumption, "resumption", &[1]),
            suite: server.suite,
            age: 0,
        };
        (report.tickets, known)
    })
}

/// The most steps that the bytes can ask for.
const MOST: usize = 60;

/// The bytes, taken one after the other.
struct Bytes<'d>(&'d [u8]);

impl Bytes<'_> {
    fn one(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    fn some(&mut self, most: u8) -> Vec<u8> {
        let length = usize::from(self.one() % most).min(self.0.len());
        let (some, rest) = self.0.split_at(length);
        self.0 = rest;
        some.to_vec()
    }
}

/// A change of a message or a record.
fn change(bytes: &mut Bytes<'_>) -> Change {
    let (kind, at, value) = (bytes.one(), bytes.one(), bytes.one());
    // From the front or from the back: what is of interest is at both ends.
    let place = move |length: usize| match kind & 0x80 {
        0 => usize::from(at).min(length),
        _ => length.saturating_sub(usize::from(at)),
    };
    let insert = bytes.some(40);
    Arc::new(move |target| {
        let before = target.clone();
        let place = place(target.len());
        match kind & 7 {
            0 | 1 => {
                if let Some(byte) = target.get_mut(place) {
                    *byte ^= value;
                }
            }
            2 => target.truncate(place),
            3 => drop(target.splice(place..place, insert.iter().copied())),
            4 => {
                let end = target.len().min(place + usize::from(value));
                target.drain(place..end);
            }
            // With the right length of the message.
            5 if target.len() >= 4 => {
                let mut body = target.split_off(4);
                let place = place.min(body.len());
                body.splice(place..place, insert.iter().copied());
                *target = message(target[0], &body);
            }
            6 if target.len() >= 4 => {
                let mut body = target.split_off(4);
                body.truncate(place);
                *target = message(target[0], &body);
            }
            _ => target.extend(&before),
        }
        // A change it must be.
        if *target == before {
            target.push(0);
        }
    })
}

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let ways = bytes.one();
    let (drips, returns) = (ways & 1 == 1, ways & 2 == 2);
    let honest = if returns { resumed() } else { honest() };
    let mut next = 0;
    let mut script = Vec::new();
    let mut changed = false;
    // Whether the proof went out as it should be, and the certificates.
    let (mut certified, mut proven) = (false, false);
    let mut push_honest = |index: usize, changed: &mut bool, script: &mut Vec<Step>| {
        if let Some(step) = honest.get(index) {
            let intact = !std::mem::take(changed);
            certified |= intact && matches!(step, Certificate(_));
            proven |= intact && matches!(step, Verify(_));
            script.push(step.clone());
        }
    };
    while !bytes.0.is_empty() && script.len() < MOST {
        match bytes.one() % 20 {
            0..=2 => {
                push_honest(next, &mut changed, &mut script);
                next += 1;
            }
            3 => push_honest(usize::from(bytes.one() % 6), &mut changed, &mut script),
            4 => next += 1,
            5 => {
                script.push(Change(change(&mut bytes)));
                changed = true;
            }
            6 => script.push(Fragment(1 + usize::from(bytes.one()))),
            7 => script.push(Hold),
            8 => script.push(Release),
            9 => {
                let kind = bytes.one();
                // Mostly types that there are.
                let kind = if kind < 0xf0 { 20 + kind % 4 } else { kind };
                let padding = usize::from(bytes.one() % 64);
                script.push(Sealed(kind, bytes.some(100), padding));
            }
            10 => script.push(Plain(20 + bytes.one() % 4, bytes.some(100))),
            11 => script.push(Tamper(change(&mut bytes))),
            12 => script.push(Replay),
            13 => script.push(Lose),
            14 => script.push(KeyUpdate(bytes.one() % 3)),
            15 => {
                let kind = bytes.one();
                script.push(Message(message(kind, &bytes.some(100))));
            }
            16 => script.push(Raw(bytes.some(30))),
            17 => script.push(match bytes.one() % 4 {
                0 => Hello,
                1 => Resume(Resume::Knowing),
                2 => Resume(Resume::NotKnowing),
                _ => Resume(Resume::NotSaying),
            }),
            18 => {
                let cookie = extension(44, &list16(&bytes.some(40)));
                script.extend([Retry(cookie), Await(Event::Hello)]);
            }
            _ => match bytes.one() % 4 {
                0 => script.push(Await(Event::Finished)),
                1 => script.push(Sealed(HANDSHAKE, message(4, &bytes.some(60)), 0)),
                2 => script.push(SealedNothing),
                _ => script.push(Eof),
            },
        }
    }
    let understands = !script.iter().any(|step| matches!(step, Change(_)));
    let retries = script.iter().any(|step| matches!(step, Retry(_)));
    let knows = script
        .iter()
        .any(|step| matches!(step, Resume(Resume::Knowing | Resume::NotSaying)));
    let mut server = Server::new(script, Vec::new(), Some(7));
    let (memory, known) = ticket();
    server.known = returns.then(|| known.clone());
    let client = Client {
        pace: Pace {
            read: if drips { 1 } else { usize::MAX },
            ..SMOOTH
        },
        tickets: if returns { memory.clone() } else { Vec::new() },
        ..Client::default()
    };
    let report = run_client::<Native>(&client, &mut server);
    let seen = &server.seen;
    // A server that makes keys twice, or from what it did not send, does not understand its client.
    if understands && server.sent.iter().filter(|kind| **kind == 2).count() <= 1 {
        assert_eq!(seen.wrong, None);
    }
    // A ticket is used once, whatever comes of it.
    assert!(!returns || report.tickets != client.tickets);
    if let Some(info) = report.info {
        let finished = server.sent.iter().position(|&kind| kind == 20).unwrap();
        let sent = match &server.sent[..=finished] {
            [2, flight @ ..] if retries && flight.starts_with(&[2]) => flight,
            flight => flight,
        };
        if info.resumed {
            assert!(returns && knows, "resumed without the ticket's key");
            assert_eq!(sent, [2, 8, 20]);
        } else {
            assert!(proven, "connected without a proof");
            assert!(certified, "connected without certificates");
            assert!(
                matches!(sent, [2, 8, 11, 15, 20] | [2, 8, 13, 11, 15, 20]),
                "connected with {sent:?}"
            );
        }
    } else {
        assert!(seen.data.is_empty() && seen.chain.is_empty() && seen.messages.is_empty());
        assert!(report.received.is_empty());
    }
}

/// An honest session, new and resumed, in one piece and in many, and one of each misdeed.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![0; 7], vec![1; 7], vec![0, 6, 9, 0, 0, 0, 0, 0, 0]];
    seeds.extend([
        vec![2, 0, 0, 0],
        vec![3, 0, 0, 0],
        vec![2, 18, 3, 7, 7, 7, 0, 0, 0],
    ]);
    // A ServerHello that is changed on its way, then Finished.
    seeds.push(vec![
        0, 11, 0x89, 0x89, 0x89, 5, 2, 3, 0, 5, 1, 2, 3, 0x89, 11, 5, 0,
    ]);
    for misdeed in 3..20 {
        // In every place.
        for (ways, messages) in [(0, 7), (2, 4)] {
            for place in 0..messages {
                let mut seed = vec![0; 1 + place];
                seed[0] = ways;
                seed.extend([misdeed, 2, 5, 1, 3, 7, 7, 7]);
                seed.extend([0; 7]);
                seeds.push(seed);
            }
        }
    }
    seeds
}
