//! ClientHello, ServerHello and HelloRetryRequest (RFC 8446, 4.1).

use super::{
    alert::Alert,
    codec::{Reader, Writer},
    suite::{Group, Suite},
    ticket::Tickets,
};

/// Types of the messages.
pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;

/// Types of extensions (RFC 8446, 4.2; RFC 8449).
pub mod extension {
    pub(in super::super) const SERVER_NAME: u16 = 0;
    pub(in super::super) const MAX_FRAGMENT_LENGTH: u16 = 1;
    pub(in super::super) const SUPPORTED_GROUPS: u16 = 10;
    pub(in super::super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(in super::super) const ALPN: u16 = 16;
    pub(in super::super) const RECORD_SIZE_LIMIT: u16 = 28;
    pub(in super::super) const PRE_SHARED_KEY: u16 = 41;
    pub(in super::super) const EARLY_DATA: u16 = 42;
    pub(in super::super) const SUPPORTED_VERSIONS: u16 = 43;
    pub(in super::super) const COOKIE: u16 = 44;
    pub(in super::super) const PSK_KEY_EXCHANGE_MODES: u16 = 45;
    pub(in super::super) const SIGNATURE_ALGORITHMS_CERT: u16 = 50;
    pub(in super::super) const KEY_SHARE: u16 = 51;
}

/// The number of TLS 1.3.
pub(super) const VERSION: u16 = 0x0304;
/// The number that TLS 1.3 gives itself where middleboxes look.
const LEGACY_VERSION: u16 = 0x0303;

/// The "random" that makes a ServerHello a HelloRetryRequest: SHA-256 of that name.
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// How the server is asked for records that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Not at all.
    None,
    /// record_size_limit: type and contents of a record, with padding.
    Size(u16),
    /// max_fragment_length: 1 to 4 for 512 to 4096 bytes of contents.
    Fragment(u8),
}

/// What a ClientHello says.
pub struct ClientHello<'h> {
    pub random: &'h [u8; 32],
    pub session_id: &'h [u8; 32],
    /// The name for SNI.
    pub host: Option<&'h str>,
    pub alpn: Option<&'h [u8]>,
    pub limit: Limit,
    /// The schemes for the proof, and those for certificates.
    pub schemes: &'h [u16],
    pub certificate_schemes: &'h [u16],
    pub group: Group,
    pub share: &'h [u8],
    pub cookie: Option<&'h [u8]>,
    /// Tickets are wanted, and one may be offered.
    pub tickets: Option<&'h Tickets<'h>>,
}

/// Which of the extensions that need not be there are in a ClientHello.
#[derive(Debug, Clone, Copy)]
pub struct Offered {
    pub host: bool,
    pub alpn: bool,
    pub limit: Limit,
    pub tickets: bool,
    pub ticket: bool,
}

impl Offered {
    /// Whether an extension of this type is in it.
    pub fn has(self, kind: u16) -> bool {
        use extension::*;
        match kind {
            SUPPORTED_GROUPS
            | SIGNATURE_ALGORITHMS
            | SUPPORTED_VERSIONS
            | SIGNATURE_ALGORITHMS_CERT
            | KEY_SHARE => true,
            SERVER_NAME => self.host,
            ALPN => self.alpn,
            RECORD_SIZE_LIMIT => matches!(self.limit, Limit::Size(_)),
            MAX_FRAGMENT_LENGTH => matches!(self.limit, Limit::Fragment(_)),
            PSK_KEY_EXCHANGE_MODES => self.tickets,
            PRE_SHARED_KEY => self.ticket,
            _ => false,
        }
    }
}

