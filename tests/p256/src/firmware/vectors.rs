//! What `p256-vectors` made, against the functions of the library.

use iot_thing::tls::crypto::p256::{ecdh, public_key, sign, verify};

use crate::board::say;

static VECTORS: &[u8] = include_bytes!(env!("IOT_THING_P256_VECTORS"));

/// Takes an array off the start.
fn take<const SIZE: usize>(from: &mut &'static [u8]) -> &'static [u8; SIZE] {
    let (taken, rest) = from.split_first_chunk().expect("the vectors are complete");
    *from = rest;
    taken
}

pub fn check() -> bool {
    let mut rest = VECTORS;
    let mut counts = [0_u32; 4];
    let mut good = true;
    while !rest.is_empty() {
        let [kind] = take(&mut rest);
        let right = match kind {
            // Valid or not, private key, public key, x coordinate.
            1 => {
                let [valid] = take(&mut rest);
                let (secret, peer, shared) =
                    (take(&mut rest), take(&mut rest), take::<32>(&mut rest));
                match ecdh(secret, peer) {
                    Ok(own) => *valid == 1 && *own == *shared,
                    Err(_) => *valid == 0,
                }
            }
            // Valid or not, public key, digest, signature.
            2 => {
                let [valid] = take(&mut rest);
                let (public, digest, signature) =
                    (take(&mut rest), take(&mut rest), take(&mut rest));
                verify(public, digest, signature) == (*valid == 1)
            }
            // Private key, digest, public key, signature.
            3 => {
                let (secret, digest) = (take(&mut rest), take(&mut rest));
                let (public, signature) = (take(&mut rest), take(&mut rest));
                public_key(secret) == Ok(*public)
                    && sign(secret, digest) == Ok(*signature)
                    && verify(public, digest, signature)
            }
            _ => panic!("a vector of kind {kind}"),
        };
        counts[usize::from(*kind)] += 1;
        if !right {
            say(format_args!("FAILED: vector {counts:?}"));
            good = false;
        }
    }
    let [_, ecdh, verify, keys] = counts;
    say(format_args!(
        "vectors: {ecdh} ECDH, {verify} ECDSA, {keys} keys with signatures"
    ));
    good && ecdh > 200 && verify > 200 && keys > 50
}
