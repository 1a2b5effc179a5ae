//! The names of shadows and the MQTT topics they live under.

/// AWS's limit for a thing name, in bytes.
pub const MAX_THING_NAME: usize = 128;
/// AWS's limit for a shadow name, in bytes.
pub const MAX_SHADOW_NAME: usize = 64;

/// Filters that match every shadow request and no reply: replies lie one level deeper.
pub const REQUEST_FILTERS: [&str; 2] = ["$aws/things/+/shadow/+", "$aws/things/+/shadow/name/+/+"];

/// One shadow of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShadowId {
    pub thing: String,
    /// `None` is the classic, unnamed shadow.
    pub name: Option<String>,
}

/// What a device can ask of a shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Get,
    Update,
    Delete,
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Get => "get",
            Operation::Update => "update",
            Operation::Delete => "delete",
        }
    }

    fn parse(level: &str) -> Option<Self> {
        [Operation::Get, Operation::Update, Operation::Delete]
            .into_iter()
            .find(|operation| operation.as_str() == level)
    }
}

impl ShadowId {
    pub fn classic(thing: &str) -> Self {
        Self {
            thing: thing.to_owned(),
            name: None,
        }
    }

    pub fn named(thing: &str, name: &str) -> Self {
        Self {
            thing: thing.to_owned(),
            name: Some(name.to_owned()),
        }
    }

    /// The topic of this shadow that ends in `suffix`, for example `update/accepted`.
    pub fn topic(&self, suffix: &str) -> String {
        match &self.name {
            None => format!("$aws/things/{}/shadow/{suffix}", self.thing),
            Some(name) => format!("$aws/things/{}/shadow/name/{name}/{suffix}", self.thing),
        }
    }

    /// The way AWS writes the name in the text of a 404: `thing` or `thing~shadow`.
    pub fn label(&self) -> String {
        match &self.name {
            None => self.thing.clone(),
            Some(name) => format!("{}~{name}", self.thing),
        }
    }

    /// Says what is wrong with the names, if anything.
    pub fn fault(&self) -> Option<&'static str> {
        if !name_is_valid(&self.thing, MAX_THING_NAME, "") {
            return Some("Invalid thing name");
        }
        match &self.name {
            Some(name) if !name_is_valid(name, MAX_SHADOW_NAME, "$") => Some("Invalid shadow name"),
            _ => None,
        }
    }
}

fn name_is_valid(name: &str, max: usize, extra: &str) -> bool {
    (1..=max).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ":_-".contains(c) || extra.contains(c))
}

/// Takes a request topic apart. `None`: not a shadow request.
pub fn parse_request(topic: &str) -> Option<(ShadowId, Operation)> {
    let levels: Vec<&str> = topic.split('/').collect();
    match levels.as_slice() {
        ["$aws", "things", thing, "shadow", operation] => {
            Some((ShadowId::classic(thing), Operation::parse(operation)?))
        }
        ["$aws", "things", thing, "shadow", "name", name, operation] => {
            Some((ShadowId::named(thing, name), Operation::parse(operation)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_recognised_and_replies_are_not() {
        assert_eq!(
            parse_request("$aws/things/t/shadow/get"),
            Some((ShadowId::classic("t"), Operation::Get))
        );
        assert_eq!(
            parse_request("$aws/things/t/shadow/name/cfg/update"),
            Some((ShadowId::named("t", "cfg"), Operation::Update))
        );
        for other in [
            "$aws/things/t/shadow/update/accepted",
            "$aws/things/t/shadow/name/cfg/update/accepted",
            "$aws/things/t/shadow/subscribe",
            "$aws/things/t/jobs/get",
            "t/shadow/get",
        ] {
            assert_eq!(parse_request(other), None, "{other}");
        }
    }

    #[test]
    fn topics_are_built_as_they_are_parsed() {
        for id in [ShadowId::classic("t"), ShadowId::named("t", "cfg")] {
            assert_eq!(
                parse_request(&id.topic("delete")),
                Some((id, Operation::Delete))
            );
        }
    }

    #[test]
    fn the_longest_topic_has_the_length_aws_allows() {
        let id = ShadowId::named(&"t".repeat(128), &"s".repeat(64));
        assert_eq!(id.topic("update/documents").len(), 234);
        assert_eq!(id.fault(), None);
    }

    #[test]
    fn names_outside_the_charset_or_length_are_named() {
        let thing = |name: &str| ShadowId::classic(name).fault();
        assert_eq!(thing("a:b_c-D9"), None);
        for bad in ["", "a b", "a.b", "ä", "$a", &"t".repeat(129)] {
            assert_eq!(thing(bad), Some("Invalid thing name"), "{bad}");
        }
        let shadow = |name: &str| ShadowId::named("t", name).fault();
        assert_eq!(shadow("$package"), None);
        for bad in ["", "a.b", &"s".repeat(65)] {
            assert_eq!(shadow(bad), Some("Invalid shadow name"), "{bad}");
        }
    }
}
