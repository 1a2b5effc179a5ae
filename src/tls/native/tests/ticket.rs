//! Tickets: the binder of RFC 8448, section 4, and what a server may say of them.

use super::{
    super::{
        alert::Alert,
        codec::Writer,
        hello::{Limit, Offered, ServerHello, read_server_hello},
        schedule::{Schedule, expand_label, verify_data},
        suite::Suite,
        ticket::Tickets,
    },
    digest, hex,
};
use crate::tls::crypto::hash::{self, Digest, Hash};

/// The resumption master secret and the nonce of the trace, and the key that comes of them.
const SECRET: &str = "7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c";
const KEY: &str = "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3";

#[test]
fn key_and_binder_are_those_of_rfc_8448() {
    let mut key = Digest::zero(Hash::Sha256);
    let secret = digest(SECRET);
    expand_label(
        Hash::Sha256,
        &secret,
        b"resumption",
        &[0, 0],
        key.as_mut_slice(),
    )
    .unwrap();
    assert_eq!(key.as_slice(), hex(KEY));
    let early = Schedule::early(Hash::Sha256, Some(key.as_slice()));
    let nothing = hash::digest(Hash::Sha256, &[]);
    let secret = early.derive(b"res binder", &nothing).unwrap();
    let truncated = digest("63224b2e4573f2d3454ca84b9d009a04f6be9e05711a8396473aefa01e924a14");
    let binder = verify_data(Hash::Sha256, &secret, &truncated).unwrap();
    let expected = hex("3add4fb2d8fdf822a0ca3cf7678ef5e88dae990141c5924d57bb6fa31b9e5f9d");
    assert_eq!(binder.as_slice(), expected);
}

/// A ServerHello with these extensions besides the version and a key share.
fn server_hello(further: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([1; 32]);
    body.extend([32]);
    body.extend([2; 32]);
    body.extend([0x13, 1, 0]);
    let share = [&[0, 51, 0, 69, 0, 23, 0, 65][..], &[4; 65]].concat();
    let list = [&[0, 43, 0, 2, 3, 4], &share[..], further].concat();
    body.extend((list.len() as u16).to_be_bytes());
    body.extend(list);
    body
}

#[test]
fn a_server_can_only_take_the_ticket_that_was_offered() {
    let read = |ticket, further: &[u8]| {
        let offered = Offered {
            host: true,
            alpn: false,
            limit: Limit::None,
            tickets: true,
            ticket,
        };
        let body = server_hello(further);
        read_server_hello(&body, &[2; 32], offered)
            .map(|hello| matches!(hello, ServerHello::Go { resumes: true, .. }))
    };
    assert_eq!(read(true, &[]), Ok(false));
    assert_eq!(read(true, &[0, 41, 0, 2, 0, 0]), Ok(true));
    let illegal = Err(Alert::IllegalParameter);
    assert_eq!(read(true, &[0, 41, 0, 2, 0, 1]), illegal);
    assert_eq!(read(true, &[0, 41, 0, 2, 0, 0, 0, 41, 0, 2, 0, 0]), illegal);
    for length in [0, 1, 3] {
        let further = [&[0, 41, 0, length][..], &vec![0; length.into()]].concat();
        assert_eq!(read(true, &further), Err(Alert::DecodeError));
    }
    let unsupported = Err(Alert::UnsupportedExtension);
    assert_eq!(read(false, &[0, 41, 0, 2, 0, 0]), unsupported);
    // The mode is ours to say.
    assert_eq!(read(false, &[0, 45, 0, 1, 1]), illegal);
}

#[test]
fn a_connection_that_did_not_begin_keeps_no_ticket() {
    let mut memory = [0; 1024];
    let mut tickets = Tickets::new(&mut memory);
    tickets.store(3600, 1, &[0], b"ticket").unwrap();
    tickets.keep(Suite::Aes128GcmSha256, digest(SECRET), false);
    // The time is not known either.
    tickets.store(3600, 1, &[0], b"ticket").unwrap();
    assert!(tickets.offered().is_none());
    assert_eq!(memory, [0; 1024]);
}

const FOR: [u8; 32] = [6; 32];
const THEN: u64 = 1_800_000_000;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The memory after a connection at `THEN` that brought a ticket.
fn stored(lifetime: u32) -> Vec<u8> {
    let mut memory = vec![0; 300];
    let mut tickets = Tickets::new(&mut memory);
    tickets.take_for(FOR, Some(THEN));
    tickets.keep(Suite::Aes128GcmSha256, digest(SECRET), false);
    tickets.store(lifetime, 7, &[0], b"ticket").unwrap();
    memory
}

/// The identity and the age that are offered from this memory, if any are.
fn offered(memory: &mut [u8], binding: [u8; 32], now: Option<u64>) -> Option<(Vec<u8>, u32)> {
    let mut tickets = Tickets::new(memory);
    tickets.take_for(binding, now);
    let hash = tickets.offered()?;
    let mut out = [0; 200];
    let mut writer = Writer::new(&mut out);
    tickets.write(&mut writer);
    let length = writer.finish().unwrap();
    let out = &out[..length];
    // Two vectors of one entry each: identity and age, binder.
    let (identities, binders) = out.split_at(out.len() - 3 - hash.digest_len());
    assert!(binders[3..].iter().all(|&byte| byte == 0));
    let (identity, age) = identities[4..].split_last_chunk().unwrap();
    Some((identity.to_vec(), u32::from_be_bytes(*age)))
}

