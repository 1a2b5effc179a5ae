//! Our half of a key exchange, and random bytes.

use zeroize::Zeroizing;

use super::{
    alert::{Alert, Fatal},
    suite::Group,
};
use crate::{
    Error,
    tls::{
        Random,
        crypto::{Crypto, p256},
    },
};

/// Our half of a key exchange.
pub struct Share {
    pub group: Group,
    secret: p256::Secret,
    public: [u8; 65],
}

impl Share {
    pub fn generate(
        group: Group,
        crypto: &dyn Crypto,
        random: &mut dyn Random,
    ) -> Result<Self, Error> {
        match group {
            #[cfg(feature = "x25519")]
            Group::X25519 => {
                let (secret, key) = crypto.x25519_keygen(random)?;
                let mut public = [0; 65];
                for (place, byte) in public.iter_mut().zip(key) {
                    *place = byte;
                }
                Ok(Self {
                    group,
                    secret,
                    public,
                })
            }
            Group::Secp256r1 => {
                let (secret, public) = crypto.p256_keygen(random)?;
                Ok(Self {
                    group,
                    secret,
                    public,
                })
            }
        }
    }

    /// What the server gets.
    pub fn public(&self) -> &[u8] {
        self.public
            .get(..self.group.public_len())
            .unwrap_or_default()
    }

    /// The secret that we share with a server that sent this key.
    pub fn agree(&self, peer: &[u8], crypto: &dyn Crypto) -> Result<Zeroizing<[u8; 32]>, Fatal> {
        let shared = match self.group {
            #[cfg(feature = "x25519")]
            Group::X25519 => {
                let peer = peer.try_into().map_err(|_| Alert::IllegalParameter)?;
                crypto.x25519_agree(&self.secret, peer)
            }
            Group::Secp256r1 => {
                let peer = peer.try_into().map_err(|_| Alert::IllegalParameter)?;
                crypto.p256_ecdh(&self.secret, peer)
            }
        };
        Ok(shared?)
    }
}

/// A random source that says it worked and gave nothing but zeros is as bad as one that fails.
pub struct Checked<'r>(pub &'r mut dyn Random);

impl Random for Checked<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.fill(out)?;
        if out.iter().all(|&byte| byte == 0) {
            return Err(Error::Random);
        }
        Ok(())
    }
}
