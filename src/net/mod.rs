//! Sockets: from `embedded_nal`'s non-blocking TCP stack to the byte streams that TLS and MQTT
//! read and write.

mod socket;

pub use socket::{Link, Socket, connect};

use embedded_io_async::{Read, Write};
use embedded_nal::{Dns, TcpClientStack};

use crate::Error;

/// A byte stream as every layer above the socket sees it: futures that are dropped while they are
/// pending have taken nothing.
pub trait ByteStream: Read<Error = Error> + Write<Error = Error> {}

impl<T: Read<Error = Error> + Write<Error = Error>> ByteStream for T {}

/// The error of a stack.
pub type StackError<N> = <N as TcpClientStack>::Error;

/// A TCP stack the library can connect through: any stack of `embedded_nal` that also resolves
/// names, or connects by name.
pub trait Stack: TcpClientStack + Dns<Error = StackError<Self>> {
    /// Whether connections are made by host name (modems, secure sockets); `Dns` is then not used.
    fn connects_by_name(&self) -> bool {
        false
    }

    /// Connects by host name; called again until it settles, like `TcpClientStack::connect`.
    fn connect_by_name(
        &mut self,
        _socket: &mut Self::TcpSocket,
        _host: &str,
        _port: u16,
    ) -> nb::Result<(), StackError<Self>> {
        Err(nb::Error::WouldBlock)
    }

    /// What the stack itself says about an error, to be passed on to the application.
    fn error_code(_error: &StackError<Self>) -> i32 {
        0
    }

    /// Whether the error is a broken contract of the port rather than a fault of the network.
    fn is_contract(_error: &StackError<Self>) -> bool {
        false
    }
}
