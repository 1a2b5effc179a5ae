//! The table of properties: variables of the firmware that are kept equal to members of a shadow.
//!
//! ```text
//! delta --apply--> check, ask, store --\
//!                                       marks --report--> state of an update --accepted--> marks
//! changed() from anywhere -------------/
//! ```
//!
//! A [`Table`] says what there is and reads and writes the variables; a [`Mark`] per property
//! remembers what the cloud knows of it. Only the mark's [`Mark::CHANGED`] is set by other threads
//! and interrupts, so marks change inside a critical section.

use core::cell::Cell;

use critical_section::Mutex;

use super::hash;
use crate::Error;
use crate::json::{Kind as JsonKind, MAX_DECIMALS, Members, Text, Value, Writer};

/// Most levels of a path: AWS IoT counts 5 objects below a section as safe everywhere.
pub const MAX_LEVELS: usize = 6;

/// What a property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer, or with `decimals` a number scaled by a power of ten.
    Integer {
        /// 8, 16, 32 or 64.
        bits: u8,
        /// Whether it can be negative.
        signed: bool,
        /// Digits behind the point.
        decimals: u8,
    },
    /// `true` or `false`.
    Bool,
    /// One of the table's names for it.
    Enum,
    /// A string.
    Text,
    /// Any JSON.
    Json,
}

/// A property, as the table describes it.
#[derive(Clone, Copy, Debug)]
pub struct Property<'t> {
    /// Its place in the section: names with dots between them.
    pub path: &'t str,
    /// What it is.
    pub kind: Kind,
    /// Smallest and largest value of an integer; `None`: what the variable can hold.
    pub range: Option<(i64, i64)>,
    /// An integer is reported when it differs by at least so much from what was reported.
    pub deadband: u64,
    /// Bytes that a text or JSON can have.
    pub capacity: usize,
    /// The device's alone: requests are refused.
    pub read_only: bool,
    /// The cloud's alone: never reported, and taken out of `desired` when it was obeyed.
    pub write_only: bool,
    /// When the device changes it, it is no longer what the cloud had desired.
    pub local: bool,
}

/// The value of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current<'v> {
    /// Of a signed integer.
    Signed(i64),
    /// Of an unsigned integer.
    Unsigned(u64),
    /// Of a truth value.
    Bool(bool),
    /// The number of a name.
    Enum(usize),
    /// Of a text.
    Text(&'v [u8]),
    /// JSON.
    Json(&'v [u8]),
}

/// A value that was asked for, and is one that the property can have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted<'a> {
    /// As it stands in the message.
    pub json: Value<'a>,
    /// The integer (scaled; of an unsigned 64-bit one its bits), the number of the name, or 0, 1.
    pub number: i64,
}

/// Something that did not go as it was wanted.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// Which property; `None`: one that is not in the table.
    pub index: Option<usize>,
    /// The name of the member that is not in the table.
    pub name: Text<'a>,
    /// What was asked for, if it was that.
    pub value: Option<Value<'a>>,
    /// What is wrong.
    pub error: Error,
    /// What the callback returned, or the service's code; -1 when there is none.
    pub code: i32,
    /// Bytes that would have been needed, or 0.
    pub needed: usize,
}

