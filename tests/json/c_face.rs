//! The C functions where pointers meet, called from Rust so that Miri can watch.

use core::{ffi::CStr, ptr::null};

use iot_thing::Error;
use iot_thing::ffi::json::*;
use iot_thing::json::{Value, Writer};

fn parse(text: &str) -> iot_thing_json_t {
    let mut json = iot_thing_json_t::default();
    let mut offset = 0;
    // SAFETY: a live text with its length, and live out-parameters.
    let code =
        unsafe { iot_thing_json_parse(text.as_ptr().cast(), text.len(), &mut json, &mut offset) };
    assert_eq!(code, 0);
    json
}

#[test]
fn names_of_an_iteration_are_values() {
    let text = r#" { "a\n" : [1] , "b":2 } "#.to_string();
    let json = parse(&text);
    let (mut name, mut value) = (json, json);
    let mut iter = iot_thing_json_iter_t {
        rest: null(),
        len: 0,
        container: 0,
    };
    // SAFETY: live structures; the text outlives them.
    unsafe {
        assert_eq!(iot_thing_json_iter_init(&json, &mut iter), 0);
        assert_eq!(
            iot_thing_json_iter_next(&mut iter, &mut name, &mut value),
            0
        );
        assert_eq!(iot_thing_json_equals(&name, c"a\n".as_ptr()), 1);
        assert_eq!(iot_thing_json_type(&value), IOT_THING_JSON_ARRAY);
        assert_eq!(
            iot_thing_json_iter_next(&mut iter, &mut name, &mut value),
            0
        );
        assert_eq!(iot_thing_json_equals(&name, c"b".as_ptr()), 1);
        let mut number = 0;
        assert_eq!(iot_thing_json_as_u32(&value, &mut number), 0);
        assert_eq!(number, 2);
        let end = Error::JsonNotFound.code();
        assert_eq!(
            iot_thing_json_iter_next(&mut iter, &mut name, &mut value),
            end
        );
    }
}

#[test]
fn values_replace_what_they_were_taken_out_of() {
    let text = r#"{"a":{"b":"\u0078y"}}"#.to_string();
    let mut json = parse(&text);
    let at: *mut iot_thing_json_t = &mut json;
    let mut buffer = [0u8; 3];
    let mut len = 0;
    // SAFETY: live structures and a live buffer of that size; the text outlives them.
    unsafe {
        assert_eq!(iot_thing_json_get(at, c"a".as_ptr(), at), 0);
        let code =
            iot_thing_json_get_string(at, c"b".as_ptr(), buffer.as_mut_ptr().cast(), 3, &mut len);
        assert_eq!((code, len, &buffer), (0, 2, b"xy\0"));
    }
}

fn members<const N: usize>(
    object: &iot_thing_json_t,
    names: [&CStr; N],
) -> (i32, [iot_thing_json_t; N]) {
    let names = names.map(CStr::as_ptr);
    let mut values = [iot_thing_json_t::default(); N];
    // SAFETY: live structures; as many names, which are C strings, and values as the count says.
    let found =
        unsafe { iot_thing_json_get_members(object, names.as_ptr(), values.as_mut_ptr(), N) };
    (found, values)
}