impl ClientHello<'_> {
    /// Writes the message.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.u8(CLIENT_HELLO);
        writer.vector::<3>(|w| {
            w.u16(LEGACY_VERSION);
            w.bytes(self.random);
            w.vector::<1>(|w| w.bytes(self.session_id));
            w.vector::<2>(|w| Suite::ALL.iter().for_each(|suite| w.u16(suite.code())));
            // No compression.
            w.vector::<1>(|w| w.u8(0));
            w.vector::<2>(|w| self.write_extensions(w));
        });
    }

    fn write_extensions(&self, writer: &mut Writer<'_>) {
        let numbers = |numbers: &[u16], w: &mut Writer<'_>| {
            w.vector::<2>(|w| numbers.iter().for_each(|&number| w.u16(number)));
        };
        if let Some(host) = self.host {
            writer.extension(extension::SERVER_NAME, |w| {
                w.vector::<2>(|w| {
                    w.u8(0);
                    w.vector::<2>(|w| w.bytes(host.as_bytes()));
                });
            });
        }
        writer.extension(extension::SUPPORTED_VERSIONS, |w| {
            w.vector::<1>(|w| w.u16(VERSION));
        });
        writer.extension(extension::SUPPORTED_GROUPS, |w| {
            w.vector::<2>(|w| Group::ALL.iter().for_each(|group| w.u16(group.code())));
        });
        writer.extension(extension::SIGNATURE_ALGORITHMS, |w| {
            numbers(self.schemes, w);
        });
        writer.extension(extension::SIGNATURE_ALGORITHMS_CERT, |w| {
            numbers(self.certificate_schemes, w);
        });
        writer.extension(extension::KEY_SHARE, |w| {
            w.vector::<2>(|w| {
                w.u16(self.group.code());
                w.vector::<2>(|w| w.bytes(self.share));
            });
        });
        match self.limit {
            Limit::None => {}
            Limit::Size(size) => writer.extension(extension::RECORD_SIZE_LIMIT, |w| w.u16(size)),
            Limit::Fragment(code) => {
                writer.extension(extension::MAX_FRAGMENT_LENGTH, |w| w.u8(code));
            }
        }
        if let Some(protocol) = self.alpn {
            writer.extension(extension::ALPN, |w| {
                w.vector::<2>(|w| w.vector::<1>(|w| w.bytes(protocol)));
            });
        }
        if let Some(cookie) = self.cookie {
            writer.extension(extension::COOKIE, |w| w.vector::<2>(|w| w.bytes(cookie)));
        }
        if let Some(tickets) = self.tickets {
            // Always with a key exchange of its own.
            writer.extension(extension::PSK_KEY_EXCHANGE_MODES, |w| {
                w.vector::<1>(|w| w.u8(1));
            });
            // The last of all.
            if tickets.offered().is_some() {
                writer.extension(extension::PRE_SHARED_KEY, |w| tickets.write(w));
            }
        }
    }
}

/// The server's answer.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerHello<'m> {
    /// It goes on with this suite, and with the group of this share.
    Go {
        suite: Suite,
        group: Group,
        share: &'m [u8],
        /// It knows the ticket.
        resumes: bool,
    },
    /// It wants another ClientHello, with a share of another group, or with a cookie, or both.
    Retry {
        suite: Suite,
        group: Option<Group>,
        cookie: Option<&'m [u8]>,
    },
}

/// Reads the body of a ServerHello. `offered` tells which extensions the ClientHello had.
pub fn read_server_hello<'m>(
    body: &'m [u8],
    session_id: &[u8; 32],
    offered: Offered,
) -> Result<ServerHello<'m>, Alert> {
    let mut reader = Reader::new(body);
    // Of no meaning beside supported_versions, which has to be there (RFC 8446, 4.2.1).
    reader.u16()?;
    let random = reader.array()?;
    let echo = reader.vector8()?;
    let suite = reader.u16()?;
    let compression = reader.u8()?;
    // Before TLS 1.3 there may be no extensions at all.
    let extensions = if reader.is_empty() {
        &[]
    } else {
        reader.vector16()?
    };
    reader.end()?;
    // First of all, for what is said in another version means something else.
    match selected_version(extensions)? {
        Some(VERSION) => {}
        // Not one that was offered (RFC 8446, 4.2.1).
        Some(_) => return Err(Alert::IllegalParameter),
        None => return Err(Alert::ProtocolVersion),
    }
    if echo != session_id || compression != 0 {
        return Err(Alert::IllegalParameter);
    }
    let suite = Suite::from_code(suite).ok_or(Alert::IllegalParameter)?;
    if *random == RETRY_RANDOM {
        read_retry(extensions, suite, offered)
    } else {
        read_go(extensions, suite, offered)
    }
}