#[test]
fn a_ticket_is_used_once_and_its_key_is_gone_then() {
    let memory = &mut stored(3600)[..];
    let mut key = Digest::zero(Hash::Sha256);
    expand_label(
        Hash::Sha256,
        &digest(SECRET),
        b"resumption",
        &[0],
        key.as_mut_slice(),
    )
    .unwrap();
    let holds_key = |memory: &[u8]| memory.windows(32).any(|bytes| bytes == key.as_slice());
    assert!(holds_key(memory));
    let offer = offered(memory, FOR, Some(THEN + 2));
    assert_eq!(offer, Some((b"ticket".to_vec(), 2007)));
    assert!(!holds_key(memory));
    assert_eq!(offered(memory, FOR, Some(THEN + 2)), None);
}

#[test]
fn a_ticket_is_for_its_time_and_its_handshake_only() {
    let offered = |lifetime, binding, now| {
        let memory = &mut stored(lifetime)[..];
        offered(memory, binding, now).map(|(_, age)| age.wrapping_sub(7))
    };
    let (hour, week) = (3600, 7 * 24 * 3600);
    assert_eq!(offered(hour, FOR, Some(THEN)), Some(0));
    assert_eq!(offered(hour, FOR, Some(THEN + HOUR - 1)), Some(3_599_000));
    for (lifetime, now) in [
        (hour, THEN + HOUR),
        (hour, THEN - 1),
        (hour, 0),
        (hour, u64::MAX),
        (week, THEN + 7 * DAY),
        (u32::MAX, THEN + 7 * DAY),
        (0, THEN),
    ] {
        assert_eq!(offered(lifetime, FOR, Some(now)), None, "{lifetime} {now}");
    }
    let last = Some(THEN + 7 * DAY - 1);
    assert_eq!(offered(u32::MAX, FOR, last), Some(604_799_000));
    assert_eq!(offered(hour, FOR, None), None);
    for at in 0..32 {
        let mut other = FOR;
        other[at] ^= 1;
        assert_eq!(offered(hour, other, Some(THEN)), None);
    }
}

#[test]
fn one_ticket_leads_to_the_next_for_seven_days_only() {
    let mut memory = stored(3600);
    let mut now = THEN;
    for _ in 0..7 * 24 {
        now += HOUR - 1;
        let mut tickets = Tickets::new(&mut memory);
        tickets.take_for(FOR, Some(now));
        assert!(tickets.offered().is_some(), "{now}");
        tickets.keep(Suite::Aes128GcmSha256, digest(SECRET), true);
        tickets.store(3600, 7, &[0], b"ticket").unwrap();
    }
    assert!(now - THEN < 7 * DAY && now + HOUR > THEN + 7 * DAY);
    assert_eq!(
        offered(&mut memory.clone(), FOR, Some(now + HOUR - 1)),
        None
    );
    // The server did not take it, and showed its certificate: that counts anew.
    let mut tickets = Tickets::new(&mut memory);
    tickets.take_for(FOR, Some(now));
    tickets.keep(Suite::Aes128GcmSha256, digest(SECRET), false);
    tickets.store(3600, 7, &[0], b"ticket").unwrap();
    assert!(offered(&mut memory, FOR, Some(now + HOUR - 1)).is_some());
}

#[test]
fn spoilt_memory_holds_no_ticket() {
    let good = stored(3600);
    let end = good.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    for length in 0..end {
        assert_eq!(offered(&mut good[..length].to_vec(), FOR, Some(THEN)), None);
        let mut half = good.clone();
        half[length..].fill(0);
        let same = half == good;
        assert_eq!(offered(&mut half, FOR, Some(THEN)).is_some(), same);
        for bit in 0..8 {
            let mut spoilt = good.clone();
            spoilt[length] ^= 1 << bit;
            assert_eq!(offered(&mut spoilt, FOR, Some(THEN)), None, "{length}");
        }
    }
}

#[test]
fn numbers_that_make_no_sense_do_no_harm() {
    // Whoever can write to the memory can also make the check fit.
    let good = stored(3600);
    let end = good.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    let (checked, _) = good[..end].split_at(end - 32);
    for at in 0..checked.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            for length in [1, 2, 4, 8] {
                let mut memory = checked.to_vec();
                let until = (at + length).min(memory.len());
                memory[at..until].fill(value);
                let check = hash::digest(Hash::Sha256, &memory);
                memory.extend(check.as_slice());
                for now in [0, THEN, u64::MAX] {
                    let offer = offered(&mut memory.clone(), FOR, Some(now));
                    assert!(offer.is_none_or(|(identity, _)| identity.len() <= 6));
                }
            }
        }
    }
}
