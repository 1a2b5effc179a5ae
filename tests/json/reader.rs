//! Navigation and conversion.

use iot_thing::Error::{Argument, JsonNotFound, JsonRange, JsonSyntax, JsonType};
use iot_thing::json::{Kind, MAX_DECIMALS, Value, scan_members};

fn parse(text: &str) -> Value<'_> {
    Value::parse(text.as_bytes()).expect("valid")
}

#[test]
fn kinds_and_simple_values() {
    for (text, kind) in [
        ("null", Kind::Null),
        ("true", Kind::Bool),
        ("false", Kind::Bool),
        ("-1", Kind::Number),
        ("0", Kind::Number),
        ("\"\"", Kind::String),
        (" [] ", Kind::Array),
        ("\n{}", Kind::Object),
    ] {
        let value = parse(text);
        assert_eq!(value.kind(), kind);
        assert_eq!(value.raw(), text.trim().as_bytes());
        assert_eq!(value.is_null(), text == "null");
        assert_eq!(
            value.as_bool(),
            match text {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(JsonType),
            }
        );
        assert_eq!(value.number_text().is_ok(), kind == Kind::Number);
        assert_eq!(value.as_i64().is_ok(), kind == Kind::Number);
        assert_eq!(value.as_text().is_ok(), kind == Kind::String);
        assert_eq!(value.members().is_ok(), kind == Kind::Object);
        assert_eq!(value.elements().is_ok(), kind == Kind::Array);
    }
    assert_eq!(Value::default().kind(), Kind::None);
    assert_eq!(Value::default().get("a"), Err(JsonType));
    assert_eq!(Value::default().as_u64(), Err(JsonType));
}

