//! What can go wrong between a device and the shadow service, on command. Pure: requests and
//! responses in, what becomes of them out; the same seed gives the same misfortunes.

use crate::shadow::Response;
use crate::topic::Operation;
use serde_json::{Value, json};
use std::time::Duration;

/// How often each misfortune happens, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// The responses to one request come in another order.
    pub reorder: u32,
    /// A response comes twice.
    pub duplicate: u32,
    /// A response never comes.
    pub lose: u32,
    /// A response comes late,
    pub delay: u32,
    /// by at most so many milliseconds.
    pub delay_ms: u32,
    /// Somebody else changes the shadow just before an update that names a version: 409.
    pub conflict: u32,
    /// Refused with 429.
    pub throttle: u32,
    /// Refused with 500.
    pub fail: u32,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            reorder: 0,
            duplicate: 0,
            lose: 0,
            delay: 0,
            delay_ms: 1000,
            conflict: 0,
            throttle: 0,
            fail: 0,
        }
    }
}

impl Faults {
    /// Reads `NAME=NUMBER` and sets that one.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        let (name, number) = text
            .split_once('=')
            .ok_or_else(|| format!("'{text}' is not NAME=NUMBER"))?;
        let number: u32 = number
            .parse()
            .map_err(|_| format!("'{number}' is not a number"))?;
        let (place, most) = match name {
            "reorder" => (&mut self.reorder, 100),
            "duplicate" => (&mut self.duplicate, 100),
            "lose" => (&mut self.lose, 100),
            "delay" => (&mut self.delay, 100),
            "delay_ms" => (&mut self.delay_ms, 3_600_000),
            "conflict" => (&mut self.conflict, 100),
            "throttle" => (&mut self.throttle, 100),
            "fail" => (&mut self.fail, 100),
            _ => return Err(format!("there is no fault called '{name}'")),
        };
        if number > most {
            return Err(format!("{name} is at most {most}"));
        }
        *place = number;
        Ok(())
    }

    /// Reads the whole list; what is not named does not happen.
    pub fn parse<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut faults = Self::default();
        for item in list {
            faults.set(item)?;
        }
        Ok(faults)
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is served.
    Served,
    /// It is served after somebody else has changed the shadow.
    Overtaken,
    /// It is refused with this code.
    Refused(u16),
}

/// Faults and the dice that decide about them.
#[derive(Clone, Debug)]
pub struct Misfortune {
    pub faults: Faults,
    /// How many of them happened.
    pub count: u64,
    dice: u64,
}

impl Misfortune {
    pub fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            count: 0,
            dice: seed,
        }
    }

    /// Decides about a request.
    pub fn fate(&mut self, operation: Operation, payload: &[u8]) -> Fate {
        if self.happens(self.faults.throttle) {
            return Fate::Refused(429);
        }
        if self.happens(self.faults.fail) {
            return Fate::Refused(500);
        }
        let names_version = operation == Operation::Update
            && serde_json::from_slice::<Value>(payload).is_ok_and(|v| v.get("version").is_some());
        if names_version && self.happens(self.faults.conflict) {
            return Fate::Overtaken;
        }
        Fate::Served
    }

    /// Decides what arrives of the responses, in which order, and how late each.
    pub fn responses(&mut self, responses: Vec<Response>) -> Vec<(Duration, Response)> {
        let mut sent = Vec::new();
        for response in responses {
            if self.happens(self.faults.lose) {
                continue;
            }
            let copies = 1 + u32::from(self.happens(self.faults.duplicate));
            for _ in 0..copies {
                let late = self.happens(self.faults.delay);
                let ms = match late {
                    true => self.roll(u64::from(self.faults.delay_ms) + 1),
                    false => 0,
                };
                sent.push((Duration::from_millis(ms), response.clone()));
            }
        }
        if sent.len() > 1 && self.happens(self.faults.reorder) {
            // Each place gets one of those that are left.
            for place in (1..sent.len()).rev() {
                let other = self.roll(place as u64 + 1) as usize;
                sent.swap(place, other);
            }
        }
        sent
    }

    fn happens(&mut self, percent: u32) -> bool {
        let happens = percent > 0 && self.roll(100) < u64::from(percent);
        self.count += u64::from(happens);
        happens
    }

    /// A number below `sides` (SplitMix64).
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.dice;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x ^ (x >> 31)) % sides.max(1)
    }
}

