//! X25519 (RFC 7748): plain functions on byte arrays.

use x25519_dalek::x25519;
use zeroize::Zeroizing;

use crate::{Error, tls::Random};

/// The base point.
const BASE: [u8; 32] = {
    let mut base = [0; 32];
    base[0] = 9;
    base
};

/// Makes a key pair; an error if the random source fails.
pub fn keygen(random: &mut dyn Random) -> Result<(Zeroizing<[u8; 32]>, [u8; 32]), Error> {
    let mut secret = Zeroizing::new([0; 32]);
    random.fill(secret.as_mut_slice())?;
    let public = x25519(*secret, BASE);
    Ok((secret, public))
}

/// The secret that we share with a peer; [`Error::TlsProtocol`] if the peer's key makes it all
/// zeros, as RFC 8446 7.4.2 demands.
pub fn agree(secret: &[u8; 32], peer: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, Error> {
    let shared = Zeroizing::new(x25519(*secret, *peer));
    if shared.iter().fold(0, |all, byte| all | byte) == 0 {
        return Err(Error::TlsProtocol);
    }
    Ok(shared)
}
