//! Who we are and whom we trust: client certificate, private key, CA certificates.
//!
//! Everything is checked when it is loaded, at init and not in the field: that it can be read,
//! that the key belongs to the certificate, that the CA certificates are such.

use core::cell::Cell;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{
    Random, Signer,
    crypto::p256::{self, Public, Secret},
    der, ecdsa,
    pem::Blocks,
    verifier::{ECDSA_SECP256R1_SHA256, MAX_ROOTS, check_root},
};
use crate::Error;

/// The DER of Amazon Root CA 1 (RSA 2048) and 3 (P-256), which AWS IoT endpoints lead to.
static AMAZON_ROOTS: [&[u8]; 2] = [
    include_bytes!(concat!(env!("OUT_DIR"), "/amazon_root_ca_1.der")),
    include_bytes!(concat!(env!("OUT_DIR"), "/amazon_root_ca_3.der")),
];

/// The most bytes of a signature.
pub const MAX_SIGNATURE: usize = 512;

/// More than the DER of any P-256 private key, PKCS#8 with all optional parts included.
const MAX_KEY_DER: usize = 256;

/// What [`load`] makes credentials from. PEM may have text around the blocks, blocks of other
/// kinds between them, any line ending, and a NUL at the end.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The client certificate as PEM or DER, the device's own first if there are several.
    pub certificate: &'a [u8],
    /// Its private key.
    pub key: KeyInput<'a>,
    /// The CA certificates to trust, PEM or DER, one after the other; if empty, the built-in
    /// Amazon Root CA 1 and 3.
    pub ca: &'a [u8],
}

/// Where the private key is.
#[derive(Clone, Copy)]
pub enum KeyInput<'a> {
    /// A P-256 key as SEC1 or PKCS#8, PEM or DER.
    Bytes(&'a [u8]),
    /// Behind a signing function, which gives its signatures in this form.
    Signer(&'a dyn Signer, SignatureForm),
}

/// How an ECDSA signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureForm {
    /// As a DER `ECDSA-Sig-Value`.
    Der,
    /// As r, then s, 32 bytes each.
    Raw,
}

/// Certificates as DER.
#[derive(Clone, Copy)]
pub struct CertList<'a> {
    /// Slices of one certificate after the other.
    parts: Parts<'a>,
}

#[derive(Clone, Copy)]
enum Parts<'a> {
    One(&'a [u8]),
    Many(&'a [&'a [u8]]),
}

impl<'a> CertList<'a> {
    fn new(ders: &'a [u8]) -> Self {
        Self {
            parts: Parts::One(ders),
        }
    }

    /// One certificate after the other.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (mut current, mut further) = match self.parts {
            Parts::One(ders) => (ders, [].iter()),
            Parts::Many(list) => ([].as_slice(), list.iter()),
        };
        core::iter::from_fn(move || {
            if current.is_empty() {
                current = further.next()?;
            }
            let (certificate, rest) = der::split_sequence(current)?;
            current = rest;
            Some(certificate)
        })
    }
}

/// The built-in CA certificates: Amazon Root CA 1 and 3.
pub fn amazon_roots() -> CertList<'static> {
    CertList {
        parts: Parts::Many(&AMAZON_ROOTS),
    }
}

/// The private key, in memory (wiped when dropped) or elsewhere.
enum Key<'a> {
    P256(Secret),
    Elsewhere {
        signer: &'a dyn Signer,
        form: SignatureForm,
        /// The public key in the certificate.
        public: &'a Public,
        /// One of its signatures was seen to be by that key.
        matched: Cell<bool>,
    },
}

/// Who we are and whom we trust, checked and ready for handshakes. Made by [`load`].
pub struct Credentials<'a> {
    chain: CertList<'a>,
    roots: CertList<'a>,
    key: Key<'a>,
}

