//! Writes the state of an update: what of a table is due, as far as there is room.

use core::cell::Cell;

use critical_section::Mutex;

use super::{
    Kind, Mark, Problem, Row, Table, common_objects, dots, fingerprint, is_dot, is_near, look,
    take_due, update,
};
use crate::Error;
use crate::json::{Text, Writer};

/// A report that is being written: `reported` while it is found out what is due, then `desired`.
pub struct Report<'t, 'w, 'b, T> {
    table: &'t T,
    writer: &'w mut Writer<'b>,
    /// Bytes that there is room for.
    left: usize,
    reported: Section<'t>,
    /// Whether something is to be in `desired`.
    desires: bool,
}

/// A property that was written to `reported`, if it belongs there.
struct Written {
    /// Bytes that it takes in both sections.
    size: usize,
    /// Of the value.
    fingerprint: u64,
    /// It is to be in `desired`, too.
    local: bool,
}

impl<'t, 'w, 'b, T: Table> Report<'t, 'w, 'b, T> {
    /// Of at most `room` bytes.
    pub fn new(table: &'t T, writer: &'w mut Writer<'b>, room: usize) -> Self {
        Self {
            table,
            writer,
            left: room.saturating_sub(br#"{"reported":{},"desired":{}}"#.len()),
            reported: Section::new("reported"),
            desires: false,
        }
    }

    fn is_empty(&self) -> bool {
        !self.reported.is_open && !self.desires
    }

    /// Adds a property if it is due; `false` when it has to wait for the next report.
    pub fn add(&mut self, index: usize, row: &'t T::Row, place: &Mutex<Cell<Mark>>) -> bool {
        let Some((mark, number)) = take_due(row, place) else {
            return true;
        };
        let before = (self.writer.progress(), self.reported);
        let (error, size) = match self.write(row, mark, number) {
            Ok(None) => return true,
            Ok(Some(written)) => match self.left.checked_sub(written.size) {
                Some(left) => {
                    self.left = left;
                    self.desires |= written.local || row.is_write_only();
                    update(place, |mark| {
                        mark.reported = written.fingerprint;
                        mark.set(Mark::SENT);
                        if written.local {
                            mark.set(Mark::LOCAL);
                        }
                    });
                    return true;
                }
                None => (Error::TooLarge, written.size),
            },
            Err(error) => (error, 0),
        };
        *self.writer.parts().1 = before.0;
        self.reported = before.1;
        if error == Error::TooLarge && !self.is_empty() {
            update(place, |now| now.set(mark.flags & Mark::DUE));
            return false;
        }
        // It can never be reported, and would hold up all others.
        self.table.tell(&Problem {
            index: Some(index),
            name: Text::default(),
            value: None,
            error,
            code: -1,
            needed: size,
        });
        true
    }

    /// Writes a property to `reported` if it is to be told, however much room there is.
    fn write(
        &mut self,
        row: &'t T::Row,
        mark: Mark,
        number: i64,
    ) -> Result<Option<Written>, Error> {
        let path = row.path();
        if row.is_write_only() {
            return Ok(mark.is_obeyed().then(|| Written {
                size: size_of_member(path, dots(path), b"null".len()),
                fingerprint: mark.reported,
                local: false,
            }));
        }
        let kind = row.kind();
        let fingerprint = fingerprint(row, kind, number);
        let same = mark.has(Mark::KNOWN) && is_near(row, kind, mark.reported, fingerprint);
        if same && !mark.has(Mark::FORCED) {
            return Ok(None);
        }
        self.reported.name(self.writer, path);
        let start = self.writer.needed();
        write_value(row, kind, number, self.writer);
        if let Some(error) = self.writer.error()
            && error != Error::JsonNoSpace
        {
            return Err(error);
        }
        let size = match kind {
            // It can change before it is written to `desired`: -9223372036854775808 with a point.
            Kind::Integer { .. } => 21,
            Kind::Bool => b"false".len(),
            _ => self.writer.needed().saturating_sub(start),
        };
        let size = size_of_member(path, dots(self.reported.object), size);
        let local = row.is_local() && mark.has(Mark::CHANGED) && !same;
        Ok(Some(Written {
            size: size.saturating_mul(if local { 2 } else { 1 }),
            fingerprint,
            local,
        }))
    }

    /// Completes it; returns whether there is anything in it.
    pub fn end(mut self) -> bool {
        if self.is_empty() {
            return false;
        }
        self.reported.end(self.writer);
        if self.desires {
            self.desired();
        }
        self.writer.end_object();
        true
    }

    fn desired(&mut self) {
        let mut desired = Section::new("desired");
        for (row, place) in self.table.rows().iter().zip(self.table.marks()) {
            let (mark, number) = look(row, place);
            if !mark.has(Mark::SENT) || !mark.has(Mark::LOCAL | Mark::OBEYED) {
                continue;
            }
            desired.name(self.writer, row.path());
            if row.is_write_only() {
                self.writer.null();
            } else {
                write_value(row, row.kind(), number, self.writer);
            }
        }
        desired.end(self.writer);
    }
}

/// The most bytes that a property can take in a section, its objects counted as if they were its own.
fn size_of_member(path: &[u8], dots: usize, value: usize) -> usize {
    // Each level: quotes, colon, braces or comma.
    let levels = dots.saturating_add(1).saturating_mul(6);
    path.len().saturating_add(levels).saturating_add(value)
}

/// A section of a state, and the object in it that is being written.
#[derive(Clone, Copy)]
struct Section<'t> {
    title: &'static str,
    is_open: bool,
    /// How the paths that lead into the innermost object begin, with the dot.
    object: &'t [u8],
}