/// The response to a request that is refused out of the blue.
pub fn refusal(operation: Operation, payload: &[u8], code: u16, now: u64) -> Response {
    let message = match code {
        429 => "Too many requests",
        _ => "Internal service failure",
    };
    let mut body = json!({ "code": code, "message": message, "timestamp": now });
    let request: Value = serde_json::from_slice(payload).unwrap_or_default();
    if let Some(token) = request.get("clientToken").filter(|token| token.is_string()) {
        body["clientToken"] = token.clone();
    }
    Response {
        suffix: format!("{}/rejected", operation.as_str()),
        payload: body.to_string(),
    }
}

/// The change that somebody else makes: none, but it counts as a version.
pub const OTHER_UPDATE: &str = r#"{"state":{"desired":{}},"clientToken":"somebody-else"}"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Vec<Response> {
        ["update/accepted", "update/delta", "update/documents"]
            .map(|suffix| Response {
                suffix: suffix.into(),
                payload: "{}".into(),
            })
            .into()
    }

    fn suffixes(sent: &[(Duration, Response)]) -> Vec<&str> {
        sent.iter().map(|(_, r)| r.suffix.as_str()).collect()
    }

    #[test]
    fn without_faults_nothing_happens() {
        let mut luck = Misfortune::new(Faults::default(), 1);
        assert_eq!(luck.fate(Operation::Update, b"{}"), Fate::Served);
        let sent = luck.responses(three());
        assert_eq!(
            suffixes(&sent),
            ["update/accepted", "update/delta", "update/documents"]
        );
        assert!(sent.iter().all(|(late, _)| late.is_zero()));
        assert_eq!(luck.count, 0);
    }

    #[test]
    fn each_fault_does_what_it_is_called() {
        let with = |text: &str| Misfortune::new(Faults::parse(text.split(' ')).unwrap(), 1);
        assert_eq!(with("lose=100").responses(three()).len(), 0);
        assert_eq!(with("duplicate=100").responses(three()).len(), 6);
        let sent = with("delay=100 delay_ms=5000").responses(three());
        assert!(sent.iter().all(|(late, _)| late.as_millis() <= 5000));
        assert!(sent.iter().any(|(late, _)| !late.is_zero()));

        // Over many times every order of the three comes.
        let mut luck = with("reorder=100");
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..200 {
            orders.insert(suffixes(&luck.responses(three())).join(" "));
        }
        assert_eq!(orders.len(), 6);

        let update = br#"{"state":{},"version":4,"clientToken":"t"}"#;
        assert_eq!(
            with("throttle=100").fate(Operation::Get, b""),
            Fate::Refused(429)
        );
        assert_eq!(
            with("fail=100").fate(Operation::Delete, b""),
            Fate::Refused(500)
        );
        assert_eq!(
            with("conflict=100").fate(Operation::Update, update),
            Fate::Overtaken
        );
        assert_eq!(
            with("conflict=100").fate(Operation::Update, br#"{"state":{}}"#),
            Fate::Served,
            "it names no version"
        );
        let refused = refusal(Operation::Update, update, 429, 7);
        assert_eq!(refused.suffix, "update/rejected");
        assert_eq!(
            refused.payload,
            r#"{"code":429,"message":"Too many requests","timestamp":7,"clientToken":"t"}"#
        );
    }

    #[test]
    fn half_is_about_half_and_the_same_seed_is_the_same() {
        let faults = Faults::parse(["lose=50"]).unwrap();
        let count = |seed| {
            let mut luck = Misfortune::new(faults, seed);
            (0..1000)
                .map(|_| luck.responses(three()).len())
                .sum::<usize>()
        };
        assert_eq!(count(3), count(3));
        assert_ne!(count(3), count(4));
        assert!((1350..1650).contains(&count(3)), "{}", count(3));
    }

    #[test]
    fn what_is_no_fault_is_told() {
        for bad in [
            "lose",
            "lose=x",
            "lose=101",
            "luck=5",
            "=1",
            "delay_ms=3600001",
        ] {
            assert!(Faults::parse([bad]).is_err(), "{bad}");
        }
    }
}
