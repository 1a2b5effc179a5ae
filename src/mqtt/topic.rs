//! Topics that AWS IoT accepts.

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
}
