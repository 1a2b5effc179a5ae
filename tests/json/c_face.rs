//! The C functions where pointers meet, called from Rust so that Miri can watch.

use core::ptr::null;

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
