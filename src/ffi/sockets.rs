//! The socket table of the firmware as a TCP stack of `embedded_nal`.

use core::cell::Cell;
use core::ffi::c_char;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use embedded_nal::{AddrType, Dns, TcpClientStack, TcpError, TcpErrorKind};

use super::guard::{self, Versioned};
use super::types::{
    IOT_THING_OK, IOT_THING_SOCKET_CLOSED, IOT_THING_SOCKET_WOULD_BLOCK, iot_thing_address_t,
    iot_thing_sockets_t,
};
use crate::Error;
use crate::net::Stack;

// SAFETY: integers, pointers and nullable function pointers.
unsafe impl Versioned for iot_thing_sockets_t {}

/// No socket.
pub const NO_SOCKET: isize = -1;

/// Checks a table and copies it.
pub fn read(table: *const iot_thing_sockets_t) -> Result<iot_thing_sockets_t, Error> {
    guard::not_null(table).map_err(|_| Error::Sockets)?;
    let table = guard::read_versioned(table)?;
    let complete = table.open.is_some()
        && table.connect.is_some()
        && table.send.is_some()
        && table.recv.is_some()
        && table.close.is_some();
    if complete {
        Ok(table)
    } else {
        Err(Error::Sockets)
    }
}

/// What a socket function reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketError {
    /// The peer has closed.
    Closed,
    /// The port's own error.
    Port(i32),
    /// A value that the contract does not allow.
    Contract(i32),
}

impl TcpError for SocketError {
    fn kind(&self) -> TcpErrorKind {
        match self {
            Self::Closed => TcpErrorKind::PipeClosed,
            Self::Port(_) | Self::Contract(_) => TcpErrorKind::Other,
        }
    }
}

/// The stack of one Thing.
pub struct CStack {
    table: iot_thing_sockets_t,
    /// The endpoint as C gave it, NUL-terminated.
    host: *const c_char,
    /// The socket that is open, for those who wait for it.
    current: &'static Cell<isize>,
}

impl CStack {
    /// `table` was checked by [`read`]; `host` is the only host it is used for.
    pub fn new(
        table: iot_thing_sockets_t,
        host: *const c_char,
        current: &'static Cell<isize>,
    ) -> Self {
        Self {
            table,
            host,
            current,
        }
    }

    fn connect_to(
        &mut self,
        socket: isize,
        address: Option<&iot_thing_address_t>,
        port: u16,
    ) -> nb::Result<(), SocketError> {
        let Some(connect) = self.table.connect else {
            return Err(nb::Error::Other(SocketError::Contract(0)));
        };
        let address = address.map_or(core::ptr::null(), core::ptr::from_ref);
        // SAFETY: the firmware's function, called as its description in the header says.
        settled(unsafe { connect(self.table.user, socket, self.host, address, port) })
    }
}

/// The result of a function that succeeds with 0.
fn settled(result: i32) -> nb::Result<(), SocketError> {
    match result {
        IOT_THING_OK => Ok(()),
        IOT_THING_SOCKET_WOULD_BLOCK => Err(nb::Error::WouldBlock),
        IOT_THING_SOCKET_CLOSED => Err(nb::Error::Other(SocketError::Closed)),
        error if error < 0 => Err(nb::Error::Other(SocketError::Port(error))),
        other => Err(nb::Error::Other(SocketError::Contract(other))),
    }
}

/// The result of a function that moves 1 to `len` bytes.
fn moved(result: i32, len: usize) -> nb::Result<usize, SocketError> {
    match usize::try_from(result) {
        Ok(n) if (1..=len).contains(&n) => Ok(n),
        Ok(_) => Err(nb::Error::Other(SocketError::Contract(result))),
        Err(_) => match settled(result) {
            Ok(()) => Err(nb::Error::Other(SocketError::Contract(result))),
            Err(error) => Err(error),
        },
    }
}

/// A length as C is told it: more than an `int32_t` can answer for is never asked.
fn limit(len: usize) -> usize {
    len.min(i32::MAX as usize)
}

impl TcpClientStack for CStack {
    type TcpSocket = isize;
    type Error = SocketError;

    fn socket(&mut self) -> Result<isize, SocketError> {
        let Some(open) = self.table.open else {
            return Err(SocketError::Contract(0));
        };
        let mut socket = NO_SOCKET;
        // SAFETY: the firmware's function, called as its description in the header says.
        match settled(unsafe { open(self.table.user, &raw mut socket) }) {
            Ok(()) => {
                self.current.set(socket);
                Ok(socket)
            }
            Err(nb::Error::Other(error)) => Err(error),
            Err(nb::Error::WouldBlock) => Err(SocketError::Contract(IOT_THING_SOCKET_WOULD_BLOCK)),
        }
    }

