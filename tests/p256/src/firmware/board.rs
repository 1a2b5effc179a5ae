//! QEMU's mps2-an386: start, output and exit by semihosting, a clock that counts instructions.

use core::{
    arch::{asm, global_asm},
    fmt::{self, Write},
    panic::PanicInfo,
    ptr,
};

/// The 32 bits timer 0, which counts down once every 40 ns. One instruction takes 128 ns with
/// `-icount shift=7`: 16 ticks are 5 instructions.
const TIMER: usize = 0x4000_0000;

global_asm!(
    ".section .vectors, \"a\"",
    ".word stack_top",
    ".word start",
    ".rept 14",
    ".word fault",
    ".endr",
    ".text",
    ".thumb_func",
    "fault:",
    "bl on_fault",
    ".thumb_func",
    "start:",
    // The floating point unit: code for this core may use its registers.
    "ldr r0, =0xe000ed88",
    "ldr r1, [r0]",
    "orr r1, r1, #0xf00000",
    "str r1, [r0]",
    "dsb",
    "isb",
    "bl on_start",
);

unsafe extern "C" {
    static mut data_start: u32;
    static mut data_end: u32;
    static data_load: u32;
    static mut bss_start: u32;
    static mut bss_end: u32;
}

#[unsafe(no_mangle)]
unsafe extern "C" fn on_start() -> ! {
    // SAFETY: the linker script says where these are, and nothing uses them yet.
    unsafe {
        let (data, bss) = (&raw mut data_start, &raw mut bss_start);
        let length = (&raw mut data_end).offset_from_unsigned(data);
        ptr::copy_nonoverlapping(&raw const data_load, data, length);
        ptr::write_bytes(bss, 0, (&raw mut bss_end).offset_from_unsigned(bss));
        // Value, value to start again from, on.
        ptr::write_volatile((TIMER + 4) as *mut u32, u32::MAX);
        ptr::write_volatile((TIMER + 8) as *mut u32, u32::MAX);
        ptr::write_volatile(TIMER as *mut u32, 1);
    }
    exit(crate::run())
}

#[unsafe(no_mangle)]
extern "C" fn on_fault() -> ! {
    say(format_args!("FAILED: the processor took an exception"));
    exit(false)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say(format_args!("FAILED: {info}"));
    exit(false)
}

fn semihosting(operation: u32, argument: u32) {
    // SAFETY: the emulator does what the number says and changes r0 only.
    unsafe { asm!("bkpt 0xab", inout("r0") operation => _, in("r1") argument) }
}

fn exit(good: bool) -> ! {
    // ADP_Stopped_ApplicationExit, or RunTimeErrorUnknown.
    semihosting(0x18, if good { 0x20026 } else { 0x20023 });
    loop {}
}

/// Writes a line.
pub fn say(line: fmt::Arguments<'_>) {
    struct Output;
    impl Write for Output {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for byte in text.bytes() {
                let byte = [byte];
                semihosting(3, byte.as_ptr() as u32);
            }
            Ok(())
        }
    }
    // Output does not fail.
    let _ = writeln!(Output, "{line}");
}

/// Executes `what` and returns how many instructions that took, a few for the call included. They
/// are counted to the last one.
#[inline(never)]
pub fn instructions(mut what: impl FnMut()) -> u32 {
    fn now() -> u32 {
        // SAFETY: the current value of the timer.
        unsafe { ptr::read_volatile((TIMER + 4) as *const u32) }
    }
    let before = now();
    what();
    let ticks = u64::from(before.wrapping_sub(now()));
    // To the nearest: where in a tick it began and ended makes less than half an instruction.
    ((5 * ticks + 8) / 16) as u32
}

/// The bytes of stack that `what` takes.
#[inline(never)]
pub fn stack(mut what: impl FnMut()) -> usize {
    const DEPTH: usize = 4096;
    const UNTOUCHED: u32 = 0xa5c3_96e1;
    let here: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, sp", out(reg) here) };
    let word = |index: usize| (here - 4 * index) as *mut u32;
    // SAFETY: below the stack pointer is nothing, and memory for more than DEPTH words.
    unsafe { (1..DEPTH).for_each(|index| ptr::write_volatile(word(index), UNTOUCHED)) };
    what();
    // SAFETY: the same.
    let deepest = (1..DEPTH)
        .rev()
        .find(|&index| unsafe { ptr::read_volatile(word(index)) } != UNTOUCHED);
    4 * deepest.unwrap_or(0)
}
