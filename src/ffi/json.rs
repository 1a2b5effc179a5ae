//! JSON for C: pointers to slices, C strings to names, results to error codes.
//!
//! The helpers at the end take raw pointers and are called from here only, with the arguments of
//! a C function: what that function's contract demands of its pointers is what makes them sound.

use core::ffi::{CStr, c_char};

use super::guard::{self, not_null, overlap, write_out};
use crate::Error;
use crate::json::{Due, Elements, Kind, MAX_DEPTH, Members, Progress, Text, Value, Writer};

/// The deepest nesting of objects and arrays that is read or written.
pub const IOT_THING_JSON_MAX_DEPTH: u32 = 16;
const _: () = assert!(IOT_THING_JSON_MAX_DEPTH == MAX_DEPTH);

/// The most decimals of a scaled integer.
pub const IOT_THING_JSON_MAX_DECIMALS: u8 = 18;
const _: () = assert!(IOT_THING_JSON_MAX_DECIMALS == crate::json::MAX_DECIMALS);

/// What a JSON value is: one of the constants `IOT_THING_JSON_NONE` to `IOT_THING_JSON_OBJECT`.
pub type iot_thing_json_type_t = i32;
/// No value: a zero-initialised `iot_thing_json_t`.
pub const IOT_THING_JSON_NONE: iot_thing_json_type_t = 0;
/// `null`
pub const IOT_THING_JSON_NULL: iot_thing_json_type_t = 1;
/// `true` or `false`
pub const IOT_THING_JSON_BOOL: iot_thing_json_type_t = 2;
/// A number.
pub const IOT_THING_JSON_NUMBER: iot_thing_json_type_t = 3;
/// A string.
pub const IOT_THING_JSON_STRING: iot_thing_json_type_t = 4;
/// An array.
pub const IOT_THING_JSON_ARRAY: iot_thing_json_type_t = 5;
/// An object.
pub const IOT_THING_JSON_OBJECT: iot_thing_json_type_t = 6;

/// One JSON value: a view on the text it stands in, as long as that text stays where it is and
/// unchanged. It owns nothing and may be copied.
///
/// Made by `iot_thing_json_parse`, or given to a callback; everything taken out of it is such a
/// view again. A zero-initialised one is no value: reading it gives `IOT_THING_ERR_JSON_TYPE`.
///
/// Rules of all functions: names are compared by their unescaped form; of members with the same
/// name the last one counts; `1.0` and `1e2` are integers.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_json_t {
    /// The text of the value, JSON itself; not NUL-terminated. May be read.
    pub text: *const c_char,
    /// Its length in bytes.
    pub len: usize,
}

/// Position in an object or array. Belongs to the caller; its members to the library.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_json_iter_t {
    /// The text not looked at yet.
    pub rest: *const c_char,
    /// Its length in bytes.
    pub len: usize,
    /// `IOT_THING_JSON_OBJECT` or `IOT_THING_JSON_ARRAY`.
    pub container: iot_thing_json_type_t,
}

/// Writes one JSON value into a buffer. Belongs to the caller; its members to the library.
///
/// The first error is kept: every later call returns it and writes nothing. So a sequence of
/// calls needs one check, at `iot_thing_json_writer_finish`. After `IOT_THING_ERR_JSON_NO_SPACE`
/// calls go on counting, so that `iot_thing_json_writer_needed` tells the exact size.
/// A zero-initialised writer refuses everything with `IOT_THING_ERR_JSON_NESTING`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_json_writer_t {
    /// Where the text goes.
    pub buffer: *mut c_char,
    /// Size of the buffer in bytes.
    pub size: usize,
    /// Bytes written, or that would have been.
    pub needed: usize,
    /// Open objects and arrays.
    pub open: u32,
    /// What may be written next.
    pub due: i32,
    /// The first error.
    pub error: i32,
}

// ---- reading -------------------------------------------------------------------------------------

/// Checks that a text is JSON (RFC 8259), completely and in one pass, and makes a view on it.
///
/// White space around the value is allowed; a byte order mark, a NUL and anything else behind the
/// value are not. The text must stay unchanged as long as the view, or one taken out of it, is
/// used.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param text    UTF-8; need not be NUL-terminated.
/// @param len     Its length in bytes.
/// @param json    [out] The value. Not NULL.
/// @param offset  [out, nullable] Where the text is wrong, in bytes; written when the text is
///                refused, and only then. `len` if the text is incomplete.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL         `json` is NULL, or `text` is NULL and `len` is not 0.
/// @return IOT_THING_ERR_JSON_SYNTAX  Not JSON.
/// @return IOT_THING_ERR_JSON_UTF8    A string is not UTF-8 or has an unpaired surrogate escape.
/// @return IOT_THING_ERR_JSON_DEPTH   Nested deeper than `IOT_THING_JSON_MAX_DEPTH`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_parse(
    text: *const c_char,
    len: usize,
    json: *mut iot_thing_json_t,
    offset: *mut usize,
) -> i32 {
    let parsed = match bytes(text, len) {
        Ok(text) => Value::parse(text),
        Err(error) => return error.code(),
    };
    match parsed {
        Ok(value) => give(json, Ok(view(value))),
        Err(failure) => {
            if !json.is_null() && !offset.is_null() {
                let _ = write_out(offset, failure.offset);
            }
            give(json, Err(failure.error))
        }
    }
}

/// Tells what a value is; `IOT_THING_JSON_NONE` for NULL and for a zero-initialised value.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_type(
    json: *const iot_thing_json_t,
) -> iot_thing_json_type_t {
    value(json).map_or(IOT_THING_JSON_NONE, |value| type_of(&value))
}

