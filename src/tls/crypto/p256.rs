//! The P-256 curve (secp256r1): plain functions on byte arrays, and the only place in the library
//! that calculates with the curve. Another implementation replaces this file and nothing else.
//!
//! Points are uncompressed SEC1 (0x04, x, y); numbers and coordinates are big-endian. A point or a
//! number that is not what it should be is an error or `false`, never a panic.

use ecdsa::hazmat::SignPrimitive as _;
use p256::{
    AffinePoint, EncodedPoint, NonZeroScalar, ProjectivePoint, PublicKey, Scalar,
    ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _},
    elliptic_curve::{
        PrimeField as _, ecdh::diffie_hellman, ops::Reduce as _, sec1::ToEncodedPoint as _,
    },
};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{Error, tls::Random};

/// A private key, or the x coordinate that two parties share; wiped when dropped.
pub type Secret = Zeroizing<[u8; 32]>;
/// An uncompressed point.
pub type Public = [u8; 65];

/// The most attempts at a random private key. One in 2^32 fails, unless the source is broken.
const MAX_ATTEMPTS: u8 = 4;

/// Makes a key pair; [`Error::Random`] if the source fails or gives no usable number.
pub fn keygen(random: &mut dyn Random) -> Result<(Secret, Public), Error> {
    let mut secret = Secret::default();
    for _ in 0..MAX_ATTEMPTS {
        random.fill(secret.as_mut_slice())?;
        if let Ok(public) = public_key(&secret) {
            return Ok((secret, public));
        }
    }
    Err(Error::Random)
}

/// The public key of a private key; [`Error::PrivateKey`] if it is 0 or not below the order.
pub fn public_key(secret: &[u8; 32]) -> Result<Public, Error> {
    let mut scalar = scalar(secret)?;
    let point = ProjectivePoint::GENERATOR * *scalar;
    scalar.zeroize();
    encode(&point.to_affine())
}

/// The shared secret of our private and a peer's public key; [`Error::TlsProtocol`] if that is no
/// point of the curve.
pub fn ecdh(secret: &[u8; 32], peer: &Public) -> Result<Secret, Error> {
    let peer = point(peer).ok_or(Error::TlsProtocol)?;
    let mut scalar = scalar(secret)?;
    let shared = diffie_hellman(scalar, peer.as_affine());
    scalar.zeroize();
    let mut out = Secret::default();
    out.copy_from_slice(shared.raw_secret_bytes());
    Ok(out)
}

/// Signs a digest: r, then s. The same key and digest always give the same signature (RFC 6979
/// with SHA-256).
pub fn sign(secret: &[u8; 32], digest: &[u8; 32]) -> Result<[u8; 64], Error> {
    let mut scalar = scalar(secret)?;
    // RFC 6979 derives the nonce from the digest reduced modulo the order (2.3.4).
    let digest = Scalar::reduce_bytes(&(*digest).into()).to_repr();
    let signed = scalar.try_sign_prehashed_rfc6979::<Sha256>(&digest, &[]);
    scalar.zeroize();
    match signed {
        Ok((signature, _)) => Ok(signature.to_bytes().into()),
        Err(_) => Err(Error::TlsSign),
    }
}

/// Whether `signature` (r, then s) is one of `digest` by the holder of the key. A point that is
/// not on the curve has signed nothing.
pub fn verify(public: &Public, digest: &[u8; 32], signature: &[u8; 64]) -> bool {
    let (Some(key), Ok(signature)) = (point(public), Signature::from_slice(signature)) else {
        return false;
    };
    VerifyingKey::from(key)
        .verify_prehash(digest, &signature)
        .is_ok()
}

/// A private key as a number from 1 to the order less 1.
fn scalar(secret: &[u8; 32]) -> Result<NonZeroScalar, Error> {
    Option::from(NonZeroScalar::from_repr((*secret).into())).ok_or(Error::PrivateKey)
}

/// A public key: a point of the curve, and not the one at infinity.
fn point(bytes: &Public) -> Option<PublicKey> {
    // Of 65 bytes only an uncompressed point can be made.
    PublicKey::from_sec1_bytes(bytes).ok()
}

fn encode(point: &AffinePoint) -> Result<Public, Error> {
    let encoded: EncodedPoint = point.to_encoded_point(false);
    // Infinity, which is shorter, cannot come of a private key.
    encoded.as_bytes().try_into().map_err(|_| Error::PrivateKey)
}