impl<'a> Credentials<'a> {
    /// The device's certificate and those that came with it, DER, its own first.
    pub fn chain(&self) -> CertList<'a> {
        self.chain
    }

    /// The CA certificates that are trusted, DER.
    pub fn roots(&self) -> CertList<'a> {
        self.roots
    }

    /// The device's own certificate, DER.
    pub fn certificate(&self) -> &'a [u8] {
        self.chain.iter().next().unwrap_or_default()
    }

    /// The signature scheme to prove our key with, of those that the server offers in its
    /// CertificateRequest; `None` if we can use none of them.
    pub fn choose_scheme(&self, mut offered: impl Iterator<Item = u16>) -> Option<u16> {
        offered.find(|&scheme| scheme == ECDSA_SECP256R1_SHA256)
    }

    /// Signs `content` with the private key, by a scheme that [`choose_scheme`](Self::choose_scheme)
    /// returned. Writes the signature as TLS has it to the start of `out` ([`MAX_SIGNATURE`] bytes
    /// are enough) and returns its length. `None`: the key is elsewhere, and its signature is not
    /// ready; call again with the same content at the next poll.
    ///
    /// [`Error::TlsSign`] on any failure, also of a [`Signer`]; [`Error::KeyMismatch`] if the first
    /// signature of a [`Signer`] is not one by the key of the certificate.
    pub fn sign(
        &self,
        scheme: u16,
        content: &[u8],
        _random: &mut dyn Random,
        out: &mut [u8],
    ) -> Result<Option<usize>, Error> {
        if scheme != ECDSA_SECP256R1_SHA256 {
            return Err(Error::TlsSign);
        }
        let digest = Sha256::digest(content).into();
        let raw = match &self.key {
            Key::P256(secret) => p256::sign(secret, &digest)?,
            Key::Elsewhere {
                signer,
                form,
                public,
                matched,
            } => {
                let Some(raw) = signed_elsewhere(*signer, *form, &digest)? else {
                    return Ok(None);
                };
                if !matched.get() && !p256::verify(public, &digest, &raw) {
                    return Err(Error::KeyMismatch);
                }
                matched.set(true);
                raw
            }
        };
        ecdsa::der_from_raw(&raw, out)
            .map(Some)
            .ok_or(Error::TlsSign)
    }
}

/// The signature, r and s, that a signer makes of a digest.
fn signed_elsewhere(
    signer: &dyn Signer,
    form: SignatureForm,
    digest: &[u8; 32],
) -> Result<Option<[u8; 64]>, Error> {
    let mut signature = [0; ecdsa::MAX_DER];
    let Some(length) = signer
        .sign(digest, &mut signature)
        .map_err(|_| Error::TlsSign)?
    else {
        return Ok(None);
    };
    let signature = signature.get(..length).ok_or(Error::TlsSign)?;
    let raw = match form {
        SignatureForm::Der => ecdsa::raw_from_der(signature),
        SignatureForm::Raw => signature.try_into().ok(),
    };
    raw.map(Some).ok_or(Error::TlsSign)
}

/// The size of the storage that [`load`] needs for these inputs; 0 if both certificates and CA
/// certificates are DER or built in.
///
/// [`Error::ClientCert`] or [`Error::CaCerts`] if they are neither PEM nor DER.
pub fn storage_needed(inputs: &Inputs<'_>) -> Result<usize, Error> {
    let chain = decoded_len(inputs.certificate, Error::ClientCert)?;
    let roots = match inputs.ca {
        [] => 0,
        ca => decoded_len(ca, Error::CaCerts)?,
    };
    chain.checked_add(roots).ok_or(Error::Memory)
}