/// Takes a member out of an object. Reads the whole object: to take several members out of a
/// large one, use `iot_thing_json_get_members` or iterate over it.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json   An object, not NULL.
/// @param name   NUL-terminated name of the member, as it is without escapes. Not NULL.
/// @param value  [out] The member's value. Not NULL; may be `json`.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE       `json` is not an object.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  It has no such member.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_get(
    json: *const iot_thing_json_t,
    name: *const c_char,
    value: *mut iot_thing_json_t,
) -> i32 {
    give(value, member(json, name).map(view))
}

/// `iot_thing_json_get` for a name with a length instead of a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_get_n(
    json: *const iot_thing_json_t,
    name: *const c_char,
    name_len: usize,
    value: *mut iot_thing_json_t,
) -> i32 {
    let found = bytes(name, name_len).and_then(|name| self::value(json)?.get(name));
    give(value, found.map(view))
}

/// Takes several members out of an object in one pass: for a large object, a fraction of what as
/// many calls of `iot_thing_json_get` cost. Of members with the same name the last one counts.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json    An object, not NULL.
/// @param names   [count] NUL-terminated names, as they are without escapes, each another. Not
///                NULL, nor any of them.
/// @param values  [out, count] The values in the order of the names; no value
///                (`IOT_THING_JSON_NONE`) where the object has no such member. Not NULL; must not
///                overlap the names or the text. On an error it is unchanged.
/// @param count   How many names there are. The time is proportional to it and to the length of
///                the object.
///
/// @return >= 0  How many of the names were found.
/// @return IOT_THING_ERR_NULL       A pointer, or a name, is NULL.
/// @return IOT_THING_ERR_ARGUMENT   `values` overlaps the names or the text, or `count` is above
///                                  32767.
/// @return IOT_THING_ERR_JSON_TYPE  `json` is not an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_get_members(
    json: *const iot_thing_json_t,
    names: *const *const c_char,
    values: *mut iot_thing_json_t,
    count: usize,
) -> i32 {
    get_members(json, names, values, count).unwrap_or_else(Error::code)
}

/// Takes a value out of nested objects and arrays.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json   The value to start from, not NULL.
/// @param path   NUL-terminated names and array indices (from 0), separated by dots, for example
///               "state.leds.2.on". The empty path is the value itself. A name that has a dot
///               itself can only be reached with `iot_thing_json_get`. Not NULL.
/// @param value  [out] The value there. Not NULL; may be `json`.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE       The path leads into a value that is no object or array.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member or element.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_at_path(
    json: *const iot_thing_json_t,
    path: *const c_char,
    value: *mut iot_thing_json_t,
) -> i32 {
    let found = c_str(path).and_then(|path| self::value(json)?.at_path(path));
    give(value, found.map(view))
}

/// Takes an element out of an array.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json   An array, not NULL.
/// @param index  From 0.
/// @param value  [out] The element. Not NULL; may be `json`.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE       `json` is not an array.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  It has no such element.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_at_index(
    json: *const iot_thing_json_t,
    index: usize,
    value: *mut iot_thing_json_t,
) -> i32 {
    give(
        value,
        self::value(json)
            .and_then(|json| json.at_index(index))
            .map(view),
    )
}

/// Counts the members of an object (those with the same name each) or the elements of an array.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json   An object or array, not NULL.
/// @param count  [out] How many. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL       A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE  `json` is neither object nor array.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_count(
    json: *const iot_thing_json_t,
    count: *mut usize,
) -> i32 {
    give(count, value(json).and_then(|json| json.count()))
}

/// Starts going through the members of an object or the elements of an array.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  An object or array, not NULL.
/// @param iter  [out] The position before the first one. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL       A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE  `json` is neither object nor array.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_iter_init(
    json: *const iot_thing_json_t,
    iter: *mut iot_thing_json_iter_t,
) -> i32 {
    let start = value(json).and_then(|json| {
        let container = type_of(&json);
        let rest = match json.kind() {
            Kind::Array => json.elements()?.rest(),
            _ => json.members()?.rest(),
        };
        Ok(iot_thing_json_iter_t {
            rest: rest.as_ptr().cast(),
            len: rest.len(),
            container,
        })
    });
    give(iter, start)
}

/// Goes to the next member or element, in the order of the text. Members with the same name all
/// come; the last one counts.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param iter   The position, not NULL; moved on success.
/// @param name   [out, nullable] The member's name, a JSON string: see `iot_thing_json_equals` and
///               `iot_thing_json_as_string`. For an array no value (`IOT_THING_JSON_NONE`).
/// @param value  [out] Its value. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            `iter` or `value` is NULL.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  There are no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_iter_next(
    iter: *mut iot_thing_json_iter_t,
    name: *mut iot_thing_json_t,
    value: *mut iot_thing_json_t,
) -> i32 {
    if value.is_null() {
        return Error::Null.code();
    }
    match next(iter) {
        Ok((moved, found_name, found)) => {
            if !name.is_null()
                && let Err(error) = write_out(name, found_name)
            {
                return error.code();
            }
            let given = give(value, Ok(found));
            if given == 0 {
                give(iter, Ok(moved))
            } else {
                given
            }
        }
        Err(error) => error.code(),
    }
}

/// Compares a string with a text, without a buffer.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  A JSON string, for example a name from `iot_thing_json_iter_next`. Not NULL.
/// @param text  NUL-terminated UTF-8, as it is without escapes. Not NULL.
///
/// @return 1  They are equal.
/// @return 0  They differ, or `json` is no string.
/// @return IOT_THING_ERR_NULL  A pointer is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_equals(
    json: *const iot_thing_json_t,
    text: *const c_char,
) -> i32 {
    equals(json, c_str(text))
}

/// `iot_thing_json_equals` for a text with a length instead of a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_equals_n(
    json: *const iot_thing_json_t,
    text: *const c_char,
    len: usize,
) -> i32 {
    equals(json, bytes(text, len))
}

