//! Topics and topic filters that AWS IoT accepts, and which filter matches which topic.

use crate::Error;

/// Longest topic, in bytes.
pub const MAX_TOPIC: usize = 256;
const MAX_SLASHES: usize = 7;
const BASIC_INGEST: &str = "$aws/rules/";

/// Checks a topic to publish to against MQTT 5 (4.7) and the limits of AWS IoT.
pub fn check_publish(topic: &[u8]) -> Result<&str, Error> {
    let text = core::str::from_utf8(topic).map_err(|_| Error::Topic)?;
    if text.is_empty() || text.contains(['+', '#', '\0']) {
        return Err(Error::Topic);
    }
    // The prefix that names a rule does not count against the limits.
    let counted = match text.strip_prefix(BASIC_INGEST) {
        Some(rest) => rest.split_once('/').ok_or(Error::Topic)?.1,
        None => text,
    };
    let slashes = counted.bytes().filter(|b| *b == b'/').count();
    if counted.is_empty() || counted.len() > MAX_TOPIC || slashes > MAX_SLASHES {
        return Err(Error::Topic);
    }
    Ok(text)
}

const SHARED: &str = "$share/";
/// Longest name of a shared subscription, in bytes (AWS IoT limit).
const MAX_SHARE_NAME: usize = 128;

/// Checks a filter to subscribe to against MQTT 5 (4.7, 4.8) and the limits of AWS IoT.
pub fn check_filter(filter: &[u8]) -> Result<&str, Error> {
    let text = core::str::from_utf8(filter).map_err(|_| Error::Topic)?;
    // The name that members of a shared subscription have in common does not count.
    let (name, counted) = split_shared(text).ok_or(Error::Topic)?;
    if name.len() > MAX_SHARE_NAME || name.contains(['+', '#']) {
        return Err(Error::Topic);
    }
    let slashes = counted.bytes().filter(|b| *b == b'/').count();
    if counted.is_empty()
        || counted.contains('\0')
        || counted.len() > MAX_TOPIC
        || slashes > MAX_SLASHES
    {
        return Err(Error::Topic);
    }
    let mut levels = counted.split('/').peekable();
    while let Some(level) = levels.next() {
        let single = level == "+" || (level == "#" && levels.peek().is_none());
        if level.contains(['+', '#']) && !single {
            return Err(Error::Topic);
        }
    }
    Ok(text)
}

/// The name of a shared subscription (empty for another one) and the filter proper; `None` when the
/// prefix is there and one of the two is not.
fn split_shared(filter: &str) -> Option<(&str, &str)> {
    match filter.strip_prefix(SHARED) {
        None => Some(("", filter)),
        Some(rest) => rest.split_once('/').filter(|(name, _)| !name.is_empty()),
    }
}

/// Whether a filter, which was checked, matches a topic (MQTT 5, 4.7).
pub fn matches(filter: &str, topic: &str) -> bool {
    let filter = split_shared(filter).map_or(filter, |(_, proper)| proper);
    // A wildcard in the first level does not match what belongs to the server.
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            // It stands for the level above it, too.
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_aws() {
        assert!(check_publish(b"dev/sample").is_ok());
        assert!(check_publish(b"a/b/c/d/e/f/g/h").is_ok());
        assert_eq!(check_publish(b"a/b/c/d/e/f/g/h/i"), Err(Error::Topic));
        assert!(check_publish(&[b'a'; 256]).is_ok());
        assert_eq!(check_publish(&[b'a'; 257]), Err(Error::Topic));
        for bad in [&b""[..], b"a/+", b"#", b"a\0b", b"\xff"] {
            assert_eq!(check_publish(bad), Err(Error::Topic));
        }
    }

    #[test]
    fn the_name_of_a_rule_is_not_counted() {
        assert!(check_publish(b"$aws/rules/my_rule/a/b/c/d/e/f/g/h").is_ok());
        assert_eq!(check_publish(b"$aws/rules/my_rule"), Err(Error::Topic));
        assert_eq!(check_publish(b"$aws/rules/my_rule/"), Err(Error::Topic));
        assert_eq!(
            check_publish(b"$aws/rules/r/a/b/c/d/e/f/g/h/i"),
            Err(Error::Topic)
        );
    }

    #[test]
    fn filters_of_aws() {
        for good in [
            "a",
            "a/b",
            "+",
            "#",
            "a/+/b",
            "a/#",
            "+/+",
            "/",
            "a//b",
            "$aws/things/t/shadow/get/+",
            "$share/group/a/+",
            "a/b/c/d/e/f/g/h",
            "$share/group/a/b/c/d/e/f/g/h",
        ] {
            assert_eq!(check_filter(good.as_bytes()), Ok(good));
        }
        let long = "f".repeat(257);
        for bad in [
            "",
            "a+",
            "a/b+/c",
            "#/a",
            "a/#/b",
            "a#",
            "a\0b",
            "a/b/c/d/e/f/g/h/i",
            "$share/group",
            "$share//a",
            "$share/a+/b",
            "$share/group/",
            &long,
        ] {
            assert_eq!(check_filter(bad.as_bytes()), Err(Error::Topic), "{bad}");
        }
        assert_eq!(check_filter(b"\xff"), Err(Error::Topic));
    }

    #[test]
    fn filters_match_as_mqtt_says() {
        for (filter, topic) in [
            ("a", "a"),
            ("a/b", "a/b"),
            ("+", "a"),
            ("a/+", "a/b"),
            ("a/+", "a/"),
            ("+/+", "/b"),
            ("#", "a/b/c"),
            ("a/#", "a/b/c"),
            ("a/#", "a"),
            ("a/+/#", "a/b"),
            ("$aws/#", "$aws/x"),
            ("$share/g/a/+", "a/b"),
            ("/+", "/a"),
        ] {
            assert!(matches(filter, topic), "{filter} {topic}");
        }
        for (filter, topic) in [
            ("a", "b"),
            ("a", "a/b"),
            ("a/b", "a"),
            ("+", "a/b"),
            ("a/+", "a"),
            ("+", "/a"),
            ("a/#", "ab"),
            ("#", "$aws/x"),
            ("+/x", "$aws/x"),
            ("$share/g/a", "$share/g/a"),
            ("A", "a"),
        ] {
            assert!(!matches(filter, topic), "{filter} {topic}");
        }
    }
}
