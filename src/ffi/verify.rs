//! The verifier of server certificates for C.

use rustls_pki_types::ServerName;

use super::config;
use super::guard::{self, Versioned};
use super::types::*;
use crate::Error;
use crate::tls::{self, Clock};

// SAFETY: integers and pointers.
unsafe impl Versioned for iot_thing_verification_t {}

/// Verifies what it describes.
pub fn server_chain(verification: *const iot_thing_verification_t) -> Result<(), Error> {
    let v = guard::read_versioned(verification)?;
    guard::not_null(v.host)?;
    let name = guard::c_str(v.host, IOT_THING_MAX_ENDPOINT).map_err(|_| Error::Endpoint)?;
    let host = ServerName::try_from(name).map_err(|_| Error::Endpoint)?;
    let chain = config::data(v.chain, Error::Null)?;
    let roots = config::data(v.ca_certs, Error::Null)?;
    let read = [chain, roots, name];
    if read
        .into_iter()
        .any(|text| guard::overlap(text, v.memory, v.memory_size))
    {
        return Err(Error::Argument);
    }
    let storage = guard::bytes_mut(v.memory, v.memory_size)?;

    let (chain, storage) = tls::parse_certificates(chain, storage, Error::CertMalformed)?;
    let roots = match roots {
        [] => tls::amazon_roots(),
        roots => tls::parse_certificates(roots, storage, Error::CaCerts)?.0,
    };
    let mut chain = chain.iter();
    let leaf = chain.next().ok_or(Error::CertMalformed)?;
    let clock = Clock::new(v.unix_time, v.earliest_unix_time);
    tls::verify_chain(leaf, chain, roots, &host, clock)?;
    Ok(())
}
