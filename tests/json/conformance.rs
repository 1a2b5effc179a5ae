//! What RFC 8259 accepts and refuses, rebuilt from its grammar section by section, and what it
//! leaves to the implementation as this one has decided.

use iot_thing::Error::{self, JsonDepth, JsonSyntax, JsonUtf8};
use iot_thing::json::{MAX_DEPTH, Value, scan_members};

use crate::judge::{exercise, judge};

#[track_caller]
fn accepted(text: impl AsRef<[u8]>) {
    let text = text.as_ref();
    if let Err(failure) = Value::parse(text) {
        panic!("{} should be accepted: {failure:?}", text.escape_ascii());
    }
    // The same inside a member whose value is captured, and inside an array.
    let member = [b"{\"m\":", text, b"}"].concat();
    let [value] = scan_members(&member, ["m"]).expect("valid as a member");
    assert_eq!(value.expect("found").raw(), text.trim_ascii());
    assert!(Value::parse(&[b"[", text, b",", text, b"]"].concat()).is_ok());
}

#[track_caller]
fn refused(text: impl AsRef<[u8]>, error: Error, offset: usize) {
    let text = text.as_ref();
    match Value::parse(text) {
        Ok(_) => panic!("{} should be refused", text.escape_ascii()),
        Err(failure) => assert_eq!(
            (failure.error, failure.offset),
            (error, offset),
            "{}",
            text.escape_ascii()
        ),
    }
    let member = [b"{\"m\":", text, b"}"].concat();
    assert!(scan_members(&member, ["m"]).is_err());
}

fn all_accepted(texts: &[&str]) {
    for text in texts {
        accepted(text);
    }
}

fn all_refused(texts: &[(&str, usize)]) {
    for (text, offset) in texts {
        refused(text, JsonSyntax, *offset);
    }
}

