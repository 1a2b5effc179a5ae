//! Certificate messages that are malformed: group 8.

use super::*;
use crate::server::{extension, list16, list24};

fn certificate(name: impl Into<String>, body: Vec<u8>, alert: u8) -> Scenario {
    let flight = instead(at::CERTIFICATE, Message(message(11, &body)));
    breach(name, flight, alert)
}

/// An entry with these extensions.
fn entry(der: &[u8], extensions: &[u8]) -> Vec<u8> {
    [list24(der), list16(extensions)].concat()
}

pub fn all() -> Vec<Scenario> {
    let (leaf, ca) = (entry(&pki::server(), &[]), entry(&pki::intermediate(), &[]));
    let good = [&leaf[..], &ca].concat();
    let with_list = |list: &[u8]| [&[0], &list24(list)[..]].concat();
    let decode = alert::DECODE_ERROR;
    let mut longer_list = with_list(&good);
    longer_list[3] += 1;
    let mut shorter_list = with_list(&good);
    shorter_list[3] -= 1;
    let mut longer_leaf = with_list(&good);
    longer_leaf[6] = longer_leaf[6].wrapping_add(1);
    let huge_entry = [&[0xff, 0xff, 0xff][..], &pki::server(), &[0, 0]].concat();
    let stapled = extension(5, &[1, 0, 0, 1, 0]);
    let mut list = vec![
        certificate("Certificate of no bytes", vec![], decode),
        certificate("Certificate of one byte", vec![0], decode),
        certificate("Certificate with half a length", vec![0, 0, 0], decode),
        certificate(
            "Certificate with a context",
            [&[2, 7, 7], &list24(&good)[..]].concat(),
            alert::ILLEGAL_PARAMETER,
        ),
        certificate("list longer than its message", longer_list, decode),
        certificate("list shorter than its message", shorter_list, decode),
        certificate(
            "list of 16 MB",
            [&[0, 0xff, 0xff, 0xff], &good[..]].concat(),
            decode,
        ),
        certificate("entry longer than it is", longer_leaf, decode),
        certificate("entry of 16 MB", with_list(&huge_entry), decode),
        certificate(
            "entry without extensions",
            with_list(&list24(&pki::server())),
            decode,
        ),
        certificate(
            "entry with half a length of extensions",
            with_list(&[&list24(&pki::server())[..], &[0]].concat()),
            decode,
        ),
        certificate(
            "entry with extensions beyond the list",
            with_list(&[&list24(&pki::server())[..], &[0, 9]].concat()),
            decode,
        ),
        certificate(
            "entry with half an extension",
            with_list(&entry(&pki::server(), &[0, 5, 0])),
            decode,
        ),
        certificate(
            "entry of no bytes",
            with_list(&[entry(&[], &[]), leaf.clone()].concat()),
            decode,
        ),
        certificate(
            "bytes after the list",
            [with_list(&good), vec![0]].concat(),
            decode,
        ),
        certificate(
            "last entry cut off",
            with_list(&good[..good.len() - 40]),
            decode,
        ),
    ];
    for (name, kind, data) in [
        ("OCSP response not asked for", 5, &[1, 0, 0, 1, 0][..]),
        ("SCT list not asked for", 18, &[0, 0]),
        ("entry with an unknown extension", 0xfafa, &[]),
    ] {
        let body = with_list(&[entry(&pki::server(), &extension(kind, data)), ca.clone()].concat());
        list.push(certificate(name, body, alert::UNSUPPORTED_EXTENSION));
    }
    list.push(certificate(
        "OCSP response not asked for, of the CA",
        with_list(&[leaf, entry(&pki::intermediate(), &stapled)].concat()),
        alert::UNSUPPORTED_EXTENSION,
    ));
    let needed = |rest: usize| {
        // What follows, the message's header, type and tag of the record.
        rest + 4 + 17
    };
    let big = with_list(&[good.clone(), entry(&vec![0; 3000], &[])].concat());
    list.push(scenario(
        "Certificate larger than the buffer",
        instead(at::CERTIFICATE, Message(message(11, &big))),
        Outcome::refused(Error::TlsRecordTooLarge, alert::INTERNAL_ERROR).needed(needed(big.len())),
    ));
    let mut fragments = instead(at::CERTIFICATE, Message(message(11, &big)));
    fragments.insert(0, Fragment(500));
    list.push(scenario(
        "Certificate larger than the buffer, in small records",
        fragments,
        Outcome::refused(Error::TlsRecordTooLarge, alert::INTERNAL_ERROR).needed(needed(big.len())),
    ));
    list
}
