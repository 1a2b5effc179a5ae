//! Another Rust library in the same program: it brings everything that iot_thing's archive has
//! inside under the same names.

/// The clock of embassy-time.
#[unsafe(no_mangle)]
pub extern "C" fn _embassy_time_now() -> u64 {
    4711
}

/// The waker of embassy-time.
#[unsafe(no_mangle)]
pub extern "C" fn _embassy_time_schedule_wake(_at: u64, _waker: *const ()) {}

/// The critical section.
#[unsafe(no_mangle)]
pub extern "C" fn _critical_section_1_0_acquire() -> usize {
    0
}

/// Its end.
#[unsafe(no_mangle)]
pub extern "C" fn _critical_section_1_0_release(_state: usize) {}

/// Something to call, with a panic inside.
#[unsafe(no_mangle)]
pub extern "C" fn other_sum(numbers: *const u32, len: usize) -> u32 {
    // SAFETY: the caller gives an array of that length.
    let numbers = unsafe { std::slice::from_raw_parts(numbers, len) };
    numbers.iter().copied().reduce(|a, b| a.checked_add(b).unwrap()).unwrap_or_default()
}