/// Reads a 32-bit integer. Any notation will do: `100`, `1e2`, `100.0`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  A number, not NULL.
/// @param out   [out] An integer from -2147483648 to 2147483647. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL        A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
/// @return IOT_THING_ERR_JSON_RANGE  It does not fit, or has a fraction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_as_i32(
    json: *const iot_thing_json_t,
    out: *mut i32,
) -> i32 {
    give(out, value(json).and_then(as_i32))
}

/// Reads a 32-bit integer, from a member: `iot_thing_json_get` and `iot_thing_json_as_i32`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  An object, not NULL.
/// @param name  NUL-terminated name of the member. Not NULL.
/// @param out   [out] An integer from -2147483648 to 2147483647. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
/// @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a number.
/// @return IOT_THING_ERR_JSON_RANGE      It does not fit, or has a fraction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_get_i32(
    json: *const iot_thing_json_t,
    name: *const c_char,
    out: *mut i32,
) -> i32 {
    give(out, member(json, name).and_then(as_i32))
}

/// Reads an unsigned 32-bit integer. Any notation will do: `100`, `1e2`, `100.0`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  A number, not NULL.
/// @param out   [out] An integer from 0 to 4294967295. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL        A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
/// @return IOT_THING_ERR_JSON_RANGE  It does not fit, or has a fraction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_as_u32(
    json: *const iot_thing_json_t,
    out: *mut u32,
) -> i32 {
    give(out, value(json).and_then(as_u32))
}

/// Reads an unsigned 32-bit integer, from a member: `iot_thing_json_get` and `iot_thing_json_as_u32`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  An object, not NULL.
/// @param name  NUL-terminated name of the member. Not NULL.
/// @param out   [out] An integer from 0 to 4294967295. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
/// @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a number.
/// @return IOT_THING_ERR_JSON_RANGE      It does not fit, or has a fraction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_get_u32(
    json: *const iot_thing_json_t,
    name: *const c_char,
    out: *mut u32,
) -> i32 {
    give(out, member(json, name).and_then(as_u32))
}

/// Reads a 64-bit integer, exactly. Any notation will do: `100`, `1e2`, `100.0`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  A number, not NULL.
/// @param out   [out] An integer from -2^63 to 2^63 - 1. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL        A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
/// @return IOT_THING_ERR_JSON_RANGE  It does not fit, or has a fraction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_as_i64(
    json: *const iot_thing_json_t,
    out: *mut i64,
) -> i32 {
    give(out, value(json).and_then(as_i64))
}

/// Reads a 64-bit integer, exactly, from a member: `iot_thing_json_get` and `iot_thing_json_as_i64`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  An object, not NULL.
/// @param name  NUL-terminated name of the member. Not NULL.
/// @param out   [out] An integer from -2^63 to 2^63 - 1. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
/// @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a number.
/// @return IOT_THING_ERR_JSON_RANGE      It does not fit, or has a fraction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_get_i64(
    json: *const iot_thing_json_t,
    name: *const c_char,
    out: *mut i64,
) -> i32 {
    give(out, member(json, name).and_then(as_i64))
}

/// Reads an unsigned 64-bit integer, exactly. Any notation will do: `100`, `1e2`, `100.0`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  A number, not NULL.
/// @param out   [out] An integer from 0 to 2^64 - 1. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL        A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
/// @return IOT_THING_ERR_JSON_RANGE  It does not fit, or has a fraction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_as_u64(
    json: *const iot_thing_json_t,
    out: *mut u64,
) -> i32 {
    give(out, value(json).and_then(as_u64))
}

/// Reads an unsigned 64-bit integer, exactly, from a member: `iot_thing_json_get` and `iot_thing_json_as_u64`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  An object, not NULL.
/// @param name  NUL-terminated name of the member. Not NULL.
/// @param out   [out] An integer from 0 to 2^64 - 1. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
/// @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a number.
/// @return IOT_THING_ERR_JSON_RANGE      It does not fit, or has a fraction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_get_u64(
    json: *const iot_thing_json_t,
    name: *const c_char,
    out: *mut u64,
) -> i32 {
    give(out, member(json, name).and_then(as_u64))
}

/// Reads `true` or `false`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  `true` or `false`, not NULL.
/// @param out   [out] 1 for true, 0 for false. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL        A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE   `json` is not `true` or `false`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_as_bool(
    json: *const iot_thing_json_t,
    out: *mut i32,
) -> i32 {
    give(out, value(json).and_then(as_bool))
}

/// Reads `true` or `false` from a member: `iot_thing_json_get` and `iot_thing_json_as_bool`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  An object, not NULL.
/// @param name  NUL-terminated name of the member. Not NULL.
/// @param out   [out] 1 for true, 0 for false. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
/// @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not `true` or `false`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_get_bool(
    json: *const iot_thing_json_t,
    name: *const c_char,
    out: *mut i32,
) -> i32 {
    give(out, member(json, name).and_then(as_bool))
}

/// Reads a number multiplied by 10^decimals, exactly: `21.57` with 2 decimals is 2157.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json      A number, not NULL.
/// @param decimals  0 to `IOT_THING_JSON_MAX_DECIMALS`.
/// @param out       [out] The scaled integer. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL        A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
/// @return IOT_THING_ERR_JSON_RANGE  It does not fit, or has more decimals (other than zeros).
/// @return IOT_THING_ERR_ARGUMENT    `decimals` is too large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_as_scaled(
    json: *const iot_thing_json_t,
    decimals: u8,
    out: *mut i64,
) -> i32 {
    give(out, value(json).and_then(|json| json.as_scaled(decimals)))
}

