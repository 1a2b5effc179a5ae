//! Verifying with the P-384 curve (secp384r1).

use p384::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _};

/// Whether `signature` (r, then s) is one of `digest`, of SHA-256 or SHA-384, by the holder of the
/// key, an uncompressed point. A point that is not on the curve has signed nothing.
pub fn verify(public: &[u8; 97], digest: &[u8], signature: &[u8; 96]) -> bool {
    let (Ok(key), Ok(signature)) = (
        VerifyingKey::from_sec1_bytes(public),
        Signature::from_slice(signature),
    ) else {
        return false;
    };
    key.verify_prehash(digest, &signature).is_ok()
}
