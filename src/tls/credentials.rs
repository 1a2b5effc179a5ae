//! Who we are and whom we trust: client certificate, private key, CA certificates.
//!
//! Everything is checked when it is loaded, at init and not in the field: that it can be read,
//! that the key is strong and belongs to the certificate, that the certificate is one for clients,
//! that the CA certificates are such.

use core::cell::Cell;

use rustls_pki_types::alg_id;
use zeroize::Zeroizing;

use super::{
    Clock, Random, Signer,
    crypto::{
        hash,
        p256::{self, Public, Secret},
    },
    der, ecdsa,
    pem::{Block, Blocks},
    rsa,
    verifier::{
        self, ECDSA_SECP256R1_SHA256, MAX_ROOTS, RSA_PSS_RSAE_SHA256, RSA_PSS_RSAE_SHA384,
        RSA_PSS_RSAE_SHA512, check_root,
    },
};
use crate::Error;

/// The DER of Amazon Root CA 1 (RSA 2048) and 3 (P-256), which AWS IoT endpoints lead to.
static AMAZON_ROOTS: &[&[u8]] = &[
    #[cfg(feature = "rsa")]
    include_bytes!(concat!(env!("OUT_DIR"), "/amazon_root_ca_1.der")),
    include_bytes!(concat!(env!("OUT_DIR"), "/amazon_root_ca_3.der")),
];

/// The most bytes of a signature.
pub const MAX_SIGNATURE: usize = 512;

/// More than the DER of any P-256 private key, PKCS#8 with all optional parts included, and less
/// than that of any RSA key that is not far too weak.
const MAX_P256_DER: usize = 256;

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
    /// A P-256 key as SEC1 or PKCS#8, or, with the feature `rsa`, an RSA key as PKCS#1 or PKCS#8;
    /// PEM or DER.
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

/// The certificates in `input`, PEM or DER one after the other, and what is left of `storage`, which
/// those that are PEM are decoded into. [`Error::Memory`] if it is too small, `error` if there is no
/// certificate or something else is wrong.
pub fn parse_certificates<'a>(
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
        if block.label() == b"CERTIFICATE" {
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

/// The built-in CA certificates: Amazon Root CA 1 and 3; without the feature `rsa` only 3.
pub fn amazon_roots() -> CertList<'static> {
    CertList {
        parts: Parts::Many(AMAZON_ROOTS),
    }
}

/// The private key, in memory (wiped when dropped) or elsewhere.
enum Key<'a> {
    P256(Secret),
    Rsa(rsa::PrivateKey<'a>),
    Elsewhere(ElsewhereKey<'a>),
}

/// A key behind a signing function.
struct ElsewhereKey<'a> {
    signer: &'a dyn Signer,
    form: SignatureForm,
    /// The public key in the certificate.
    public: &'a Public,
    /// One of its signatures was seen to be by that key.
    matched: Cell<bool>,
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
    pub fn choose_scheme(&self, offered: impl Iterator<Item = u16>) -> Option<u16> {
        let ours: &[u16] = match self.key {
            Key::P256(_) | Key::Elsewhere { .. } => &[ECDSA_SECP256R1_SHA256],
            // The shorter the hash, the less there is to do.
            Key::Rsa(_) => &[
                RSA_PSS_RSAE_SHA256,
                RSA_PSS_RSAE_SHA384,
                RSA_PSS_RSAE_SHA512,
            ],
        };
        let ranks = offered.filter_map(|scheme| ours.iter().position(|&our| our == scheme));
        ours.get(ranks.min()?).copied()
    }

    /// Whether the client certificate is valid by `clock`: [`Error::ClientCertExpired`],
    /// [`Error::ClientCertNotYetValid`]. What the clock does not tell is not judged.
    pub fn check_validity(&self, clock: Clock) -> Result<(), Error> {
        let (not_before, not_after) = der::Certificate::from_der(self.certificate())
            .and_then(|certificate| certificate.validity())
            .ok_or(Error::ClientCert)?;
        match clock {
            Clock::At(time) | Clock::AtLeast(time) if time > not_after => {
                Err(Error::ClientCertExpired)
            }
            Clock::At(time) if time < not_before => Err(Error::ClientCertNotYetValid),
            _ => Ok(()),
        }
    }

    /// The most bytes of a signature by the private key as TLS has it.
    pub fn signature_len(&self) -> usize {
        match &self.key {
            Key::P256(_) | Key::Elsewhere(_) => ecdsa::MAX_DER,
            Key::Rsa(key) => key.public().len(),
        }
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
        random: &mut dyn Random,
        out: &mut [u8],
    ) -> Result<Option<usize>, Error> {
        let algorithm = match scheme {
            ECDSA_SECP256R1_SHA256 => None,
            _ => Some(verifier::rsa_algorithm(scheme).ok_or(Error::TlsSign)?),
        };
        let digest = || hash::sha256(content);
        let raw = match (&self.key, algorithm) {
            (Key::Rsa(key), Some(algorithm)) => {
                return key.sign_pss(algorithm, content, random, out).map(Some);
            }
            (Key::P256(secret), None) => p256::sign(secret, &digest())?,
            (Key::Elsewhere(key), None) => match key.sign(&digest())? {
                Some(raw) => raw,
                None => return Ok(None),
            },
            _ => return Err(Error::TlsSign),
        };
        ecdsa::der_from_raw(&raw, out)
            .map(Some)
            .ok_or(Error::TlsSign)
    }
}