/// Reads a scaled integer from a member: `iot_thing_json_get` and `iot_thing_json_as_scaled`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json      An object, not NULL.
/// @param name      NUL-terminated name of the member. Not NULL.
/// @param decimals  0 to `IOT_THING_JSON_MAX_DECIMALS`.
/// @param out       [out] The scaled integer. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
/// @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a number.
/// @return IOT_THING_ERR_JSON_RANGE      It does not fit, or has more decimals (other than zeros).
/// @return IOT_THING_ERR_ARGUMENT        `decimals` is too large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_get_scaled(
    json: *const iot_thing_json_t,
    name: *const c_char,
    decimals: u8,
    out: *mut i64,
) -> i32 {
    give(
        out,
        member(json, name).and_then(|found| found.as_scaled(decimals)),
    )
}

/// Copies a string, its escapes resolved, and terminates it with a NUL.
///
/// A string may contain NULs itself (`\u0000`): then it is longer than `strlen` says.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json    A string, not NULL.
/// @param buffer  Where it goes; must not overlap the text. May be NULL if `size` is 0.
/// @param size    Size of the buffer in bytes, with room for the NUL.
/// @param len     [out, nullable] Length in bytes without the NUL; written on success and on
///                IOT_THING_ERR_JSON_NO_SPACE, where the buffer needed is 1 larger.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           `json`, or `buffer` with a `size` above 0, is NULL.
/// @return IOT_THING_ERR_ARGUMENT       The buffer overlaps the text.
/// @return IOT_THING_ERR_JSON_TYPE      `json` is not a string.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; it is unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_as_string(
    json: *const iot_thing_json_t,
    buffer: *mut c_char,
    size: usize,
    len: *mut usize,
) -> i32 {
    copy_string(value(json), buffer, size, len)
}

/// Copies a string from a member: `iot_thing_json_get` and `iot_thing_json_as_string`.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json    An object, not NULL.
/// @param name    NUL-terminated name of the member. Not NULL.
/// @param buffer  Where the string goes; must not overlap the text. May be NULL if `size` is 0.
/// @param size    Size of the buffer in bytes, with room for the NUL.
/// @param len     [out, nullable] Length in bytes without the NUL; written on success and on
///                IOT_THING_ERR_JSON_NO_SPACE, where the buffer needed is 1 larger.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            `json`, `name`, or `buffer` with a `size` above 0, is NULL.
/// @return IOT_THING_ERR_ARGUMENT        The buffer overlaps the text.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
/// @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a string.
/// @return IOT_THING_ERR_JSON_NO_SPACE   The buffer is too small; it is unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_get_string(
    json: *const iot_thing_json_t,
    name: *const c_char,
    buffer: *mut c_char,
    size: usize,
    len: *mut usize,
) -> i32 {
    copy_string(member(json, name), buffer, size, len)
}

/// Tells where the text of a member's value is: JSON of any type, to be stored or sent as it is.
/// (Of a value that is at hand, `text` and `len` are members of `iot_thing_json_t`.)
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  An object, not NULL.
/// @param name  NUL-terminated name of the member. Not NULL.
/// @param text  [out] The first byte, inside the text of `json`; not NUL-terminated. Not NULL.
/// @param len   [out] Its length in bytes. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL            A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
/// @return IOT_THING_ERR_JSON_TYPE       `json` is not an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_get_raw(
    json: *const iot_thing_json_t,
    name: *const c_char,
    text: *mut *const c_char,
    len: *mut usize,
) -> i32 {
    give_text(text, len, member(json, name).map(|found| found.raw()))
}

/// Tells where the digits of a number are, for notations and sizes no integer can hold.
/// Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
/// writes to the text at the same time.
///
/// @param json  A number, not NULL.
/// @param text  [out] The first byte, inside the text of `json`; not NUL-terminated. Not NULL.
/// @param len   [out] Its length in bytes. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL        A pointer is NULL.
/// @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_number_text(
    json: *const iot_thing_json_t,
    text: *mut *const c_char,
    len: *mut usize,
) -> i32 {
    give_text(text, len, value(json).and_then(|json| json.number_text()))
}

// ---- writing -------------------------------------------------------------------------------------

/// Starts writing one JSON value, usually an object, into a buffer.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  [out] The writer, not NULL.
/// @param buffer  Where the text goes. May be NULL if `size` is 0, to find out the size needed.
/// @param size    Size of the buffer in bytes, with room for a terminating NUL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL      `writer`, or `buffer` with a `size` above 0, is NULL.
/// @return IOT_THING_ERR_ARGUMENT  `size` is no size of memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_writer_init(
    writer: *mut iot_thing_json_writer_t,
    buffer: *mut c_char,
    size: usize,
) -> i32 {
    give(
        writer,
        bytes_mut(buffer, size).map(|buffer| iot_thing_json_writer_t::new(buffer, Progress::START)),
    )
}

/// Ends writing: checks that the value is complete and terminates it with a NUL.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL. It may be asked again, but not written to.
/// @param len     [out, nullable] Length in bytes without the NUL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           `writer` is NULL.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small: see `iot_thing_json_writer_needed`.
/// @return IOT_THING_ERR_JSON_NESTING   Something is still open, or nothing was written.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_writer_finish(
    writer: *const iot_thing_json_writer_t,
    len: *mut usize,
) -> i32 {
    match finish(writer) {
        Ok(written) if !len.is_null() => give(len, Ok(written)),
        finished => finished.map_or_else(Error::code, |_| 0),
    }
}

/// Tells the buffer size that everything written so far needs, in bytes, with the terminating
/// NUL; 0 if `writer` is NULL. Exact, unless there was an error other than
/// IOT_THING_ERR_JSON_NO_SPACE.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_writer_needed(
    writer: *const iot_thing_json_writer_t,
) -> usize {
    read(writer).map_or(0, |writer| writer.needed.saturating_add(1))
}

/// Tells the first error of a writer; IOT_THING_OK if there was none.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           `writer` is NULL.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small.
/// @return IOT_THING_ERR_...            What the first call that failed returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_writer_error(
    writer: *const iot_thing_json_writer_t,
) -> i32 {
    read(writer).map_or_else(Error::code, |writer| writer.error)
}

