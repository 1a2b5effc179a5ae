//! The server's other messages (RFC 8446, 4.3 to 4.6): what they say, and nothing of when they may.

use super::{
    alert::Alert,
    codec::Reader,
    hello::{Limit, Offered, extension, misplaced, once, overlook},
};

/// Types of the messages.
pub(super) const ENCRYPTED_EXTENSIONS: u8 = 8;
pub(super) const CERTIFICATE: u8 = 11;
pub(super) const CERTIFICATE_REQUEST: u8 = 13;
pub(super) const CERTIFICATE_VERIFY: u8 = 15;
pub(super) const FINISHED: u8 = 20;

/// The least record_size_limit (RFC 8449, 4).
const MIN_RECORD_SIZE_LIMIT: u16 = 64;

/// What EncryptedExtensions say of the size of records.
#[derive(Debug, PartialEq, Eq)]
pub enum Limited {
    /// Nothing.
    No,
    /// This is the most type and contents that the server takes; we said what we take.
    Size(u16),
    /// As we proposed.
    Fragment,
}

/// Reads EncryptedExtensions. The server's choice of protocol must be the one that was offered; it
/// may make none.
pub fn read_encrypted_extensions(
    body: &[u8],
    alpn: Option<&[u8]>,
    limit: Limit,
    offered: Offered,
) -> Result<Limited, Alert> {
    let mut reader = Reader::new(body);
    let mut extensions = Reader::new(reader.vector16()?);
    reader.end()?;
    let (mut name, mut groups, mut protocol, mut limited) = (None, None, None, None);
    while !extensions.is_empty() {
        let (kind, mut contents) = extensions.extension()?;
        match kind {
            _ if !offered.has(kind) => return Err(Alert::UnsupportedExtension),
            extension::SERVER_NAME => {
                contents.end()?;
                once(&mut name, ())?;
            }
            // What the server would like for next time.
            extension::SUPPORTED_GROUPS => {
                let list = contents.vector16()?;
                contents.end()?;
                if list.is_empty() || list.len() % 2 != 0 {
                    return Err(Alert::DecodeError);
                }
                once(&mut groups, ())?;
            }
            extension::ALPN => {
                let mut list = Reader::new(contents.vector16()?);
                contents.end()?;
                let chosen = list.vector8()?;
                list.end()?;
                if Some(chosen) != alpn {
                    return Err(Alert::IllegalParameter);
                }
                once(&mut protocol, ())?;
            }
            extension::RECORD_SIZE_LIMIT => {
                let size = contents.u16()?;
                contents.end()?;
                if size < MIN_RECORD_SIZE_LIMIT {
                    return Err(Alert::IllegalParameter);
                }
                once(&mut limited, Limited::Size(size))?;
            }
            extension::MAX_FRAGMENT_LENGTH => {
                let code = contents.u8()?;
                contents.end()?;
                if limit != Limit::Fragment(code) {
                    return Err(Alert::IllegalParameter);
                }
                once(&mut limited, Limited::Fragment)?;
            }
            _ => return Err(misplaced(true)),
        }
    }
    Ok(limited.unwrap_or(Limited::No))
}

/// Reads a CertificateRequest of the handshake: the schemes that the server takes. Other
/// extensions say what certificates it would like; we have only one identity to show.
pub fn read_certificate_request(body: &[u8]) -> Result<impl Iterator<Item = u16>, Alert> {
    let mut reader = Reader::new(body);
    if !reader.vector8()?.is_empty() {
        return Err(Alert::IllegalParameter);
    }
    let mut extensions = Reader::new(reader.vector16()?);
    reader.end()?;
    let mut schemes = None;
    while !extensions.is_empty() {
        let (kind, mut contents) = extensions.extension()?;
        match kind {
            extension::SIGNATURE_ALGORITHMS => {
                let list = contents.vector16()?;
                contents.end()?;
                if list.is_empty() || list.len() % 2 != 0 {
                    return Err(Alert::DecodeError);
                }
                once(&mut schemes, list)?;
            }
            extension::SIGNATURE_ALGORITHMS_CERT => {}
            _ => overlook(kind)?,
        }
    }
    let mut list = Reader::new(schemes.ok_or(Alert::MissingExtension)?);
    Ok(core::iter::from_fn(move || list.u16().ok()))
}

/// Reads a Certificate of the server: its certificates, its own first. All of it is checked before
/// anything is returned.
pub fn read_certificate(body: &[u8]) -> Result<impl Iterator<Item = &[u8]>, Alert> {
    let mut reader = Reader::new(body);
    if !reader.vector8()?.is_empty() {
        return Err(Alert::IllegalParameter);
    }
    let list = reader.vector24()?;
    reader.end()?;
    let mut entries = Reader::new(list);
    while !entries.is_empty() {
        if entries.vector24()?.is_empty() {
            return Err(Alert::DecodeError);
        }
        let mut extensions = Reader::new(entries.vector16()?);
        if !extensions.is_empty() {
            extensions.extension()?;
            // None was asked for.
            return Err(Alert::UnsupportedExtension);
        }
    }
    let mut entries = Reader::new(list);
    Ok(core::iter::from_fn(move || {
        let certificate = entries.vector24().ok()?;
        entries.vector16().ok()?;
        Some(certificate)
    }))
}

/// Reads a CertificateVerify: scheme and signature.
pub fn read_certificate_verify(body: &[u8]) -> Result<(u16, &[u8]), Alert> {
    let mut reader = Reader::new(body);
    let scheme = reader.u16()?;
    let signature = reader.vector16()?;
    reader.end()?;
    Ok((scheme, signature))
}

/// What a NewSessionTicket says.
pub struct NewTicket<'m> {
    pub lifetime: u32,
    pub age_add: u32,
    pub nonce: &'m [u8],
    pub ticket: &'m [u8],
}

/// Reads a NewSessionTicket. Of its extensions early_data is the only one that is known; there is no
/// early data here.
pub fn read_ticket(mut body: Reader<'_>) -> Result<NewTicket<'_>, Alert> {
    let lifetime = body.u32()?;
    let age_add = body.u32()?;
    let nonce = body.vector8()?;
    let ticket = body.vector16()?;
    if ticket.is_empty() {
        return Err(Alert::DecodeError);
    }
    let mut extensions = Reader::new(body.vector16()?);
    body.end()?;
    let mut early_data = None;
    while !extensions.is_empty() {
        let (kind, mut contents) = extensions.extension()?;
        if kind == extension::EARLY_DATA {
            let most = contents.u32()?;
            contents.end()?;
            once(&mut early_data, most)?;
        } else {
            overlook(kind)?;
        }
    }
    Ok(NewTicket {
        lifetime,
        age_add,
        nonce,
        ticket,
    })
}
