//! The operations of cryptography that C does instead of the library's software.

use zeroize::Zeroizing;

use super::guard::Versioned;
use super::types::*;
use crate::Error;
use crate::tls::Random;
use crate::tls::crypto::Crypto;
use crate::tls::crypto::aead::{self, Aead, Nonce, Tag};
use crate::tls::crypto::p256::{self, Public, Secret};

// SAFETY: integers, a pointer and nullable function pointers.
unsafe impl Versioned for iot_thing_crypto_t {}

/// C's table; what it lacks is done in software.
pub struct CCrypto {
    table: iot_thing_crypto_t,
}

// SAFETY: the functions are called, and `user` is passed to them, only where a connection is worked
// on: by the thread that polls the Thing.
unsafe impl Sync for CCrypto {}

impl CCrypto {
    pub fn new(table: iot_thing_crypto_t) -> Self {
        Self { table }
    }
}

/// What a function of the table returned, where there are only success and failure.
fn done(result: i32) -> Result<(), Error> {
    if result == IOT_THING_OK {
        Ok(())
    } else {
        Err(Error::Crypto)
    }
}

/// The same, where what is looked at may also be wrong.
fn judged(result: i32) -> Result<bool, Error> {
    match result {
        IOT_THING_CRYPTO_WRONG => Ok(false),
        result => done(result).map(|()| true),
    }
}

/// How C knows an algorithm.
fn number(aead: Aead) -> u32 {
    match aead {
        Aead::Aes128Gcm => IOT_THING_AEAD_AES_128_GCM,
        #[cfg(feature = "aes256")]
        Aead::Aes256Gcm => IOT_THING_AEAD_AES_256_GCM,
        #[cfg(feature = "chacha20")]
        Aead::ChaCha20Poly1305 => IOT_THING_AEAD_CHACHA20_POLY1305,
    }
}

impl Crypto for CCrypto {
    fn p256_keygen(&self, random: &mut dyn Random) -> Result<(Secret, Public), Error> {
        let Some(keygen) = self.table.p256_keygen else {
            return p256::keygen(random);
        };
        let (mut secret, mut public) = (Zeroizing::new([0; 32]), [0; 65]);
        let user = self.table.user;
        // SAFETY: the application's function, called as its description in the header says.
        done(unsafe { keygen(user, secret.as_mut_ptr(), public.as_mut_ptr()) })?;
        Ok((secret, public))
    }

    fn p256_ecdh(&self, secret: &Secret, peer: &Public) -> Result<Secret, Error> {
        let Some(ecdh) = self.table.p256_ecdh else {
            return p256::ecdh(secret, peer);
        };
        let mut shared = Zeroizing::new([0; 32]);
        let user = self.table.user;
        // SAFETY: the application's function, called as its description in the header says.
        let result = unsafe { ecdh(user, secret.as_ptr(), peer.as_ptr(), shared.as_mut_ptr()) };
        if judged(result)? {
            Ok(shared)
        } else {
            Err(Error::TlsProtocol)
        }
    }

    fn p256_verify(
        &self,
        public: &Public,
        digest: &[u8; 32],
        signature: &[u8; 64],
    ) -> Result<bool, Error> {
        let Some(verify) = self.table.p256_verify else {
            return Ok(p256::verify(public, digest, signature));
        };
        let user = self.table.user;
        // SAFETY: the application's function, called as its description in the header says.
        judged(unsafe { verify(user, public.as_ptr(), digest.as_ptr(), signature.as_ptr()) })
    }

    fn seal(
        &self,
        aead: Aead,
        key: &[u8],
        nonce: &Nonce,
        additional: &[u8],
        in_out: &mut [u8],
    ) -> Result<Tag, Error> {
        let Some(seal) = self.table.aead_seal else {
            return aead::seal(aead, key, nonce, additional, in_out);
        };
        let mut tag = [0; 16];
        // SAFETY: the application's function, called as its description in the header says.
        done(unsafe {
            seal(
                self.table.user,
                number(aead),
                key.as_ptr(),
                nonce.as_ptr(),
                additional.as_ptr(),
                additional.len(),
                in_out.as_mut_ptr(),
                in_out.len(),
                tag.as_mut_ptr(),
            )
        })?;
        Ok(tag)
    }

    fn open(
        &self,
        aead: Aead,
        key: &[u8],
        nonce: &Nonce,
        additional: &[u8],
        in_out: &mut [u8],
        tag: &Tag,
    ) -> Result<bool, Error> {
        let Some(open) = self.table.aead_open else {
            return aead::open(aead, key, nonce, additional, in_out, tag);
        };
        // SAFETY: the application's function, called as its description in the header says.
        judged(unsafe {
            open(
                self.table.user,
                number(aead),
                key.as_ptr(),
                nonce.as_ptr(),
                additional.as_ptr(),
                additional.len(),
                in_out.as_mut_ptr(),
                in_out.len(),
                tag.as_ptr(),
            )
        })
    }
}
