//! The table of properties for C: variables behind pointers.

use core::cell::Cell;
use core::ffi::{c_char, c_void};

use critical_section::{CriticalSection, Mutex};

use super::guard;
use super::json::iot_thing_json_t;
use crate::Error;
use crate::json::Value;
use crate::shadow::property::{Kind, Mark, Problem, Row, Table, Wanted};

/// Type of a property's variable: `int8_t`.
pub const IOT_THING_TYPE_I8: i32 = 1;
/// `int16_t`
pub const IOT_THING_TYPE_I16: i32 = 2;
/// `int32_t`
pub const IOT_THING_TYPE_I32: i32 = 3;
/// `int64_t`
pub const IOT_THING_TYPE_I64: i32 = 4;
/// `uint8_t`
pub const IOT_THING_TYPE_U8: i32 = 5;
/// `uint16_t`
pub const IOT_THING_TYPE_U16: i32 = 6;
/// `uint32_t`
pub const IOT_THING_TYPE_U32: i32 = 7;
/// `uint64_t`
pub const IOT_THING_TYPE_U64: i32 = 8;
/// `bool` or `uint8_t`: `true` is 1, `false` is 0.
pub const IOT_THING_TYPE_BOOL: i32 = 9;
/// `int32_t`: the number of one of the `names`; in the shadow a string, that name.
pub const IOT_THING_TYPE_ENUM: i32 = 10;
/// `char[size]`: a NUL-terminated string.
pub const IOT_THING_TYPE_STRING: i32 = 11;
/// `char[size]`: any JSON value, as NUL-terminated text.
pub const IOT_THING_TYPE_JSON: i32 = 12;

/// Flag of a property: the device's alone. What the cloud desires is refused.
pub const IOT_THING_PROPERTY_READ_ONLY: u32 = 1;
/// Flag of a property: a command. What the cloud desires is stored, `on_change` is called, and the
/// member is taken out of `desired`, so that it is obeyed once; it is never reported.
pub const IOT_THING_PROPERTY_WRITE_ONLY: u32 = 2;
/// Flag of a property: when the firmware changes it, `desired` is changed, too. Without it the
/// cloud, which still desires the other value, asks for that again.
pub const IOT_THING_PROPERTY_LOCAL: u32 = 4;

/// Flag of a table: when the session is new everything is reported, not only what differs.
pub const IOT_THING_PROPERTIES_REPORT_ALL: u32 = 1;

/// One property: a member of the shadow that is kept equal to a variable. Constant; starts with
/// zero, and what is zero is the sane default.
///
/// Integers may be changed anywhere, also by interrupts, if that is one store for the core, or is
/// done inside the port's critical section; the library reads and writes them inside of it. Strings
/// and JSON may be changed on the thread that polls only.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_property_t {
    /// Its place in the section: names with dots between them, at most 6 ("led.color.red"),
    /// NUL-terminated. Not NULL. Properties of the same object must stand together in the table.
    pub name: *const c_char,
    /// One of `IOT_THING_TYPE_...`.
    pub r#type: i32,
    /// `IOT_THING_PROPERTY_...`, or 0.
    pub flags: u32,
    /// The variable. Not NULL.
    pub value: *mut c_void,
    /// Of a string or JSON: size of the variable in bytes, with the NUL. Of an enumeration: how many
    /// `names` there are.
    pub size: usize,
    /// Of an enumeration: the names, NUL-terminated; the first belongs to 0. Else NULL.
    pub names: *const *const c_char,
    /// Of an integer: the smallest value that is taken. `min` and `max` both 0: what the type holds.
    pub min: i64,
    /// Of an integer: the largest value that is taken.
    pub max: i64,
    /// Of an integer: a change is reported when it differs by at least so much from what was
    /// reported.
    pub deadband: u32,
    /// Of an integer: digits behind the point, 0..18. With 2 the variable 2157 is 21.57 in the
    /// shadow; `min`, `max` and `deadband` count like the variable.
    pub decimals: u32,
    /// Optional. Called before the variable is set to what the cloud desires and the table allows;
    /// a negative value refuses it, and the old value is reported. `index` is the property's place in
    /// the table; `number` the new value of an integer (scaled; of a `uint64_t` its bits), of a truth
    /// value or of an enumeration, else 0; `json` the value as it was received, valid during the call
    /// only. Not called for a value that the variable has already. Called inside `iot_thing_poll`;
    /// may call what an event callback may call.
    pub on_change: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            index: usize,
            number: i64,
            json: *const iot_thing_json_t,
        ) -> i32,
    >,
    /// Passed to `on_change`.
    pub user: *mut c_void,
}