/// The properties of one shadow, and their variables.
pub trait Table {
    /// How many there are.
    fn len(&self) -> usize;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The property of this number.
    fn property(&self, index: usize) -> Option<Property<'_>>;
    /// Its path alone.
    fn path(&self, index: usize) -> Option<&[u8]>;
    /// What is remembered of it.
    fn mark(&self, index: usize) -> Option<&Mutex<Cell<Mark>>>;
    /// Its variable; of a text without the NUL.
    fn load(&self, index: usize) -> Option<Current<'_>>;
    /// Sets its variable.
    fn store(&self, index: usize, wanted: &Wanted<'_>);
    /// The `n`th name of an enumeration.
    fn enum_name(&self, index: usize, n: usize) -> Option<&[u8]>;
    /// Asks the application; a negative value refuses.
    fn ask(&self, index: usize, wanted: &Wanted<'_>) -> i32;
    /// Tells the application.
    fn tell(&self, problem: &Problem<'_>);
}

/// A table as a Thing sees it: an object, so that a firmware that has none links nothing of this.
pub trait Attached {
    /// See [`changed`].
    fn changed(&self, index: usize) -> Result<(), Error>;
    /// See [`apply`].
    fn apply(&self, delta: Value<'_>, desired: Option<Value<'_>>) -> bool;
    /// See [`compare`].
    fn compare(&self, reported: Option<Value<'_>>, all: bool);
    /// See [`report`].
    fn report(&self, writer: &mut Writer<'_>, room: usize) -> bool;
    /// See [`sent`] and [`unsent`].
    fn taken(&self, sent: bool);
    /// See [`accepted`], and [`failed`] for an error that a retry helps or does not help.
    fn ended(&self, error: Option<bool>);
}

impl<T: Table> Attached for T {
    fn changed(&self, index: usize) -> Result<(), Error> {
        changed(self, index)
    }

    fn apply(&self, delta: Value<'_>, desired: Option<Value<'_>>) -> bool {
        apply(self, delta, desired)
    }

    fn compare(&self, reported: Option<Value<'_>>, all: bool) {
        compare(self, reported, all);
    }

    fn report(&self, writer: &mut Writer<'_>, room: usize) -> bool {
        report(self, writer, room)
    }

    fn taken(&self, sent: bool) {
        match sent {
            true => self::sent(self),
            false => unsent(self),
        }
    }

    fn ended(&self, error: Option<bool>) {
        match error {
            None => accepted(self),
            Some(retry) => failed(self, retry),
        }
    }
}

/// What is remembered of one property.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Fingerprint of the value reported last.
    reported: u64,
    /// Hash of the request answered last.
    answered: u32,
    flags: u8,
}

impl Mark {
    /// The device has changed it.
    const CHANGED: u8 = 1;
    /// It is reported whether it differs or not.
    const FORCED: u8 = 2;
    /// The cloud is known to have `reported`.
    const KNOWN: u8 = 4;
    /// The request answered last was refused.
    const REFUSED: u8 = 8;
    /// It is to be taken out of `desired`.
    const OBEYED: u8 = 16;
    /// It is in the report that is being written.
    const PICKED: u8 = 32;
    /// It is in the report that is under way.
    const SENT: u8 = 64;
    /// The report sets `desired`, too.
    const LOCAL: u8 = 128;

    const fn has(self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    fn set(&mut self, flags: u8) {
        self.flags |= flags;
    }

    fn clear(&mut self, flags: u8) {
        self.flags &= !flags;
    }
}

fn update<T: Table + ?Sized, R>(
    table: &T,
    index: usize,
    work: impl FnOnce(&mut Mark) -> R,
) -> Option<R> {
    let place = table.mark(index)?;
    Some(critical_section::with(|cs| {
        let place = place.borrow(cs);
        let mut mark = place.get();
        let result = work(&mut mark);
        place.set(mark);
        result
    }))
}

/// Checks a table: paths, ranges and names, and that the properties of one object stand together.
pub fn check<T: Table + ?Sized>(table: &T) -> Result<(), Error> {
    for index in 0..table.len() {
        let property = table.property(index).ok_or(Error::Argument)?;
        check_one(table, index, &property)?;
        for earlier in 0..index {
            let earlier = table.property(earlier).ok_or(Error::Argument)?;
            let common = common_levels(earlier.path, property.path);
            let shorter = levels(earlier.path).min(levels(property.path));
            let previous = table.property(index - 1).ok_or(Error::Argument)?;
            let apart = common > common_levels(previous.path, property.path);
            // The same twice, one inside the other, or an object that was left and comes again.
            if common == shorter || apart {
                return Err(Error::Argument);
            }
        }
    }
    Ok(())
}

fn check_one<T: Table + ?Sized>(table: &T, index: usize, p: &Property<'_>) -> Result<(), Error> {
    let path_fits = levels(p.path) <= MAX_LEVELS && p.path.split('.').all(|name| !name.is_empty());
    let fits = match p.kind {
        Kind::Integer {
            bits,
            signed,
            decimals,
        } => {
            let (low, high) = limits(bits, signed);
            decimals <= MAX_DECIMALS
                && matches!(bits, 8 | 16 | 32 | 64)
                && p.range.is_none_or(|(min, max)| {
                    min <= max && min >= low && (max < 0 || max as u64 <= high)
                })
        }
        Kind::Enum => table.enum_name(index, 0).is_some(),
        Kind::Text | Kind::Json => p.capacity > 0,
        Kind::Bool => true,
    };
    if path_fits && fits && !(p.read_only && p.write_only) {
        Ok(())
    } else {
        Err(Error::Argument)
    }
}

fn levels(path: &str) -> usize {
    path.split('.').count()
}

fn common_levels(one: &str, other: &str) -> usize {
    let pairs = one.split('.').zip(other.split('.'));
    pairs.take_while(|(a, b)| a == b).count()
}

/// What an integer variable can hold.
const fn limits(bits: u8, signed: bool) -> (i64, u64) {
    let unused = 64 - if bits > 64 { 64 } else { bits } as u32;
    if signed {
        (i64::MIN >> unused, (u64::MAX >> unused) >> 1)
    } else {
        (0, u64::MAX >> unused)
    }
}

// ---- from the cloud -------------------------------------------------------------------------------

/// Applies what the cloud wants. `desired` is all of it, if it is known. Returns whether all of it
/// has to be read: of a JSON object only the part that differs came.
pub fn apply<T: Table + ?Sized>(table: &T, delta: Value<'_>, desired: Option<Value<'_>>) -> bool {
    let mut incomplete = false;
    // Members mostly come in the order of the table.
    let mut expected = 0;
    let mut open: heapless::Vec<Members<'_>, MAX_LEVELS> = heapless::Vec::new();
    // The names that lead to the innermost object, and that of the current member.
    let mut names: heapless::Vec<Text<'_>, { MAX_LEVELS + 1 }> = heapless::Vec::new();
    if let Ok(members) = delta.members() {
        let _ = open.push(members);
    }
    while let Some(members) = open.last_mut() {
        let Some(member) = members.next() else {
            open.pop();
            names.pop();
            continue;
        };
        // There is room for one name more than there are levels.
        let _ = names.push(member.name);
        match find(table, &names, expected) {
            Found::Property(index) => {
                expected = index.saturating_add(1);
                incomplete |= request(table, index, member.value, desired);
            }
            Found::Inside if member.value.kind() == JsonKind::Object => {
                if let Ok(inner) = member.value.members() {
                    // No path leads deeper than there is room.
                    let _ = open.push(inner);
                    continue;
                }
            }
            Found::Inside | Found::Nothing => table.tell(&Problem {
                index: None,
                name: member.name,
                value: Some(member.value),
                error: Error::PropertyUnknown,
                code: -1,
                needed: 0,
            }),
        }
        names.pop();
    }
    incomplete
}

enum Found {
    Property(usize),
    /// Properties are inside of it.
    Inside,
    Nothing,
}

/// Looks for what these names lead to, from the property `expected` on.
fn find<T: Table + ?Sized>(table: &T, names: &[Text<'_>], expected: usize) -> Found {
    for index in (expected..table.len()).chain(0..expected) {
        match table.path(index).and_then(|path| behind(path, names)) {
            // No path is the beginning of another: `check`.
            Some([]) => return Found::Property(index),
            Some(_) => return Found::Inside,
            None => {}
        }
    }
    Found::Nothing
}

/// What follows these names in a path that begins with them.
fn behind<'p>(mut path: &'p [u8], names: &[Text<'_>]) -> Option<&'p [u8]> {
    for (level, name) in names.iter().enumerate() {
        if level > 0 {
            path = path.strip_prefix(b".")?;
        }
        path = match name.is_escaped() {
            false => path.strip_prefix(name.raw())?,
            true => {
                let end = path.iter().position(|byte| *byte == b'.');
                let (first, rest) = path.split_at_checked(end.unwrap_or(path.len()))?;
                if !name.eq_str(first) {
                    return None;
                }
                rest
            }
        };
        // A name with a dot is one level of the message, and none of a path.
        if !matches!(path, [] | [b'.', ..]) || name.raw().contains(&b'.') {
            return None;
        }
    }
    Some(path)
}

/// Handles one property of a delta; returns whether the whole value has to be read.
fn request<T: Table + ?Sized>(
    table: &T,
    index: usize,
    value: Value<'_>,
    desired: Option<Value<'_>>,
) -> bool {
    let Some(property) = table.property(index) else {
        return false;
    };
    let mut value = value;
    if property.kind == Kind::Json && value.kind() == JsonKind::Object {
        // A delta has the differing members only.
        match desired.map(|desired| desired.at_path(property.path)) {
            Some(Ok(whole)) => value = whole,
            Some(Err(_)) => {}
            None => return true,
        }
    }
    let request = hash(value.raw()) as u32;
    let Some(mark) = update(table, index, |mark| *mark) else {
        return false;
    };
    let repeated = mark.answered == request;
    if repeated && mark.has(Mark::REFUSED | Mark::OBEYED) {
        return false;
    }
    let checked = if property.read_only {
        Err((Error::PropertyReadOnly, 0))
    } else {
        wanted(table, index, &property, value)
    };
    let verdict = checked.and_then(|wanted| {
        if !property.write_only && is_current(table, index, value, &wanted) {
            return Ok(!repeated || !mark.has(Mark::KNOWN));
        }
        match table.ask(index, &wanted) {
            code if code < 0 => Err((Error::PropertyRefused, code as isize)),
            _ => {
                table.store(index, &wanted);
                Ok(true)
            }
        }
    });
    match verdict {
        Ok(answer) => {
            update(table, index, |mark| {
                mark.answered = request;
                mark.clear(Mark::REFUSED);
                if property.write_only {
                    mark.set(Mark::OBEYED);
                } else if answer {
                    mark.set(Mark::FORCED);
                }
            });
        }
        Err((error, detail)) => {
            update(table, index, |mark| {
                mark.answered = request;
                // The value that stays is reported.
                mark.set(Mark::REFUSED | Mark::FORCED);
            });
            table.tell(&Problem {
                index: Some(index),
                name: Text::default(),
                value: Some(value),
                error,
                code: i32::try_from(detail.min(-1)).unwrap_or(-1),
                needed: usize::try_from(detail).unwrap_or(0),
            });
        }
    }
    false
}

/// What a request means for a property; else the error, with the bytes needed.
fn wanted<'a, T: Table + ?Sized>(
    table: &T,
    index: usize,
    property: &Property<'_>,
    json: Value<'a>,
) -> Result<Wanted<'a>, (Error, isize)> {
    let plain = |error| (error, 0);
    let number = match property.kind {
        Kind::Integer {
            bits,
            signed,
            decimals,
        } => integer(json, bits, signed, decimals, property.range).map_err(plain)?,
        Kind::Bool => json.as_bool().map_err(plain)?.into(),
        Kind::Enum => {
            let text = json.as_text().map_err(plain)?;
            let mut number = 0;
            loop {
                match table.enum_name(index, number) {
                    Some(name) if text.eq_str(name) => break number as i64,
                    Some(_) => number += 1,
                    None => return Err(plain(Error::JsonRange)),
                }
            }
        }
        Kind::Text => {
            let text = json.as_text().map_err(plain)?;
            let len = text.copy_to(&mut []).map_err(plain)?;
            // C would take it for the end.
            if text.raw().windows(6).any(|escape| escape == br"\u0000") {
                return Err(plain(Error::JsonRange));
            }
            fits(len, property.capacity)?
        }
        Kind::Json => fits(json.raw().len(), property.capacity)?,
    };
    Ok(Wanted { json, number })
}

fn fits(len: usize, capacity: usize) -> Result<i64, (Error, isize)> {
    if len > capacity {
        return Err((
            Error::JsonNoSpace,
            isize::try_from(len).unwrap_or(isize::MAX),
        ));
    }
    Ok(0)
}

fn integer(
    json: Value<'_>,
    bits: u8,
    signed: bool,
    decimals: u8,
    range: Option<(i64, i64)>,
) -> Result<i64, Error> {
    let (low, high) = limits(bits, signed);
    if decimals == 0 && !signed {
        let value = json.as_u64()?;
        let (min, max) = range.map_or((0, high), |(min, max)| (min as u64, max as u64));
        return match (min..=max).contains(&value) {
            true => Ok(value as i64),
            false => Err(Error::JsonRange),
        };
    }
    let value = json.as_scaled(decimals)?;
    let high = i64::try_from(high).unwrap_or(i64::MAX);
    let (min, max) = range.unwrap_or((low, high));
    match (min..=max).contains(&value) {
        true => Ok(value),
        false => Err(Error::JsonRange),
    }
}

/// Whether the variable has this value already.
fn is_current<T: Table + ?Sized>(
    table: &T,
    index: usize,
    json: Value<'_>,
    wanted: &Wanted<'_>,
) -> bool {
    match table.load(index) {
        Some(Current::Signed(value)) => value == wanted.number,
        Some(Current::Unsigned(value)) => value == wanted.number as u64,
        Some(Current::Bool(value)) => i64::from(value) == wanted.number,
        Some(Current::Enum(value)) => value as i64 == wanted.number,
        Some(Current::Text(value)) => json.eq_str(value),
        Some(Current::Json(value)) => json.raw() == value,
        None => false,
    }
}

/// The shadow was read: what the cloud has not, or otherwise, is reported; with `all` everything.
pub fn compare<T: Table + ?Sized>(table: &T, reported: Option<Value<'_>>, all: bool) {
    for index in 0..table.len() {
        let Some(property) = table.property(index).filter(|p| !p.write_only) else {
            continue;
        };
        let known = reported.and_then(|reported| reported.at_path(property.path).ok());
        let same = known.is_some_and(|value| {
            wanted(table, index, &property, value)
                .is_ok_and(|wanted| is_current(table, index, value, &wanted))
        });
        let fingerprint = table.load(index).map_or(0, |current| fingerprint(&current));
        update(table, index, |mark| {
            if same && !all {
                mark.reported = fingerprint;
                // An answer that is owed stays owed.
                mark.set(Mark::KNOWN);
            } else {
                mark.clear(Mark::KNOWN);
                mark.set(Mark::FORCED);
            }
        });
    }
}

// ---- to the cloud ---------------------------------------------------------------------------------

/// The device has changed a property. From any context.
pub fn changed<T: Table + ?Sized>(table: &T, index: usize) -> Result<(), Error> {
    update(table, index, |mark| mark.set(Mark::CHANGED)).ok_or(Error::Argument)
}

/// Whether there is anything to report.
pub fn is_due<T: Table + ?Sized>(table: &T) -> bool {
    (0..table.len()).any(|index| {
        update(table, index, |mark| {
            mark.has(Mark::CHANGED | Mark::FORCED)
                || mark.has(Mark::OBEYED) && !mark.has(Mark::SENT)
        })
        .unwrap_or(false)
    })
}

/// Writes the `state` of an update that has what is due, as much of it as `room` bytes hold.
/// Returns whether there is anything in it. To be followed by [`sent`] or [`unsent`].
pub fn report<T: Table + ?Sized>(table: &T, writer: &mut Writer<'_>, room: usize) -> bool {
    let (mut reported, mut desired) = (false, false);
    let mut left = room.saturating_sub(br#"{"reported":{},"desired":{}}"#.len());
    for index in 0..table.len() {
        match pick(table, index, &mut left) {
            Pick::Nothing => {}
            Pick::Full(_) if reported || desired => break,
            Pick::Full(needed) => give_up(table, index, Error::TooLarge, needed),
            Pick::Bad(error) => give_up(table, index, error, 0),
            Pick::Parts(in_reported, in_desired) => {
                reported |= in_reported;
                desired |= in_desired;
            }
        }
    }
    if !reported && !desired {
        return false;
    }
    writer.begin_object();
    if reported {
        section(table, writer, "reported");
    }
    if desired {
        section(table, writer, "desired");
    }
    writer.end_object();
    true
}

/// A property that can never be reported would hold up all others.
fn give_up<T: Table + ?Sized>(table: &T, index: usize, error: Error, needed: usize) {
    update(table, index, |mark| {
        mark.clear(Mark::CHANGED | Mark::FORCED);
    });
    table.tell(&Problem {
        index: Some(index),
        name: Text::default(),
        value: None,
        error,
        code: -1,
        needed,
    });
}

enum Pick {
    Nothing,
    /// Whether it is in `reported` and in `desired`.
    Parts(bool, bool),
    /// There is no room for it, which needs so much.
    Full(usize),
    /// It has no value that could be written.
    Bad(Error),
}

/// Decides whether a property is in the report.
fn pick<T: Table + ?Sized>(table: &T, index: usize, left: &mut usize) -> Pick {
    let Some((property, current)) = table.property(index).zip(table.load(index)) else {
        return Pick::Nothing;
    };
    let sized = size_of_member(table, index, &property, &current);
    let size = sized.unwrap_or(0);
    let room = *left;
    let pick = update(table, index, |mark| {
        let obeyed = property.write_only && mark.has(Mark::OBEYED) && !mark.has(Mark::SENT);
        let changed = mark.has(Mark::CHANGED) && !property.write_only;
        let forced = mark.has(Mark::FORCED) && !property.write_only;
        let same = mark.has(Mark::KNOWN) && is_near(&property, mark.reported, &current);
        if !obeyed && !forced && (!changed || same) {
            mark.clear(Mark::CHANGED | Mark::FORCED);
            return Pick::Nothing;
        }
        if let Err(error) = sized {
            return Pick::Bad(error);
        }
        let local = property.local && changed && !same;
        let size = size.saturating_mul(if local { 2 } else { 1 });
        if size > room {
            return Pick::Full(size);
        }
        mark.clear(Mark::CHANGED | Mark::FORCED);
        mark.set(Mark::PICKED);
        if local {
            mark.set(Mark::LOCAL);
        }
        Pick::Parts(!obeyed, obeyed || local)
    })
    .unwrap_or(Pick::Nothing);
    if let Pick::Parts(in_reported, in_desired) = pick {
        let parts = usize::from(in_reported) + usize::from(in_desired);
        *left = room.saturating_sub(size.saturating_mul(parts));
    }
    pick
}

/// The most bytes that a property can take in a section, its objects counted as if they were its own.
fn size_of_member<T: Table + ?Sized>(
    table: &T,
    index: usize,
    property: &Property<'_>,
    current: &Current<'_>,
) -> Result<usize, Error> {
    // Each level: quotes, colon, braces or comma.
    let path = levels(property.path) * 6 + property.path.len();
    let value = match current {
        // -9223372036854775808 with a point.
        Current::Signed(_) | Current::Unsigned(_) => 21,
        Current::Bool(_) => 5,
        Current::Enum(_) | Current::Text(_) | Current::Json(_) => {
            let mut counter = Writer::new(&mut []);
            write_value(table, index, property, current, &mut counter);
            match counter.error() {
                None | Some(Error::JsonNoSpace) => counter.needed(),
                Some(error) => return Err(error),
            }
        }
    };
    Ok(path.saturating_add(value))
}

/// Writes a section with the picked properties.
fn section<T: Table + ?Sized>(table: &T, writer: &mut Writer<'_>, name: &str) {
    let in_desired = name == "desired";
    writer.name(name).begin_object();
    let mut open = "";
    let mut depth = 0;
    for index in 0..table.len() {
        let Some((property, current)) = table.property(index).zip(table.load(index)) else {
            continue;
        };
        let mark = update(table, index, |mark| *mark).unwrap_or_default();
        let here = match in_desired {
            true => mark.has(Mark::LOCAL) || property.write_only,
            false => !property.write_only,
        };
        if !here || !mark.has(Mark::PICKED) {
            continue;
        }
        // Objects that both paths share stay open.
        let inner = levels(property.path) - 1;
        let shared = common_levels(open, property.path).min(inner).min(depth);
        for _ in shared..depth {
            writer.end_object();
        }
        depth = shared;
        for (level, part) in property.path.split('.').enumerate() {
            if level < shared {
                continue;
            }
            writer.name(part);
            if level < inner {
                writer.begin_object();
                depth += 1;
            }
        }
        open = property.path;
        if in_desired && property.write_only {
            writer.null();
            continue;
        }
        write_value(table, index, &property, &current, writer);
        if !in_desired {
            let fingerprint = fingerprint(&current);
            update(table, index, |mark| mark.reported = fingerprint);
        }
    }
    for _ in 0..depth {
        writer.end_object();
    }
    writer.end_object();
}

fn write_value<T: Table + ?Sized>(
    table: &T,
    index: usize,
    property: &Property<'_>,
    current: &Current<'_>,
    writer: &mut Writer<'_>,
) {
    let decimals = match property.kind {
        Kind::Integer { decimals, .. } => decimals,
        _ => 0,
    };
    match *current {
        Current::Signed(value) => writer.scaled(value, decimals),
        Current::Unsigned(value) => match i64::try_from(value) {
            Ok(value) => writer.scaled(value, decimals),
            Err(_) => writer.u64(value),
        },
        Current::Bool(value) => writer.bool(value),
        Current::Enum(value) => match table.enum_name(index, value) {
            Some(name) => writer.string(name),
            None => writer.null(),
        },
        Current::Text(value) => writer.string(value),
        Current::Json(value) => writer.raw(value),
    };
}

fn fingerprint(current: &Current<'_>) -> u64 {
    match *current {
        Current::Signed(value) => value as u64,
        Current::Unsigned(value) => value,
        Current::Bool(value) => value.into(),
        Current::Enum(value) => value as u64,
        Current::Text(value) | Current::Json(value) => hash(value),
    }
}

/// Whether a value is so near to the one reported that it need not be told.
fn is_near(property: &Property<'_>, reported: u64, current: &Current<'_>) -> bool {
    let apart = match *current {
        Current::Signed(value) => value.abs_diff(reported as i64),
        Current::Unsigned(value) => value.abs_diff(reported),
        _ => return fingerprint(current) == reported,
    };
    apart < property.deadband.max(1)
}

/// The report was handed to MQTT.
pub fn sent<T: Table + ?Sized>(table: &T) {
    each(table, Mark::PICKED, |mark| mark.set(Mark::SENT));
}

/// The report was not taken: what was in it is still due.
pub fn unsent<T: Table + ?Sized>(table: &T) {
    each(table, Mark::PICKED, again);
}

/// The service has accepted the report.
pub fn accepted<T: Table + ?Sized>(table: &T) {
    each(table, Mark::SENT, |mark| {
        if mark.has(Mark::OBEYED) {
            // The same can be asked for again.
            mark.answered = 0;
        }
        mark.clear(Mark::OBEYED | Mark::LOCAL);
        mark.set(Mark::KNOWN);
    });
}

/// The report has failed. What was in it is due again, unless a retry makes no sense.
pub fn failed<T: Table + ?Sized>(table: &T, retry: bool) {
    each(table, Mark::SENT, |mark| {
        mark.clear(Mark::KNOWN);
        if retry {
            again(mark);
        } else {
            mark.clear(Mark::OBEYED | Mark::LOCAL);
        }
    });
}

fn again(mark: &mut Mark) {
    if mark.has(Mark::LOCAL) {
        mark.set(Mark::CHANGED);
        mark.clear(Mark::LOCAL);
    }
    if !mark.has(Mark::OBEYED) {
        mark.set(Mark::FORCED);
    }
}

/// Takes a flag from all that have it and does something with them.
fn each<T: Table + ?Sized>(table: &T, flag: u8, work: impl Fn(&mut Mark)) {
    for index in 0..table.len() {
        update(table, index, |mark| {
            if mark.has(flag) {
                mark.clear(flag);
                work(mark);
            }
        });
    }
}

#[cfg(test)]
mod tests;