#[test]
fn section_2_structure_and_white_space() {
    all_accepted(&[
        "[]",
        "{}",
        "[ ]",
        "{ }",
        " [] ",
        "\t\n\r []\t\n\r ",
        "[[]]",
        "[{}]",
        "[[],[]]",
        "[[[[]]]]",
        "[1]",
        "[1,2]",
        "[ 1 , 2 ]",
        "[\n1\r,\t2\n]",
        "[1,[2,[3,[4]]]]",
        "[null,true,false,0,\"\",[],{}]",
        "{\"a\":1}",
        "{\"a\":1,\"b\":2}",
        " { \"a\" : 1 , \"b\" : 2 } ",
        "{\"a\":{\"b\":{\"c\":{}}}}",
        "{\"a\":[],\"b\":{}}",
        "{\"a\":[{}]}",
        "[{\"a\":[{\"b\":[]}]}]",
        "{\"\":\"\"}",
        "{\"a\":\r\n\t1}",
        "[{},{}]",
        "[{\"a\":1},{\"a\":2}]",
        "[[1],{\"a\":[2]},3]",
        "{\"a\":{},\"b\":[]}",
        "[[],{}]",
        " 1",
        "1 ",
        "\n\"a\"\n",
        " null ",
    ]);
    all_refused(&[
        ("", 0),
        (" ", 1),
        ("\n\r\t ", 4),
        ("[", 1),
        ("{", 1),
        ("]", 0),
        ("}", 0),
        (",", 0),
        (":", 0),
        ("[[]", 3),
        ("[]]", 2),
        ("{}}", 2),
        ("[}", 1),
        ("{]", 1),
        ("[1}", 2),
        ("{\"a\":1]", 6),
        ("[,]", 1),
        ("[,1]", 1),
        ("[1,]", 3),
        ("[1,,2]", 3),
        ("[1 2]", 3),
        ("[1:2]", 2),
        ("[1;2]", 2),
        ("[1,", 3),
        ("[1", 2),
        ("[\"a\" \"b\"]", 5),
        ("[[] []]", 4),
        ("[{} {}]", 4),
        ("[]1", 2),
        ("1 2", 2),
        ("[] []", 3),
        ("{} {}", 3),
        ("{}a", 2),
        ("[]x", 2),
        ("1,", 1),
        ("[1]]", 3),
        ("[1],", 3),
        ("{,}", 1),
        ("{\"a\"}", 4),
        ("{\"a\":}", 5),
        ("{\"a\":1,}", 7),
        ("{\"a\":1,,\"b\":2}", 7),
        ("{\"a\":1 \"b\":2}", 7),
        ("{\"a\" 1}", 5),
        ("{\"a\",1}", 4),
        ("{\"a\"::1}", 5),
        ("{:1}", 1),
        ("{1:1}", 1),
        ("{a:1}", 1),
        ("{'a':1}", 1),
        ("{null:1}", 1),
        ("{true:1}", 1),
        ("{[]:1}", 1),
        ("{{}:1}", 1),
        ("{\"a\":1", 6),
        ("{\"a\":", 5),
        ("{\"a\"", 4),
        ("{\"a", 3),
        ("{\"", 2),
        ("{\"a\":1,", 7),
        ("{\"a\":1,\"b\"}", 10),
        ("{\"a\":1,1}", 7),
        ("{\"a\":[}", 6),
        ("[{]", 2),
        ("[1,{\"a\":2,3}]", 10),
        ("{\"a\":1,\"b\":}", 11),
        ("[\"a\":1]", 4),
        ("\u{c}[]", 0),
        ("[\u{c}]", 1),
        ("\u{b}1", 0),
        ("[]\u{c}", 2),
        ("\0", 0),
        ("[]\0", 2),
        ("[\0]", 1),
        ("1\0", 1),
        ("{\0}", 1),
        ("{\"a\"\0:1}", 4),
        ("[1\0]", 2),
        ("\u{feff}[]", 0),
        ("[]\u{feff}", 2),
        ("\u{a0}1", 0),
        ("[\u{2028}]", 1),
        ("// no\n1", 0),
        ("/* no */1", 0),
        ("1// no", 1),
        ("[1/* no */]", 2),
        ("# no\n1", 0),
        ("[1,\u{a0}2]", 3),
    ]);
}

#[test]
fn section_3_literals() {
    all_accepted(&[
        "true",
        "false",
        "null",
        "[true,false,null]",
        "[ true , false , null ]",
    ]);
    all_refused(&[
        ("t", 1),
        ("tru", 3),
        ("truth", 3),
        ("truE", 3),
        ("True", 0),
        ("TRUE", 0),
        ("true1", 4),
        ("truetrue", 4),
        ("fals", 4),
        ("falsE", 4),
        ("False", 0),
        ("nul", 3),
        ("nulL", 3),
        ("Null", 0),
        ("nan", 1),
        ("NaN", 0),
        ("Infinity", 0),
        ("-Infinity", 1),
        ("inf", 0),
        ("undefined", 0),
        ("yes", 0),
        ("None", 0),
        ("a", 0),
        ("[nulL]", 4),
        ("[tru]", 4),
        ("nullnull", 4),
        ("null,", 4),
        ("*", 0),
        ("$", 0),
        ("<null>", 0),
        ("é", 0),
    ]);
}

