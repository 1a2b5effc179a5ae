//! P-256 of our own, for cores that multiply 32 bits by 32 and add twice in one instruction
//! (UMAAL): Cortex-M4, M7, and M33 and later with the DSP extension. There it takes a tenth of the
//! instructions of the p256 crate.
//!
//! Only `umaal` is made for these cores; tests run everything else on any machine.

mod field;
mod inverse;
mod modular;
mod point;
mod scalar;
mod table;
#[cfg(test)]
mod tests;
#[cfg(iot_thing_umaal)]
mod umaal;

use zeroize::{Zeroize as _, Zeroizing};

use self::{
    field::Fe,
    point::{Affine, Point},
    scalar::Scalar,
};
use super::{Public, Secret};
use crate::{
    Error,
    tls::crypto::hash::{Hash, hmac},
};

/// See [`super`].
pub fn public_key(secret: &[u8; 32]) -> Result<Public, Error> {
    let scalar = Scalar::from_bytes(secret).ok_or(Error::PrivateKey)?;
    let mut product = Point::base_times(&scalar);
    let point = product.to_affine();
    product.zeroize();
    let mut public = [4; 65];
    let (_, coordinates) = public.split_at_mut(1);
    let (x, y) = coordinates.split_at_mut(32);
    x.copy_from_slice(&point.x.to_bytes());
    y.copy_from_slice(&point.y.to_bytes());
    Ok(public)
}

/// See [`super`].
pub fn ecdh(secret: &[u8; 32], peer: &Public) -> Result<Secret, Error> {
    let peer = decode(peer).ok_or(Error::TlsProtocol)?;
    let scalar = Scalar::from_bytes(secret).ok_or(Error::PrivateKey)?;
    let mut x = Point::x_of_multiple(&peer, &scalar);
    let shared = Zeroizing::new(x.to_bytes());
    x.0.zeroize();
    Ok(shared)
}

/// See [`super`].
pub fn sign(secret: &[u8; 32], digest: &[u8; 32]) -> Result<[u8; 64], Error> {
    let key = Scalar::from_bytes(secret).ok_or(Error::PrivateKey)?;
    let digest = Scalar::reduce(digest);
    let mut nonce = nonce(secret, &digest.to_bytes())?;
    let mut product = Point::base_times(&nonce);
    let r = Scalar::reduce(&product.to_affine().x.to_bytes());
    product.zeroize();
    // s = (digest + r key) / nonce
    let mut s = r.clone();
    s.multiply(&key);
    s.add(&digest);
    nonce.invert();
    s.multiply(&nonce);
    // Both happen once in 2^256 signatures.
    if bool::from(r.is_zero() | s.is_zero()) {
        return Err(Error::TlsSign);
    }
    let mut signature = [0; 64];
    let (r_bytes, s_bytes) = signature.split_at_mut(32);
    r_bytes.copy_from_slice(&r.to_bytes());
    s_bytes.copy_from_slice(&s.to_bytes());
    Ok(signature)
}

/// See [`super`].
pub fn verify(public: &Public, digest: &[u8; 32], signature: &[u8; 64]) -> bool {
    is_valid(public, digest, signature).unwrap_or(false)
}

/// `None` if the key is no point, or a number of the signature is out of range.
fn is_valid(public: &Public, digest: &[u8; 32], signature: &[u8; 64]) -> Option<bool> {
    let public = decode(public)?;
    let (r, s) = signature.split_first_chunk()?;
    let r_bytes = r;
    let r = Scalar::from_bytes(r)?;
    let mut inverse = Scalar::from_bytes(s.first_chunk()?)?;
    inverse.invert();
    let mut a = Scalar::reduce(digest);
    a.multiply(&inverse);
    let mut b = r.clone();
    b.multiply(&inverse);
    let point = Point::double_base_vartime(&a, &public, &b);
    // r is an x coordinate modulo the order, which is a little less than the prime: the coordinate
    // may have been r, or r plus the order.
    let x = Fe::from_bytes(r_bytes)?;
    let above = r.plus_order().and_then(Fe::from_limbs);
    Some(point.has_x(&x) || above.is_some_and(|x| point.has_x(&x)))
}

/// An uncompressed point of the curve.
fn decode(bytes: &Public) -> Option<Affine> {
    let (&[4], coordinates) = bytes.split_first_chunk()? else {
        return None;
    };
    let (x, y) = coordinates.split_first_chunk()?;
    Affine::from_bytes(x, y.first_chunk()?)
}

/// The most nonces to try. One in 2^32 is out of range.
const MAX_NONCES: u8 = 4;

/// The nonce of RFC 6979 (3.2) with SHA-256. The digest is reduced modulo the order.
fn nonce(secret: &[u8; 32], digest: &[u8; 32]) -> Result<Scalar, Error> {
    let mut key = Secret::default();
    let mut value = Secret::new([1; 32]);
    for separator in [0, 1] {
        let parts: &[&[u8]] = &[value.as_slice(), &[separator], secret, digest];
        authenticate(&mut key, parts)?;
        next(&key, &mut value)?;
    }
    for _ in 0..MAX_NONCES {
        next(&key, &mut value)?;
        if let Some(nonce) = Scalar::from_bytes(&value) {
            return Ok(nonce);
        }
        authenticate(&mut key, &[value.as_slice(), &[0]])?;
        next(&key, &mut value)?;
    }
    Err(Error::TlsSign)
}

/// K = HMAC(K, parts)
#[inline(never)]
fn authenticate(key: &mut Secret, parts: &[&[u8]]) -> Result<(), Error> {
    let mac = hmac(Hash::Sha256, key.as_slice(), parts);
    **key = *mac.as_slice().first_chunk().ok_or(Error::TlsSign)?;
    Ok(())
}

/// V = HMAC(K, V)
#[inline(never)]
fn next(key: &Secret, value: &mut Secret) -> Result<(), Error> {
    let mac = hmac(Hash::Sha256, key.as_slice(), &[value.as_slice()]);
    **value = *mac.as_slice().first_chunk().ok_or(Error::TlsSign)?;
    Ok(())
}
