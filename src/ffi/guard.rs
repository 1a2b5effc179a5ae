//! Pointers from C become safe types here, or errors.

use core::ffi::c_char;
use core::mem::{MaybeUninit, size_of};

use super::types::IOT_THING_OK;
use crate::Error;
use crate::error::ALL;

/// The error with this code.
pub fn error_from_code(code: i32) -> Option<Error> {
    ALL.iter().copied().find(|error| error.code() == code)
}

/// Runs the body of an API function and turns its result into a code.
pub fn check(body: impl FnOnce() -> Result<(), Error>) -> i32 {
    match body() {
        Ok(()) => IOT_THING_OK,
        Err(error) => error.code(),
    }
}

/// Refuses NULL.
pub fn not_null<T>(pointer: *const T) -> Result<(), Error> {
    if pointer.is_null() {
        Err(Error::Null)
    } else {
        Ok(())
    }
}

/// Writes to an out-parameter.
pub fn write_out<T>(out: *mut T, value: T) -> Result<(), Error> {
    not_null(out)?;
    // SAFETY: the header demands a pointer to writable memory for a T; it is not NULL.
    unsafe { out.write_unaligned(value) };
    Ok(())
}

/// The bytes that C describes with a pointer and a length.
pub fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], Error> {
    if len == 0 {
        return Ok(&[]);
    }
    not_null(data)?;
    if len > isize::MAX as usize {
        return Err(Error::Argument);
    }
    // SAFETY: the header demands that `len` bytes are readable at `data` for as long as the
    // function that took them says; it is not NULL, and the length is one a slice can have.
    Ok(unsafe { core::slice::from_raw_parts(data, len) })
}

/// The structures that C describes with a pointer and a number of them.
pub fn slice<'a, T: Copy>(data: *const T, len: usize) -> Result<&'a [T], Error> {
    if len == 0 {
        return Ok(&[]);
    }
    not_null(data)?;
    if !data.is_aligned() || len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Error::Argument);
    }
    // SAFETY: as for `bytes`; the pointer is aligned.
    Ok(unsafe { core::slice::from_raw_parts(data, len) })
}

/// Whether `size` bytes at `buffer` are in part those of `other`.
pub fn overlap<T>(other: &[u8], buffer: *const T, size: usize) -> bool {
    let (other, start) = (other.as_ptr_range(), buffer.addr());
    let end = start.saturating_add(size);
    other.start.addr().max(start) < other.end.addr().min(end)
}

/// The memory that C describes with a pointer and a length, to be written to.
pub fn bytes_mut<'a>(data: *mut u8, len: usize) -> Result<&'a mut [u8], Error> {
    if len == 0 {
        return Ok(&mut []);
    }
    not_null(data)?;
    if len > isize::MAX as usize {
        return Err(Error::Argument);
    }
    // SAFETY: the header demands that `len` bytes are readable and writable at `data`, and used by
    // nobody else, for as long as the function that took them says; it is not NULL, and the length is
    // one a slice can have.
    Ok(unsafe { core::slice::from_raw_parts_mut(data, len) })
}

/// The bytes of a NUL-terminated string without its NUL; `TooLarge` when there is none within
/// `max` bytes.
pub fn c_str<'a>(text: *const c_char, max: usize) -> Result<&'a [u8], Error> {
    not_null(text)?;
    let mut len = 0;
    // SAFETY: the header demands a NUL-terminated string, so every byte up to the NUL is readable,
    // and the loop ends there at the latest.
    while unsafe { *text.add(len) } != 0 {
        len += 1;
        if len > max {
            return Err(Error::TooLarge);
        }
    }
    bytes(text.cast(), len)
}

/// Whether a flag of C, which anybody may set, is set; `false` for NULL.
pub fn is_set(flag: *const i32) -> bool {
    // SAFETY: the header demands a readable flag, or NULL; volatile because others write it.
    !flag.is_null() && flag.is_aligned() && unsafe { flag.read_volatile() } != 0
}

/// Reads the `struct_size` that a versioned structure starts with.
pub fn struct_size(structure: *const u32) -> Result<u32, Error> {
    not_null(structure)?;
    // SAFETY: the header demands a pointer to the structure, which starts with this field.
    Ok(unsafe { structure.read_unaligned() })
}

/// How much of a structure that the caller knows as `claimed` bytes may be touched.
pub fn known<T>(claimed: u32) -> Result<usize, Error> {
    let claimed = claimed as usize;
    // The size of a structure is a multiple of its alignment, so no field is cut in two.
    if claimed == 0 || claimed > size_of::<T>() || !claimed.is_multiple_of(align_of::<T>()) {
        return Err(Error::StructSize);
    }
    Ok(claimed)
}

/// A structure of the header whose fields may all be zero.
///
/// # Safety
/// All-zero bytes must be a valid value.
pub unsafe trait Versioned: Copy {}

/// Reads a structure that may be of an older, shorter version: what it lacks is zero.
pub fn read_versioned<T: Versioned>(structure: *const T) -> Result<T, Error> {
    let len = known::<T>(struct_size(structure.cast())?)?;
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: the caller's structure has `len` bytes, as its struct_size says, and ours has at
    // least as many. They cannot overlap: ours is new.
    unsafe {
        core::ptr::copy_nonoverlapping(structure.cast::<u8>(), value.as_mut_ptr().cast(), len);
    }
    // SAFETY: every byte is zero or the caller's, and `Versioned` promises that zero is valid; the
    // caller's fields are integers and pointers, for which every value is.
    Ok(unsafe { value.assume_init() })
}

/// Writes a structure for a caller that knows only the first `claimed` bytes of it.
pub fn write_versioned<T: Versioned>(out: *mut T, value: T, claimed: u32) -> Result<(), Error> {
    not_null(out)?;
    let len = known::<T>(claimed)?;
    // SAFETY: the caller's structure has `len` bytes, as its struct_size says, and ours at least
    // as many; they do not overlap, because ours is on our stack.
    unsafe {
        core::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), out.cast(), len);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::types::iot_thing_statistics_t;

    #[test]
    fn strings_are_measured_up_to_a_bound() {
        assert_eq!(c_str(c"abc".as_ptr(), 3), Ok(&b"abc"[..]));
        assert_eq!(c_str(c"abc".as_ptr(), 2), Err(Error::TooLarge));
        assert_eq!(c_str(c"".as_ptr(), 0), Ok(&b""[..]));
        assert_eq!(c_str(core::ptr::null(), 3), Err(Error::Null));
    }

    #[test]
    fn an_older_structure_reads_with_defaults_and_is_not_overrun() {
        let mut statistics = iot_thing_statistics_t {
            struct_size: 8,
            attempts: 3,
            connects: 4,
            ..Default::default()
        };
        let read = read_versioned(&raw const statistics).unwrap();
        assert_eq!((read.attempts, read.connects), (3, 0));
        let new = iot_thing_statistics_t {
            struct_size: 8,
            attempts: 9,
            connects: 9,
            ..Default::default()
        };
        write_versioned(&raw mut statistics, new, 8).unwrap();
        assert_eq!((statistics.attempts, statistics.connects), (9, 4));
        for wrong in [0, 3, 12, size_of::<iot_thing_statistics_t>() as u32 + 1] {
            statistics.struct_size = wrong;
            assert_eq!(
                read_versioned(&raw const statistics).err(),
                Some(Error::StructSize)
            );
        }
    }
}