impl<'t> Section<'t> {
    const fn new(title: &'static str) -> Self {
        Self {
            title,
            is_open: false,
            object: &[],
        }
    }

    /// Writes the name of a property, and what leads to it.
    fn name(&mut self, writer: &mut Writer<'_>, path: &'t [u8]) {
        if !self.is_open {
            if writer.needed() == 0 {
                writer.begin_object();
            }
            writer.name(self.title).begin_object();
            self.is_open = true;
        }
        let dot = path.iter().rposition(is_dot);
        let start = dot.map_or(0, |dot| dot.saturating_add(1));
        let (object, name) = path.split_at_checked(start).unwrap_or_default();
        if !object.is_empty() || !self.object.is_empty() {
            self.enter(writer, object);
        }
        writer.name(name);
    }

    /// Closes and opens objects; those that lead to both stay open.
    fn enter(&mut self, writer: &mut Writer<'_>, object: &'t [u8]) {
        let shared = common_objects(self.object, object);
        let left = self.object.get(shared..).unwrap_or_default();
        for _ in 0..dots(left) {
            writer.end_object();
        }
        let entered = object.get(shared..).unwrap_or_default();
        if let Some(names) = entered.strip_suffix(b".") {
            for name in names.split(is_dot) {
                writer.name(name).begin_object();
            }
        }
        self.object = object;
    }

    fn end(&mut self, writer: &mut Writer<'_>) {
        if self.is_open {
            self.enter(writer, &[]);
            writer.end_object();
        }
    }
}

fn write_value(row: &impl Row, kind: Kind, number: i64, writer: &mut Writer<'_>) {
    match kind {
        Kind::Integer {
            signed, decimals, ..
        } => match signed || number >= 0 {
            true => writer.scaled(number, decimals),
            // Above what can be scaled.
            false => writer.u64(number as u64),
        },
        Kind::Bool => writer.bool(number != 0),
        Kind::Enum => {
            let n = usize::try_from(number).ok();
            match n.and_then(|n| row.enum_name(n)) {
                Some(name) => writer.string(name),
                None => writer.null(),
            }
        }
        Kind::Text => writer.string(row.text()),
        Kind::Json => writer.raw(row.text()),
    };
}