/// What the library remembers of one property. Belongs to the library; need not be initialised.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_property_state_t {
    /// Private.
    pub reserved: [u64; 2],
}
const _: () = assert!(
    size_of::<Mutex<Cell<Mark>>>() == size_of::<iot_thing_property_state_t>()
        && align_of::<Mutex<Cell<Mark>>>() <= align_of::<iot_thing_property_state_t>()
);

/// Something about a property that did not go as it was wanted, see `iot_thing_properties_t`.
/// Valid during the callback only.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_property_problem_t {
    /// `sizeof(iot_thing_property_problem_t)`.
    pub struct_size: u32,
    /// `IOT_THING_ERR_PROPERTY_UNKNOWN` (the cloud desires a member that is not in the table),
    /// `_PROPERTY_READ_ONLY`, `_PROPERTY_REFUSED` (by `on_change`), `_JSON_TYPE`, `_JSON_RANGE`
    /// (outside `min`..`max` or the type, too many decimals, not one of the names), `_JSON_NO_SPACE`
    /// (the string or JSON does not fit). When reporting: `_TOO_LARGE` (it does not fit `reply_size`
    /// even alone), `_JSON_...` (the variable holds no UTF-8 or no JSON).
    pub error: i32,
    /// What `on_change` returned, or -1.
    pub code: i32,
    /// Bytes that would have been needed, or 0.
    pub needed: u32,
    /// The property; NULL: it is not in the table.
    pub property: *const iot_thing_property_t,
    /// Name of the member that is not in the table, as it stands in the message (without quotes,
    /// escapes as they are); else empty.
    pub name: iot_thing_json_t,
    /// What was desired; empty when it is about reporting.
    pub value: iot_thing_json_t,
}

/// A table of properties and how it is reported: `IOT_THING_PROPERTIES_INIT(table, states)`.
///
/// - What the cloud desires (a live delta, or the difference found when the shadow was read) is
///   checked, `on_change` is asked, and the variable is set; all of it is reported in one update.
///   What cannot be is told to `on_problem`, once for each value, and the old value is reported.
/// - What `iot_thing_property_changed` names is reported, together with what else changes within
///   `interval_ms`, if it differs from what was reported.
/// - When the session is new, the shadow is read, and what it has not or otherwise is reported; the
///   first time that makes the shadow.
/// - A report that is rejected with 429 or 500 or is not answered is made again, less and less
///   often, with the values of then. What does not fit into one (`reply_size`) goes into the next.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_properties_t {
    /// `sizeof(iot_thing_properties_t)`: `IOT_THING_PROPERTIES_INIT` sets it.
    pub struct_size: u32,
    /// `IOT_THING_PROPERTIES_...`, or 0.
    pub flags: u32,
    /// The properties. Not NULL.
    pub table: *const iot_thing_property_t,
    /// One for each property. Not NULL.
    pub states: *mut iot_thing_property_state_t,
    /// How many there are, 1..65535.
    pub count: usize,
    /// Milliseconds for which changes are collected into one update. 0: none.
    pub interval_ms: u32,
    /// Optional. Gets what did not go as it was wanted. Called inside `iot_thing_poll`; may call
    /// what an event callback may call.
    pub on_problem: Option<
        unsafe extern "C" fn(user: *mut c_void, problem: *const iot_thing_property_problem_t),
    >,
    /// Passed to `on_problem`.
    pub user: *mut c_void,
}

/// A table that C gives. The header demands that it stays valid and unchanged as long as it is
/// attached.
pub fn table(
    properties: *const iot_thing_properties_t,
) -> Result<&'static iot_thing_properties_t, Error> {
    guard::not_null(properties)?;
    if guard::struct_size(properties.cast())? as usize != size_of::<iot_thing_properties_t>()
        || !properties.is_aligned()
    {
        return Err(Error::StructSize);
    }
    // SAFETY: it is not NULL, aligned and of this size, and stays valid as said above.
    let table = unsafe { &*properties };
    guard::not_null(table.table)?;
    guard::not_null(table.states)?;
    let fits = (1..=usize::from(u16::MAX)).contains(&table.count)
        && table.table.is_aligned()
        && table.states.is_aligned()
        && table.flags & !IOT_THING_PROPERTIES_REPORT_ALL == 0;
    if !fits || !table.rows().iter().all(is_possible) {
        return Err(Error::Argument);
    }
    Ok(table)
}

impl iot_thing_properties_t {
    /// Nothing is known of any property.
    pub fn clear(&self) {
        for index in 0..self.count {
            // SAFETY: the header demands `count` states; ours is as large (asserted above), and
            // nobody else uses them before the table is attached.
            unsafe {
                self.states
                    .add(index)
                    .cast::<Mutex<Cell<Mark>>>()
                    .write(Mutex::new(Cell::new(Mark::default())));
            }
        }
    }

