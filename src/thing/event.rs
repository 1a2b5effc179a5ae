//! What the application is told: states, events and the results of operations.

use crate::Error;
use crate::error::Retry;
use crate::json::Value;

/// Where the connection stands, see `iot_thing_get_state`. New values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum State {
    /// Not connected, and not asked to be.
    #[default]
    Idle = 0,
    /// Looking up the endpoint's address.
    Resolving = 1,
    /// Opening the TCP connection.
    Connecting = 2,
    /// TLS handshake.
    Securing = 3,
    /// CONNECT sent, waiting for CONNACK.
    Opening = 4,
    /// Waiting for the SUBACK of the subscriptions that are needed.
    Subscribing = 5,
    /// Connected and ready.
    Online = 6,
    /// Disconnecting, as asked.
    Closing = 7,
    /// The last attempt failed; waiting to try again.
    Waiting = 8,
}

/// What an event tells. New values may be added: ignore those you do not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum EventKind {
    /// No event (`iot_thing_next_event` only).
    #[default]
    None = 0,
    /// `state` has changed.
    State = 1,
    /// Online; `session_resumed` tells whether the broker kept the session.
    Connected = 2,
    /// The connection that was online has ended: `error` is 0 when `iot_thing_disconnect` asked
    /// for it, else it says why, with `code` and `port_error`; `retry_ms` until the next attempt.
    Disconnected = 3,
    /// An attempt to connect failed: `error`, `code`, `port_error`, `needed`, `retry_ms`.
    ConnectFailed = 4,
    /// The answer written by the `on_shadow_request` callback did not reach the cloud: `error`.
    /// `IOT_THING_ERR_TOO_LARGE` with `needed`: raise `reply_size` or `tx_size`.
    /// `IOT_THING_ERR_CANCELLED` with `code`: the callback returned that value.
    /// `IOT_THING_ERR_REJECTED` or `_MQTT_SUBSCRIBE_REFUSED` with `code`, `IOT_THING_ERR_TIMED_OUT`: as
    /// for any update.
    /// Another: the JSON writer's error.
    ReplyFailed = 5,
    /// A shadow message could not be used: `error` (`IOT_THING_ERR_JSON_...`).
    BadMessage = 6,
    /// An operation that was given no callback has failed: `user`, `error`, `code`. With
    /// `pull_events` also told when it succeeded, if it was given a `user`.
    Done = 7,
    /// A shadow request (`pull_events` only): `data`, the JSON object of the requested state,
    /// borrowed until the next `iot_thing_poll`. Answer with `iot_thing_update_shadow`.
    ShadowRequest = 8,
    /// The shadow could not be read, which is done to find the requests that were missed:
    /// `error`, `IOT_THING_ERR_REJECTED` with `code`, or `IOT_THING_ERR_TIMED_OUT` (also when the
    /// shadow document is larger than `rx_size`). It is tried again, less and less often.
    FetchFailed = 9,
    /// A message on a topic that was subscribed to without a callback, or that nobody subscribed to
    /// and `iot_thing_mqtt_on_message` has no callback for (`pull_events` only): `topic` and `data`,
    /// borrowed until the next `iot_thing_poll`; `user` as given with the subscription.
    Message = 10,
    /// A subscription that stood was refused when the session was lost and it was made again:
    /// `user`, `code` (MQTT 5 reason code of the SUBACK). It is gone; subscribe anew.
    SubscriptionLost = 11,
    /// A message was larger than `rx_size`: `needed`, the size of its packet, and the beginning of its
    /// `topic`, borrowed during the callback. It was passed over, and acknowledged with "quota
    /// exceeded" so that it does not come again; the connection goes on. (With `pull_events` there
    /// is no `topic`.)
    MessageTooLarge = 12,
    /// The broker refused a filter that listening to a shadow needs, on AWS IoT usually by the policy:
    /// `error` (`IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED`), `code` (MQTT 5 reason code of the SUBACK),
    /// `topic`, the end of the filter (it stays valid), `user`, the `iot_thing_shadow_t` or NULL for
    /// the Thing's own. Without "update/delta" no live deltas come, without "update/documents" no
    /// documents; without "get/+" what was missed is not found. All else goes on. The filter is asked
    /// for again, and this told again, on the next connection, or when a callback was removed and is
    /// set again.
    ShadowRefused = 13,
}

/// An event, as the core tells it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Where the connection stands now.
    pub state: State,
    /// The error, if it is one.
    pub error: Option<Error>,
    /// The protocol's own code, or -1.
    pub code: i32,
    /// The port's own code, or 0.
    pub port_error: i32,
    /// Milliseconds to the next attempt.
    pub retry_ms: u32,
    /// Bytes that would have been needed.
    pub needed: usize,
    /// The broker had the session.
    pub session_resumed: bool,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// `None`: it was done.
    pub error: Option<Error>,
    /// The service's or the broker's code, or -1.
    pub code: i32,
    /// Whether to try again.
    pub retry: Retry,
    /// Version of the shadow after an accepted update.
    pub version: u64,
    /// The service's answer.
    pub document: Option<Value<'a>>,
    /// Bytes that would have been needed, when it was too large.
    pub needed: usize,
}

impl Outcome<'_> {
    /// An end without an answer of the service.
    pub fn plain(error: Option<Error>, retry: Retry) -> Self {
        Self {
            error,
            code: -1,
            retry,
            version: 0,
            document: None,
            needed: 0,
        }
    }
}