impl ElsewhereKey<'_> {
    /// The signature of a digest, r and s, when it is ready.
    fn sign(&self, digest: &[u8; 32]) -> Result<Option<[u8; 64]>, Error> {
        let mut signature = [0; ecdsa::MAX_DER];
        let signed = self.signer.sign(digest, &mut signature);
        let Some(length) = signed.map_err(|_| Error::TlsSign)? else {
            return Ok(None);
        };
        let signature = signature.get(..length).ok_or(Error::TlsSign)?;
        let raw = match self.form {
            SignatureForm::Der => ecdsa::raw_from_der(signature),
            SignatureForm::Raw => signature.try_into().ok(),
        };
        let raw = raw.ok_or(Error::TlsSign)?;
        if !self.matched.get() && !p256::verify(self.public, digest, &raw) {
            return Err(Error::KeyMismatch);
        }
        self.matched.set(true);
        Ok(Some(raw))
    }
}

/// The size of the storage that [`load`] needs for these inputs: for certificates that are PEM, and
/// for an RSA key.
///
/// [`Error::ClientCert`], [`Error::CaCerts`] or [`Error::PrivateKey`] if they are neither PEM nor
/// DER.
pub fn storage_needed(inputs: &Inputs<'_>) -> Result<usize, Error> {
    let chain = decoded_len(inputs.certificate, Error::ClientCert)?;
    let roots = match inputs.ca {
        [] => 0,
        ca => decoded_len(ca, Error::CaCerts)?,
    };
    let key = match inputs.key {
        KeyInput::Signer(..) | KeyInput::Bytes([]) => 0,
        KeyInput::Bytes(der) if der::is_sequences(der) => key_storage(der.len()),
        KeyInput::Bytes(pem) => key_storage(key_block(pem)?.decoded_len()),
    };
    chain
        .checked_add(roots)
        .and_then(|size| size.checked_add(key))
        .ok_or(Error::Memory)
}

/// Makes credentials from `inputs`. Certificates that are PEM and an RSA key are decoded into
/// `storage`, which is at least [`storage_needed`] long, and the caller's to wipe; certificates that
/// are DER stay where they are.
///
/// [`Error::ClientCert`], [`Error::PrivateKey`], [`Error::CaCerts`]: it cannot be read.
/// [`Error::KeyMismatch`], [`Error::KeyWeak`], [`Error::KeyUnsupported`],
/// [`Error::ClientCertUsage`]: it can, but is of no use.
pub fn load<'a>(inputs: &Inputs<'a>, storage: &'a mut [u8]) -> Result<Credentials<'a>, Error> {
    let (chain, storage) = parse_certificates(inputs.certificate, storage, Error::ClientCert)?;
    let mut own = None;
    for certificate in chain.iter() {
        let certificate = der::Certificate::from_der(certificate).ok_or(Error::ClientCert)?;
        own.get_or_insert(certificate);
    }
    let own = own.ok_or(Error::ClientCert)?;
    own.validity().ok_or(Error::ClientCert)?;
    if !may_authenticate_client(&own).ok_or(Error::ClientCert)? {
        return Err(Error::ClientCertUsage);
    }
    let public = PublicKey::from_info(own.key_info)?;

    let (roots, storage) = match inputs.ca {
        [] => (amazon_roots(), storage),
        ca => parse_certificates(ca, storage, Error::CaCerts)?,
    };
    for (index, root) in roots.iter().enumerate() {
        if index >= MAX_ROOTS {
            return Err(Error::CaCerts);
        }
        check_root(root)?;
    }

    let key = match (inputs.key, public) {
        (KeyInput::Signer(signer, form), PublicKey::P256(public)) => Key::Elsewhere(ElsewhereKey {
            signer,
            form,
            public,
            matched: Cell::new(false),
        }),
        // What is signed there is a hash, which is not all that PSS takes.
        (KeyInput::Signer(..), PublicKey::Rsa(_)) => return Err(Error::KeyUnsupported),
        (KeyInput::Bytes(bytes), public) => private_key(bytes, public, storage)?,
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
        if block.label() == b"CERTIFICATE" {
            let sum = length.unwrap_or(0_usize).checked_add(block.decoded_len());
            length = Some(sum.ok_or(error)?);
        }
    }
    length.ok_or(error)
}

