//! How the bytes of a connection are protected.

use core::pin::pin;

use embassy_time::{Duration, Instant};

use super::env::End;
use super::event::State;
use super::serve::Service;
use super::wait::before;
use super::{App, Failure};
use crate::Error;
use crate::net::{Socket, Stack};
use crate::port::Board;
use crate::tls;

/// Time to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The AWS IoT name for MQTT on port 443, where several protocols share one port.
const ALPN_MQTT: &[u8] = b"x-amzn-mqtt-ca";
const HTTPS_PORT: u16 = 443;

/// Takes a connected socket, protects it, and has the service use it.
pub trait Transport {
    /// Serves until the connection ends.
    #[allow(async_fn_in_trait)] // Used with known types only, inside one future.
    async fn carry<N: Stack, A: App + Board>(
        &mut self,
        socket: Socket<'_, N>,
        service: &mut Service<'_, A>,
    ) -> End;
}

/// No protection here: the socket brings its own.
pub struct SecureSocket;

impl Transport for SecureSocket {
    async fn carry<N: Stack, A: App + Board>(
        &mut self,
        socket: Socket<'_, N>,
        service: &mut Service<'_, A>,
    ) -> End {
        service.serve(socket).await
    }
}

struct BoardRandom<'a, A>(&'a A);

impl<A: Board> tls::Random for BoardRandom<'_, A> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.random(out)
    }
}

impl From<tls::Failure> for Failure {
    fn from(failure: tls::Failure) -> Self {
        Self {
            error: failure.error,
            code: failure.alert.map_or(-1, i32::from),
            port_error: 0,
            needed: failure.needed,
        }
    }
}

/// A transport of a TLS engine. The engines offer the same, but share no trait: their types and
/// futures would have to be named in it.
macro_rules! tls_transport {
    ($(#[$attribute:meta])* $name:ident, $engine:ident) => {
        $(#[$attribute])*
        pub struct $name<'m> {
            memory: &'m mut [u8],
            rx: usize,
            tx: usize,
            credentials: tls::Credentials<'m>,
            earliest_unix_time: u64,
            crypto: &'static dyn tls::crypto::Crypto,
            ticket: &'m mut [u8],
        }

        impl<'m> $name<'m> {
            /// `memory` has the engine's `memory_size` for records of `rx` and `tx` bytes;
            /// `earliest_unix_time` has certainly passed; in `ticket` session tickets are kept.
            pub fn new(
                memory: &'m mut [u8],
                rx: usize,
                tx: usize,
                credentials: tls::Credentials<'m>,
                earliest_unix_time: u64,
                crypto: &'static dyn tls::crypto::Crypto,
                ticket: &'m mut [u8],
            ) -> Self {
                Self {
                    memory,
                    rx,
                    tx,
                    credentials,
                    earliest_unix_time,
                    crypto,
                    ticket,
                }
            }
        }

        impl Transport for $name<'_> {
            async fn carry<N: Stack, A: App + Board>(
                &mut self,
                socket: Socket<'_, N>,
                service: &mut Service<'_, A>,
            ) -> End {
                let env = service.env();
                env.set_state(State::Securing);
                let mut slot = match tls::$engine::Slot::new(socket, self.memory, self.rx, self.tx)
                {
                    Ok(slot) => slot,
                    Err(error) => return error.into(),
                };
                slot.keep_tickets(self.ticket);
                let config = tls::Config {
                    alpn: env
                        .settings
                        .alpn
                        .or((env.settings.port == HTTPS_PORT).then_some(ALPN_MQTT)),
                    crypto: self.crypto,
                    ..tls::Config::new(
                        env.settings.endpoint,
                        &self.credentials,
                        tls::Clock::new(env.app.unix_time(), self.earliest_unix_time),
                    )
                };
                let deadline = Instant::now() + env.settings.tls_timeout;
                // The block keeps the making of the future, a large value, out of later polls.
                let handshake = async {
                    tls::$engine::handshake(&slot, &config, BoardRandom(env.app)).await
                };
                let secured = before(deadline, pin!(handshake)).await;
                let mut secured = match secured {
                    Some(Ok(secured)) => secured,
                    Some(Err(failure)) => return failure.into(),
                    // It may have failed and not have been able to tell the server.
                    None => {
                        return slot.failure().map_or(Error::TlsTimeout.into(), End::from);
                    }
                };
                let info = secured.info();
                env.control.with(|shared| {
                    shared.connection.tls_version = info.version;
                    shared.connection.tls_cipher_suite = info.cipher_suite;
                    shared.connection.tls_resumed = info.resumed;
                });
                let end = service.serve(&mut secured).await;
                match (end, secured.failure()) {
                    (End::Asked, _) => {
                        // The broker has been told already; this tells its TLS.
                        let deadline = Instant::now() + CLOSE_TIMEOUT;
                        let _ = before(deadline, pin!(secured.close())).await;
                        End::Asked
                    }
                    // TLS knows more than MQTT, which only sees the end of the stream. What the
                    // broker said before that counts more, and so does that it never said a word.
                    (End::Failed(seen), Some(failure))
                        if !is_mqtts_word(seen.error, failure.error) =>
                    {
                        failure.into()
                    }
                    (end, _) => end,
                }
            }
        }
    };
}

tls_transport!(
    /// TLS 1.3 with mutual authentication, by our own engine.
    Tls,
    native
);
#[cfg(feature = "embedded-tls")]
tls_transport!(
    /// The same by embedded-tls.
    EmbeddedTls,
    embedded
);

fn is_mqtts_word(mqtt: Error, tls: Error) -> bool {
    matches!(
        mqtt,
        Error::MqttRefused | Error::MqttDisconnected | Error::MqttTakenOver | Error::MqttQuota
    ) || (mqtt.is_suspicion() && tls == Error::TcpClosed)
}
