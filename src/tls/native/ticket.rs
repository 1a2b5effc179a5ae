//! Session tickets (RFC 8446, 2.2, 4.2.11, 4.6.1): the newest one, in memory of the caller's, from
//! which a later handshake can go on without certificates.
//!
//! A ticket counts only for who it was made for (host, protocol, roots and own certificates), only
//! while it is valid by a clock that is known to be right, and only once: it is taken out before it
//! is used. So whatever goes wrong with it, the next handshake is a full one.
//!
//! ```text
//! | "TK" version | suite | lifetime | age_add | received | binding | key | length | ticket | check |
//! ```

use core::ops::Range;

use zeroize::Zeroize as _;

use super::{
    alert::Alert,
    codec::{Reader, Writer},
    schedule::{Schedule, Transcript, expand_label, verify_data},
    suite::Suite,
};
use crate::{
    Error,
    bytes::copy,
    tls::{
        Clock, Config,
        crypto::hash::{self, Digest, Hash, Hasher, MAX_DIGEST},
    },
};

/// What the memory begins with while there is a ticket in it: a mark, and the layout's version.
const MARK: [u8; 4] = *b"TK\0\x01";
/// Everything before the ticket itself.
const HEAD: usize = MARK.len() + 2 + 4 + 4 + 8 + 8 + 32 + MAX_DIGEST + 2;
/// What is behind it shows that all of it was written.
const CHECK: usize = 32;
/// No ticket may be used for longer (RFC 8446, 4.6.1), and no certificate be taken as shown, in
/// seconds.
const MAX_LIFETIME: u32 = 7 * 24 * 3600;

/// A ticket that may be offered.
struct Offer {
    suite: Suite,
    key: Digest,
    age: u32,
    /// When the server last showed its certificate.
    proven: u64,
    /// Where in the memory it is.
    identity: Range<usize>,
}

pub struct Tickets<'a> {
    memory: &'a mut [u8],
    binding: [u8; 32],
    /// When the handshake began; `None` if that is not known for sure.
    now: Option<u64>,
    offer: Option<Offer>,
    /// What new tickets are made with: the suite, the resumption secret, and when the server last
    /// showed its certificate.
    secret: Option<(Suite, Digest, u64)>,
}

impl<'a> Tickets<'a> {
    pub fn new(memory: &'a mut [u8]) -> Self {
        Self {
            memory,
            binding: [0; 32],
            now: None,
            offer: None,
            secret: None,
        }
    }

    /// Takes the ticket out, if there is one for this handshake.
    pub fn take(&mut self, config: &Config<'_>) {
        let now = match config.clock {
            Clock::At(now) => Some(now),
            _ => None,
        };
        self.take_for(binding(config), now);
    }

    /// The same for whom the handshake is, and when it begins.
    pub(super) fn take_for(&mut self, binding: [u8; 32], now: Option<u64>) {
        self.binding = binding;
        self.now = now;
        self.offer = self.now.and_then(|now| self.read(now).ok().flatten());
        // Its key goes, too. What is left is what names it, which is still to be sent.
        if let Some(head) = self.memory.first_chunk_mut::<HEAD>() {
            head.zeroize();
        }
    }

    fn read(&self, now: u64) -> Result<Option<Offer>, Alert> {
        let mut reader = Reader::new(self.memory);
        if *reader.array()? != MARK {
            return Ok(None);
        }
        let suite = Suite::from_code(reader.u16()?);
        let lifetime = reader.u32()?;
        let age_add = reader.u32()?;
        let received = u64::from_be_bytes(*reader.array()?);
        let proven = u64::from_be_bytes(*reader.array()?);
        let binding = reader.array::<32>()?;
        let key = reader.bytes(MAX_DIGEST)?;
        let length = usize::from(reader.u16()?);
        reader.bytes(length)?;
        let check = reader.array::<CHECK>()?;
        let end = HEAD.saturating_add(length);
        let checked = self.memory.get(..end).unwrap_or_default();
        let age = now.checked_sub(received);
        let (Some(suite), Some(age)) = (suite, age) else {
            return Ok(None);
        };
        let valid = hash::digest(Hash::Sha256, checked).as_slice() == check
            && *binding == self.binding
            && age < lifetime.min(MAX_LIFETIME).into()
            && now
                .checked_sub(proven)
                .is_some_and(|age| age < MAX_LIFETIME.into());
        let Some(key) = key
            .get(..suite.hash().digest_len())
            .and_then(Digest::from_slice)
            .filter(|_| valid)
        else {
            return Ok(None);
        };
        // Below seven days, in milliseconds it fits.
        let age = u32::try_from(age.saturating_mul(1000)).unwrap_or(u32::MAX);
        Ok(Some(Offer {
            suite,
            key,
            age: age.wrapping_add(age_add),
            proven,
            identity: HEAD..end,
        }))
    }