/// Begins an object; `iot_thing_json_end_object` ends it.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member that it is the value of, NUL-terminated UTF-8. NULL for an
///                element of an array and for the outermost value.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   A name is due here, or none is possible.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_JSON_DEPTH     Nested deeper than `IOT_THING_JSON_MAX_DEPTH`.
/// @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_begin_object(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
) -> i32 {
    let name = if name.is_null() {
        None
    } else {
        Some(c_str(name))
    };
    write(writer, name, Item::BeginObject)
}

/// Ends the innermost object.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   The innermost thing open is no object.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_end_object(writer: *mut iot_thing_json_writer_t) -> i32 {
    write(writer, None, Item::EndObject)
}

/// Begins an array; `iot_thing_json_end_array` ends it.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member that it is the value of, NUL-terminated UTF-8. NULL for an
///                element of an array and for the outermost value.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   A name is due here, or none is possible.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_JSON_DEPTH     Nested deeper than `IOT_THING_JSON_MAX_DEPTH`.
/// @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_begin_array(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
) -> i32 {
    let name = if name.is_null() {
        None
    } else {
        Some(c_str(name))
    };
    write(writer, name, Item::BeginArray)
}

/// Ends the innermost array.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   The innermost thing open is no array.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_end_array(writer: *mut iot_thing_json_writer_t) -> i32 {
    write(writer, None, Item::EndArray)
}

/// Writes the name of a member, with a length instead of a NUL. An `iot_thing_json_add_...` or
/// `iot_thing_json_begin_...` (without a name) must write its value next.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer    The writer, not NULL.
/// @param name      UTF-8.
/// @param name_len  Its length in bytes.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No name is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_put_name_n(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
    name_len: usize,
) -> i32 {
    write(writer, None, Item::Name(bytes(name, name_len)))
}

/// Writes a 32-bit integer, as a member of an object.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
/// @param value   The integer.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_put_i32(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
    value: i32,
) -> i32 {
    write(writer, Some(c_str(name)), Item::I64(value.into()))
}

/// Writes a 32-bit integer, as an element of an array or as the outermost value.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param value   The integer.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_add_i32(
    writer: *mut iot_thing_json_writer_t,
    value: i32,
) -> i32 {
    write(writer, None, Item::I64(value.into()))
}

/// Writes an unsigned 32-bit integer, as a member of an object.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
/// @param value   The integer.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_put_u32(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
    value: u32,
) -> i32 {
    write(writer, Some(c_str(name)), Item::U64(value.into()))
}

/// Writes an unsigned 32-bit integer, as an element of an array or as the outermost value.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param value   The integer.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_add_u32(
    writer: *mut iot_thing_json_writer_t,
    value: u32,
) -> i32 {
    write(writer, None, Item::U64(value.into()))
}

/// Writes a 64-bit integer, as a member of an object.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
/// @param value   The integer.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_put_i64(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
    value: i64,
) -> i32 {
    write(writer, Some(c_str(name)), Item::I64(value))
}

/// Writes a 64-bit integer, as an element of an array or as the outermost value.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param value   The integer.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_add_i64(
    writer: *mut iot_thing_json_writer_t,
    value: i64,
) -> i32 {
    write(writer, None, Item::I64(value))
}

/// Writes an unsigned 64-bit integer, as a member of an object.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
/// @param value   The integer.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_put_u64(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
    value: u64,
) -> i32 {
    write(writer, Some(c_str(name)), Item::U64(value))
}

/// Writes an unsigned 64-bit integer, as an element of an array or as the outermost value.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param value   The integer.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_add_u64(
    writer: *mut iot_thing_json_writer_t,
    value: u64,
) -> i32 {
    write(writer, None, Item::U64(value))
}

/// Writes a number: value / 10^decimals, with exactly that many decimals, as a member of an
/// object.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
/// @param value   The scaled integer: 2157 with 2 decimals is `21.57`.
/// @param decimals 0 to `IOT_THING_JSON_MAX_DECIMALS`.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
/// @return IOT_THING_ERR_ARGUMENT       `decimals` is too large.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_put_scaled(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
    value: i64,
    decimals: u8,
) -> i32 {
    write(writer, Some(c_str(name)), Item::Scaled(value, decimals))
}

/// Writes a number: value / 10^decimals, with exactly that many decimals, as an element of an
/// array or as the outermost value.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param value   The scaled integer: 2157 with 2 decimals is `21.57`.
/// @param decimals 0 to `IOT_THING_JSON_MAX_DECIMALS`.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_ARGUMENT       `decimals` is too large.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_add_scaled(
    writer: *mut iot_thing_json_writer_t,
    value: i64,
    decimals: u8,
) -> i32 {
    write(writer, None, Item::Scaled(value, decimals))
}

/// Writes `true` or `false`, as a member of an object.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
/// @param value   0 for false, anything else for true.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_put_bool(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
    value: i32,
) -> i32 {
    write(writer, Some(c_str(name)), Item::Bool(value != 0))
}

/// Writes `true` or `false`, as an element of an array or as the outermost value.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param value   0 for false, anything else for true.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_add_bool(
    writer: *mut iot_thing_json_writer_t,
    value: i32,
) -> i32 {
    write(writer, None, Item::Bool(value != 0))
}

/// Writes `null`, as a member of an object.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_put_null(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
) -> i32 {
    write(writer, Some(c_str(name)), Item::Null)
}

/// Writes `null`, as an element of an array or as the outermost value.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_add_null(writer: *mut iot_thing_json_writer_t) -> i32 {
    write(writer, None, Item::Null)
}

/// Writes a string, as a member of an object.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
/// @param text    NUL-terminated UTF-8, escaped as needed. Not in the buffer.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_ARGUMENT       `text` is in the buffer.
/// @return IOT_THING_ERR_JSON_UTF8      `name` or `text` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_put_string(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
    text: *const c_char,
) -> i32 {
    write(writer, Some(c_str(name)), Item::String(c_str(text)))
}

