//! Dividing the caller's memory.

use crate::Error;

/// Alignment of everything that is placed.
pub const ALIGN: usize = 8;

/// A place in the memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    offset: usize,
    len: usize,
}

/// Adds up what is needed; the same code makes the plan for asking and for placing, so the two
/// cannot differ.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planner {
    size: usize,
}

impl Planner {
    /// A place of `len` bytes, aligned to [`ALIGN`].
    pub fn take(&mut self, len: usize) -> Result<Place, Error> {
        let offset = self.size.next_multiple_of(ALIGN);
        self.size = offset.checked_add(len).ok_or(Error::Memory)?;
        Ok(Place { offset, len })
    }

    /// Bytes for everything taken so far.
    pub fn size(&self) -> usize {
        self.size.next_multiple_of(ALIGN)
    }
}

/// Memory given by C, aligned, of which a plan's places are handed out.
pub struct Slab {
    base: *mut u8,
}

impl Slab {
    /// Takes `size` bytes at `memory`, if they hold `needed` after alignment.
    pub fn new(memory: *mut u8, size: usize, needed: usize) -> Result<Self, Error> {
        if memory.is_null() {
            return Err(Error::Memory);
        }
        let lost = memory.align_offset(ALIGN);
        if size.checked_sub(lost).is_none_or(|left| left < needed) {
            return Err(Error::Memory);
        }
        Ok(Self {
            base: memory.wrapping_add(lost),
        })
    }

    /// Where a place begins.
    pub fn pointer(&self, place: Place) -> *mut u8 {
        self.base.wrapping_add(place.offset)
    }

    /// The bytes of a place, set to zero.
    ///
    /// # Safety
    /// The place must come from the plan whose size this slab was checked for, be handed out once,
    /// and not be used after the memory was given back.
    pub unsafe fn bytes(&self, place: Place) -> &'static mut [u8] {
        let start = self.pointer(place);
        // SAFETY: by the demand above the bytes are inside the caller's memory and ours alone;
        // zeroed they are initialised.
        unsafe {
            start.write_bytes(0, place.len);
            core::slice::from_raw_parts_mut(start, place.len)
        }
    }

    /// A place that holds `value`.
    ///
    /// # Safety
    /// As for [`bytes`](Self::bytes); the place must have been taken for this type.
    pub unsafe fn value<T>(&self, place: Place, value: T) -> &'static mut T {
        const { assert!(align_of::<T>() <= ALIGN) };
        let at = self.pointer(place).cast::<T>();
        // SAFETY: by the demands above it fits, aligned, and it is written before use.
        unsafe {
            at.write(value);
            &mut *at
        }
    }

    /// A place as `len` values, all `None`.
    ///
    /// # Safety
    /// As for [`bytes`](Self::bytes); the place must have been taken for this type and number.
    pub unsafe fn options<T>(&self, place: Place, len: usize) -> &'static mut [Option<T>] {
        const { assert!(align_of::<Option<T>>() <= ALIGN) };
        let start = self.pointer(place).cast::<Option<T>>();
        // SAFETY: by the demands above the values fit, aligned, and each is written before use.
        unsafe {
            for i in 0..len {
                start.add(i).write(None);
            }
            core::slice::from_raw_parts_mut(start, len)
        }
    }
}

/// Overwrites memory in a way that is not optimised away.
///
/// # Safety
/// The bytes must be writable and nobody may use what they held.
pub unsafe fn wipe(start: *mut u8, len: usize) {
    for i in 0..len {
        // SAFETY: by the demand above.
        unsafe { start.add(i).write_volatile(0) };
    }
}
