//! For valgrind: calculates with secrets that it takes for memory without contents, so it reports
//! every branch and every address that depends on one. With an argument, "branch" or "address", the
//! program makes just that mistake.
#![cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    allow(dead_code)
)]

#[path = "../../../src/tls/crypto/p256/dsp/field.rs"]
#[allow(dead_code)]
mod field;
#[path = "../../../src/tls/crypto/p256/dsp/inverse.rs"]
mod inverse;
#[path = "../../../src/tls/crypto/p256/dsp/modular.rs"]
#[allow(dead_code)]
mod modular;
#[path = "../../../src/tls/crypto/p256/dsp/point.rs"]
#[allow(dead_code)]
mod point;
#[path = "../../../src/tls/crypto/p256/dsp/scalar.rs"]
#[allow(dead_code)]
mod scalar;
#[path = "../../../src/tls/crypto/p256/dsp/table.rs"]
mod table;

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn main() {
    println!("this program speaks to valgrind on x86-64 only");
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn main() {
    use p256::{
        SecretKey,
        ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner as _},
        elliptic_curve::{ecdh::diffie_hellman, sec1::ToEncodedPoint as _},
    };

    use crate::{
        point::{Affine, Point},
        scalar::Scalar,
    };

    let secret = |bytes: &[u8; 32]| {
        let scalar = Scalar::from_bytes(bytes).expect("in range");
        valgrind::hide(scalar.limbs());
        scalar
    };
    let bytes = [0x5a; 32];
    let key = SecretKey::from_slice(&bytes).expect("in range");
    match std::env::args().nth(1).as_deref() {
        Some("branch") => {
            let even = secret(&bytes).limbs()[0] & 1 == 0;
            std::process::exit(if even { 0 } else { 1 });
        }
        Some("address") => {
            let index = secret(&bytes).limbs()[0] as usize % 16;
            println!("{}", std::hint::black_box(&table::COMB)[index][0][0]);
            return;
        }
        _ => {}
    }

    // A public key.
    let product = Point::base_times(&secret(&bytes));
    let mut own = product.to_affine().x.to_bytes();
    valgrind::show(&mut own);
    let public = key.public_key().to_encoded_point(false);
    assert_eq!(own[..], public.x().expect("it is a point")[..]);

    // A shared secret.
    let peer = SecretKey::from_slice(&[7; 32])
        .expect("in range")
        .public_key();
    let encoded = peer.to_encoded_point(false);
    let coordinate = |bytes: Option<&p256::FieldBytes>| (*bytes.expect("it is a point")).into();
    let point = Affine::from_bytes(&coordinate(encoded.x()), &coordinate(encoded.y()))
        .expect("it is a point");
    let mut own = Point::x_of_multiple(&point, &secret(&bytes)).to_bytes();
    valgrind::show(&mut own);
    let shared = diffie_hellman(key.to_nonzero_scalar(), peer.as_affine());
    assert_eq!(own[..], shared.raw_secret_bytes()[..]);

    // A signature as of a private key and a nonce: with the same number for both, and r from that
    // crate, s is digest / key + r.
    let digest = [0x3c; 32];
    let signature: Signature = SigningKey::from(&key)
        .sign_prehash(&digest)
        .expect("it can");
    let r = Scalar::reduce(&signature.r().to_bytes().into());
    let mut s = r.clone();
    s.multiply(&secret(&bytes));
    s.add(&Scalar::reduce(&digest));
    let mut inverse = secret(&bytes);
    inverse.invert();
    s.multiply(&inverse);
    let mut own = s.to_bytes();
    valgrind::show(&mut own);
    let scalar = key.to_nonzero_scalar();
    let digest = *p256::NonZeroScalar::try_from(&digest[..]).expect("in range");
    let expected = digest * scalar.invert().unwrap() + *signature.r();
    assert_eq!(own[..], expected.to_bytes()[..]);
    println!("secrets: no branch and no address depends on them");
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod valgrind {
    use std::arch::asm;

    /// From now on the contents are unknown to valgrind.
    pub fn hide<T>(memory: &T) {
        request(0x4d43_0001, memory);
    }

    /// From now on they are known.
    pub fn show<T>(memory: &mut T) {
        request(0x4d43_0002, memory);
    }

    /// A client request as `valgrind.h` defines them; without valgrind it does nothing.
    fn request<T>(number: usize, memory: &T) {
        let memory: *const T = memory;
        let arguments = [number, memory as usize, size_of::<T>(), 0, 0, 0];
        // SAFETY: rotates a register by 128 bits in all, which changes nothing; valgrind reads the
        // arguments.
        unsafe {
            asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") arguments.as_ptr(),
                inout("rdx") 0_usize => _,
            );
        }
    }
}
