//! P-256 by the p256 crate, for any core.

use ecdsa::hazmat::SignPrimitive as _;
use p256::{
    AffinePoint, EncodedPoint, NonZeroScalar, ProjectivePoint, PublicKey, Scalar,
    ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _},
    elliptic_curve::{
        PrimeField as _, ecdh::diffie_hellman, ops::Reduce as _, sec1::ToEncodedPoint as _,
    },
};
use sha2::Sha256;
use zeroize::Zeroize as _;

use super::{Public, Secret};
use crate::Error;

/// See [`super`].
pub fn public_key(secret: &[u8; 32]) -> Result<Public, Error> {
    let mut scalar = scalar(secret)?;
    let point = ProjectivePoint::GENERATOR * *scalar;
    scalar.zeroize();
    encode(&point.to_affine())
}

/// See [`super`].
pub fn ecdh(secret: &[u8; 32], peer: &Public) -> Result<Secret, Error> {
    let peer = point(peer).ok_or(Error::TlsProtocol)?;
    let mut scalar = scalar(secret)?;
    let shared = diffie_hellman(scalar, peer.as_affine());
    scalar.zeroize();
    let mut out = Secret::default();
    out.copy_from_slice(shared.raw_secret_bytes());
    Ok(out)
}

/// See [`super`].
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

/// See [`super`].
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