    /// Everything is reported when the session is new.
    pub fn reports_all(&self) -> bool {
        self.flags & IOT_THING_PROPERTIES_REPORT_ALL != 0
    }
}

/// Whether what is behind the pointers of a row can be used at all.
fn is_possible(row: &iot_thing_property_t) -> bool {
    let flags =
        IOT_THING_PROPERTY_READ_ONLY | IOT_THING_PROPERTY_WRITE_ONLY | IOT_THING_PROPERTY_LOCAL;
    let names = row.r#type != IOT_THING_TYPE_ENUM
        || (!row.names.is_null() && (1..=usize::from(u16::MAX)).contains(&row.size));
    let sized = !is_text(row) || (1..=8192).contains(&row.size);
    !row.name.is_null()
        && (IOT_THING_TYPE_I8..=IOT_THING_TYPE_JSON).contains(&row.r#type)
        && row.flags & !flags == 0
        && !row.value.is_null()
        && names
        && sized
}

/// Longest path: far beyond what fits a shadow.
const MAX_PATH: usize = 512;

fn is_text(row: &iot_thing_property_t) -> bool {
    matches!(row.r#type, IOT_THING_TYPE_STRING | IOT_THING_TYPE_JSON)
}

/// What follows `prefix` in a NUL-terminated text that begins with it.
fn skip(mut text: *const c_char, prefix: &[u8]) -> Option<*const c_char> {
    for byte in prefix {
        // SAFETY: the header demands a NUL-terminated path; what is behind the NUL is not read.
        let here = unsafe { *text } as u8;
        if here != *byte || here == 0 {
            return None;
        }
        text = text.wrapping_add(1);
    }
    Some(text)
}

fn c_text<'a>(text: *const c_char, max: usize) -> &'a [u8] {
    guard::c_str(text, max).unwrap_or_default()
}

impl Row for iot_thing_property_t {
    fn path(&self) -> &[u8] {
        c_text(self.name, MAX_PATH)
    }

    fn behind(&self, object: &[u8], name: &[u8]) -> Option<u8> {
        let path = skip(skip(self.name, object)?, name)?;
        // SAFETY: the path is NUL-terminated, and `skip` does not go beyond the NUL.
        Some(unsafe { *path } as u8)
    }

    fn kind(&self) -> Kind {
        let of = self.r#type;
        let integer = |bits, signed| Kind::Integer {
            bits,
            signed,
            // More than there can be is refused when the table is attached.
            decimals: self.decimals.min(u8::MAX.into()) as u8,
        };
        match of {
            IOT_THING_TYPE_I8..=IOT_THING_TYPE_I64 => integer(8 << (of - IOT_THING_TYPE_I8), true),
            IOT_THING_TYPE_U8..=IOT_THING_TYPE_U64 => integer(8 << (of - IOT_THING_TYPE_U8), false),
            IOT_THING_TYPE_ENUM => Kind::Enum,
            IOT_THING_TYPE_STRING => Kind::Text,
            IOT_THING_TYPE_JSON => Kind::Json,
            // No other was let in.
            _ => Kind::Bool,
        }
    }

    fn range(&self) -> Option<(i64, i64)> {
        (self.min != 0 || self.max != 0).then_some((self.min, self.max))
    }

    fn deadband(&self) -> u32 {
        self.deadband
    }

    fn capacity(&self) -> usize {
        self.size.saturating_sub(1)
    }

    fn is_read_only(&self) -> bool {
        self.flags & IOT_THING_PROPERTY_READ_ONLY != 0
    }

    fn is_write_only(&self) -> bool {
        self.flags & IOT_THING_PROPERTY_WRITE_ONLY != 0
    }

    fn is_local(&self) -> bool {
        self.flags & IOT_THING_PROPERTY_LOCAL != 0
    }

    fn enum_name(&self, n: usize) -> Option<&[u8]> {
        if self.r#type != IOT_THING_TYPE_ENUM || n >= self.size {
            return None;
        }
        // SAFETY: the header demands `size` names that stay valid; `n` is below it.
        let name = unsafe { *self.names.add(n) };
        Some(c_text(name, MAX_PATH))
    }

    fn number(&self, _: CriticalSection<'_>) -> i64 {
        let value = self.value;
        // SAFETY: the header demands a variable of the type that the row names; interrupts and other
        // threads that write it use the critical section that the caller is in.
        unsafe {
            match self.r#type {
                IOT_THING_TYPE_I8 => value.cast::<i8>().read_volatile().into(),
                IOT_THING_TYPE_I16 => value.cast::<i16>().read_volatile().into(),
                IOT_THING_TYPE_I32 | IOT_THING_TYPE_ENUM => {
                    value.cast::<i32>().read_volatile().into()
                }
                IOT_THING_TYPE_U8 => value.cast::<u8>().read_volatile().into(),
                IOT_THING_TYPE_U16 => value.cast::<u16>().read_volatile().into(),
                IOT_THING_TYPE_U32 => value.cast::<u32>().read_volatile().into(),
                IOT_THING_TYPE_I64 | IOT_THING_TYPE_U64 => value.cast::<i64>().read_volatile(),
                IOT_THING_TYPE_BOOL => (value.cast::<u8>().read_volatile() != 0).into(),
                _ => 0,
            }
        }
    }

    fn set_number(&self, number: i64, _: CriticalSection<'_>) {
        let value = self.value;
        // SAFETY: as in `number`. It was checked to fit.
        unsafe {
            match self.r#type {
                IOT_THING_TYPE_I8 | IOT_THING_TYPE_U8 | IOT_THING_TYPE_BOOL => {
                    value.cast::<u8>().write_volatile(number as u8);
                }
                IOT_THING_TYPE_I16 | IOT_THING_TYPE_U16 => {
                    value.cast::<u16>().write_volatile(number as u16);
                }
                IOT_THING_TYPE_I32 | IOT_THING_TYPE_U32 | IOT_THING_TYPE_ENUM => {
                    value.cast::<u32>().write_volatile(number as u32);
                }
                IOT_THING_TYPE_I64 | IOT_THING_TYPE_U64 => {
                    value.cast::<u64>().write_volatile(number as u64);
                }
                _ => {}
            }
        }
    }

    fn text(&self) -> &[u8] {
        match is_text(self) {
            true => c_text(self.value.cast(), self.capacity()),
            false => &[],
        }
    }

    fn set_text(&self, json: Value<'_>) {
        if is_text(self) {
            store_text(self, json);
        }
    }
}

