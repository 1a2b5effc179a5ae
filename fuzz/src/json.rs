//! Any text as JSON: read, scanned and written again, with serde_json as the other opinion.

use iot_thing::json::{Value, Writer};

use crate::judge::{agree, copy, judge};

pub fn run(data: &[u8]) {
    judge(data);
    let Ok(value) = Value::parse(data) else {
        return;
    };
    let mut measuring = Writer::new(&mut []);
    copy(value, &mut measuring);
    let needed = measuring.needed();
    // Nothing that is there already is read.
    let mut buffer = vec![0xA5; needed];
    let mut writer = Writer::new(&mut buffer);
    copy(value, &mut writer);
    let written = writer.finish().expect("exactly large enough").to_vec();
    assert_eq!(written.len(), needed);
    // It is the same document, which written once more does not change.
    judge(&written);
    // A number may be too large for the other reader.
    if let Ok(other) = serde_json::from_slice(data) {
        agree(Value::parse(&written).expect("valid"), &other);
    }
    let mut again = vec![0; needed];
    let mut writer = Writer::new(&mut again);
    copy(Value::parse(&written).expect("valid"), &mut writer);
    assert_eq!(writer.finish(), Ok(&written[..]));
}

pub fn seeds() -> Vec<Vec<u8>> {
    [
        &br#"{"version":7,"state":{"led":true,"t":-21.50,"name":"\u0061\ud83d\ude00\n"},"a":null}"#
            [..],
        br#"{"state":{"desired":{"a":[1,2.0,3e2,{"":[]}]},"reported":{}},"timestamp":1600000000}"#,
        br#" [ "", "\"", {"a":1,"a":2}, 18446744073709551615, -9223372036854775808 ] "#,
        b"[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]",
        b"[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]",
        b"{\"a\":1e400}",
        b"01",
        b"\"\\ud800\"",
        b"\xEF\xBB\xBF{}",
        b"",
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}
