//! Topics of the classic shadow.

use crate::Error;

/// Longest name of a thing, in bytes (AWS IoT limit).
pub const MAX_THING_NAME: usize = 128;

const HEAD: &str = "$aws/things/";
const SHADOW: &str = "/shadow/";
const FILTERS: [&str; 4] = [
    "update/accepted",
    "update/rejected",
    "update/delta",
    "get/+",
];

/// A filter for messages of the classic shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Updates that were accepted.
    UpdateAccepted,
    /// Updates that were rejected.
    UpdateRejected,
    /// Requests of the cloud.
    Delta,
    /// Answers to a get.
    Get,
}

/// A request to the classic shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Reads the whole shadow.
    Get,
    /// Changes it.
    Update,
}

/// The topics of one thing, written out once.
#[derive(Clone, Copy, Debug)]
pub struct Topics<'m> {
    filters: [&'m str; FILTERS.len()],
}

impl<'m> Topics<'m> {
    /// Bytes of memory for a thing whose name has `name_len` bytes.
    pub const fn memory_size(name_len: usize) -> usize {
        let mut size = 0;
        let mut i = 0;
        while i < FILTERS.len() {
            size += HEAD.len() + name_len + SHADOW.len() + FILTERS[i].len();
            i += 1;
        }
        size
    }

    /// Writes the topics of `thing` into `memory`.
    pub fn new(thing: &str, memory: &'m mut [u8]) -> Result<Self, Error> {
        let mut rest = memory;
        let mut filters = [""; FILTERS.len()];
        for (filter, end) in filters.iter_mut().zip(FILTERS) {
            let parts = [HEAD, thing, SHADOW, end];
            let len = parts.iter().map(|part| part.len()).sum();
            let (place, behind) = rest.split_at_mut_checked(len).ok_or(Error::Memory)?;
            rest = behind;
            let mut at = &mut *place;
            for part in parts {
                let (to, left) = at.split_at_mut_checked(part.len()).ok_or(Error::Memory)?;
                to.copy_from_slice(part.as_bytes());
                at = left;
            }
            *filter = core::str::from_utf8(place).map_err(|_| Error::ThingName)?;
        }
        Ok(Self { filters })
    }

    /// The text of a filter.
    pub fn filter(&self, filter: Filter) -> &'m str {
        let [accepted, rejected, delta, get] = self.filters;
        match filter {
            Filter::UpdateAccepted => accepted,
            Filter::UpdateRejected => rejected,
            Filter::Delta => delta,
            Filter::Get => get,
        }
    }

    /// The topic that a request is published to.
    pub fn request(&self, request: Request) -> &'m str {
        match request {
            Request::Get => self.get(),
            Request::Update => self.update(),
        }
    }

    /// The topic of an update.
    fn update(&self) -> &'m str {
        parent(self.filters[0])
    }

    /// The topic that asks for the whole shadow.
    fn get(&self) -> &'m str {
        parent(self.filters[3])
    }

    /// Which message of the thing's classic shadow a topic stands for.
    pub fn route(&self, topic: &str) -> Option<Inbound> {
        let prefix = parent(self.update());
        match topic.strip_prefix(prefix)?.strip_prefix('/')? {
            "update/accepted" => Some(Inbound::UpdateAccepted),
            "update/rejected" => Some(Inbound::UpdateRejected),
            "update/delta" => Some(Inbound::Delta),
            "get/accepted" => Some(Inbound::GetAccepted),
            "get/rejected" => Some(Inbound::GetRejected),
            _ => None,
        }
    }
}

/// The topic without its last level.
fn parent(topic: &str) -> &str {
    topic.rsplit_once('/').map_or(topic, |(parent, _)| parent)
}

/// An answer or a message of the shadow service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// An update was accepted.
    UpdateAccepted,
    /// An update was rejected.
    UpdateRejected,
    /// Desired and reported state differ.
    Delta,
    /// The whole shadow.
    GetAccepted,
    /// The shadow could not be read; 404 when there is none.
    GetRejected,
}

/// Whether `name` is a name that AWS IoT allows for a thing.
pub fn is_thing_name(name: &str) -> bool {
    (1..=MAX_THING_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_a_thing() {
        let mut memory = vec![0; Topics::memory_size(8)];
        let topics = Topics::new("my_thing", &mut memory).unwrap();
        assert_eq!(
            topics.request(Request::Update),
            "$aws/things/my_thing/shadow/update"
        );
        assert_eq!(
            topics.request(Request::Get),
            "$aws/things/my_thing/shadow/get"
        );
        for (filter, end) in [
            (Filter::UpdateAccepted, "update/accepted"),
            (Filter::UpdateRejected, "update/rejected"),
            (Filter::Delta, "update/delta"),
            (Filter::Get, "get/+"),
        ] {
            assert_eq!(
                topics.filter(filter),
                format!("$aws/things/my_thing/shadow/{end}")
            );
        }
        let mut short = vec![0; Topics::memory_size(8) - 1];
        assert_eq!(
            Topics::new("my_thing", &mut short).unwrap_err(),
            Error::Memory
        );
    }

    #[test]
    fn routes_its_own_messages_only() {
        let mut memory = vec![0; Topics::memory_size(1)];
        let topics = Topics::new("t", &mut memory).unwrap();
        for (end, kind) in [
            ("update/accepted", Inbound::UpdateAccepted),
            ("update/rejected", Inbound::UpdateRejected),
            ("update/delta", Inbound::Delta),
            ("get/accepted", Inbound::GetAccepted),
            ("get/rejected", Inbound::GetRejected),
        ] {
            assert_eq!(
                topics.route(&format!("$aws/things/t/shadow/{end}")),
                Some(kind)
            );
            assert_eq!(topics.route(&format!("$aws/things/u/shadow/{end}")), None);
            assert_eq!(topics.route(&format!("$aws/things/t2/shadow/{end}")), None);
            assert_eq!(
                topics.route(&format!("$aws/things/t/shadow/name/n/{end}")),
                None
            );
        }
        assert_eq!(topics.route("$aws/things/t/shadow/update"), None);
        assert_eq!(topics.route(""), None);
    }

    #[test]
    fn names_of_things() {
        assert!(is_thing_name("aZ09:_-"));
        assert!(is_thing_name(&"n".repeat(MAX_THING_NAME)));
        for bad in ["", "a/b", "é", "a b", &"n".repeat(MAX_THING_NAME + 1)] {
            assert!(!is_thing_name(bad));
        }
    }
}
