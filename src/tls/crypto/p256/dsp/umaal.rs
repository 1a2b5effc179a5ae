//! Calculating modulo P-256's prime with UMAAL, which makes `a b + c + d` of four words: the
//! only assembly, and besides `ffi` the only unsafe code of the library.
//!
//! A compiler neither uses that instruction nor keeps a carry in the flags, and the instructions of
//! a handshake are nearly all in these five functions. They touch what their pointers point to and
//! the stack below them, and execute the same instructions whatever the numbers are.
//!
//! All take numbers less than the prime, and make such.
#![allow(
    unsafe_code,
    reason = "inline assembly, and two pointers to the same number"
)]

use core::arch::asm;

use super::modular::Limbs;

/// `a += b`
pub(super) fn add(a: &mut Limbs, b: &Limbs) {
    // SAFETY: two valid references.
    unsafe { add_at(a, b) }
}

/// `a -= b`
pub(super) fn subtract(a: &mut Limbs, b: &Limbs) {
    // SAFETY: two valid references.
    unsafe { subtract_at(a, b) }
}

/// `a /= 2`
pub(super) fn halve(a: &mut Limbs) {
    // SAFETY: a valid reference.
    unsafe { halve_at(a) }
}

/// `a = a b / 2^256` (Montgomery)
pub(super) fn multiply(a: &mut Limbs, b: &Limbs) {
    // SAFETY: two valid references.
    unsafe { multiply_at(a, b) }
}

/// `a = a a / 2^256` (Montgomery)
pub(super) fn square(a: &mut Limbs) {
    let a: *mut Limbs = a;
    // SAFETY: a valid reference; the function reads all before it writes.
    unsafe { multiply_at(a, a) }
}

/// The entry at `index`, having read all of them. There is at least one.
pub(super) fn select<const WIDTH: usize, const SIZE: usize>(
    table: &[[Limbs; WIDTH]; SIZE],
    index: u32,
) -> [Limbs; WIDTH] {
    let mut entry = [[0; 8]; WIDTH];
    let first: *const Limbs = table.as_ptr().cast();
    for (column, out) in entry.iter_mut().enumerate() {
        // SAFETY: a valid reference to write to; in this column there are SIZE numbers at this
        // distance.
        unsafe {
            select_at(
                out,
                first.add(column),
                size_of::<[Limbs; WIDTH]>(),
                SIZE,
                index,
            )
        }
    }
    entry
}

// The compiler does not hand out r6 and r7, hence they are saved here.

/// # Safety
/// `a` can be read and written, `b` read; they may be the same.
#[inline(never)]
unsafe fn add_at(a: *mut Limbs, b: *const Limbs) {
    // SAFETY: touches what the caller promises, and restores r6, r7 and the stack pointer.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "ldm r0, {{r2, r3, r4, r5, r6, r7, r8, r9}}",
            "ldm r1!, {{r10, r11, r12, lr}}",
            "adds r2, r2, r10",
            "adcs r3, r3, r11",
            "adcs r4, r4, r12",
            "adcs r5, r5, lr",
            "ldm r1, {{r10, r11, r12, lr}}",
            "adcs r6, r6, r10",
            "adcs r7, r7, r11",
            "adcs r8, r8, r12",
            "adcs r9, r9, lr",
            "mov r1, #0",
            "adc r1, r1, #0",
            // Minus the prime; r1 becomes -1 if that was too much, else 0.
            "mov r10, #-1",
            "subs r2, r2, r10",
            "sbcs r3, r3, r10",
            "sbcs r4, r4, r10",
            "sbcs r5, r5, #0",
            "sbcs r6, r6, #0",
            "sbcs r7, r7, #0",
            "sbcs r8, r8, #1",
            "sbcs r9, r9, r10",
            "sbc r1, r1, #0",
            // Plus the prime or 0.
            "lsr r10, r1, #31",
            "adds r2, r2, r1",
            "adcs r3, r3, r1",
            "adcs r4, r4, r1",
            "adcs r5, r5, #0",
            "adcs r6, r6, #0",
            "adcs r7, r7, #0",
            "adcs r8, r8, r10",
            "adc r9, r9, r1",
            "stm r0, {{r2, r3, r4, r5, r6, r7, r8, r9}}",
            "pop {{r6, r7}}",
            inout("r0") a => _, inout("r1") b => _,
            out("r2") _, out("r3") _, out("r4") _, out("r5") _, out("r8") _,
            out("r9") _, out("r10") _, out("r11") _, out("r12") _, out("lr") _,
        );
    }
}

