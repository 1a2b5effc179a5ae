//! Topics of classic and named shadows: written when they are needed, parsed in one pass.

use crate::bytes;

/// Longest name of a thing, in bytes (AWS IoT limit).
pub const MAX_THING_NAME: usize = 128;
/// Longest name of a shadow, in bytes (AWS IoT limit).
pub const MAX_SHADOW_NAME: usize = 64;

const HEAD: &str = "$aws/things/";
const SHADOW: &str = "/shadow/";
const NAME: &str = "name/";
const LONGEST_END: &str = "update/documents";

/// Longest topic of a shadow, in bytes.
pub const MAX_SHADOW_TOPIC: usize = HEAD.len()
    + MAX_THING_NAME
    + SHADOW.len()
    + NAME.len()
    + MAX_SHADOW_NAME
    + 1
    + LONGEST_END.len();

/// What a device can ask of a shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The whole document.
    Get,
    /// A change of it.
    Update,
    /// Its end.
    Delete,
}

impl Operation {
    /// The last level of the topic that the request goes to.
    pub const fn end(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A message of the shadow service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// A request was accepted.
    Accepted(Operation),
    /// A request was rejected.
    Rejected(Operation),
    /// Desired and reported state differ.
    Delta,
    /// The document before and after an update.
    Documents,
}

/// Whose shadow: its thing, and its name unless it is the classic one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// Name of the thing.
    pub thing: &'a str,
    /// Name of the shadow; `None` for the classic one.
    pub shadow: Option<&'a str>,
}

impl Name<'_> {
    /// The length of this shadow's topic that ends in `end`.
    pub fn topic_len(&self, end: &str) -> usize {
        let name = self.shadow.map_or(0, |name| NAME.len() + name.len() + 1);
        HEAD.len() + self.thing.len() + SHADOW.len() + name + end.len()
    }

    /// Writes this shadow's topic that ends in `end`, and returns its length; `None` when there is no
    /// room.
    pub fn topic(&self, end: &str, out: &mut [u8]) -> Option<usize> {
        let [name, shadow, slash] = self.shadow.map_or(["", "", ""], |name| [NAME, name, "/"]);
        let mut len = 0_usize;
        for part in [HEAD, self.thing, SHADOW, name, shadow, slash, end] {
            // A call to copy nothing is a call, too.
            if part.is_empty() {
                continue;
            }
            let next = len.checked_add(part.len())?;
            out.get_mut(len..next)?.copy_from_slice(part.as_bytes());
            len = next;
        }
        Some(len)
    }
}

/// Takes the topic of a shadow's message apart; `None`: it is something else.
pub fn parse(topic: &str) -> Option<(Name<'_>, Inbound)> {
    let (thing, rest) = split_level(strip(topic, HEAD)?)?;
    let rest = strip(rest, "shadow/")?;
    let (shadow, end) = match strip(rest, NAME) {
        Some(named) => {
            let (name, end) = split_level(named)?;
            (Some(name), end)
        }
        None => (None, rest),
    };
    let is_end = |(text, _): &&(&str, Inbound)| bytes::equal(text.as_bytes(), end.as_bytes());
    let (_, inbound) = ENDS.iter().find(is_end)?;
    Some((Name { thing, shadow }, *inbound))
}

/// How the topics of messages end.
const ENDS: [(&str, Inbound); 8] = [
    ("update/delta", Inbound::Delta),
    ("update/accepted", Inbound::Accepted(Operation::Update)),
    ("update/rejected", Inbound::Rejected(Operation::Update)),
    ("update/documents", Inbound::Documents),
    ("get/accepted", Inbound::Accepted(Operation::Get)),
    ("get/rejected", Inbound::Rejected(Operation::Get)),
    ("delete/accepted", Inbound::Accepted(Operation::Delete)),
    ("delete/rejected", Inbound::Rejected(Operation::Delete)),
];

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    bytes::equal(head.as_bytes(), prefix.as_bytes()).then_some(rest)
}

/// The first level of a topic, and what follows it.
fn split_level(topic: &str) -> Option<(&str, &str)> {
    let end = topic.bytes().position(|byte| byte == b'/')?;
    Some((topic.get(..end)?, topic.get(end.saturating_add(1)..)?))
}

/// A set of the filters that one shadow subscribes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filters(u8);

/// Each filter with the end of its topic. `get` and `delete` have no other answers than the two, so
/// one filter serves both; `update` has, and AWS IoT would send all of them.
static FILTERS: [(Filters, &str); 6] = [
    (Filters(1), "update/accepted"),
    (Filters(2), "update/rejected"),
    (Filters::GET, "get/+"),
    (Filters::DELETE, "delete/+"),
    (Filters::DELTA, "update/delta"),
    (Filters::DOCUMENTS, "update/documents"),
];

impl Filters {
    /// None of them.
    pub const NONE: Self = Self(0);
    const UPDATE: Self = Self(3);
    const GET: Self = Self(4);
    const DELETE: Self = Self(8);
    /// Differences between desired and reported state.
    pub const DELTA: Self = Self(16);
    /// Documents before and after an update.
    pub const DOCUMENTS: Self = Self(32);

