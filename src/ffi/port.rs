//! The board: the clock that embassy-time reads, the critical section, and the end of the program.
//! The only global state of the library.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use core::task::Waker;

use critical_section::{Mutex, RawRestoreState};
use embassy_time_driver::Driver;

use super::guard::{self, Versioned};
use super::types::{IOT_THING_OK, iot_thing_port_t};
use super::waker;
use crate::Error;

// SAFETY: integers, pointers and nullable function pointers.
unsafe impl Versioned for iot_thing_port_t {}

/// The port of this program: a copy, complete whatever version the caller's structure has, and
/// whose it was.
struct Global {
    given: AtomicPtr<iot_thing_port_t>,
    nonce: AtomicU32,
    /// The port has a critical section: looked at far more often than anything else here.
    has_section: AtomicBool,
    copy: UnsafeCell<MaybeUninit<iot_thing_port_t>>,
}

// SAFETY: `copy` is written once, before `given` is set with release ordering, and only read
// after `given` was seen set with acquire ordering. That no two threads are inside their first
// iot_thing_init at once is demanded by its description.
unsafe impl Sync for Global {}

static GLOBAL: Global = Global {
    given: AtomicPtr::new(core::ptr::null_mut()),
    nonce: AtomicU32::new(0),
    has_section: AtomicBool::new(false),
    copy: UnsafeCell::new(MaybeUninit::uninit()),
};

/// The port, once there is one.
pub fn port() -> Option<&'static iot_thing_port_t> {
    if GLOBAL.given.load(Ordering::Acquire).is_null() {
        return None;
    }
    // SAFETY: `given` is set, so the copy was written and never changes again.
    Some(unsafe { (*GLOBAL.copy.get()).assume_init_ref() })
}

/// Makes a port, which was checked, the one of this program if there is none yet. `nonce` is random.
pub fn install(given: *const iot_thing_port_t, nonce: u32) -> Result<(), Error> {
    if GLOBAL.given.load(Ordering::Acquire).is_null() {
        let copy = guard::read_versioned(given)?;
        // SAFETY: `given` is not set, so nobody reads the copy, and nobody else is here (`Sync`
        // above).
        unsafe { (*GLOBAL.copy.get()).write(copy) };
        GLOBAL.nonce.store(nonce, Ordering::Relaxed);
        GLOBAL.given.store(given.cast_mut(), Ordering::Release);
        let has_section = copy.enter_critical.is_some();
        GLOBAL.has_section.store(has_section, Ordering::Release);
        critical_section::with(|cs| {
            CLOCK.borrow(cs).set(ClockState {
                last: read_clock(),
                total: 0,
            });
        });
    }
    Ok(())
}

/// A random number that is the same from the first Thing of this program to its end; `None` before
/// that.
pub fn nonce() -> Option<u32> {
    port().map(|_| GLOBAL.nonce.load(Ordering::Relaxed))
}

/// Fills `out` from a port's random source.
pub fn random_of(port: &iot_thing_port_t, out: &mut [u8]) -> Result<(), Error> {
    let random = port.random.ok_or(Error::Random)?;
    // SAFETY: the port's function, called as its description in the header says.
    match unsafe { random(port.user, out.as_mut_ptr(), out.len()) } {
        IOT_THING_OK => Ok(()),
        _ => Err(Error::Random),
    }
}

/// Checks that a port is complete, and the one of this program if there is one.
pub fn check(given: *const iot_thing_port_t) -> Result<iot_thing_port_t, Error> {
    guard::not_null(given).map_err(|_| Error::Port)?;
    let port = guard::read_versioned(given)?;
    let complete = port.now_ms.is_some()
        && port.random.is_some()
        && port.enter_critical.is_some() == port.exit_critical.is_some();
    let first = GLOBAL.given.load(Ordering::Acquire);
    if complete && (first.is_null() || core::ptr::eq(first, given)) {
        Ok(port)
    } else {
        Err(Error::Port)
    }
}

// ---- clock --------------------------------------------------------------------------------------

/// Extends the port's counter, which wraps at 32 bits, to one that does not.
#[derive(Clone, Copy)]
struct ClockState {
    last: u32,
    total: u64,
}