/// # Safety
/// `a` can be read and written, `b` read; they may be the same.
#[inline(never)]
unsafe fn subtract_at(a: *mut Limbs, b: *const Limbs) {
    // SAFETY: touches what the caller promises, and restores r6, r7 and the stack pointer.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "ldm r0, {{r2, r3, r4, r5, r6, r7, r8, r9}}",
            "ldm r1!, {{r10, r11, r12, lr}}",
            "subs r2, r2, r10",
            "sbcs r3, r3, r11",
            "sbcs r4, r4, r12",
            "sbcs r5, r5, lr",
            "ldm r1, {{r10, r11, r12, lr}}",
            "sbcs r6, r6, r10",
            "sbcs r7, r7, r11",
            "sbcs r8, r8, r12",
            "sbcs r9, r9, lr",
            // r1 becomes -1 if b was more, else 0; plus the prime or 0.
            "sbc r1, r1, r1",
            "lsr r10, r1, #31",
            "adds r2, r2, r1",
            "adcs r3, r3, r1",
            "adcs r4, r4, r1",
            "adcs r5, r5, #0",
            "adcs r6, r6, #0",
            "adcs r7, r7, #0",
            "adcs r8, r8, r10",
            "adc r9, r9, r1",
            "stm r0, {{r2, r3, r4, r5, r6, r7, r8, r9}}",
            "pop {{r6, r7}}",
            inout("r0") a => _, inout("r1") b => _,
            out("r2") _, out("r3") _, out("r4") _, out("r5") _, out("r8") _,
            out("r9") _, out("r10") _, out("r11") _, out("r12") _, out("lr") _,
        );
    }
}

/// # Safety
/// `a` can be read and written.
#[inline(never)]
unsafe fn halve_at(a: *mut Limbs) {
    // SAFETY: touches what the caller promises, and restores r6 and r7.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "ldm r0, {{r2, r3, r4, r5, r6, r7, r8, r9}}",
            // r1 becomes -1 if it is odd, else 0; plus the prime or 0 makes it even.
            "and r1, r2, #1",
            "rsb r1, r1, #0",
            "lsr r10, r1, #31",
            "adds r2, r2, r1",
            "adcs r3, r3, r1",
            "adcs r4, r4, r1",
            "adcs r5, r5, #0",
            "adcs r6, r6, #0",
            "adcs r7, r7, #0",
            "adcs r8, r8, r10",
            "adcs r9, r9, r1",
            // To the right, the carry coming in.
            "rrxs r9, r9",
            "rrxs r8, r8",
            "rrxs r7, r7",
            "rrxs r6, r6",
            "rrxs r5, r5",
            "rrxs r4, r4",
            "rrxs r3, r3",
            "rrx r2, r2",
            "stm r0, {{r2, r3, r4, r5, r6, r7, r8, r9}}",
            "pop {{r6, r7}}",
            inout("r0") a => _, out("r1") _, out("r2") _, out("r3") _, out("r4") _,
            out("r5") _, out("r8") _, out("r9") _, out("r10") _,
        );
    }
}

