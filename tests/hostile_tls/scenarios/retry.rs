//! HelloRetryRequest, right and wrong: group 11.

use super::*;
use crate::server::{Event, extension, list16};

fn cookie(bytes: &[u8]) -> Vec<u8> {
    extension(44, &list16(bytes))
}

fn group(group: u16) -> Vec<u8> {
    extension(51, &group.to_be_bytes())
}

/// A retry with these extensions, then an honest flight.
fn retry(extensions: Vec<u8>) -> Vec<Step> {
    with(at::HELLO, [Retry(extensions), Await(Event::Hello)])
}

fn bad(name: &str, extensions: Vec<u8>, alert: u8) -> Scenario {
    breach(name, retry(extensions), alert)
}

/// A retry that is changed.
fn changed_retry(
    name: &str,
    with: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
    alert: u8,
) -> Scenario {
    let mut flight = retry(cookie(&[7; 32]));
    flight.insert(0, change(with));
    breach(name, flight, alert)
}

pub fn all() -> Vec<Scenario> {
    let mut list = any_group();
    if TWO_GROUPS {
        list.extend(other_group());
    }
    list
}

/// What can only be if there is another group to ask for.
fn other_group() -> Vec<Scenario> {
    let works = |name: &str, extensions| scenario(name, retry(extensions), Outcome::Works);
    let both = || [group(P256), cookie(&[7; 32])].concat();
    let mut twice = retry(group(P256));
    twice.splice(2..2, [Retry(group(X25519)), Await(Event::Hello)]);
    let mut not_as_asked = retry(group(P256));
    not_as_asked.insert(
        2,
        change(|hello| {
            let at = 39 + usize::from(hello[38]) + 5 + 6 + 4;
            hello[at..at + 2].copy_from_slice(&X25519.to_be_bytes());
        }),
    );
    vec![
        works("retry for another group", group(P256)),
        works("retry for another group, with a cookie", both()),
        bad(
            "retry for a group twice",
            [group(P256), group(P256)].concat(),
            alert::ILLEGAL_PARAMETER,
        ),
        breach("retry there and back", twice, alert::UNEXPECTED_MESSAGE),
        breach(
            "retry for another group, and a share on the first",
            not_as_asked,
            alert::ILLEGAL_PARAMETER,
        ),
    ]
}

fn any_group() -> Vec<Scenario> {
    let good = || retry(cookie(&[7; 32]));
    let works = |name: &str, flight| scenario(name, flight, Outcome::Works);
    let illegal = alert::ILLEGAL_PARAMETER;
    let unexpected = alert::UNEXPECTED_MESSAGE;
    let ccs = || Plain(CHANGE_CIPHER_SPEC, vec![1]);
    let mut with_ccs = good();
    with_ccs.insert(1, ccs());
    let mut fragments = good();
    fragments.insert(0, Fragment(20));
    let mut twice = good();
    twice.splice(2..2, [Retry(cookie(&[8; 32])), Await(Event::Hello)]);
    let mut other_suite = good();
    other_suite.insert(
        2,
        change(|hello| {
            let at = 39 + usize::from(hello[38]);
            hello[at + 1] = 0x7f;
        }),
    );
    let late = with(at::EXTENSIONS, [Retry(cookie(&[7; 32]))]);
    let with_next = {
        let mut flight = vec![Hold];
        flight.extend(good());
        flight.splice(
            2..3,
            [Message(message(8, &[0, 0])), Release, Await(Event::Hello)],
        );
        flight
    };
    vec![
        works("retry with a cookie", good()),
        works("retry with a cookie of 300 bytes", retry(cookie(&[7; 300]))),
        works("retry in compatibility mode", with_ccs),
        works("retry over many records", fragments),
        bad("retry that changes nothing", vec![], illegal),
        bad(
            "retry for the group we sent a share on",
            group(GROUP),
            illegal,
        ),
        bad(
            "retry for the group we sent a share on, with a cookie",
            [group(GROUP), cookie(&[7; 32])].concat(),
            illegal,
        ),
        bad("retry for a group we did not offer", group(0xfafa), illegal),
        bad("retry for P-521", group(25), illegal),
        bad(
            "retry with an empty cookie",
            cookie(&[]),
            alert::DECODE_ERROR,
        ),
        bad(
            "retry with a cookie longer than it is",
            extension(44, &[0, 9, 7]),
            alert::DECODE_ERROR,
        ),
        bad(
            "retry with a cookie twice",
            [cookie(&[7; 32]), cookie(&[7; 32])].concat(),
            illegal,
        ),
        bad(
            "retry with a key share",
            [
                cookie(&[7; 32]),
                extension(51, &[&[0, 23, 0, 65, 4], &[7; 64][..]].concat()),
            ]
            .concat(),
            alert::DECODE_ERROR,
        ),
        bad(
            "retry with an extension that nobody asked for",
            [cookie(&[7; 32]), extension(0xfafa, &[])].concat(),
            alert::UNSUPPORTED_EXTENSION,
        ),
        scenario(
            "retry with a cookie that no buffer holds",
            retry(cookie(&[7; 4000])),
            Outcome::refused(Error::TlsRecordTooLarge, alert::INTERNAL_ERROR).needed(4088),
        ),
        changed_retry(
            "retry with another version",
            |retry| {
                let at = 38 + 1 + usize::from(retry[38]) + 3 + 2 + 4;
                retry[at + 1] = 3;
            },
            illegal,
        ),
        changed_retry(
            "retry with another suite",
            |retry| {
                let at = 39 + usize::from(retry[38]);
                retry[at + 1] = 0x7f;
            },
            illegal,
        ),
        changed_retry(
            "retry with a byte too many",
            |retry| {
                crate::server::with_body(retry, |body| body.push(0));
            },
            alert::DECODE_ERROR,
        ),
        breach("retry, and another", twice, unexpected),
        breach(
            "ServerHello with another suite than the retry",
            other_suite,
            illegal,
        ),
        breach("retry after ServerHello", late, unexpected),
        breach(
            "retry in one record with another message",
            with_next,
            unexpected,
        ),
        scenario(
            "silence after our second hello",
            vec![
                Retry(cookie(&[7; 32])),
                Await(Event::Hello),
                Await(Event::Data),
            ],
            Outcome::Waits,
        ),
    ]
}