impl Table for iot_thing_properties_t {
    type Row = iot_thing_property_t;

    fn rows(&self) -> &[iot_thing_property_t] {
        // SAFETY: the header demands `count` properties that stay valid and unchanged; `table` has
        // checked the pointer and the number.
        unsafe { core::slice::from_raw_parts(self.table, self.count) }
    }

    fn marks(&self) -> &[Mutex<Cell<Mark>>] {
        // SAFETY: `clear` has made them, as many as the header demands, and they stay valid as long as
        // the table is attached. They are only ever used through this type, which excludes other
        // threads. `table` has checked the pointer and the number.
        unsafe { core::slice::from_raw_parts(self.states.cast(), self.count) }
    }

    fn ask(&self, index: usize, wanted: &Wanted<'_>) -> i32 {
        let Some(row) = self.rows().get(index) else {
            return 0;
        };
        let Some(on_change) = row.on_change else {
            return 0;
        };
        let json = iot_thing_json_t::from(wanted.json);
        // SAFETY: the application's callback, called as its description in the header says.
        unsafe { on_change(row.user, index, wanted.number, &raw const json) }
    }

    fn is_told(&self) -> bool {
        self.on_problem.is_some()
    }

    fn tell(&self, problem: &Problem<'_>) {
        let Some(on_problem) = self.on_problem else {
            return;
        };
        let value = problem.value.map(iot_thing_json_t::from);
        let row = problem.index.and_then(|index| self.rows().get(index));
        let told = iot_thing_property_problem_t {
            struct_size: size_of::<iot_thing_property_problem_t>() as u32,
            error: problem.error.code(),
            code: problem.code,
            needed: u32::try_from(problem.needed).unwrap_or(u32::MAX),
            property: row.map_or(core::ptr::null(), core::ptr::from_ref),
            name: iot_thing_json_t::from(Value::assume_valid(problem.name.raw())),
            value: value.unwrap_or_default(),
        };
        // SAFETY: the application's callback, called as its description in the header says.
        unsafe { on_problem(self.user, &raw const told) };
    }
}

/// Stores a string or JSON, which was checked to fit, with a NUL.
fn store_text(row: &iot_thing_property_t, json: Value<'_>) {
    // SAFETY: the header demands `size` bytes there, which only the polling thread touches. They may
    // hold anything, so they are written before a reference to them is made.
    let out = unsafe {
        row.value.cast::<u8>().write_bytes(0, row.size);
        core::slice::from_raw_parts_mut(row.value.cast::<u8>(), row.size)
    };
    match row.r#type {
        IOT_THING_TYPE_STRING => {
            if let Ok(text) = json.as_text() {
                let _ = text.copy_to(out);
            }
        }
        _ => {
            for (to, from) in out.iter_mut().zip(json.raw()) {
                *to = *from;
            }
        }
    }
}