#[test]
fn section_6_numbers() {
    all_accepted(&[
        "0",
        "-0",
        "1",
        "-1",
        "9",
        "10",
        "123",
        "-123",
        "1234567890",
        "12345678901234567890123456789012345678901234567890",
        "0.0",
        "0.1",
        "-0.1",
        "1.5",
        "0.00",
        "123.456",
        "1.0000000000000000000000000000000000000001",
        "0e0",
        "0E0",
        "1e1",
        "1E1",
        "1e+1",
        "1e-1",
        "1E+01",
        "1E-01",
        "0e00",
        "-0e-0",
        "1.5e10",
        "-1.5E-10",
        "1e999999999999999999999999",
        "-1e-999999999999999999999999",
        "0e+1",
        "0.0e-0",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "20e1",
        "1.23e4567",
    ]);
    all_refused(&[
        ("00", 1),
        ("01", 1),
        ("-00", 2),
        ("-01", 2),
        ("007", 1),
        ("0123", 1),
        ("-", 1),
        ("+", 0),
        ("+1", 0),
        ("--1", 1),
        ("-+1", 1),
        ("1.", 2),
        (".1", 0),
        ("-.1", 1),
        ("1.e1", 2),
        (".", 0),
        ("0.", 2),
        ("-0.", 3),
        ("1..2", 2),
        ("1.2.3", 3),
        ("1.-2", 2),
        ("0.1.", 3),
        ("1e", 2),
        ("1E", 2),
        ("1e+", 3),
        ("1e-", 3),
        ("1ee1", 2),
        ("1e1.5", 3),
        ("1e++1", 3),
        ("1e1e1", 3),
        ("e1", 0),
        ("1e 1", 2),
        ("0x10", 1),
        ("0b1", 1),
        ("0o7", 1),
        ("1_000", 1),
        ("1,000", 1),
        ("1 000", 2),
        ("1a", 1),
        ("1f", 1),
        ("1.0f", 3),
        ("1L", 1),
        ("- 1", 1),
        ("1-", 1),
        ("1+1", 1),
        ("-a", 1),
        ("0e", 2),
        ("0e+", 3),
        ("0.3e", 4),
        ("0.e1", 2),
        ("2.e+3", 2),
        ("-2.", 3),
        ("$1", 0),
        ("[-]", 2),
        ("[1.]", 3),
        ("[01]", 2),
        ("[1e]", 3),
        ("[+1]", 1),
        ("[.5]", 1),
        ("[-01]", 3),
        ("[0.e1]", 3),
        ("1١", 1),
        ("１", 0),
        ("[1\u{0}]", 2),
        ("0-1", 1),
    ]);
}