/// Writes a string, as an element of an array or as the outermost value.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param text    NUL-terminated UTF-8, escaped as needed. Not in the buffer.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_ARGUMENT       `text` is in the buffer.
/// @return IOT_THING_ERR_JSON_UTF8      `text` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_add_string(
    writer: *mut iot_thing_json_writer_t,
    text: *const c_char,
) -> i32 {
    write(writer, None, Item::String(c_str(text)))
}

/// Writes a string with a length, as a member of an object.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
/// @param text    UTF-8, escaped as needed; may contain NULs. Not in the buffer.
/// @param len     Its length in bytes.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_ARGUMENT       `text` is in the buffer.
/// @return IOT_THING_ERR_JSON_UTF8      `name` or `text` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_put_string_n(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
    text: *const c_char,
    len: usize,
) -> i32 {
    write(writer, Some(c_str(name)), Item::String(bytes(text, len)))
}

/// Writes a string with a length, as an element of an array or as the outermost value.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param text    UTF-8, escaped as needed; may contain NULs. Not in the buffer.
/// @param len     Its length in bytes.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_ARGUMENT       `text` is in the buffer.
/// @return IOT_THING_ERR_JSON_UTF8      `text` is not UTF-8.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_add_string_n(
    writer: *mut iot_thing_json_writer_t,
    text: *const c_char,
    len: usize,
) -> i32 {
    write(writer, None, Item::String(bytes(text, len)))
}

/// Writes a value that is JSON already, as a member of an object.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
/// @param json    One JSON value of any type; checked, white space around it dropped. Not in
///                the buffer.
/// @param len     Its length in bytes.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_ARGUMENT       `json` is in the buffer.
/// @return IOT_THING_ERR_JSON_SYNTAX, _JSON_UTF8, _JSON_DEPTH  `json` is not JSON, or would nest too
///         deep here.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_put_raw(
    writer: *mut iot_thing_json_writer_t,
    name: *const c_char,
    json: *const c_char,
    len: usize,
) -> i32 {
    write(writer, Some(c_str(name)), Item::Raw(bytes(json, len)))
}

/// Writes a value that is JSON already, as an element of an array or as the outermost value.
/// Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
///
/// @param writer  The writer, not NULL.
/// @param json    One JSON value of any type; checked, white space around it dropped. Not in
///                the buffer.
/// @param len     Its length in bytes.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL           A pointer is NULL.
/// @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
/// @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
/// @return IOT_THING_ERR_ARGUMENT       `json` is in the buffer.
/// @return IOT_THING_ERR_JSON_SYNTAX, _JSON_UTF8, _JSON_DEPTH  `json` is not JSON, or would nest too
///         deep here.
/// @return IOT_THING_ERR_...            The first error of an earlier call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_json_add_raw(
    writer: *mut iot_thing_json_writer_t,
    json: *const c_char,
    len: usize,
) -> i32 {
    write(writer, None, Item::Raw(bytes(json, len)))
}

// ---- between C and Rust --------------------------------------------------------------------------

fn view(value: Value<'_>) -> iot_thing_json_t {
    iot_thing_json_t {
        text: value.raw().as_ptr().cast(),
        len: value.raw().len(),
    }
}

impl From<Value<'_>> for iot_thing_json_t {
    fn from(value: Value<'_>) -> Self {
        view(value)
    }
}

impl Default for iot_thing_json_t {
    fn default() -> Self {
        view(Value::default())
    }
}

/// Lets C continue what `writer` writes, for the duration of `call`.
pub fn lend_writer<R>(
    writer: &mut Writer<'_>,
    call: impl FnOnce(*mut iot_thing_json_writer_t) -> R,
) -> R {
    let (buffer, progress) = writer.parts();
    let mut lent = iot_thing_json_writer_t::new(buffer, *progress);
    let result = call(&raw mut lent);
    *progress = lent.progress();
    result
}

impl iot_thing_json_writer_t {
    fn new(buffer: &mut [u8], progress: Progress) -> Self {
        Self {
            buffer: buffer.as_mut_ptr().cast(),
            size: buffer.len(),
            needed: progress.needed,
            open: progress.open,
            due: match progress.due {
                Due::Nothing => 0,
                Due::Outermost => 1,
                Due::FirstItem => 2,
                Due::NextItem => 3,
                Due::MemberValue => 4,
            },
            error: progress.error.map_or(0, Error::code),
        }
    }

    /// How far C came. Whatever a stray pointer made of it, writing stays inside the buffer.
    fn progress(&self) -> Progress {
        Progress {
            needed: self.needed,
            open: self.open,
            due: match self.due {
                1 => Due::Outermost,
                2 => Due::FirstItem,
                3 => Due::NextItem,
                4 => Due::MemberValue,
                _ => Due::Nothing,
            },
            error: (self.error != 0)
                .then(|| guard::error_from_code(self.error).unwrap_or(Error::JsonNesting)),
        }
    }
}

fn type_of(value: &Value<'_>) -> iot_thing_json_type_t {
    match value.kind() {
        Kind::None => IOT_THING_JSON_NONE,
        Kind::Null => IOT_THING_JSON_NULL,
        Kind::Bool => IOT_THING_JSON_BOOL,
        Kind::Number => IOT_THING_JSON_NUMBER,
        Kind::String => IOT_THING_JSON_STRING,
        Kind::Array => IOT_THING_JSON_ARRAY,
        Kind::Object => IOT_THING_JSON_OBJECT,
    }
}

fn as_i32(value: Value<'_>) -> Result<i32, Error> {
    match value.as_short() {
        Some(short) => Ok(short.cast_signed()),
        None => i32::try_from(value.as_i64()?).map_err(|_| Error::JsonRange),
    }
}