    /// The filters on which a request is answered.
    pub const fn answers_to(operation: Operation) -> Self {
        match operation {
            Operation::Get => Self::GET,
            Operation::Update => Self::UPDATE,
            Operation::Delete => Self::DELETE,
        }
    }

    /// These and those.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These but not those.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// These as far as they are among those.
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether those are among these.
    pub const fn contain(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One after another, with the end of the topic.
    pub fn each(self) -> impl Iterator<Item = (Self, &'static str)> {
        let all = FILTERS.iter().copied();
        all.filter(move |(filter, _)| self.contain(*filter))
    }
}

/// Whether `name` is a name that AWS IoT allows for a thing.
pub fn is_thing_name(name: &str) -> bool {
    (1..=MAX_THING_NAME).contains(&name.len()) && name.bytes().all(is_name_byte)
}

/// Whether `name` is a name that AWS IoT allows for a shadow: like a thing's, and `$package`, the
/// only one of its own names that devices use.
pub fn is_shadow_name(name: &str) -> bool {
    let own = name.strip_prefix('$');
    (1..=MAX_SHADOW_NAME).contains(&name.len())
        && own.unwrap_or(name).bytes().all(is_name_byte)
        && own.is_none_or(|name| name == "package")
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSIC: Name<'_> = Name {
        thing: "my_thing",
        shadow: None,
    };
    const NAMED: Name<'_> = Name {
        thing: "my_thing",
        shadow: Some("light"),
    };

    fn written(name: &Name<'_>, end: &str) -> String {
        let mut text = [0; MAX_SHADOW_TOPIC];
        let len = name.topic(end, &mut text).unwrap();
        core::str::from_utf8(&text[..len]).unwrap().to_owned()
    }

    #[test]
    fn topics_of_both_kinds() {
        assert_eq!(written(&CLASSIC, "get"), "$aws/things/my_thing/shadow/get");
        assert_eq!(
            written(&NAMED, "update/delta"),
            "$aws/things/my_thing/shadow/name/light/update/delta"
        );
        let longest = Name {
            thing: &"t".repeat(MAX_THING_NAME),
            shadow: Some(&"s".repeat(MAX_SHADOW_NAME)),
        };
        assert_eq!(written(&longest, LONGEST_END).len(), MAX_SHADOW_TOPIC);
        assert_eq!(MAX_SHADOW_TOPIC, 234, "AWS allows 256");
        assert_eq!(longest.topic("get", &mut [0; 100]), None);
    }

    #[test]
    fn what_is_written_is_parsed() {
        for name in [CLASSIC, NAMED] {
            for (end, inbound) in [
                ("update/accepted", Inbound::Accepted(Operation::Update)),
                ("update/rejected", Inbound::Rejected(Operation::Update)),
                ("update/delta", Inbound::Delta),
                ("update/documents", Inbound::Documents),
                ("get/accepted", Inbound::Accepted(Operation::Get)),
                ("get/rejected", Inbound::Rejected(Operation::Get)),
                ("delete/accepted", Inbound::Accepted(Operation::Delete)),
                ("delete/rejected", Inbound::Rejected(Operation::Delete)),
            ] {
                assert_eq!(parse(&written(&name, end)), Some((name, inbound)));
            }
            for end in ["update", "get", "delete", "get/+", "update/accepted/", ""] {
                assert_eq!(parse(&written(&name, end)), None, "{end}");
            }
        }
        for other in ["", "$aws/things/", "$aws/things/t/jobs/get/accepted", "a/b"] {
            assert_eq!(parse(other), None);
        }
    }

    #[test]
    fn filters_are_a_set() {
        let answers = Filters::answers_to(Operation::Update);
        let set = answers.with(Filters::DELTA);
        assert!(set.contain(answers) && !set.contain(Filters::DOCUMENTS));
        assert_eq!(set.without(answers), Filters::DELTA);
        assert_eq!(set.common(Filters::DELTA), Filters::DELTA);
        assert!(answers.common(Filters::DELTA).is_empty());
        let ends: Vec<_> = set.each().map(|(_, end)| end).collect();
        assert_eq!(ends, ["update/accepted", "update/rejected", "update/delta"]);
        assert!(Filters::NONE.is_empty() && Filters::NONE.each().next().is_none());
    }

    #[test]
    fn names() {
        assert!(is_thing_name("aZ09:_-") && is_shadow_name("aZ09:_-"));
        assert!(is_thing_name(&"n".repeat(MAX_THING_NAME)));
        assert!(is_shadow_name(&"n".repeat(MAX_SHADOW_NAME)));
        assert!(is_shadow_name("$package"));
        for bad in ["", "a/b", "é", "a b", "$x", "$", "a$"] {
            assert!(!is_thing_name(bad) && !is_shadow_name(bad), "{bad}");
        }
        assert!(!is_thing_name(&"n".repeat(MAX_THING_NAME + 1)));
        assert!(!is_shadow_name(&"n".repeat(MAX_SHADOW_NAME + 1)));
    }
}
