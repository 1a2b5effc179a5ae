//! What a ClientHello says.

/// A ClientHello, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    pub session_id: Vec<u8>,
    pub suites: Vec<u16>,
    /// Type and contents, in their order.
    pub extensions: Vec<(u16, Vec<u8>)>,
}

/// Reads a message front to back.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        let bytes = self.take(bytes)?;
        Some(bytes.iter().fold(0, |n, &byte| n << 8 | usize::from(byte)))
    }

    /// What has its length in so many bytes before it.
    fn list(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(length)
    }
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes
        .chunks(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect()
}

impl Offer {
    /// Takes a ClientHello message apart; `None` unless every length in it is right.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let mut message = Reader(message);
        if message.take(1)? != [1] {
            return None;
        }
        let mut body = Reader(message.list(3)?);
        if !message.0.is_empty() || body.take(2)? != [3, 3] {
            return None;
        }
        body.take(32)?;
        let session_id = body.list(1)?.to_vec();
        let suites = numbers(body.list(2)?);
        if body.list(1)? != [0] {
            return None;
        }
        let mut list = Reader(body.list(2)?);
        let mut extensions = Vec::new();
        while !list.0.is_empty() {
            extensions.push((list.number(2)? as u16, list.list(2)?.to_vec()));
        }
        body.0.is_empty().then_some(Self {
            session_id,
            suites,
            extensions,
        })
    }

    /// The contents of an extension.
    pub fn extension(&self, kind: u16) -> Option<&[u8]> {
        let (_, data) = self.extensions.iter().find(|(found, _)| *found == kind)?;
        Some(data)
    }

    /// The first key share: group and public key.
    pub fn first_share(&self) -> Option<(u16, Vec<u8>)> {
        let mut shares = Reader(Reader(self.extension(51)?).list(2)?);
        Some((shares.number(2)? as u16, shares.list(2)?.to_vec()))
    }

    /// The ticket that is offered, what is said of its age, and its binder; `None` unless it is one.
    pub fn ticket(&self) -> Option<(Vec<u8>, u32, Vec<u8>)> {
        let mut data = Reader(self.extension(41)?);
        let mut identities = Reader(data.list(2)?);
        let (ticket, age) = (identities.list(2)?.to_vec(), identities.number(4)?);
        let mut binders = Reader(data.list(2)?);
        let binder = binders.list(1)?.to_vec();
        let rest = [data.0, identities.0, binders.0].concat();
        rest.is_empty().then_some((ticket, age as u32, binder))
    }

    /// The numbers in an extension that is a list of numbers of two bytes.
    pub fn list(&self, kind: u16) -> Vec<u16> {
        let data = self.extension(kind).unwrap_or_default();
        numbers(data.get(2..).unwrap_or_default())
    }
}