/// The block of a PEM text that holds a private key.
fn key_block(input: &[u8]) -> Result<Block<'_>, Error> {
    for block in Blocks::new(input) {
        let block = block.map_err(|()| Error::PrivateKey)?;
        // `EC PARAMETERS` often stands before the key.
        if matches!(
            block.label(),
            b"EC PRIVATE KEY" | b"PRIVATE KEY" | b"RSA PRIVATE KEY"
        ) {
            return Ok(block);
        }
    }
    Err(Error::PrivateKey)
}

/// The storage that a private key takes, whose DER has this length.
fn key_storage(length: usize) -> usize {
    if length > MAX_P256_DER { length } else { 0 }
}

/// The private key in `input`, which `public` belongs to. One for RSA is copied to `storage`.
fn private_key<'a>(
    input: &[u8],
    public: PublicKey<'_>,
    storage: &'a mut [u8],
) -> Result<Key<'a>, Error> {
    let block = if der::is_sequences(input) {
        None
    } else {
        Some(key_block(input)?)
    };
    let length = block.as_ref().map_or(input.len(), Block::decoded_len);
    let mut on_stack = Zeroizing::new([0; MAX_P256_DER]);
    let place = match key_storage(length) {
        0 => on_stack.get_mut(..length),
        length => {
            let place = storage.get_mut(..length).ok_or(Error::Memory)?;
            return rsa_key(decoded(block, input, place)?, public);
        }
    };
    let place = place.ok_or(Error::PrivateKey)?;
    let der = decoded(block, input, place)?;
    match (der::PrivateKey::from_der(der), public) {
        (Some(der::PrivateKey::P256(secret)), public) => {
            let secret = Secret::new(*secret);
            let own = p256::public_key(&secret)?;
            match public {
                PublicKey::P256(public) if *public == own => Ok(Key::P256(secret)),
                _ => Err(Error::KeyMismatch),
            }
        }
        // An RSA key that is so small.
        (Some(der::PrivateKey::Rsa(_)), _) => Err(Error::KeyWeak),
        (Some(der::PrivateKey::Unsupported), _) => Err(Error::KeyUnsupported),
        (None, _) => Err(Error::PrivateKey),
    }
}

/// The DER of a block, or `input`, which is DER, in `place`.
fn decoded<'a>(
    block: Option<Block<'_>>,
    input: &[u8],
    place: &'a mut [u8],
) -> Result<&'a [u8], Error> {
    match block {
        Some(block) => {
            let (contents, _) = block.decode(place).ok_or(Error::PrivateKey)?;
            Ok(contents)
        }
        None => {
            place.copy_from_slice(input);
            Ok(place)
        }
    }
}

/// An RSA key from its DER, which `public` belongs to.
fn rsa_key<'a>(der: &'a [u8], public: PublicKey<'_>) -> Result<Key<'a>, Error> {
    match der::PrivateKey::from_der(der) {
        Some(der::PrivateKey::Rsa(numbers)) => {
            let key = rsa::PrivateKey::new(numbers)?;
            match public {
                PublicKey::Rsa(public) if public == key.public() => Ok(Key::Rsa(key)),
                _ => Err(Error::KeyMismatch),
            }
        }
        // No P-256 key is so large.
        Some(_) => Err(Error::KeyUnsupported),
        None => Err(Error::PrivateKey),
    }
}

/// The public key of the client certificate.
#[derive(Clone, Copy)]
enum PublicKey<'a> {
    P256(&'a Public),
    Rsa(rsa::PublicKey<'a>),
}

impl<'a> PublicKey<'a> {
    fn from_info(info: &'a [u8]) -> Result<Self, Error> {
        if let Some(point) = der::p256_point(info) {
            return Ok(Self::P256(point));
        }
        let key = der::key_of(info, &alg_id::RSA_ENCRYPTION).ok_or(Error::KeyUnsupported)?;
        match rsa::PublicKey::from_der(key) {
            Some(key) => Ok(Self::Rsa(key)),
            None if rsa::is_weak(key) => Err(Error::KeyWeak),
            None => Err(Error::KeyUnsupported),
        }
    }
}

/// Whether a certificate may be used to prove who a client is (RFC 5280 4.2.1.3 and 4.2.1.12);
/// one that says nothing of it may.
fn may_authenticate_client(certificate: &der::Certificate<'_>) -> Option<bool> {
    const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
    const ANY: &[u8] = &[0x55, 0x1d, 37, 0];
    const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
    if !certificate.may_sign()? {
        return Some(false);
    }
    match certificate.extension(EXTENDED_KEY_USAGE)? {
        Some(usages) => der::lists_oid(usages, &[ANY, CLIENT_AUTH]),
        None => Some(true),
    }
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
                #[cfg(feature = "rsa")]
                "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
                "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
            ]
        );
    }
}