    /// The ticket is not offered after all.
    pub fn withdraw(&mut self) {
        self.offer = None;
    }

    /// The hash that the key of the offered ticket goes with.
    pub fn offered(&self) -> Option<Hash> {
        self.offer.as_ref().map(|offer| offer.suite.hash())
    }

    /// The key of the offered ticket.
    pub fn key(&self) -> Option<&Digest> {
        self.offer.as_ref().map(|offer| &offer.key)
    }

    /// Writes the extension pre_shared_key, which comes last, with a binder of zeros.
    pub fn write(&self, writer: &mut Writer<'_>) {
        let Some(offer) = &self.offer else { return };
        let identity = self.memory.get(offer.identity.clone()).unwrap_or_default();
        writer.vector::<2>(|w| {
            w.vector::<2>(|w| w.bytes(identity));
            w.u32(offer.age);
        });
        let binder = Digest::zero(offer.suite.hash());
        writer.vector::<2>(|w| w.vector::<1>(|w| w.bytes(binder.as_slice())));
    }

    /// Puts the binder into a ClientHello, at whose end it is, after this transcript.
    pub fn bind(&self, hello: &mut [u8], transcript: &Transcript) -> Result<(), Error> {
        let Some(offer) = &self.offer else {
            return Ok(());
        };
        let hash = offer.suite.hash();
        let binders = 2 + 1 + hash.digest_len();
        let start = hello.len().checked_sub(binders).ok_or(Error::Tls)?;
        let (truncated, binders) = hello.split_at_mut_checked(start).ok_or(Error::Tls)?;
        let digest = transcript.digest_with(hash, truncated).ok_or(Error::Tls)?;
        let nothing = hash::digest(hash, &[]);
        let secret =
            Schedule::early(hash, Some(offer.key.as_slice())).derive(b"res binder", &nothing)?;
        let binder = verify_data(hash, &secret, &digest)?;
        let place = binders.get_mut(3..).ok_or(Error::Tls)?;
        place.copy_from_slice(binder.as_slice());
        Ok(())
    }

    /// The handshake is over, in which the server took the offered ticket (`resumed`) or showed its
    /// certificate: tickets that come are made with this secret.
    pub fn keep(&mut self, suite: Suite, secret: Digest, resumed: bool) {
        let proven = match self.offer.take() {
            Some(offer) if resumed => Some(offer.proven),
            _ => self.now,
        };
        self.secret = proven.map(|proven| (suite, secret, proven));
    }

    /// Keeps a new ticket in place of the one before, if it can be used and fits.
    pub fn store(
        &mut self,
        lifetime: u32,
        age_add: u32,
        nonce: &[u8],
        ticket: &[u8],
    ) -> Result<(), Error> {
        let (Some((suite, secret, proven)), Some(now)) = (&self.secret, self.now) else {
            return Ok(());
        };
        let end = HEAD.saturating_add(ticket.len());
        if lifetime == 0 || self.memory.len() < end.saturating_add(CHECK) {
            return Ok(());
        }
        let hash = suite.hash();
        let mut key = Digest::zero(hash);
        expand_label(hash, secret, b"resumption", nonce, key.as_mut_slice())?;
        let padding = [0; MAX_DIGEST];
        let mut writer = Writer::new(self.memory);
        writer.bytes(&MARK);
        writer.u16(suite.code());
        writer.u32(lifetime);
        writer.u32(age_add);
        writer.bytes(&now.to_be_bytes());
        writer.bytes(&proven.to_be_bytes());
        writer.bytes(&self.binding);
        writer.bytes(key.as_slice());
        writer.bytes(padding.get(hash.digest_len()..).unwrap_or_default());
        writer.vector::<2>(|w| w.bytes(ticket));
        let check = hash::digest(Hash::Sha256, writer.written());
        writer.bytes(check.as_slice());
        Ok(())
    }
}

/// Whom a ticket is for: the hash of all that a full handshake would look at.
fn binding(config: &Config<'_>) -> [u8; 32] {
    let mut hasher = Hasher::new(Hash::Sha256);
    let mut add = |bytes: &[u8]| {
        hasher.update(&bytes.len().to_be_bytes());
        hasher.update(bytes);
    };
    add(config.host.as_bytes());
    add(config.alpn.unwrap_or_default());
    config.credentials.roots().iter().for_each(&mut add);
    add(&[]);
    config.credentials.chain().iter().for_each(&mut add);
    let mut out = [0; 32];
    copy(hasher.digest().as_slice(), &mut out);
    out
}
