//! The table of properties: variables of the firmware that are kept equal to members of a shadow.
//!
//! ```text
//! delta --apply--> check, ask, store --\
//!                                       marks --report--> state of an update --accepted--> marks
//! changed() from anywhere -------------/
//! ```
//!
//! The rows of a [`Table`] say what there is, and read and write the variables; a [`Mark`] per
//! property remembers what the cloud knows of it. Only the mark's [`Mark::CHANGED`] is set by other
//! threads and interrupts, so marks change inside a critical section.

mod report;
mod visit;

use core::cell::Cell;

use critical_section::{CriticalSection, Mutex};

use self::report::Report;
use self::visit::visit;
use super::hash;
use crate::Error;
use crate::json::{Kind as JsonKind, MAX_DECIMALS, Text, Value, Writer};

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

/// A property, as the table describes it, and its variable. What is described does not change.
pub trait Row {
    /// Its place in the section: names with dots between them.
    fn path(&self) -> &[u8];
    /// If the path begins with `object` and `name`: the byte behind them, 0 at its end.
    fn behind(&self, object: &[u8], name: &[u8]) -> Option<u8>;
    /// What it is.
    fn kind(&self) -> Kind;
    /// Smallest and largest value of an integer; `None`: what the variable can hold.
    fn range(&self) -> Option<(i64, i64)>;
    /// An integer is reported when it differs by at least so much from what was reported.
    fn deadband(&self) -> u32;
    /// Bytes that a text or JSON can have.
    fn capacity(&self) -> usize;
    /// The device's alone: requests are refused.
    fn is_read_only(&self) -> bool;
    /// The cloud's alone: never reported, and taken out of `desired` when it was obeyed.
    fn is_write_only(&self) -> bool;
    /// When the device changes it, it is no longer what the cloud had desired.
    fn is_local(&self) -> bool;
    /// The `n`th name of an enumeration.
    fn enum_name(&self, n: usize) -> Option<&[u8]>;
    /// The variable, if it is a number (see [`Wanted::number`]); else 0.
    fn number(&self, section: CriticalSection<'_>) -> i64;
    /// Sets the variable, if it is a number.
    fn set_number(&self, number: i64, section: CriticalSection<'_>);
    /// The variable, if it is a text (without the NUL) or JSON; else nothing.
    fn text(&self) -> &[u8];
    /// Sets the variable, if it is a text or JSON.
    fn set_text(&self, json: Value<'_>);
}

/// The properties of one shadow.
pub trait Table {
    /// One property.
    type Row: Row;
    /// All of them.
    fn rows(&self) -> &[Self::Row];
    /// What is remembered of each.
    fn marks(&self) -> &[Mutex<Cell<Mark>>];
    /// Asks the application; a negative value refuses.
    fn ask(&self, index: usize, wanted: &Wanted<'_>) -> i32;
    /// Whether the application wants to be told of problems.
    fn is_told(&self) -> bool;
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
    /// See [`unsent`].
    fn unsent(&self);
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

    fn unsent(&self) {
        unsent(self);
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
    /// The shadow that is being looked through has it as it is.
    const SAME: u8 = 32;
    /// It is in the report that is being written or under way.
    const SENT: u8 = 64;
    /// The report sets `desired`, too.
    const LOCAL: u8 = 128;

    /// Its value is due.
    const DUE: u8 = Self::CHANGED | Self::FORCED;

    const fn is_due(self) -> bool {
        self.has(Self::DUE) || self.is_obeyed()
    }

    /// It was obeyed, and that is not under way yet.
    const fn is_obeyed(self) -> bool {
        self.has(Self::OBEYED) && !self.has(Self::SENT)
    }

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

fn update(place: &Mutex<Cell<Mark>>, work: impl FnOnce(&mut Mark)) {
    critical_section::with(|section| {
        let place = place.borrow(section);
        let mut mark = place.get();
        work(&mut mark);
        place.set(mark);
    });
}

/// Checks a table: paths, ranges and names, and that the properties of one object stand together.
pub fn check<T: Table>(table: &T) -> Result<(), Error> {
    let mut previous: &[u8] = &[];
    for (index, row) in table.rows().iter().enumerate() {
        check_row(row)?;
        let path = row.path();
        for earlier in table.rows().iter().take(index) {
            let other = earlier.path();
            let common = common_bytes(other, path);
            let ends = |path: &[u8]| path.get(common).is_none_or(is_dot);
            // The same twice, one inside the other, or an object that was left and comes again.
            if (ends(path) && ends(other))
                || common_objects(other, path) > common_objects(previous, path)
            {
                return Err(Error::Argument);
            }
        }
        previous = path;
    }
    Ok(())
}

fn check_row(row: &impl Row) -> Result<(), Error> {
    let path = row.path();
    let path_fits = core::str::from_utf8(path).is_ok()
        && dots(path) < MAX_LEVELS
        && !path.split(is_dot).any(<[u8]>::is_empty);
    let fits = match row.kind() {
        Kind::Integer {
            bits,
            signed,
            decimals,
        } => {
            let (low, high) = limits(bits, signed);
            decimals <= MAX_DECIMALS
                && matches!(bits, 8 | 16 | 32 | 64)
                && row.range().is_none_or(|(min, max)| {
                    min <= max && min >= low && (max < 0 || max as u64 <= high)
                })
        }
        Kind::Enum => row.enum_name(0).is_some(),
        Kind::Text | Kind::Json => row.capacity() > 0,
        Kind::Bool => true,
    };
    if path_fits && fits && !(row.is_read_only() && row.is_write_only()) {
        Ok(())
    } else {
        Err(Error::Argument)
    }
}

fn is_dot(byte: &u8) -> bool {
    *byte == b'.'
}

fn dots(path: &[u8]) -> usize {
    path.iter().filter(|byte| is_dot(byte)).count()
}

/// How many bytes two paths begin with in common.
fn common_bytes(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

/// How many bytes of two paths lead through the same objects, with the dots.
fn common_objects(one: &[u8], other: &[u8]) -> usize {
    let common = one.get(..common_bytes(one, other)).unwrap_or_default();
    let dot = common.iter().rposition(is_dot);
    dot.map_or(0, |dot| dot.saturating_add(1))
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
pub fn apply<T: Table>(table: &T, delta: Value<'_>, desired: Option<Value<'_>>) -> bool {
    let mut incomplete = false;
    visit(
        table.rows(),
        delta,
        table.is_told(),
        &mut |found, member| match found {
            Some((index, row)) => incomplete |= request(table, index, row, member.value, desired),
            None => table.tell(&Problem {
                index: None,
                name: member.name,
                value: Some(member.value),
                error: Error::PropertyUnknown,
                code: -1,
                needed: 0,
            }),
        },
    );
    incomplete
}

/// What is remembered of a property, and its variable if that is a number.
fn look(row: &impl Row, place: &Mutex<Cell<Mark>>) -> (Mark, i64) {
    critical_section::with(|section| (place.borrow(section).get(), row.number(section)))
}

/// Handles one property of a delta; returns whether the whole value has to be read.
fn request<T: Table>(
    table: &T,
    index: usize,
    row: &T::Row,
    value: Value<'_>,
    desired: Option<Value<'_>>,
) -> bool {
    let Some(place) = table.marks().get(index) else {
        return false;
    };
    let kind = row.kind();
    let mut value = value;
    if kind == Kind::Json && value.kind() == JsonKind::Object {
        // A delta has the differing members only.
        let Some(desired) = desired else {
            return true;
        };
        let mut names = row.path().split(is_dot);
        let whole = names.try_fold(desired, |object, name| object.get(name));
        value = whole.unwrap_or(value);
    }
    let request = hash(value.raw()) as u32;
    let (mark, number) = look(row, place);
    let repeated = mark.answered == request;
    if repeated && mark.has(Mark::REFUSED | Mark::OBEYED) {
        return false;
    }
    let checked = match row.is_read_only() {
        true => Err((Error::PropertyReadOnly, 0)),
        false => wanted(row, kind, value),
    };
    let mut stored = None;
    let verdict = checked.and_then(|wanted| {
        if !row.is_write_only() && is_current(row, kind, number, &wanted) {
            return Ok(!repeated || !mark.has(Mark::KNOWN));
        }
        match table.ask(index, &wanted) {
            code if code < 0 => Err((Error::PropertyRefused, code as isize)),
            _ => {
                stored = Some(wanted.number);
                Ok(true)
            }
        }
    });
    if stored.is_some() {
        row.set_text(value);
    }
    critical_section::with(|section| {
        if let Some(number) = stored {
            row.set_number(number, section);
        }
        let place = place.borrow(section);
        let mut mark = place.get();
        mark.answered = request;
        match verdict {
            Ok(answer) => {
                mark.clear(Mark::REFUSED);
                if row.is_write_only() {
                    mark.set(Mark::OBEYED);
                } else if answer {
                    mark.set(Mark::FORCED);
                }
            }
            // The value that stays is reported.
            Err(_) => mark.set(Mark::REFUSED | Mark::FORCED),
        }
        place.set(mark);
    });
    if let Err((error, detail)) = verdict {
        table.tell(&Problem {
            index: Some(index),
            name: Text::default(),
            value: Some(value),
            error,
            code: i32::try_from(detail.min(-1)).unwrap_or(-1),
            needed: usize::try_from(detail).unwrap_or(0),
        });
    }
    false
}

/// What a request means for a property; else the error, with the bytes needed.
fn wanted<'a>(row: &impl Row, kind: Kind, json: Value<'a>) -> Result<Wanted<'a>, (Error, isize)> {
    let plain = |error| (error, 0);
    let number = match kind {
        Kind::Integer {
            bits,
            signed,
            decimals,
        } => integer(json, bits, signed, decimals, row.range()).map_err(plain)?,
        Kind::Bool => json.as_bool().map_err(plain)?.into(),
        Kind::Enum => {
            let text = json.as_text().map_err(plain)?;
            let mut number = 0;
            loop {
                match row.enum_name(number) {
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
            if text.is_escaped() && text.raw().windows(6).any(|escape| escape == br"\u0000") {
                return Err(plain(Error::JsonRange));
            }
            fits(len, row.capacity())?
        }
        Kind::Json => fits(json.raw().len(), row.capacity())?,
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
    let value = match decimals {
        0 => json.as_i64()?,
        _ => json.as_scaled(decimals)?,
    };
    let high = i64::try_from(high).unwrap_or(i64::MAX);
    let (min, max) = range.unwrap_or((low, high));
    match (min..=max).contains(&value) {
        true => Ok(value),
        false => Err(Error::JsonRange),
    }
}

/// Whether the variable, with this `number` if it is one, has the wanted value already.
fn is_current(row: &impl Row, kind: Kind, number: i64, wanted: &Wanted<'_>) -> bool {
    match kind {
        Kind::Text => wanted.json.eq_str(row.text()),
        Kind::Json => wanted.json.raw() == row.text(),
        _ => wanted.number == number,
    }
}

/// The shadow was read: what the cloud has not, or otherwise, is reported; with `all` everything.
pub fn compare<T: Table>(table: &T, reported: Option<Value<'_>>, all: bool) {
    if let Some(reported) = reported.filter(|_| !all) {
        visit(table.rows(), reported, false, &mut |found, member| {
            if let Some((index, row)) = found
                && let Some(place) = table.marks().get(index)
            {
                compare_row(row, place, member.value);
            }
        });
    }
    for place in table.marks() {
        update(place, |mark| {
            if mark.has(Mark::SAME) {
                mark.clear(Mark::SAME);
                // An answer that is owed stays owed.
                mark.set(Mark::KNOWN);
            } else {
                mark.clear(Mark::KNOWN);
                mark.set(Mark::FORCED);
            }
        });
    }
}

fn compare_row(row: &impl Row, place: &Mutex<Cell<Mark>>, value: Value<'_>) {
    let (_, number) = look(row, place);
    let kind = row.kind();
    let same = wanted(row, kind, value).is_ok_and(|wanted| is_current(row, kind, number, &wanted));
    let fingerprint = fingerprint(row, kind, number);
    update(place, |mark| {
        mark.clear(Mark::SAME);
        if same {
            mark.set(Mark::SAME);
            mark.reported = fingerprint;
        }
    });
}

// ---- to the cloud ---------------------------------------------------------------------------------

/// The device has changed a property. From any context.
pub fn changed<T: Table>(table: &T, index: usize) -> Result<(), Error> {
    let place = table.marks().get(index).ok_or(Error::Argument)?;
    update(place, |mark| mark.set(Mark::CHANGED));
    Ok(())
}

/// Whether there is anything to report.
pub fn is_due<T: Table>(table: &T) -> bool {
    let mark = |place: &Mutex<Cell<Mark>>| critical_section::with(|cs| place.borrow(cs).get());
    table.marks().iter().any(|place| mark(place).is_due())
}

/// What is remembered of a property that is due, and its variable if that is a number. It is not due
/// any more: what changes from now on is to be reported again.
fn take_due(row: &impl Row, place: &Mutex<Cell<Mark>>) -> Option<(Mark, i64)> {
    critical_section::with(|section| {
        let place = place.borrow(section);
        let mark = place.get();
        if !mark.is_due() {
            return None;
        }
        let mut taken = mark;
        taken.clear(Mark::DUE);
        place.set(taken);
        Some((mark, row.number(section)))
    })
}

/// Writes the `state` of an update that has what is due, as much of it as `room` bytes hold.
/// Returns whether there is anything in it. To be followed by [`unsent`] if it is not sent, and not
/// to be called again before that, [`accepted`] or [`failed`].
pub fn report<T: Table>(table: &T, writer: &mut Writer<'_>, room: usize) -> bool {
    let mut report = Report::new(table, writer, room);
    for (index, (row, place)) in table.rows().iter().zip(table.marks()).enumerate() {
        if !report.add(index, row, place) {
            break;
        }
    }
    report.end()
}

fn fingerprint(row: &impl Row, kind: Kind, number: i64) -> u64 {
    match kind {
        Kind::Text | Kind::Json => hash(row.text()),
        _ => number as u64,
    }
}

/// Whether a value is so near to the one reported that it need not be told.
fn is_near(row: &impl Row, kind: Kind, reported: u64, fingerprint: u64) -> bool {
    let apart = match kind {
        Kind::Integer { signed: true, .. } => (fingerprint as i64).abs_diff(reported as i64),
        Kind::Integer { .. } => fingerprint.abs_diff(reported),
        _ => return fingerprint == reported,
    };
    apart < row.deadband().max(1).into()
}

/// The report was not taken: what was in it is still due.
pub fn unsent<T: Table>(table: &T) {
    each(table, Mark::SENT, again);
}

/// The service has accepted the report.
pub fn accepted<T: Table>(table: &T) {
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
pub fn failed<T: Table>(table: &T, retry: bool) {
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
fn each<T: Table>(table: &T, flag: u8, work: impl Fn(&mut Mark)) {
    for place in table.marks() {
        update(place, |mark| {
            if mark.has(flag) {
                mark.clear(flag);
                work(mark);
            }
        });
    }
}

#[cfg(test)]
mod tests;