#[test]
fn members_elements_and_paths() {
    let value =
        parse(r#" {"a" : {"b.c": 1, "b":{"c":[10,[20,{"d":"x"}] , 30 ]}} , "":{"":7}, "e":[] } "#);
    let at = |path: &str| {
        value
            .at_path(path)
            .map(|found| String::from_utf8(found.raw().to_vec()).expect("UTF-8"))
    };
    assert_eq!(at("a.b.c.0").as_deref(), Ok("10"));
    assert_eq!(at("a.b.c.1.1.d").as_deref(), Ok("\"x\""));
    assert_eq!(at("a.b.c.2").as_deref(), Ok("30"));
    assert_eq!(at("a.b.c.3"), Err(JsonNotFound));
    assert_eq!(at("a.b.c.01"), Err(JsonNotFound));
    assert_eq!(at("a.b.c."), Err(JsonNotFound));
    assert_eq!(at("a.b.c.-1"), Err(JsonNotFound));
    assert_eq!(at("a.b.c.99999999999999999999999"), Err(JsonNotFound));
    assert_eq!(at("a.x"), Err(JsonNotFound));
    assert_eq!(at("a.b.c.0.x"), Err(JsonType));
    assert_eq!(at(".").as_deref(), Ok("7"));
    assert_eq!(at("").map(|text| text.len()), Ok(value.raw().len()));
    let inner = value.get("a").expect("found");
    assert_eq!(inner.get("b.c").and_then(|found| found.as_i64()), Ok(1));
    assert_eq!(value.count(), Ok(3));
    assert_eq!(value.get("e").and_then(|e| e.count()), Ok(0));
    assert_eq!(
        value.get("e").and_then(|e| e.at_index(0)),
        Err(JsonNotFound)
    );
    assert_eq!(parse("1").count(), Err(JsonType));

    let members: Vec<_> = value
        .members()
        .expect("object")
        .map(|member| (member.name.raw(), member.value.kind()))
        .collect();
    assert_eq!(
        members,
        [
            (&b"a"[..], Kind::Object),
            (b"", Kind::Object),
            (b"e", Kind::Array)
        ]
    );
    let elements: Vec<_> = parse("[ 1 ,\"]\",[ [] ] ,{\"}\":\"{\\\"\"}, null]")
        .elements()
        .expect("array")
        .map(|e| e.raw().to_vec())
        .collect();
    assert_eq!(
        elements,
        [
            &b"1"[..],
            b"\"]\"",
            b"[ [] ]",
            b"{\"}\":\"{\\\"\"}",
            b"null"
        ]
    );
}

#[test]
fn scanning_captures_members() {
    let text = br#" {"x":{"state":1} , "state" : {"a":[1,2]} ,"version": 12 , "n":null,"s":"}" , "\u006c" :[ {} ], "e":{} } "#;
    let [state, version, n, s, l, missing, e] =
        scan_members(text, ["state", "version", "n", "s", "l", "missing", "e"]).expect("valid");
    assert_eq!(state.map(|v| v.raw()), Some(&br#"{"a":[1,2]}"#[..]));
    assert_eq!(version.map(|v| v.raw()), Some(&b"12"[..]));
    assert_eq!(n.map(|v| v.is_null()), Some(true));
    assert_eq!(s.map(|v| v.raw()), Some(&b"\"}\""[..]));
    assert_eq!(l.map(|v| v.raw()), Some(&b"[ {} ]"[..]));
    assert_eq!(missing, None);
    assert_eq!(e.map(|v| v.raw()), Some(&b"{}"[..]));
}

#[test]
fn integers_are_exact() {
    let i64_of = |text: &str| Value::assume_valid(text.as_bytes()).as_i64();
    let u64_of = |text: &str| Value::assume_valid(text.as_bytes()).as_u64();
    for value in [
        i64::MIN,
        i64::MIN + 1,
        -1_000_000_000,
        -1,
        0,
        1,
        9,
        999_999_999,
        1_000_000_000,
        4_294_967_296,
        i64::MAX - 1,
        i64::MAX,
    ] {
        assert_eq!(i64_of(&value.to_string()), Ok(value));
        assert_eq!(i64_of(&format!("{value}.000")), Ok(value));
        assert_eq!(i64_of(&format!("{value}e0")), Ok(value));
        assert_eq!(i64_of(&format!("{value}000E-3")), Ok(value));
        assert_eq!(
            u64_of(&value.to_string()),
            u64::try_from(value).map_err(|_| JsonRange)
        );
    }
    assert_eq!(u64_of("18446744073709551615"), Ok(u64::MAX));
    for (text, i64_expected, u64_expected) in [
        ("-0", Ok(0), Ok(0)),
        ("-0.0e5", Ok(0), Ok(0)),
        ("1e2", Ok(100), Ok(100)),
        ("1.5e1", Ok(15), Ok(15)),
        ("100e-2", Ok(1), Ok(1)),
        ("1.5", Err(JsonRange), Err(JsonRange)),
        ("1e-1", Err(JsonRange), Err(JsonRange)),
        ("0.000e-999999999999999999999", Ok(0), Ok(0)),
        ("0e99999999999999999999999", Ok(0), Ok(0)),
        ("1e19", Err(JsonRange), Ok(10_000_000_000_000_000_000)),
        ("1e20", Err(JsonRange), Err(JsonRange)),
        ("1e18446744073709551616", Err(JsonRange), Err(JsonRange)),
        ("1e-18446744073709551616", Err(JsonRange), Err(JsonRange)),
        (
            "9223372036854775808",
            Err(JsonRange),
            Ok(9_223_372_036_854_775_808),
        ),
        ("-9223372036854775809", Err(JsonRange), Err(JsonRange)),
        ("18446744073709551616", Err(JsonRange), Err(JsonRange)),
        ("0.0000000000000000000000000001e28", Ok(1), Ok(1)),
        ("1.00000000000000000000000000000000000000", Ok(1), Ok(1)),
        (
            "99999999999999999999999999999999999",
            Err(JsonRange),
            Err(JsonRange),
        ),
        (
            "184467440737095516150000000000000000000e-20",
            Err(JsonRange),
            Err(JsonRange),
        ),
        (
            "18446744073709551615000000000000000000000e-21",
            Err(JsonRange),
            Ok(u64::MAX),
        ),
        ("-1e0", Ok(-1), Err(JsonRange)),
        ("10E+1", Ok(100), Ok(100)),
        ("123456789012e-3", Err(JsonRange), Err(JsonRange)),
        ("\"1\"", Err(JsonType), Err(JsonType)),
        ("true", Err(JsonType), Err(JsonType)),
        ("null", Err(JsonType), Err(JsonType)),
        ("[1]", Err(JsonType), Err(JsonType)),
    ] {
        assert_eq!(i64_of(text), i64_expected, "{text}");
        assert_eq!(u64_of(text), u64_expected, "{text}");
    }
}

/// Up to 9, up to 18 and more digits are read in different ways, and what is not only digits in one
/// more.
#[test]
fn integers_of_every_length() {
    for len in 1..=21 {
        for digits in ["9".repeat(len), format!("1{}", "0".repeat(len - 1))]
            .into_iter()
            .chain(
                [
                    &"1844674407370955161599"[..len],
                    &"9223372036854775808"[..len.min(19)],
                ]
                .map(String::from),
            )
        {
            let magnitude: i128 = digits.parse().expect("digits");
            for (text, value) in [
                (digits.clone(), magnitude),
                (format!("-{digits}"), -magnitude),
                (format!("{digits}.0"), magnitude),
                (format!("-{digits}.00"), -magnitude),
                (format!("{digits}e0"), magnitude),
                (format!("{digits}0E-1"), magnitude),
                (format!("{digits}e1"), magnitude * 10),
            ] {
                let number = parse(&text);
                let signed = i64::try_from(value).map_err(|_| JsonRange);
                assert_eq!(number.as_i64(), signed, "{text}");
                assert_eq!(number.as_scaled(0), signed, "{text}");
                let unsigned = u64::try_from(value).map_err(|_| JsonRange);
                assert_eq!(number.as_u64(), unsigned, "{text}");
            }
        }
    }
    for no_number in [
        "",
        "x",
        "12345678x",
        "123456789x",
        "x23456789",
        "1234567890:",
        "/123456789",
    ] {
        let value = Value::assume_valid(no_number.as_bytes());
        assert_eq!(value.as_i64(), Err(JsonType), "{no_number}");
        assert_eq!(value.as_u64(), Err(JsonType), "{no_number}");
    }
}

/// A member is found wherever it stands and whatever stands around it.
#[test]
fn members_among_others() {
    let deep = format!("{}{}", "[".repeat(14), "]".repeat(14));
    let others = [
        "1",
        "-1.5e+3",
        "1e5",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\"",
        "\"\\\"a\\\":1,\"",
        "\"}]\"",
        "[]",
        "{}",
        "[{\"a\":9}]",
        "{\"a\":9,\"b\":{\"a\":9}}",
        "[\"a\",9,\"]\"]",
        "[ 1 , [ ] , true ]",
        &deep,
    ];
    for other in others {
        for value in others {
            for (colon, comma) in [
                (":", ","),
                (" :", ", "),
                (": ", "\n, "),
                ("\t:\r\n", " ,\t"),
            ] {
                let text = format!(
                    "{{\"b\"{colon}{other}{comma}\"a\"{colon}7{comma}\"ab\"{colon}{other}{comma}\"\\u0061\"{colon}{value}{comma}\"\"{colon}{other} }}"
                );
                let object = parse(&text);
                let raw = |name: &str| object.get(name).map(|value| value.raw());
                assert_eq!(raw("a"), Ok(value.as_bytes()), "{text}");
                for name in ["b", "ab", ""] {
                    assert_eq!(raw(name), Ok(other.as_bytes()), "{text}");
                }
                assert_eq!(raw("c"), Err(JsonNotFound), "{text}");
                assert_eq!(object.count(), Ok(5), "{text}");
                let last = format!("{{\"b\":{other},\"a\":{value}}}");
                let found = parse(&last).get("a").map(|value| value.raw());
                assert_eq!(found, Ok(value.as_bytes()), "{last}");
            }
        }
    }
}

#[test]
fn scaled_decimals() {
    for (text, decimals, expected) in [
        ("21.57", 2, Ok(2157)),
        ("-21.57", 2, Ok(-2157)),
        ("21.57", 3, Ok(21570)),
        ("21.57", 1, Err(JsonRange)),
        ("21.50", 1, Ok(215)),
        ("21", 2, Ok(2100)),
        ("2.157e1", 2, Ok(2157)),
        ("2157e-2", 2, Ok(2157)),
        ("0.005", 3, Ok(5)),
        ("-0.005", 3, Ok(-5)),
        ("5e-3", 3, Ok(5)),
        ("5e-3", 2, Err(JsonRange)),
        ("0", 18, Ok(0)),
        ("1", 18, Ok(1_000_000_000_000_000_000)),
        ("9.223372036854775807", 18, Ok(i64::MAX)),
        ("9.223372036854775808", 18, Err(JsonRange)),
        ("-9.223372036854775808", 18, Ok(i64::MIN)),
        ("10", 18, Err(JsonRange)),
        ("1", 19, Err(Argument)),
        ("1e3", 0, Ok(1000)),
        ("0.10", 1, Ok(1)),
        ("0.1000", 1, Ok(1)),
        ("\"1\"", 1, Err(JsonType)),
        ("-0.00", 2, Ok(0)),
    ] {
        assert_eq!(
            Value::assume_valid(text.as_bytes()).as_scaled(decimals),
            expected,
            "{text} with {decimals}"
        );
    }
    assert_eq!(MAX_DECIMALS, 18);
    assert_eq!(parse("-1.50e7").number_text(), Ok(&b"-1.50e7"[..]));
}

#[test]
fn strings_unescape_and_compare() {
    for (json, plain) in [
        (r#""""#, ""),
        (r#""abc""#, "abc"),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e9\u20ac\ud83d\ude00""#, "Aé€😀"),
        ("\"é€😀\\n\"", "é€😀\n"),
        (r#""a\u0000b""#, "a\0b"),
        (r#""\\n""#, "\\n"),
        (r#""\\u0041""#, "\\u0041"),
        ("\"x\\/é\\\\\"", "x/é\\"),
    ] {
        let text = parse(json).as_text().expect("string");
        assert!(text.eq_str(plain), "{json}");
        assert!(!text.eq_str(format!("{plain}x")));
        assert!(plain.is_empty() || !text.eq_str(&plain.as_bytes()[..plain.len() - 1]));
        assert!(plain.is_empty() || !text.eq_str("\u{1}".repeat(plain.len())));
        for size in 0..plain.len() + 3 {
            let mut buffer = vec![0xEE; size];
            assert_eq!(text.copy_to(&mut buffer), Ok(plain.len()));
            if size >= plain.len() {
                assert_eq!(&buffer[..plain.len()], plain.as_bytes());
                assert!(buffer[plain.len()..].iter().all(|byte| *byte == 0xEE));
            }
        }
        // As a name.
        let object = format!("{{\"a\":0,{json}:1}}");
        assert_eq!(
            parse(&object).get(plain).and_then(|value| value.as_i64()),
            Ok(1)
        );
        let [found] = scan_members(object.as_bytes(), [plain]).expect("valid");
        assert_eq!(found.map(|value| value.raw()), Some(&b"1"[..]));
    }
    // A name that looks like an escape is not one.
    assert_eq!(parse(r#"{"a\nb":1}"#).get(r"a\nb"), Err(JsonNotFound));
    assert!(
        parse(r#""A""#)
            .as_text()
            .is_ok_and(|text| !text.eq_str(r"\u0041"))
    );
}

/// What C could forge: views on text that nobody validated.
#[test]
fn navigation_survives_garbage() {
    assert_eq!(Value::assume_valid(br#""a\"#).as_text(), Err(JsonType));
    assert_eq!(
        Value::assume_valid(br#""a\""#)
            .as_text()
            .and_then(|text| text.copy_to(&mut [0; 8])),
        Err(JsonSyntax)
    );
    for text in [
        "{",
        "{\"",
        "{\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":\"",
        "{\"a\":[",
        "{\"a\":{",
        "{,",
        "{,,",
        "{\"a\":}",
        "{]",
        "{\"a\":1\"a\":2",
        "{\"\\",
        "[\"\\",
        "[{",
        "[[",
        "[,",
        "[,,]",
        "[}",
        "[1",
        "[\"",
        "[1 2 3",
        "-",
        "-.",
        "1e",
        "\"",
        "\0",
        "{\0}",
        "[]]",
        "}",
    ] {
        super::judge::exercise(Value::assume_valid(text.as_bytes()), 0);
    }
    assert_eq!(Value::assume_valid(b"-").as_i64(), Err(JsonType));
    assert_eq!(Value::assume_valid(b"1e").as_i64(), Err(JsonType));
    assert_eq!(Value::assume_valid(b"[1").count(), Ok(0));
}