fn as_u32(value: Value<'_>) -> Result<u32, Error> {
    match value.as_short() {
        Some(short) => Ok(short),
        None => u32::try_from(value.as_u64()?).map_err(|_| Error::JsonRange),
    }
}

fn as_i64(value: Value<'_>) -> Result<i64, Error> {
    value.as_i64()
}

fn as_u64(value: Value<'_>) -> Result<u64, Error> {
    value.as_u64()
}

fn as_bool(value: Value<'_>) -> Result<i32, Error> {
    value.as_bool().map(i32::from)
}

fn value<'a>(json: *const iot_thing_json_t) -> Result<Value<'a>, Error> {
    let json = read(json)?;
    bytes(json.text, json.len).map(Value::assume_valid)
}

fn member<'a>(json: *const iot_thing_json_t, name: *const c_char) -> Result<Value<'a>, Error> {
    value(json)?.get(c_str(name)?)
}

fn equals(json: *const iot_thing_json_t, text: Result<&[u8], Error>) -> i32 {
    let equal = value(json).and_then(|json| {
        let text = text?;
        Ok(json.eq_str(text))
    });
    equal.map_or_else(Error::code, i32::from)
}

fn get_members(
    json: *const iot_thing_json_t,
    names: *const *const c_char,
    values: *mut iot_thing_json_t,
    count: usize,
) -> Result<i32, Error> {
    const MOST: usize = i16::MAX as usize;
    let json = value(json)?;
    not_null(names)?;
    not_null(values)?;
    if count > MOST {
        return Err(Error::Argument);
    }
    let size = count.saturating_mul(size_of::<iot_thing_json_t>());
    let names_end = names.wrapping_add(count).addr();
    if overlap(json.raw(), values, size)
        || (names.addr() < values.addr().saturating_add(size) && values.addr() < names_end)
    {
        return Err(Error::Argument);
    }
    let mut wanted = 0;
    for place in 0..count {
        wanted |= first_bytes(read(names.wrapping_add(place))?)?;
    }
    let mut members = json.names()?;
    for place in 0..count {
        let none = iot_thing_json_t {
            text: core::ptr::null(),
            len: 0,
        };
        write_out(values.wrapping_add(place), none)?;
    }
    let mut found = 0;
    // Members mostly come in the order of the names.
    let mut expected = 0;
    while let Some(name) = members.next() {
        if wanted & first_bytes_of(name) == 0 {
            continue;
        }
        let place = if name.is_escaped() {
            place(names, count, expected, |wanted| {
                c_str(wanted).is_ok_and(|wanted| name.eq_str(wanted))
            })
        } else {
            place_of_plain(names, count, expected, name.raw())
        };
        if place < count
            && let Some(value) = members.value()
        {
            expected = place + 1;
            let slot = values.wrapping_add(place);
            found += i32::from(read(slot)?.text.is_null());
            write_out(slot, view(value))?;
        }
    }
    Ok(found)
}

/// A bit for the first two bytes of a name: names with different ones need not be compared.
fn bit(first: u8, second: u8) -> u32 {
    1u32.wrapping_shl(u32::from(first) * 8 + u32::from(second))
}

fn first_bytes(name: *const c_char) -> Result<u32, Error> {
    let first = read(name.cast())?;
    let second = if first == 0 {
        0
    } else {
        // By contract a NUL terminates the name, and the first byte was none.
        read(name.cast::<u8>().wrapping_add(1))?
    };
    Ok(bit(first, second))
}

fn first_bytes_of(member: Text<'_>) -> u32 {
    match member.raw() {
        // An escape could stand for anything.
        _ if member.is_escaped() => u32::MAX,
        [first, second, ..] => bit(*first, *second),
        [first] => bit(*first, 0),
        [] => bit(0, 0),
    }
}

/// The place of the name that `is` wants, `count` if there is none. Looks at the expected one first:
/// members mostly come in the order of the names.
#[inline(always)]
fn place(
    names: *const *const c_char,
    count: usize,
    expected: usize,
    is: impl Fn(*const c_char) -> bool,
) -> usize {
    let is = |place: usize| read(names.wrapping_add(place)).is_ok_and(&is);
    if expected < count && is(expected) {
        return expected;
    }
    (0..count).find(|place| is(*place)).unwrap_or(count)
}

#[inline(never)]
fn place_of_plain(
    names: *const *const c_char,
    count: usize,
    expected: usize,
    member: &[u8],
) -> usize {
    place(names, count, expected, |name| is_named(member, name))
}

/// Whether a member, whose name has no escapes, has this name. Nearly always it has not, which the
/// first bytes tell: the length of the name is not looked for.
#[inline(always)]
fn is_named(member: &[u8], name: *const c_char) -> bool {
    let mut at = name.cast::<u8>();
    for byte in member {
        // SAFETY: by contract a NUL terminates the name, and no byte before was one: the text of
        // the member was compared with each, and stops at a NUL of its own.
        let expected = unsafe { at.read() };
        if *byte != expected || expected == 0 {
            return false;
        }
        at = at.wrapping_add(1);
    }
    // SAFETY: as above; all bytes before were equal to the member's and none was NUL.
    let end = unsafe { at.read() };
    end == 0
}

/// The position after the next member or element, its name and its value.
fn next(
    iter: *const iot_thing_json_iter_t,
) -> Result<(iot_thing_json_iter_t, iot_thing_json_t, iot_thing_json_t), Error> {
    let mut iter = read(iter)?;
    let text = bytes(iter.rest, iter.len)?;
    let mut name = view(Value::default());
    let (rest, value) = if iter.container == IOT_THING_JSON_ARRAY {
        let mut elements = Elements::resume(text);
        let value = elements.next().ok_or(Error::JsonNotFound)?;
        (elements.rest(), value)
    } else {
        let mut members = Members::resume(text);
        let member = members.next().ok_or(Error::JsonNotFound)?;
        // The name with its quotes, as a value.
        let raw = member.name.raw();
        let body = raw.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        name.text = iter.rest.wrapping_add(body.wrapping_sub(1));
        name.len = raw.len().saturating_add(2);
        (members.rest(), member.value)
    };
    iter.rest = rest.as_ptr().cast();
    iter.len = rest.len();
    Ok((iter, name, view(value)))
}