/// The version in supported_versions, if that is there.
fn selected_version(extensions: &[u8]) -> Result<Option<u16>, Alert> {
    let mut reader = Reader::new(extensions);
    while !reader.is_empty() {
        let (kind, mut contents) = reader.extension()?;
        if kind == extension::SUPPORTED_VERSIONS {
            let version = contents.u16()?;
            contents.end()?;
            return Ok(Some(version));
        }
    }
    Ok(None)
}

/// What to say of an extension that is not for this message.
pub fn misplaced(offered: bool) -> Alert {
    if offered {
        Alert::IllegalParameter
    } else {
        Alert::UnsupportedExtension
    }
}

/// Overlooks an extension of a message that may have others than were offered; refuses it if it is
/// one of those that are known here, which are for other messages (RFC 8446, 4.2).
pub fn overlook(kind: u16) -> Result<(), Alert> {
    use extension::*;
    match kind {
        SERVER_NAME
        | MAX_FRAGMENT_LENGTH
        | SUPPORTED_GROUPS
        | SIGNATURE_ALGORITHMS
        | ALPN
        | RECORD_SIZE_LIMIT
        | PRE_SHARED_KEY
        | EARLY_DATA
        | SUPPORTED_VERSIONS
        | COOKIE
        | PSK_KEY_EXCHANGE_MODES
        | SIGNATURE_ALGORITHMS_CERT
        | KEY_SHARE => Err(Alert::IllegalParameter),
        _ => Ok(()),
    }
}

/// Sets what must not be there twice.
pub fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Alert> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Alert::IllegalParameter),
    }
}

fn read_go<'m>(
    extensions: &'m [u8],
    suite: Suite,
    offered: Offered,
) -> Result<ServerHello<'m>, Alert> {
    let mut reader = Reader::new(extensions);
    let (mut version, mut share, mut ticket) = (None, None, None);
    while !reader.is_empty() {
        let (kind, mut contents) = reader.extension()?;
        match kind {
            extension::SUPPORTED_VERSIONS => once(&mut version, ())?,
            extension::KEY_SHARE => {
                let group = contents.u16()?;
                let key = contents.vector16()?;
                contents.end()?;
                once(&mut share, (group, key))?;
            }
            extension::PRE_SHARED_KEY if offered.ticket => {
                let selected = contents.u16()?;
                contents.end()?;
                // There is only one.
                if selected != 0 {
                    return Err(Alert::IllegalParameter);
                }
                once(&mut ticket, ())?;
            }
            _ => return Err(misplaced(offered.has(kind))),
        }
    }
    let (group, share) = share.ok_or(Alert::MissingExtension)?;
    let group = Group::from_code(group).ok_or(Alert::IllegalParameter)?;
    Ok(ServerHello::Go {
        suite,
        group,
        share,
        resumes: ticket.is_some(),
    })
}

fn read_retry<'m>(
    extensions: &'m [u8],
    suite: Suite,
    offered: Offered,
) -> Result<ServerHello<'m>, Alert> {
    let mut reader = Reader::new(extensions);
    let (mut version, mut group, mut cookie) = (None, None, None);
    while !reader.is_empty() {
        let (kind, mut contents) = reader.extension()?;
        match kind {
            extension::SUPPORTED_VERSIONS => once(&mut version, ())?,
            extension::KEY_SHARE => {
                let code = contents.u16()?;
                contents.end()?;
                let selected = Group::from_code(code).ok_or(Alert::IllegalParameter)?;
                once(&mut group, selected)?;
            }
            extension::COOKIE => {
                let bytes = contents.vector16()?;
                contents.end()?;
                if bytes.is_empty() {
                    return Err(Alert::DecodeError);
                }
                once(&mut cookie, bytes)?;
            }
            _ => return Err(misplaced(offered.has(kind))),
        }
    }
    Ok(ServerHello::Retry {
        suite,
        group,
        cookie,
    })
}
