//! Instructions and stack of each function; with secrets, the same for all of them.

use iot_thing::tls::crypto::p256::{ecdh, public_key, sign, verify};

use crate::board::{instructions, say, stack};

/// The order of the group less 1, 2, and so on are keys too.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Keys that differ in all that could matter: odd and even, few and many bits, edges of the range.
fn secrets() -> [[u8; 32]; 10] {
    let mut secrets = [[0; 32]; 10];
    secrets[0][31] = 1;
    secrets[1][31] = 2;
    secrets[2] = ORDER;
    secrets[2][31] -= 1;
    secrets[3] = ORDER;
    secrets[3][31] -= 2;
    secrets[4] = [0x55; 32];
    secrets[5] = [0xaa; 32];
    secrets[6] = [1; 32];
    secrets[7] = [0x7f; 32];
    for (index, byte) in (0_u8..).zip(&mut secrets[8]) {
        *byte = index.wrapping_mul(73) ^ 0x5a;
    }
    secrets[9][0] = 0x80;
    secrets
}

/// Executes `what` with each secret, says what that took, and whether it was the same for all.
fn constant(name: &str, what: impl Fn(&[u8; 32])) -> (bool, u32) {
    let secrets = secrets();
    let counts = secrets.map(|secret| instructions(|| what(&secret)));
    let good = counts.iter().all(|count| *count == counts[0]);
    line(name, counts[0], || what(&secrets[0]));
    if !good {
        say(format_args!("FAILED: depends on the secret: {counts:?}"));
    }
    (good, counts[0])
}

fn line(name: &str, count: u32, what: impl FnMut()) {
    let stack = stack(what);
    say(format_args!(
        "{name:10} {count:9} instructions {stack:6} bytes of stack"
    ));
}

pub fn check() -> bool {
    let digest = [0x3c; 32];
    let peer = public_key(&[7; 32]).expect("in range");
    let (keygen, keygen_count) = constant("keygen", |secret| {
        public_key(secret).expect("in range");
    });
    let (agree, ecdh_count) = constant("ECDH", |secret| {
        ecdh(secret, &peer).expect("in range");
    });
    let (signs, sign_count) = constant("sign", |secret| {
        sign(secret, &digest).expect("in range");
    });
    let signature = sign(&[7; 32], &digest).expect("in range");
    let valid = || assert!(verify(&peer, &digest, &signature));
    let verify_count = instructions(valid);
    line("verify", verify_count, valid);
    let handshake = keygen_count + ecdh_count + sign_count + 3 * verify_count;
    say(format_args!(
        "{:10} {handshake:9} instructions: one of each, and two more verify",
        "handshake"
    ));
    keygen && agree && signs
}