/// Makes credentials from `inputs`. What was PEM is decoded into `storage`, which is at least
/// [`storage_needed`] long; what is DER stays where it is.
pub fn load<'a>(inputs: &Inputs<'a>, storage: &'a mut [u8]) -> Result<Credentials<'a>, Error> {
    let (chain, storage) = certificates(inputs.certificate, storage, Error::ClientCert)?;
    let mut public_key = None;
    for certificate in chain.iter() {
        let info = der::public_key_info(certificate).ok_or(Error::ClientCert)?;
        public_key.get_or_insert(info);
    }
    let public_key = public_key.ok_or(Error::ClientCert)?;

    let roots = match inputs.ca {
        [] => amazon_roots(),
        ca => certificates(ca, storage, Error::CaCerts)?.0,
    };
    for (index, root) in roots.iter().enumerate() {
        if index >= MAX_ROOTS {
            return Err(Error::CaCerts);
        }
        check_root(root)?;
    }

    let key = match inputs.key {
        KeyInput::Signer(signer, form) => Key::Elsewhere {
            signer,
            form,
            public: der::p256_point(public_key).ok_or(Error::KeyUnsupported)?,
            matched: Cell::new(false),
        },
        KeyInput::Bytes(bytes) => {
            let key = private_key(bytes)?;
            let public = p256::public_key(&key)?;
            // A certificate for a key of another kind is a mismatch like any other.
            if der::p256_point(public_key) != Some(&public) {
                return Err(Error::KeyMismatch);
            }
            Key::P256(key)
        }
    };
    Ok(Credentials { chain, roots, key })
}

/// The bytes that the certificates in a PEM text take; 0 for DER.
fn decoded_len(input: &[u8], error: Error) -> Result<usize, Error> {
    if der::is_sequences(input) {
        return Ok(0);
    }
    let mut length = None;
    for block in Blocks::new(input) {
        let block = block.map_err(|()| error)?;
        if block.label() == "CERTIFICATE" {
            let sum = length.unwrap_or(0_usize).checked_add(block.decoded_len());
            length = Some(sum.ok_or(error)?);
        }
    }
    length.ok_or(error)
}

/// The certificates in `input`, and the storage that is left.
fn certificates<'a>(
    input: &'a [u8],
    storage: &'a mut [u8],
    error: Error,
) -> Result<(CertList<'a>, &'a mut [u8]), Error> {
    if der::is_sequences(input) {
        return Ok((CertList::new(input), storage));
    }
    let length = decoded_len(input, error)?;
    let (ders, rest) = storage.split_at_mut_checked(length).ok_or(Error::Memory)?;
    let mut free = &mut *ders;
    for block in Blocks::new(input) {
        let block = block.map_err(|()| error)?;
        if block.label() == "CERTIFICATE" {
            let (contents, after) = block.decode(free).ok_or(error)?;
            // Exactly one certificate in each block.
            match der::split_sequence(contents) {
                Some((_, [])) => {}
                _ => return Err(error),
            }
            free = after;
        }
    }
    Ok((CertList::new(ders), rest))
}

/// The private key in `input`.
fn private_key(input: &[u8]) -> Result<Secret, Error> {
    if der::is_sequences(input) {
        return key_from_der(input).ok_or(Error::PrivateKey);
    }
    for block in Blocks::new(input) {
        let block = block.map_err(|()| Error::PrivateKey)?;
        // `EC PARAMETERS` often stands before the key.
        if matches!(block.label(), "EC PRIVATE KEY" | "PRIVATE KEY") {
            let mut storage = Zeroizing::new([0; MAX_KEY_DER]);
            let key = match block.decode(storage.as_mut_slice()) {
                Some((der, _)) => key_from_der(der),
                None => None,
            };
            return key.ok_or(Error::PrivateKey);
        }
    }
    Err(Error::PrivateKey)
}

/// A P-256 key from SEC1 or PKCS#8.
fn key_from_der(der: &[u8]) -> Option<Secret> {
    let number = der::p256_private_key(der)?;
    // It should have all 32 bytes, but some programs leave out zeros.
    let mut secret = Secret::default();
    let start = secret.len().checked_sub(number.len())?;
    secret.get_mut(start..)?.copy_from_slice(number);
    Some(secret)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_built_in_roots_are_the_published_ones() {
        let fingerprints = amazon_roots()
            .iter()
            .map(|der| {
                Sha256::digest(der)
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>()
            })
            .collect::<Vec<_>>();
        assert_eq!(
            fingerprints,
            [
                "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
                "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
            ]
        );
    }
}
