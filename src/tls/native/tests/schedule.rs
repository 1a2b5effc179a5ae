//! The key schedule and the record keys against the trace of RFC 8448, section 3.

use super::{
    super::{
        record::Keys,
        schedule::{Schedule, Transcript, derive, verify_data},
        suite::Suite,
    },
    digest, hex,
};
use crate::tls::crypto::hash::{self, Hash};

const SHARED: &str = "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d";
const HELLOS: &str = "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8";
const TO_FINISHED: &str = "9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13";
const CLIENT_HANDSHAKE: &str = "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21";
const SERVER_HANDSHAKE: &str = "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38";
const CLIENT_DATA: &str = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
const SERVER_DATA: &str = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";

#[test]
fn the_secrets_are_those_of_rfc_8448() {
    let mut schedule = Schedule::early(Hash::Sha256, None);
    let secret = |schedule: &Schedule, label: &[u8], transcript| {
        let secret = schedule.derive(label, &digest(transcript)).unwrap();
        secret.as_slice().to_vec()
    };
    schedule.step(Some(&hex(SHARED))).unwrap();
    assert_eq!(
        secret(&schedule, b"c hs traffic", HELLOS),
        hex(CLIENT_HANDSHAKE)
    );
    assert_eq!(
        secret(&schedule, b"s hs traffic", HELLOS),
        hex(SERVER_HANDSHAKE)
    );
    schedule.step(None).unwrap();
    assert_eq!(
        secret(&schedule, b"c ap traffic", TO_FINISHED),
        hex(CLIENT_DATA)
    );
    assert_eq!(
        secret(&schedule, b"s ap traffic", TO_FINISHED),
        hex(SERVER_DATA)
    );
}

#[test]
fn the_finished_key_is_that_of_rfc_8448() {
    let key = derive(Hash::Sha256, &digest(SERVER_HANDSHAKE), b"finished", &[]).unwrap();
    let expected = hex("008d3b66f816ea559f96b537e885c31fc068bf492c652f01f288a1d8cdc19fc8");
    assert_eq!(key.as_slice(), expected);
    // And so is the client's Finished.
    let data = verify_data(
        Hash::Sha256,
        &digest(CLIENT_HANDSHAKE),
        &digest(TO_FINISHED),
    );
    let expected = hex("a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61");
    assert_eq!(data.unwrap().as_slice(), expected);
}

#[test]
fn the_record_keys_are_those_of_rfc_8448() {
    let keys = Keys::new(Suite::Aes128GcmSha256, digest(SERVER_HANDSHAKE)).unwrap();
    let (key, iv) = keys.key_and_iv();
    assert_eq!(key, hex("3fce516009c21727d0f2e4e86ee403bc"));
    assert_eq!(iv[..], *hex("5d313eb2671276ee13000b30"));
}

#[test]
fn a_retry_replaces_the_first_hello_by_its_hash() {
    let mut transcript = Transcript::new();
    transcript.update(b"first");
    transcript.choose(Hash::Sha256).unwrap();
    transcript.retry();
    transcript.update(b"second");
    let first = hash::digest(Hash::Sha256, b"first");
    let all = [&[254, 0, 0, 32], first.as_slice(), b"second"].concat();
    let expected = hash::digest(Hash::Sha256, &all);
    assert_eq!(transcript.digest().as_slice(), expected.as_slice());
    // A suite that has another hash than the retry had cannot follow.
    #[cfg(feature = "aes256")]
    assert!(transcript.choose(Hash::Sha384).is_err());
}

#[test]
#[cfg(feature = "aes256")]
fn until_a_suite_is_chosen_all_hashes_go_on() {
    let mut transcript = Transcript::new();
    transcript.update(b"hello");
    transcript.choose(Hash::Sha384).unwrap();
    let expected = hash::digest(Hash::Sha384, b"hello");
    assert_eq!(transcript.digest().as_slice(), expected.as_slice());
}
