//! ECDSA over P-256 for webpki, on the p256 crate.

use p256::ecdsa::{DerSignature, VerifyingKey, signature::Verifier as _};
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

/// ECDSA with SHA-256 over P-256.
///
/// SHA-384 with a P-256 key is left out: no CA that AWS uses signs so.
#[derive(Debug)]
pub(super) struct P256Sha256;

impl SignatureVerificationAlgorithm for P256Sha256 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        verify(public_key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

/// Verifies a DER signature of `message` by an uncompressed SEC1 point.
pub(super) fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = VerifyingKey::from_sec1_bytes(public_key).ok()?;
    let signature = DerSignature::from_bytes(signature).ok()?;
    key.verify(message, &signature).ok()
}