/// # Safety
/// `a` can be read and written, `b` read; they may be the same.
#[inline(never)]
unsafe fn multiply_at(a: *mut Limbs, b: *const Limbs) {
    // On the stack: the limbs 0 to 7 of the product, then 8 to 15 in another order, a, r6, r7.
    //
    // SAFETY: touches what the caller promises, and restores r6, r7 and the stack pointer.
    unsafe {
        asm!(
            "push {{r0, r6, r7}}",
            "sub sp, #64",

            // a0 to a3 times b0 to b3. In every row four words of the sum are in registers, and
            // one more takes the carry; the lowest is then done with.
            "ldm r0, {{r2, r3, r4, r5}}",
            "ldm r1!, {{r6, r7, r8, r9}}",
            "umull r10, r11, r2, r6",
            "mov r12, #0",
            "umaal r11, r12, r3, r6",
            "mov lr, #0",
            "umaal r12, lr, r4, r6",
            "mov r0, #0",
            "umaal lr, r0, r5, r6",
            "mov r6, #0",
            "umaal r11, r6, r2, r7",
            "umaal r12, r6, r3, r7",
            "umaal lr, r6, r4, r7",
            "umaal r0, r6, r5, r7",
            "mov r7, #0",
            "umaal r12, r7, r2, r8",
            "umaal lr, r7, r3, r8",
            "umaal r0, r7, r4, r8",
            "umaal r6, r7, r5, r8",
            "mov r8, #0",
            "umaal lr, r8, r2, r9",
            "umaal r0, r8, r3, r9",
            "umaal r6, r8, r4, r9",
            "umaal r7, r8, r5, r9",
            "stm sp, {{r10, r11, r12, lr}}",

            // a0 to a3 times b4 to b7. Limbs 4 to 7 stay in r0, r6, r7, r8; 8 to 11 are in lr, r9,
            // r10, r11.
            "ldm r1, {{r9, r10, r11, r12}}",
            "mov lr, #0",
            "umaal r0, lr, r2, r9",
            "umaal r6, lr, r3, r9",
            "umaal r7, lr, r4, r9",
            "umaal r8, lr, r5, r9",
            "mov r9, #0",
            "umaal r6, r9, r2, r10",
            "umaal r7, r9, r3, r10",
            "umaal r8, r9, r4, r10",
            "umaal lr, r9, r5, r10",
            "mov r10, #0",
            "umaal r7, r10, r2, r11",
            "umaal r8, r10, r3, r11",
            "umaal lr, r10, r4, r11",
            "umaal r9, r10, r5, r11",
            "mov r11, #0",
            "umaal r8, r11, r2, r12",
            "umaal lr, r11, r3, r12",
            "umaal r9, r11, r4, r12",
            "umaal r10, r11, r5, r12",
            "strd r9, r10, [sp, #32]",
            "strd r11, lr, [sp, #40]",

            // a4 to a7 times b0 to b3, added to limbs 4 to 7.
            "ldr r12, [sp, #64]",
            "ldrd r2, r3, [r12, #16]",
            "ldrd r4, r5, [r12, #24]",
            "ldmdb r1, {{r9, r10, r11, r12}}",
            "mov lr, #0",
            "umaal r0, lr, r2, r9",
            "umaal r6, lr, r3, r9",
            "umaal r7, lr, r4, r9",
            "umaal r8, lr, r5, r9",
            "mov r9, #0",
            "umaal r6, r9, r2, r10",
            "umaal r7, r9, r3, r10",
            "umaal r8, r9, r4, r10",
            "umaal lr, r9, r5, r10",
            "mov r10, #0",
            "umaal r7, r10, r2, r11",
            "umaal r8, r10, r3, r11",
            "umaal lr, r10, r4, r11",
            "umaal r9, r10, r5, r11",
            "mov r11, #0",
            "umaal r8, r11, r2, r12",
            "umaal lr, r11, r3, r12",
            "umaal r9, r11, r4, r12",
            "umaal r10, r11, r5, r12",
            "strd r0, r6, [sp, #16]",
            "strd r7, r8, [sp, #24]",

            // a4 to a7 times b4 to b7; limbs 8 to 11 that are on the stack come in as carries.
            "ldm r1, {{r0, r6, r7, r8}}",
            "ldr r12, [sp, #44]",
            "umaal lr, r12, r2, r0",
            "umaal r9, r12, r3, r0",
            "umaal r10, r12, r4, r0",
            "umaal r11, r12, r5, r0",
            "ldr r0, [sp, #32]",
            "umaal r9, r0, r2, r6",
            "umaal r10, r0, r3, r6",
            "umaal r11, r0, r4, r6",
            "umaal r12, r0, r5, r6",
            "ldr r6, [sp, #36]",
            "umaal r10, r6, r2, r7",
            "umaal r11, r6, r3, r7",
            "umaal r12, r6, r4, r7",
            "umaal r0, r6, r5, r7",
            "ldr r7, [sp, #40]",
            "umaal r11, r7, r2, r8",
            "umaal r12, r7, r3, r8",
            "umaal r0, r7, r4, r8",
            "umaal r6, r7, r5, r8",
            // Limbs 13, 14, 15, 9, 10, 11, 12, 8.
            "add r8, sp, #32",
            "stm r8, {{r0, r6, r7, r9, r10, r11, r12, lr}}",

            // The lower half plus a multiple of the prime, so that it is divisible by 2^256.
            // The prime is 2^96 (1 + 2^96 (1 - 2^32 + 2^64)) - 1, hence the lowest three limbs m
            // are made 0 by adding m times the prime, that is m at limb 3 and
            // v = m (1 - 2^32 + 2^64) at limb 6.
            "ldm sp, {{r1, r2, r3, r4, r5, r6, r7, r8}}",
            // v: r1, r9, r10, r11, r12
            "subs r9, r2, r1",
            "sbcs r10, r3, r2",
            "mov r11, #0",
            "sbcs r11, r11, r3",
            "sbc r12, r12, r12",
            "adds r10, r10, r1",
            "adcs r11, r11, r2",
            "adc r12, r12, r3",
            "adds r4, r4, r1",
            "adcs r5, r5, r2",
            "adcs r6, r6, r3",
            "adcs r7, r7, r1",
            "adcs r8, r8, r9",
            "adcs r9, r10, #0",
            "adcs r10, r11, #0",
            "adc r11, r12, #0",
            // Limbs 3 to 10 are in r4 to r11. The same for 3 to 5; v: r4, r1, r2, r3, r12
            "subs r1, r5, r4",
            "sbcs r2, r6, r5",
            "mov r3, #0",
            "sbcs r3, r3, r6",
            "sbc r12, r12, r12",
            "adds r2, r2, r4",
            "adcs r3, r3, r5",
            "adc r12, r12, r6",
            "adds r7, r7, r4",
            "adcs r8, r8, r5",
            "adcs r9, r9, r6",
            "adcs r10, r10, r4",
            "adcs r11, r11, r1",
            "adcs r1, r2, #0",
            "adcs r2, r3, #0",
            "adc r3, r12, #0",
            // Limbs 6 to 13 are in r7 to r11 and r1 to r3. For 6 and 7; v: r7, r4, r5, r6
            "subs r4, r8, r7",
            "mov r5, #0",
            "sbcs r5, r5, r8",
            "sbc r6, r6, r6",
            "adds r5, r5, r7",
            "adc r6, r6, r8",
            "adds r10, r10, r7",
            "adcs r11, r11, r8",
            "adcs r1, r1, #0",
            "adcs r2, r2, r7",
            "adcs r3, r3, r4",
            "adcs r5, r5, #0",
            "adc r6, r6, #0",

            // Plus the upper half: r9, r10, r11, r1, r2, r3, r5, r6, r4
            "add r0, sp, #44",
            "ldm r0, {{r4, r7, r8, r12, lr}}",
            "adds r9, r9, lr",
            "adcs r10, r10, r4",
            "adcs r11, r11, r7",
            "adcs r1, r1, r8",
            "adcs r2, r2, r12",
            "add r0, sp, #32",
            "ldm r0, {{r4, r7, r8}}",
            "adcs r3, r3, r4",
            "adcs r5, r5, r7",
            "adcs r6, r6, r8",
            "mov r4, #0",
            "adc r4, r4, #0",
            // Minus the prime; r4 becomes -1 if that was too much, else 0.
            "mov r12, #-1",
            "subs r9, r9, r12",
            "sbcs r10, r10, r12",
            "sbcs r11, r11, r12",
            "sbcs r1, r1, #0",
            "sbcs r2, r2, #0",
            "sbcs r3, r3, #0",
            "sbcs r5, r5, #1",
            "sbcs r6, r6, r12",
            "sbc r4, r4, #0",
            // Plus the prime or 0.
            "lsr r12, r4, #31",
            "adds r9, r9, r4",
            "adcs r10, r10, r4",
            "adcs r11, r11, r4",
            "adcs r1, r1, #0",
            "adcs r2, r2, #0",
            "adcs r3, r3, #0",
            "adcs r5, r5, r12",
            "adc r6, r6, r4",
            "ldr r0, [sp, #64]",
            "stm r0!, {{r9, r10, r11}}",
            "stm r0, {{r1, r2, r3, r5, r6}}",

            "add sp, #68",
            "pop {{r6, r7}}",
            inout("r0") a => _, inout("r1") b => _,
            out("r2") _, out("r3") _, out("r4") _, out("r5") _, out("r8") _,
            out("r9") _, out("r10") _, out("r11") _, out("r12") _, out("lr") _,
        );
    }
}

