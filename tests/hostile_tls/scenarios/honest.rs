//! Servers that do nothing wrong, though some of it is rare.

use super::*;
use crate::{
    pki::{Spec, key},
    server::{APPLICATION_DATA, Event, HANDSHAKE, extension, list16},
};

/// What an honest server sends.
pub fn flight() -> Vec<Step> {
    with_chain(chain())
}

/// The chain of an honest server.
pub fn chain() -> Vec<Vec<u8>> {
    vec![pki::server(), pki::intermediate()]
}

/// An honest flight with another chain.
pub fn with_chain(chain: Vec<Vec<u8>>) -> Vec<Step> {
    vec![
        Hello,
        Extensions(vec![]),
        Request,
        Certificate(chain),
        Verify(V::By(pki::SERVER_KEY)),
        Finished,
    ]
}

/// A server whose own certificate is this one, under the intermediate CA.
pub fn with_leaf(change: impl FnOnce(&mut Spec<'_>)) -> Vec<Step> {
    let mut spec = Spec::leaf("server", "ca", &key(pki::SERVER_KEY));
    change(&mut spec);
    with_chain(vec![spec.sign(&key(pki::CA_KEY)), pki::intermediate()])
}

/// A ticket in a record of its own.
pub fn ticket() -> Step {
    Sealed(HANDSHAKE, new_session_ticket(), 0)
}

/// A NewSessionTicket.
pub fn new_session_ticket() -> Vec<u8> {
    new_session_ticket_with(60, &[1], &[7; 32], &[])
}

/// What tickets want to be added to their age.
pub const AGE_ADD: u32 = 0xfffff000;

/// A NewSessionTicket with this lifetime in seconds, nonce, ticket and extensions.
pub fn new_session_ticket_with(
    lifetime: u32,
    nonce: &[u8],
    ticket: &[u8],
    extensions: &[u8],
) -> Vec<u8> {
    let body = [
        &lifetime.to_be_bytes()[..],
        &AGE_ADD.to_be_bytes(),
        &[nonce.len() as u8],
        nonce,
        &list16(ticket),
        &list16(extensions),
    ];
    message(4, &body.concat())
}

/// A CertificateRequest with these extensions.
pub fn request(extensions: &[u8]) -> Step {
    Message(message(13, &[&[0], &list16(extensions)[..]].concat()))
}

fn works(name: &str, flight: Vec<Step>) -> Scenario {
    scenario(name, flight, Outcome::Works)
}

fn works_after(name: &str, steps: Vec<Step>) -> Scenario {
    after(name, steps, Outcome::Works)
}

pub fn all() -> Vec<Scenario> {
    [handshakes(), chains(), requests(), later()]
        .into_iter()
        .flatten()
        .collect()
}

fn handshakes() -> Vec<Scenario> {
    let ccs = || Plain(CHANGE_CIPHER_SPEC, vec![1]);
    let mut coalesced = with(at::EXTENSIONS, [Hold]);
    coalesced.push(Release);
    let mut pairs = with(at::EXTENSIONS, [Hold]);
    pairs.splice(4..4, [Release, Hold]);
    pairs.push(Release);
    let mut coalesced_fragments = coalesced.clone();
    coalesced_fragments.insert(0, Fragment(97));
    vec![
        works("plain", flight()),
        works("no client certificate asked for", without(&[at::REQUEST])),
        works("one record for the flight", coalesced),
        works("two messages a record", pairs),
        works("messages over many records", with(0, [Fragment(64)])),
        works("messages in records of one byte", with(0, [Fragment(1)])),
        works("messages cut across one another", coalesced_fragments),
        works("compatibility mode", with(at::EXTENSIONS, [ccs()])),
        works(
            "ChangeCipherSpec before ServerHello",
            with(at::HELLO, [ccs()]),
        ),
        works("padded records", with(at::HELLO, [Pad(300)])),
        works(
            "ServerHello with its extensions swapped",
            changed(at::HELLO, |hello| {
                // Behind version, Random, session id, suite, compression and length of the list.
                let list = 39 + usize::from(hello[38]) + 5;
                // The version has 6 bytes, the share the rest.
                hello[list..].rotate_left(6);
            }),
        ),
        works(
            "our protocol chosen",
            instead(
                at::EXTENSIONS,
                Extensions(extension(16, &list16(b"\x0ex-amzn-mqtt-ca"))),
            ),
        ),
        works(
            "server name acknowledged",
            instead(at::EXTENSIONS, Extensions(extension(0, &[]))),
        ),
        works(
            "groups of the server",
            instead(
                at::EXTENSIONS,
                Extensions(extension(10, &list16(&[0, 23, 0, 24, 0, 29]))),
            ),
        ),
        works(
            "groups that nobody knows yet",
            instead(
                at::EXTENSIONS,
                Extensions(extension(10, &list16(&[0x7a, 0x7a, 0x12, 0x34, 0, 23]))),
            ),
        ),
        works(
            "records of 16 KB",
            [with_chain([chain(), vec![pki::client(); 25]].concat())].concat(),
        )
        .rx(16640),
    ]
}

fn chains() -> Vec<Scenario> {
    let under_root = Spec::leaf("server", "root", &key(pki::SERVER_KEY)).sign(&key(pki::ROOT_KEY));
    let root_by_other = Spec::ca("root", "other", &key(pki::ROOT_KEY)).sign(&key(pki::OTHER_KEY));
    let other_root = Spec::ca("other", "other", &key(pki::OTHER_KEY)).sign(&key(pki::OTHER_KEY));
    vec![
        works("leaf under the root", with_chain(vec![under_root])),
        works(
            "root in the chain",
            with_chain(vec![pki::server(), pki::intermediate(), pki::root()]),
        ),
        works(
            "cross-signed root in the chain",
            with_chain(vec![
                pki::server(),
                pki::intermediate(),
                root_by_other.clone(),
            ]),
        ),
        works(
            "AWS's habit: cross-signed root and its issuer",
            with_chain(vec![
                pki::server(),
                pki::intermediate(),
                root_by_other,
                other_root,
            ]),
        )
        .rx(4096),
        works(
            "superfluous certificates",
            with_chain([chain(), vec![pki::client(); 9]].concat()),
        )
        .rx(4096),
        works(
            "wildcard",
            with_leaf(|leaf| leaf.names = &["a.org", "b.org", "c.org", "d.org", "*.example.com"]),
        ),
        works("no EKU", with_leaf(|leaf| leaf.usage = None)),
        works(
            "valid for one second",
            with_leaf(|leaf| {
                leaf.not_before = "20260101000000Z";
                leaf.not_after = "20260101000000Z";
            }),
        ),
    ]
}

fn requests() -> Vec<Scenario> {
    let schemes = |schemes: &[u8]| extension(13, &list16(schemes));
    let many = (0..200_u16).flat_map(|n| (0xfe00 + n).to_be_bytes());
    let many = [many.collect::<Vec<_>>(), vec![4, 3]].concat();
    let asks =
        |name: &str, extensions: Vec<u8>| works(name, instead(at::REQUEST, request(&extensions)));
    vec![
        asks(
            "request with schemes that nobody knows yet",
            schemes(&[0x7a, 0x7a, 9, 0x11, 4, 3, 9, 4]),
        ),
        asks("request with 201 schemes", schemes(&many)),
        asks(
            "request with authorities",
            [
                schemes(&[4, 3]),
                extension(47, &list16(&list16(&[0x30, 0]))),
            ]
            .concat(),
        ),
        asks(
            "request with further extensions",
            [
                extension(50, &list16(&[4, 1])),
                schemes(&[4, 3]),
                extension(0xfafa, &[1, 2, 3]),
            ]
            .concat(),
        ),
    ]
}

fn later() -> Vec<Scenario> {
    vec![
        works_after("tickets", vec![ticket(), ticket()]),
        works_after(
            "tickets in one record",
            vec![Sealed(
                HANDSHAKE,
                [new_session_ticket(), new_session_ticket()].concat(),
                0,
            )],
        ),
        works_after("ten tickets", (0..10).map(|_| ticket()).collect()),
        works_after(
            "a ticket over two records",
            vec![Fragment(20), Message(new_session_ticket())],
        ),
        works_after(
            "a ticket with early data",
            vec![Message(new_session_ticket_with(
                60,
                &[1],
                &[7; 32],
                &extension(42, &[0, 0, 0x40, 0]),
            ))],
        ),
        works_after(
            "a ticket with an unknown extension",
            vec![Message(new_session_ticket_with(
                60,
                &[1],
                &[7; 32],
                &extension(0xfafa, &[1]),
            ))],
        ),
        works_after(
            "a ticket without nonce and of lifetime 0",
            vec![Message(new_session_ticket_with(0, &[], &[7; 32], &[]))],
        ),
        works_after(
            "a ticket of a kilobyte",
            vec![Message(new_session_ticket_with(60, &[1], &[7; 1200], &[]))],
        ),
        works_after(
            "empty application data",
            vec![Sealed(APPLICATION_DATA, vec![], 1)],
        ),
        works_after("new keys", vec![KeyUpdate(0)]),
        works_after("new keys three times", vec![KeyUpdate(0); 3]),
        works_after(
            "new keys for both sides",
            vec![KeyUpdate(1), Await(Event::KeyUpdate)],
        ),
        works_after(
            "new keys for both sides, twice in a row",
            vec![KeyUpdate(1), KeyUpdate(1), Await(Event::KeyUpdate)],
        ),
        works_after(
            "new keys between tickets",
            vec![ticket(), KeyUpdate(0), ticket()],
        ),
        Scenario {
            client: Client {
                message: (0..3000_u32).map(|n| n as u8).collect(),
                ..Client::default()
            },
            ..works_after("padded application data", vec![Pad(1000)])
        },
    ]
}