/// What counts as a little, in milliseconds.
const STEP_BACK_MS: u32 = 60_000;

static CLOCK: Mutex<Cell<ClockState>> = Mutex::new(Cell::new(ClockState { last: 0, total: 0 }));

#[inline(never)]
fn read_clock() -> u32 {
    match port().and_then(|port| port.now_ms.map(|now| (now, port.user))) {
        // SAFETY: the port's function, called as its description in the header says.
        Some((now_ms, user)) => unsafe { now_ms(user) },
        None => 0,
    }
}

/// Milliseconds since the port was installed.
pub fn now() -> u64 {
    critical_section::with(|cs| {
        let clock = CLOCK.borrow(cs);
        let state = clock.get();
        // Read inside the section: a value read before it could be older than one that another
        // thread has stored meanwhile, and would look like a wrap of 49 days.
        let raw = read_clock();
        let step = raw.wrapping_sub(state.last);
        // A counter that stepped back a little must not look like a wrap either.
        if step == 0 || step > u32::MAX - STEP_BACK_MS {
            return state.total;
        }
        let total = state.total.saturating_add(u64::from(step));
        clock.set(ClockState { last: raw, total });
        total
    })
}

/// Adds time in which the counter stood still.
pub fn clock_skip(ms: u32) -> Result<(), Error> {
    if port().is_none() {
        return Err(Error::State);
    }
    critical_section::with(|cs| {
        let clock = CLOCK.borrow(cs);
        let state = clock.get();
        clock.set(ClockState {
            total: state.total.saturating_add(u64::from(ms)),
            ..state
        });
    });
    Ok(())
}

struct Clock;

impl Driver for Clock {
    fn now(&self) -> u64 {
        now()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        match waker::slot(waker) {
            Some(slot) => slot.wake_at(at),
            // Somebody wrapped the waker: wake at once rather than never.
            None => waker.wake_by_ref(),
        }
    }
}

embassy_time_driver::time_driver_impl!(static CLOCK_DRIVER: Clock = Clock);

// ---- critical section -----------------------------------------------------------------------------

struct Section;
critical_section::set_impl!(Section);

// SAFETY: the port's pair excludes other threads and interrupts that use the library, as its
// description in the header demands; a port without it promises that there are none.
unsafe impl critical_section::Impl for Section {
    // Not copied to each of the many places that enter and leave a section.
    #[inline(never)]
    unsafe fn acquire() -> RawRestoreState {
        if !GLOBAL.has_section.load(Ordering::Acquire) {
            return 0;
        }
        match port().and_then(|port| port.enter_critical.map(|enter| (enter, port.user))) {
            // SAFETY: the port's function, called as its description in the header says.
            Some((enter, user)) => unsafe { enter(user) },
            None => 0,
        }
    }

    #[inline(never)]
    unsafe fn release(state: RawRestoreState) {
        if !GLOBAL.has_section.load(Ordering::Acquire) {
            return;
        }
        if let Some((exit, user)) =
            port().and_then(|port| port.exit_critical.map(|exit| (exit, port.user)))
        {
            // SAFETY: the port's function, called as its description in the header says.
            unsafe { exit(user, state) };
        }
    }
}

// ---- the end ------------------------------------------------------------------------------------------

/// The panic handler does nothing but pass the place on. It is inlined into core's panic functions,
/// and as nobody looks at the message, the optimiser drops it at every panic, and with it the
/// formatting code that would have been linked to print it (10 KB).
#[cfg(all(feature = "c-library", not(test)))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    end(info.location())
}

/// Tells the port and stops.
#[cfg(all(feature = "c-library", not(test)))]
#[cold]
#[inline(never)]
fn end(place: Option<&core::panic::Location<'_>>) -> ! {
    let (file, line) = place.map_or(("", 0), |place| (place.file(), place.line()));
    if let Some((panic, user)) = port().and_then(|port| port.panic.map(|panic| (panic, port.user)))
    {
        // SAFETY: the port's function, called as its description in the header says.
        unsafe { panic(user, file.as_ptr(), file.len(), line) };
    }
    #[expect(clippy::empty_loop, reason = "the watchdog is all that can help now")]
    loop {}
}