/// Several members at once are the same as one after the other, whatever their names have in common.
#[test]
fn members_together_or_one_by_one() {
    let names = [
        c"ab",
        c"abc",
        c"a",
        c"",
        c"b",
        c"x1",
        c"x2",
        c"\u{e9}",
        c"c\"",
        c"not there",
    ];
    for text in [
        "{}",
        r#"{"ab":1,"abc":2,"a":3,"":4,"b":5,"x1":6,"x2":7,"\u00e9":8,"c\"":9}"#,
        r#"{"c\"":9,"é":8,"x2":7,"x1":6,"b":5,"":4,"a":3,"abc":2,"ab":1}"#,
        r#" { "abd" : 0 , "\u0061b" : [ 1 ] , "ab\u0063" : { "a" : 7 } , "a" : "}" , "x3":"," , "\u0062":true } "#,
        r#"{"a":1,"\u0061":2,"a":3,"x1":1,"x2":2,"x1":{"x2":3},"":"","":[[]]}"#,
        r#"{"A":1,"aB":2,"ba":3,"x":4,"x12":5,"c":6,"not":7,"not there":8}"#,
    ] {
        let object = parse(text);
        let (found, values) = members(&object, names);
        let mut expected = 0;
        for (name, value) in names.iter().zip(&values) {
            let mut alone = iot_thing_json_t {
                text: null(),
                len: 0,
            };
            // SAFETY: live structures and a C string; the text outlives them.
            let code = unsafe { iot_thing_json_get(&object, name.as_ptr(), &mut alone) };
            expected += i32::from(code == 0);
            assert_eq!(
                (value.text, value.len),
                (alone.text, alone.len),
                "{name:?} in {text}"
            );
        }
        assert_eq!(found, expected, "{text}");
        // What nobody validated: from within the text, and in finite time.
        for len in 0..text.len() {
            let object = iot_thing_json_t {
                text: text.as_ptr().cast(),
                len,
            };
            for value in members(&object, names).1 {
                assert!(value.len <= len);
            }
        }
    }
}

#[test]
fn integers_at_their_limits() {
    for (text, signed, unsigned) in [
        ("0", Some(0), Some(0)),
        ("-0", Some(0), Some(0)),
        ("-1", Some(-1), None),
        ("999999999", Some(999_999_999), Some(999_999_999)),
        ("1000000000", Some(1_000_000_000), Some(1_000_000_000)),
        ("2147483647", Some(i32::MAX), Some(2_147_483_647)),
        ("2147483648", None, Some(2_147_483_648)),
        ("-2147483648", Some(i32::MIN), None),
        ("-2147483649", None, None),
        ("4294967295", None, Some(u32::MAX)),
        ("4294967296", None, None),
        ("1e2", Some(100), Some(100)),
        ("1.5", None, None),
    ] {
        let json = parse(text);
        let (mut i32, mut u32) = (7, 7);
        // SAFETY: live structures.
        let codes = unsafe {
            (
                iot_thing_json_as_i32(&json, &mut i32),
                iot_thing_json_as_u32(&json, &mut u32),
            )
        };
        let range = Error::JsonRange.code();
        assert_eq!(
            (codes.0, i32),
            signed.map_or((range, 7), |value| (0, value)),
            "{text}"
        );
        assert_eq!(
            (codes.1, u32),
            unsigned.map_or((range, 7), |value| (0, value)),
            "{text}"
        );
    }
}

#[test]
fn a_lent_writer_comes_back() {
    let mut buffer = [0; 32];
    let mut writer = Writer::new(&mut buffer);
    writer.begin_object();
    let code = lend_writer(&mut writer, |lent| {
        // SAFETY: the writer is live during the call, and the name is a C string.
        unsafe { iot_thing_json_put_i32(lent, c"a".as_ptr(), -1) }
    });
    assert_eq!(code, 0);
    writer.name("b").null().end_object();
    assert_eq!(writer.finish(), Ok(&br#"{"a":-1,"b":null}"#[..]));

    // What C got wrong is known here.
    let mut writer = Writer::new(&mut buffer);
    lend_writer(&mut writer, |lent| {
        // SAFETY: as above.
        unsafe { iot_thing_json_end_array(lent) }
    });
    assert_eq!(writer.error(), Some(Error::JsonNesting));
}

#[test]
fn views_convert() {
    let view = iot_thing_json_t::from(Value::assume_valid(b"[1]"));
    assert_eq!(view.len, 3);
    let none = iot_thing_json_t::default();
    // SAFETY: a live structure.
    assert_eq!(unsafe { iot_thing_json_type(&none) }, IOT_THING_JSON_NONE);
}
