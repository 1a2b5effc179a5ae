//! Goes through a section of a shadow once and says which members are properties.

use super::{MAX_LEVELS, Row, is_dot};
use crate::json::{Member, Text, Value};

/// The number of a property, and its row; `None`: there is none of this name.
pub type Found<'v, R> = Option<(usize, &'v R)>;

/// Hands over the members of an object, and those of the objects in it that paths lead through; with
/// `all` also those that are no property.
pub fn visit<'v, R: Row>(
    rows: &'v [R],
    object: Value<'v>,
    all: bool,
    take: &mut dyn FnMut(Found<'v, R>, &Member<'v>),
) {
    let Ok(mut names) = object.names() else {
        return;
    };
    // How the paths that lead into the current object begin, with the dot.
    let mut object: &[u8] = &[];
    let mut outer = heapless::Vec::<(_, &[u8]), MAX_LEVELS>::new();
    // Members mostly come in the order of the table.
    let mut expected = 0;
    loop {
        let Some(name) = names.next() else {
            let Some(next) = outer.pop() else { return };
            (names, object) = next;
            continue;
        };
        let found = search(rows, expected, object, name);
        if found.is_none() && !all {
            continue;
        }
        let Some(value) = names.value() else {
            continue;
        };
        let member = Member { name, value };
        let inner = match found {
            Some((index, row, 0)) => {
                expected = index.saturating_add(1);
                take(Some((index, row)), &member);
                continue;
            }
            Some((_, row, _)) => value.names().ok().zip(Some(row)),
            None => None,
        };
        let Some((inner, row)) = inner else {
            take(None, &member);
            continue;
        };
        // No path leads deeper than there is room.
        let _ = outer.push((names, object));
        names = inner;
        object = inner_object(row.path(), object.len());
    }
}

/// The first row, from `expected` on, whose path begins with an object and a name, and what is
/// behind them: 0, or a dot when there are objects in between.
fn search<'r, R: Row>(
    rows: &'r [R],
    expected: usize,
    object: &[u8],
    name: Text<'_>,
) -> Option<(usize, &'r R, u8)> {
    let mut index = expected;
    for _ in rows {
        if index >= rows.len() {
            index = 0;
        }
        let row = rows.get(index)?;
        let behind = match name.is_escaped() {
            false => row.behind(object, name.raw()),
            true => behind_escaped(row, object, name),
        };
        match behind {
            // A name with a dot is one level of the message, and none of a path.
            Some(0 | b'.') if name.raw().contains(&b'.') => return None,
            Some(behind @ (0 | b'.')) => return Some((index, row, behind)),
            _ => {}
        }
        index = index.saturating_add(1);
    }
    None
}

#[cold]
fn behind_escaped(row: &impl Row, object: &[u8], name: Text<'_>) -> Option<u8> {
    let rest = row.path().strip_prefix(object)?;
    let dot = rest.iter().position(is_dot);
    let (own, behind) = rest.split_at_checked(dot.unwrap_or(rest.len()))?;
    name.eq_str(own)
        .then(|| behind.first().copied().unwrap_or(0))
}

/// The object at `start` that a path leads through, with its dot.
fn inner_object(path: &[u8], start: usize) -> &[u8] {
    let dot = path.iter().skip(start).position(is_dot);
    dot.and_then(|dot| path.get(..=start.saturating_add(dot)))
        .unwrap_or_default()
}
