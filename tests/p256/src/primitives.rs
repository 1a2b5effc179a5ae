//! Instructions of single steps that the C header does not offer, on an emulated Cortex-M4: the
//! primitives of TLS, and taking a shadow's topic apart. `tools/bench` builds and runs it; each line
//! of its output is a name, a tab and a number.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    println!("this program is for a Cortex-M4: see tools/bench");
}

#[cfg(target_os = "none")]
#[path = "firmware/board.rs"]
#[allow(dead_code, reason = "stacks are measured elsewhere")]
mod board;

#[cfg(target_os = "none")]
fn run() -> bool {
    chip::run();
    true
}

#[cfg(target_os = "none")]
mod chip {
    use core::hint::black_box;

    use iot_thing::{
        Error,
        shadow::topic,
        tls::{
            Clock, Credentials, Inputs, KeyInput, LeafKey, MAX_SIGNATURE, Random,
            crypto::{
                aead::{self, Aead},
                hash::{self, Hash},
                p256,
            },
            load, verify_chain, verify_signature,
        },
    };
    use rustls_pki_types::ServerName;

    use crate::board::{instructions, say};

    const KIB: usize = 1024;
    const RSA_PSS_SHA256: u16 = 0x0804;

    /// Measures `what`, whose result must not be left out as superfluous.
    fn report<T>(name: &str, mut what: impl FnMut() -> T) {
        let count = instructions(|| {
            black_box(what());
        });
        say(format_args!("{name}\t{count}"));
    }

    pub fn run() {
        let [plain, tls] = iot_thing::ffi::sizes::root_futures();
        say(format_args!("RAM: of it the root future, no TLS\t{plain}"));
        say(format_args!("RAM: of it the root future, with TLS\t{tls}"));
        symmetric();
        curve();
        certificates();
        let text = "$aws/things/bench-thing-01/shadow/update/delta";
        report("topic of a delta, taken apart", || {
            topic::parse(black_box(text)).expect("it is one")
        });
    }

    fn symmetric() {
        let mut data = [0x5a; KIB];
        for (name, length) in [
            ("AES-128-GCM, a record of 64 bytes, with its key", 64),
            ("AES-128-GCM, a record of 1 KiB, with its key", KIB),
        ] {
            report(name, || {
                let record = &mut data[..length];
                aead::seal(Aead::Aes128Gcm, &[1; 16], &[2; 12], &[3; 5], record)
            });
        }
        report("SHA-256 of 1 KiB", || hash::digest(Hash::Sha256, &data));
    }

    fn curve() {
        let (secret, digest) = ([0x55; 32], [0x3c; 32]);
        let peer = p256::public_key(&[7; 32]).expect("in range");
        let signature = p256::sign(&[7; 32], &digest).expect("in range");
        report("P-256 key pair", || {
            p256::public_key(&secret).expect("in range")
        });
        report("P-256 ECDH", || {
            p256::ecdh(&secret, &peer).expect("in range")
        });
        report("P-256 signature", || {
            p256::sign(&secret, &digest).expect("in range")
        });
        report("P-256 verification", || {
            assert!(p256::verify(&peer, &digest, &signature));
        });
    }

    /// What tools/pki made: chains for the name localhost, and the key of the RSA one.
    macro_rules! file {
        ($name:literal) => {
            include_bytes!(concat!(env!("IOT_THING_BENCH_PKI"), "/", $name))
        };
    }

    fn certificates() {
        let mut storage = [0; 8192];
        let mut judge = |name: &str, chain: &[u8], key: &[u8], root: &[u8]| {
            let credentials = load(
                &Inputs {
                    certificate: chain,
                    key: KeyInput::Bytes(key),
                    ca: root,
                },
                &mut storage,
            )
            .expect("they are good");
            let host = ServerName::try_from("localhost").expect("it is a name");
            let judge = || {
                let mut chain = credentials.chain().iter();
                let leaf = chain.next().expect("there is one");
                verify_chain(leaf, chain, credentials.roots(), &host, Clock::AtLeast(0))
                    .expect("it is good")
            };
            let key = judge();
            report(name, judge);
            rsa(&credentials, &key);
        };
        judge(
            "verification of a chain of two P-256 certificates",
            file!("server-chain.pem"),
            file!("server-leaf.key"),
            file!("server-root.pem"),
        );
        judge(
            "verification of a chain of two RSA-2048 certificates",
            file!("rsa-chain.pem"),
            file!("rsa-leaf.key"),
            file!("rsa-root.pem"),
        );
    }

    /// A signature like that of a handshake, if the key is an RSA one.
    fn rsa(credentials: &Credentials<'_>, key: &LeafKey) {
        const CONTEXT: &[u8] = b"TLS 1.3, server CertificateVerify\0";
        if credentials
            .choose_scheme([RSA_PSS_SHA256].into_iter())
            .is_none()
        {
            return;
        }
        let hash = [0x3c; 32];
        let mut content = [b' '; 64 + CONTEXT.len() + 32];
        content[64..][..CONTEXT.len()].copy_from_slice(CONTEXT);
        content[64 + CONTEXT.len()..].copy_from_slice(&hash);
        let mut signature = [0; MAX_SIGNATURE];
        let mut length = 0;
        report("RSA-2048 signature (PSS)", || {
            let signed = credentials.sign(RSA_PSS_SHA256, &content, &mut Salt, &mut signature);
            length = signed.expect("it can").expect("it is ready");
        });
        report("RSA-2048 verification (PSS)", || {
            verify_signature(key, RSA_PSS_SHA256, &hash, &signature[..length]).expect("it is good");
        });
    }

    struct Salt;

    impl Random for Salt {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            out.fill(0x77);
            Ok(())
        }
    }
}