    fn connect(&mut self, socket: &mut isize, remote: SocketAddr) -> nb::Result<(), SocketError> {
        self.connect_to(*socket, Some(&to_c(remote.ip())), remote.port())
    }

    fn send(&mut self, socket: &mut isize, data: &[u8]) -> nb::Result<usize, SocketError> {
        let Some(send) = self.table.send else {
            return Err(nb::Error::Other(SocketError::Contract(0)));
        };
        let len = limit(data.len());
        // SAFETY: the firmware's function, called as its description in the header says.
        moved(
            unsafe { send(self.table.user, *socket, data.as_ptr(), len) },
            len,
        )
    }

    fn receive(&mut self, socket: &mut isize, out: &mut [u8]) -> nb::Result<usize, SocketError> {
        let Some(recv) = self.table.recv else {
            return Err(nb::Error::Other(SocketError::Contract(0)));
        };
        let len = limit(out.len());
        // SAFETY: the firmware's function, called as its description in the header says.
        moved(
            unsafe { recv(self.table.user, *socket, out.as_mut_ptr(), len) },
            len,
        )
    }

    fn close(&mut self, socket: isize) -> Result<(), SocketError> {
        self.current.set(NO_SOCKET);
        if let Some(close) = self.table.close {
            // SAFETY: the firmware's function, called as its description in the header says.
            unsafe { close(self.table.user, socket) };
        }
        Ok(())
    }
}

impl Dns for CStack {
    type Error = SocketError;

    fn get_host_by_name(&mut self, _host: &str, _: AddrType) -> nb::Result<IpAddr, SocketError> {
        let Some(resolve) = self.table.resolve else {
            return Err(nb::Error::Other(SocketError::Contract(0)));
        };
        let mut address = iot_thing_address_t {
            family: 0,
            ip: [0; 16],
        };
        // SAFETY: the firmware's function, called as its description in the header says.
        settled(unsafe { resolve(self.table.user, self.host, &raw mut address) })?;
        from_c(&address).ok_or(nb::Error::Other(SocketError::Contract(0)))
    }

    fn get_host_by_address(&mut self, _: IpAddr, _: &mut [u8]) -> nb::Result<usize, SocketError> {
        // Never asked for.
        Err(nb::Error::Other(SocketError::Contract(0)))
    }
}

impl Stack for CStack {
    fn connects_by_name(&self) -> bool {
        self.table.resolve.is_none()
    }

    fn connect_by_name(
        &mut self,
        socket: &mut isize,
        _host: &str,
        port: u16,
    ) -> nb::Result<(), SocketError> {
        self.connect_to(*socket, None, port)
    }

    fn error_code(error: &SocketError) -> i32 {
        match error {
            SocketError::Closed => IOT_THING_SOCKET_CLOSED,
            SocketError::Port(code) | SocketError::Contract(code) => *code,
        }
    }

    fn is_contract(error: &SocketError) -> bool {
        matches!(error, SocketError::Contract(_))
    }
}

fn to_c(ip: IpAddr) -> iot_thing_address_t {
    let mut address = iot_thing_address_t {
        family: 4,
        ip: [0; 16],
    };
    match ip {
        IpAddr::V4(v4) => {
            for (to, from) in address.ip.iter_mut().zip(v4.octets()) {
                *to = from;
            }
        }
        IpAddr::V6(v6) => {
            address.family = 6;
            address.ip = v6.octets();
        }
    }
    address
}

fn from_c(address: &iot_thing_address_t) -> Option<IpAddr> {
    match address.family {
        4 => {
            let [a, b, c, d, ..] = address.ip;
            Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
        6 => Some(IpAddr::V6(Ipv6Addr::from(address.ip))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_clamped_to_the_contract() {
        assert_eq!(moved(5, 5), Ok(5));
        for lie in [0, 6, i32::MAX] {
            assert_eq!(
                moved(lie, 5),
                Err(nb::Error::Other(SocketError::Contract(lie)))
            );
        }
        assert_eq!(
            moved(IOT_THING_SOCKET_WOULD_BLOCK, 5),
            Err(nb::Error::WouldBlock)
        );
        assert_eq!(
            moved(IOT_THING_SOCKET_CLOSED, 5),
            Err(nb::Error::Other(SocketError::Closed))
        );
        assert_eq!(
            moved(-110, 5),
            Err(nb::Error::Other(SocketError::Port(-110)))
        );
        assert_eq!(settled(1), Err(nb::Error::Other(SocketError::Contract(1))));
    }

    #[test]
    fn addresses_there_and_back() {
        for ip in ["127.0.0.1", "2001:db8::7"] {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(from_c(&to_c(ip)), Some(ip));
        }
        assert_eq!(
            from_c(&iot_thing_address_t {
                family: 5,
                ip: [0; 16]
            }),
            None
        );
    }
}