fn copy_string(
    value: Result<Value<'_>, Error>,
    buffer: *mut c_char,
    size: usize,
    len: *mut usize,
) -> i32 {
    let copied = value.and_then(|value| {
        // Nothing may be read through a slice while it is written through another.
        if overlap(value.raw(), buffer, size) {
            return Err(Error::Argument);
        }
        let text = value.as_text()?;
        let buffer = bytes_mut(buffer, size)?;
        let needed = text.copy_to(&mut [])?;
        if !len.is_null() {
            write_out(len, needed)?;
        }
        let Some(end) = buffer.get_mut(needed) else {
            return Err(Error::JsonNoSpace);
        };
        *end = 0;
        text.copy_to(buffer)
    });
    copied.map_or_else(Error::code, |_| 0)
}

/// What a call writes.
enum Item<'a> {
    BeginObject,
    EndObject,
    BeginArray,
    EndArray,
    Name(Result<&'a [u8], Error>),
    I64(i64),
    U64(u64),
    Scaled(i64, u8),
    Bool(bool),
    Null,
    String(Result<&'a [u8], Error>),
    Raw(Result<&'a [u8], Error>),
}

/// All writing goes through here: one function, so that each call costs a few instructions of
/// flash. An argument that is wrong becomes the writer's error.
#[inline(never)]
fn write(
    writer: *mut iot_thing_json_writer_t,
    name: Option<Result<&[u8], Error>>,
    item: Item<'_>,
) -> i32 {
    let state = match read(writer) {
        Ok(state) => state,
        Err(error) => return error.code(),
    };
    // Before the buffer becomes a slice: nothing that is read may be in it.
    let outside = |text: Result<&'_ [u8], Error>| match text {
        Ok(text) if overlap(text, state.buffer, state.size) => Err(Error::Argument),
        _ => Ok(()),
    };
    let checked = name.map_or(Ok(()), outside).and(match item {
        Item::Name(text) | Item::String(text) | Item::Raw(text) => outside(text),
        _ => Ok(()),
    });
    let buffer = match bytes_mut(state.buffer, state.size) {
        Ok(buffer) => buffer,
        Err(error) => return error.code(),
    };
    let mut json = Writer::resume(buffer, state.progress());
    let result = checked.and_then(|()| {
        if let Some(name) = name {
            json.name(name?);
        }
        match item {
            Item::BeginObject => json.begin_object(),
            Item::EndObject => json.end_object(),
            Item::BeginArray => json.begin_array(),
            Item::EndArray => json.end_array(),
            Item::Name(name) => json.name(name?),
            Item::I64(value) => json.i64(value),
            Item::U64(value) => json.u64(value),
            Item::Scaled(value, decimals) => json.scaled(value, decimals),
            Item::Bool(value) => json.bool(value),
            Item::Null => json.null(),
            Item::String(text) => json.string(text?),
            Item::Raw(text) => json.raw(text?),
        };
        Ok(())
    });
    if let Err(error) = result {
        json.fail(error);
    }
    let (buffer, progress) = json.parts();
    let after = iot_thing_json_writer_t {
        // The caller's own pointer: it may reach further than this call's slice.
        buffer: state.buffer,
        ..iot_thing_json_writer_t::new(buffer, *progress)
    };
    match write_out(writer, after) {
        Ok(()) => after.error,
        Err(error) => error.code(),
    }
}

/// Terminates the text and returns its length.
fn finish(writer: *const iot_thing_json_writer_t) -> Result<usize, Error> {
    let state = read(writer)?;
    let buffer = bytes_mut(state.buffer, state.size)?;
    let len = match Writer::resume(buffer, state.progress()).finish() {
        Ok(text) => text.len(),
        Err(error) => return Err(error),
    };
    *buffer.get_mut(len).ok_or(Error::JsonNoSpace)? = 0;
    Ok(len)
}

/// Writes an out-parameter on success and turns the result into a code.
fn give<T: Copy>(out: *mut T, result: Result<T, Error>) -> i32 {
    // NULL is told even when something else is wrong, too: it is the caller's bug.
    let given = not_null(out).and_then(|()| write_out(out, result?));
    given.map_or_else(Error::code, |()| 0)
}

fn give_text(out: *mut *const c_char, len: *mut usize, text: Result<&[u8], Error>) -> i32 {
    let given = not_null(out).and_then(|()| {
        let text = text?;
        not_null(len)?;
        write_out(len, text.len())?;
        write_out(out, text.as_ptr().cast())
    });
    given.map_or_else(Error::code, |()| 0)
}

fn read<T: Copy>(pointer: *const T) -> Result<T, Error> {
    not_null(pointer)?;
    // SAFETY: not NULL; by contract it points to an initialised `T`, of integers and pointers only.
    Ok(unsafe { pointer.read_unaligned() })
}

fn bytes<'a>(text: *const c_char, len: usize) -> Result<&'a [u8], Error> {
    guard::bytes(text.cast(), len)
}

// The callers have checked that no slice they read from overlaps.
fn bytes_mut<'a>(pointer: *mut c_char, len: usize) -> Result<&'a mut [u8], Error> {
    guard::bytes_mut(pointer.cast(), len)
}

fn c_str<'a>(pointer: *const c_char) -> Result<&'a [u8], Error> {
    not_null(pointer)?;
    // SAFETY: not NULL; by contract a NUL terminates it and it stays unchanged during the call.
    Ok(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}