/// Writes to `out` the number that is `index` times `distance` bytes behind `table`.
///
/// # Safety
/// `out` can be written; `size`, which is not 0, numbers can be read.
#[inline(never)]
unsafe fn select_at(
    out: *mut Limbs,
    table: *const Limbs,
    distance: usize,
    size: usize,
    index: u32,
) {
    // Adds up all numbers, each times 1 or 0.
    //
    // SAFETY: touches what the caller promises, and restores r6, r7 and the stack pointer.
    unsafe {
        asm!(
            "push {{r0, r6, r7}}",
            "mov r5, #0",
            "mov r6, #0",
            "mov r7, #0",
            "mov r8, #0",
            "mov r9, #0",
            "mov r10, #0",
            "mov r11, #0",
            "mov r12, #0",
            "2:",
            // lr: 1 if r4 is 0, else 0.
            "clz lr, r4",
            "lsr lr, lr, #5",
            "sub r4, r4, #1",
            "ldr r0, [r1]",
            "mla r5, r0, lr, r5",
            "ldr r0, [r1, #4]",
            "mla r6, r0, lr, r6",
            "ldr r0, [r1, #8]",
            "mla r7, r0, lr, r7",
            "ldr r0, [r1, #12]",
            "mla r8, r0, lr, r8",
            "ldr r0, [r1, #16]",
            "mla r9, r0, lr, r9",
            "ldr r0, [r1, #20]",
            "mla r10, r0, lr, r10",
            "ldr r0, [r1, #24]",
            "mla r11, r0, lr, r11",
            "ldr r0, [r1, #28]",
            "mla r12, r0, lr, r12",
            "add r1, r1, r2",
            "subs r3, r3, #1",
            "bne 2b",
            "pop {{r0}}",
            "stm r0, {{r5, r6, r7, r8, r9, r10, r11, r12}}",
            "pop {{r6, r7}}",
            inout("r0") out => _, inout("r1") table => _, in("r2") distance,
            inout("r3") size => _, inout("r4") index => _, out("r5") _, out("r8") _,
            out("r9") _, out("r10") _, out("r11") _, out("r12") _, out("lr") _,
        );
    }
}