#[test]
fn section_7_strings() {
    all_accepted(&[
        r#""""#,
        r#""a""#,
        r#""abc def""#,
        r#""\"""#,
        r#""\\""#,
        r#""\/""#,
        "\"/\"",
        r#""\b\f\n\r\t""#,
        r#""\u0000""#,
        r#""\u001f""#,
        r#""\u0041""#,
        r#""\u00e9""#,
        r#""\u00E9""#,
        r#""\uFFFF""#,
        r#""\uffff""#,
        r#""\ufdd0""#,
        r#""\u2028\u2029""#,
        r#""\ud83d\ude00""#,
        r#""\uD800\uDC00""#,
        r#""\uDBFF\uDFFF""#,
        r#""\ud834\udd1e""#,
        r#""\\u0041""#,
        r#""\\\\""#,
        r#""\"\\\/""#,
        "\"\u{7f}\"",
        "\"é\"",
        "\"€\"",
        "\"😀\"",
        "\"\u{80}\"",
        "\"\u{7ff}\"",
        "\"\u{800}\"",
        "\"\u{ffff}\"",
        "\"\u{10000}\"",
        "\"\u{10ffff}\"",
        "\"\u{d7ff}\"",
        "\"\u{e000}\"",
        "\"\u{feff}\"",
        "\"\u{2028}\"",
        "\"'\"",
        "\"// no comment\"",
        "\"[{]},:\"",
        "\"a\u{85}b\"",
        r#"{"\u0061":1}"#,
        "{\"é\":1}",
        r#"{"\"":1}"#,
        r#""abc\u0020def\n""#,
        "\"abcdefghijklmnopqrstuvwxyz\"",
        "\"123\"",
        r#""\ud7ff\ue000""#,
    ]);
    all_refused(&[
        ("\"", 1),
        ("\"a", 2),
        ("\"abcd", 5),
        ("'a'", 0),
        ("`a`", 0),
        ("\"a\"b", 3),
        ("a\"", 0),
        ("\"\"\"", 2),
        ("\"\\\"", 3),
        ("\"\\", 2),
        (r#""\a""#, 2),
        (r#""\x41""#, 2),
        (r#""\0""#, 2),
        (r#""\'""#, 2),
        (r#""\v""#, 2),
        (r#""\U0041""#, 2),
        (r#""\e""#, 2),
        (r#""\ ""#, 2),
        (r#""\B""#, 2),
        (r#""\N""#, 2),
        ("\"\\\n\"", 2),
        ("\"\\é\"", 2),
        ("\"\\\u{0}\"", 2),
        ("\"\\😀\"", 2),
        (r#""\u""#, 3),
        (r#""\u0""#, 4),
        (r#""\u00""#, 5),
        (r#""\u004""#, 6),
        (r#""\u004g""#, 6),
        (r#""\u 041""#, 3),
        (r#""\u+041""#, 3),
        (r#""\u-041""#, 3),
        (r#""\u{41}""#, 3),
        (r#""\uD83D\u""#, 9),
        (r#""\uD83D\uDE0""#, 12),
        (r#""\uD83D\uzzzz""#, 9),
        ("\"\\u00", 5),
        ("\"\\u0041", 7),
        ("\"\\u00é\"", 5),
        ("\"\t\"", 1),
        ("\"\n\"", 1),
        ("\"\r\"", 1),
        ("\"\0\"", 1),
        ("\"\u{1f}\"", 1),
        ("\"\u{1}\"", 1),
        ("\"ab\u{8}\"", 3),
        ("\"abcd\ne\"", 5),
        ("{\"a\nb\":1}", 3),
        ("{\"\\q\":1}", 3),
        ("[\"a]", 4),
        ("[\"a", 3),
        ("[\"a\\\"]", 6),
        ("{\"a\":\"b}", 8),
    ]);
    for control in 0..0x20u8 {
        refused([b'"', b'a', control, b'"'], JsonSyntax, 2);
    }
    for printable in 0x20..0x80u8 {
        if !b"\"\\".contains(&printable) {
            accepted([b'"', printable, b'"']);
        }
    }
}

/// RFC 8259 leaves unpaired surrogates open (section 8.2); they cannot be UTF-8, so: refused.
#[test]
fn section_8_unpaired_surrogates() {
    for (text, offset) in [
        (r#""\ud800""#, 1),
        (r#""\udbff""#, 1),
        (r#""\udc00""#, 1),
        (r#""\udfff""#, 1),
        (r#""\uD800\uD800""#, 1),
        (r#""\udc00\ud800""#, 1),
        (r#""\ud800a""#, 1),
        (r#""\ud800\n""#, 1),
        (r#""\ud800\u0041""#, 1),
        (r#""\ud83d\\ude00""#, 1),
        (r#""a\udc00""#, 2),
        (r#""\ud800é""#, 1),
        (r#""\ud83d\ude00\ude00""#, 13),
        (r#""\uDADA""#, 1),
        (r#""\ud800\ue000""#, 1),
        (r#""\ud800\udbff""#, 1),
        ("\"\\ud800", 1),
        ("\"\\ud800\\", 1),
        (r#"{"\ud800":1}"#, 2),
    ] {
        refused(text, JsonUtf8, offset);
    }
}

#[test]
fn section_8_utf8() {
    let bad: &[&[u8]] = &[
        b"\x80",
        b"\xBF",
        b"\xC0\x80",
        b"\xC0\xAF",
        b"\xC1\xBF",
        b"\xC2",
        b"\xC2\x41",
        b"\xC2\xC2",
        b"\xDF\x7F",
        b"\xDF\xC0",
        b"\xE0\x80\x80",
        b"\xE0\x9F\xBF",
        b"\xE0\xA0",
        b"\xE0\xA0\x7F",
        b"\xE2\x82",
        b"\xE2",
        b"\xE2\x41\x82",
        b"\xED\xA0\x80",
        b"\xED\xAF\xBF",
        b"\xED\xB0\x80",
        b"\xED\xBF\xBF",
        b"\xEF\xBF",
        b"\xF0\x80\x80\x80",
        b"\xF0\x8F\xBF\xBF",
        b"\xF0\x90\x80",
        b"\xF0\x90",
        b"\xF0\x90\x80\x7F",
        b"\xF0\x90\x41\x80",
        b"\xF4\x90\x80\x80",
        b"\xF5\x80\x80\x80",
        b"\xF8\x88\x80\x80\x80",
        b"\xFC\x84\x80\x80\x80\x80",
        b"\xFE",
        b"\xFF",
        b"\xFF\xFE",
        b"\xED\xA0\xBD\xED\xB8\x80",
        b"\xE4",
        b"\xF1\x80\x80\xC0",
    ];
    for bytes in bad {
        assert!(core::str::from_utf8(bytes).is_err());
        for before in ["", "a", "abcd", "é"] {
            let text = [b"\"", before.as_bytes(), bytes, b"\""].concat();
            refused(text, JsonUtf8, 1 + before.len());
        }
        // Cut off by the end of the text; and where no string is.
        refused([b"\"", *bytes].concat(), JsonUtf8, 1);
        refused(bytes, JsonSyntax, 0);
    }
    refused([b'"', 0xE2, 0x82, 0xAC], JsonSyntax, 4);
    // UTF-16 and UTF-32, with and without byte order mark.
    for text in [
        &b"\xFF\xFE1\0"[..],
        b"\xFE\xFF\x001",
        b"\x001",
        b"\xEF\xBB\xBF1",
    ] {
        refused(text, JsonSyntax, 0);
    }
    refused(b"1\0\0\0", JsonSyntax, 1);
}

/// Every sequence of two, and a grid of three and four bytes, judged like the standard library.
#[test]
fn section_8_utf8_exhaustive() {
    let check = |bytes: &[u8]| {
        let text = [b"\"", bytes, b"\""].concat();
        let plain = !bytes.iter().any(|b| *b < b' ' || b"\"\\".contains(b));
        if plain {
            let valid = core::str::from_utf8(bytes).is_ok();
            assert_eq!(Value::parse(&text).is_ok(), valid, "{bytes:x?}");
        }
    };
    for a in 0x80..=0xFF {
        for b in 0..=0xFF {
            check(&[a, b]);
            for c in [
                0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF,
            ] {
                check(&[a, b, c]);
                for d in [0x41, 0x7F, 0x80, 0xBF, 0xC0] {
                    check(&[a, b, c, d]);
                }
            }
        }
    }
}

#[test]
fn section_9_depth() {
    let depth = MAX_DEPTH as usize;
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let per_round = close.len();
        let nested = |rounds: usize, inner: &str| {
            format!("{}{inner}{}", open.repeat(rounds), close.repeat(rounds))
        };
        assert!(Value::parse(nested(depth / per_round, "1").as_bytes()).is_ok());
        let deeper = nested(depth / per_round, "[]");
        let offset = depth / per_round * open.len();
        refused(deeper, JsonDepth, offset);
        refused(nested(10_000, "1"), JsonDepth, offset);
        refused(open.repeat(10_000), JsonDepth, offset);
    }
    // Beside each other is not inside each other.
    assert!(Value::parse(format!("[{}[]]", "[[]],".repeat(1000)).as_bytes()).is_ok());
    assert_eq!(MAX_DEPTH, 16);
}

/// RFC 8259, section 4: names SHOULD be unique. The last one counts, everywhere.
#[test]
fn section_4_duplicate_names() {
    let text = br#"{"a":1,"b":{"c":1,"c":2},"\u0061":2,"a":3,"b":{"c":4,"\u0063":5}}"#;
    let value = Value::parse(text).expect("valid");
    assert_eq!(value.get("a").and_then(|a| a.as_i64()), Ok(3));
    assert_eq!(value.at_path("b.c").and_then(|c| c.as_i64()), Ok(5));
    assert_eq!(value.count(), Ok(5));
    let [b, a] = scan_members(text, ["b", "a"]).expect("valid");
    assert_eq!(a.expect("found").raw(), b"3");
    assert_eq!(b.expect("found").raw(), br#"{"c":4,"\u0063":5}"#);
}

const SAMPLE: &str = r#" { "state" : {"on":true,"off":false,"no":null,"t":-12.50e+3,"s":"a\"\\\u00e9\ud83d\ude00é€😀",
 "l":[1,[2,{"x":[]}],{}]} , "version":18446744073709551615,"clientToken":"t-1" }"#;

/// Cut anywhere, a document is incomplete: refused at its end (or inside the character cut).
#[test]
fn truncation_at_every_byte() {
    let text = SAMPLE.as_bytes();
    assert!(Value::parse(text).is_ok());
    for len in 0..text.len() {
        let failure = Value::parse(&text[..len]).expect_err("truncated");
        exercise(Value::assume_valid(&text[..len]), 0);
        exercise(Value::assume_valid(&text[len..]), 0);
        match failure.error {
            JsonSyntax => assert_eq!(failure.offset, len),
            JsonUtf8 => assert!(
                (1..=7).contains(&(len - failure.offset)),
                "{len} {failure:?}"
            ),
            other => panic!("{other:?}"),
        }
    }
}

/// Strings and digits are read several bytes at once: what ends them may be at each of these, and
/// the text may end behind any.
#[test]
fn runs_of_every_length() {
    for len in 0..=18 {
        for ending in [
            "", "\\n", "\\x", "\"", "\u{1f}", "\u{7f}", "é", "\u{80}", "😀",
        ] {
            for at in 0..=len {
                let (a, b) = ("!".repeat(at), "~".repeat(len - at));
                for behind in ["", "\"", "\",1]", "\" ,1]      ", "\",1         ]"] {
                    judge(format!("[\"{a}{ending}{b}{behind}").as_bytes());
                }
                judge(format!("\"{a}{ending}{b}\"").as_bytes());
                judge(format!("{{\"{a}{ending}{b}\":1}}").as_bytes());
                judge(&[b"[\"", a.as_bytes(), b"\xC3", b.as_bytes(), b"\"]"].concat());
            }
        }
        for first in ["", "-", "0", "1", "9", "1.", "-0.", "1e", "1E+", "1.5e-"] {
            let digits = &"987654321012345678"[..len];
            for behind in [
                "", ",", " ", "/", ":", ".", "e", "-", "x", "\0", "é", ".0", "e1",
            ] {
                judge(format!("{first}{digits}{behind}").as_bytes());
                judge(format!("[{first}{digits}{behind}]").as_bytes());
                judge(format!("[{first}{digits}{behind},1,2,3]").as_bytes());
                judge(format!("{{\"a\":{first}{digits}{behind}    }}").as_bytes());
            }
        }
    }
}

/// Missing or doubled bytes never get through where they matter.
#[test]
fn every_structural_byte_matters() {
    let text = br#"{"a":[1,{"b":"c"}],"d":true}"#;
    for at in 0..text.len() {
        let removed = [&text[..at], &text[at + 1..]].concat();
        let is_content = matches!(text[at], b'a' | b'b' | b'c' | b'd');
        assert_eq!(
            Value::parse(&removed).is_ok(),
            is_content,
            "{}",
            removed.escape_ascii()
        );
    }
}

#[test]
fn scanning_demands_an_object() {
    for text in ["[]", "1", "\"a\"", "null", "[{\"a\":1}]"] {
        let failure = scan_members(text.as_bytes(), ["a"]).expect_err("no object");
        assert_eq!((failure.error, failure.offset), (Error::JsonType, 0));
    }
    assert_eq!(scan_members(b"{}", ["a", ""]), Ok([None, None]));
    assert_eq!(
        scan_members(b"[", ["a"]).expect_err("incomplete").error,
        JsonSyntax
    );
}
