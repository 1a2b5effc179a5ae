//! One Thing: life cycle, connection policy, outbox, events, statistics.
//!
//! ```text
//! API (any thread) -> control.rs: outbox, wishes      (behind the critical section)
//!                          |
//! poll -> run.rs: attempts, backoff, deadlines
//!           -> transport.rs: TLS or not
//!                -> serve.rs: the open MQTT connection: subscriptions, outbox, routing
//!                     -> shadow.rs: the requests and answers of shadows
//!                     -> App: events, results, requests (the one place that calls back)
//! ```

pub mod backoff;
pub mod control;
pub mod env;
pub mod event;
pub mod outbox;
pub mod run;
pub mod serve;
mod shadow;
pub mod shadows;
pub mod stats;
pub mod subscriptions;
pub mod transport;
mod wait;

use crate::Error;
use crate::error::Retry;
use crate::json::{Value, Writer};
use crate::mqtt::Message;
use crate::shadow::property::Attached;
use event::{Event, Outcome};

pub use shadow::close as close_shadow;

/// The application, as the running Thing sees it.
pub trait App {
    /// Names whom to tell of an operation's end.
    type Done: Copy + Send;
    /// Names who gets the messages of a subscription.
    type Handler: Copy + Send;

    /// The application has to take what it was told before it is told more.
    fn backed_up(&self) -> bool {
        false
    }

    /// Something happened.
    fn event(&self, event: &Event);

    /// An operation has ended.
    fn done(&self, done: Self::Done, outcome: &Outcome<'_>);

    /// A message arrived, for this handler or for nobody. `true`: it is looked at after this poll
    /// and must stay where it is until then.
    fn message(&self, handler: Option<Self::Handler>, message: &Message<'_>) -> bool;

    /// The broker refused a subscription with this reason code when it was made again.
    fn subscription_lost(&self, handler: Self::Handler, code: i32, retry: Retry);

    /// Names who opened a shadow.
    type Shadow: Copy + Send;

    /// The properties of this shadow, if it has any.
    fn table(&self, shadow: Self::Shadow) -> Option<&dyn Attached>;

    /// The cloud wants another state; `reported` takes the answer.
    fn delta(&self, shadow: Self::Shadow, delta: &Delta<'_>, reported: &mut Writer<'_>) -> Answer;

    /// The broker refused, with this reason code, the filter with this end that listening to a shadow
    /// needs.
    fn shadow_refused(&self, shadow: Self::Shadow, filter: &'static str, code: u8);

    /// An update was made, by whomever: the documents before and after it.
    fn documents(&self, shadow: Self::Shadow, documents: Value<'_>);

    /// Writes the members of the state that is to be sent, after what was read if that is given. A
    /// negative value cancels it.
    fn write_state(
        &self,
        done: Self::Done,
        document: Option<Value<'_>>,
        state: &mut Writer<'_>,
    ) -> i32;

    /// A message was larger than the buffer and was passed over: the size of its packet, and the
    /// beginning of its topic.
    fn message_too_large(&self, size: usize, topic: &str);

    /// Chooses the delay before attempt number `attempt` since the last stable connection;
    /// `delay_ms` is what the backoff says.
    fn retry_delay(&self, attempt: u32, delay_ms: u32) -> u32 {
        let _ = attempt;
        delay_ms
    }
}

/// What the cloud wants.
#[derive(Clone, Copy, Debug)]
pub struct Delta<'a> {
    /// The members that differ, an object.
    pub requested: Value<'a>,
    /// The message that it comes from.
    pub document: Value<'a>,
    /// Version of the shadow.
    pub version: u64,
    /// When the message was made, in seconds since 1970; 0: unknown.
    pub timestamp: u64,
    /// It was sent when it was made, not found later.
    pub is_live: bool,
}

/// What the application did with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It wrote what it reports, or nothing.
    Written,
    /// It wants what it wrote to be discarded.
    Discard(i32),
    /// It will look at the request after this poll; the request must stay where it is until then.
    Later,
    /// There is no one to ask.
    Nobody,
}

/// A failure of an attempt or of a connection, with everything that is known about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The error.
    pub error: Error,
    /// The protocol's own code, -1 when there is none.
    pub code: i32,
    /// The port's own code, 0 when there is none.
    pub port_error: i32,
    /// Bytes that would have been needed, 0 when that was not it.
    pub needed: usize,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            code: -1,
            port_error: 0,
            needed: 0,
        }
    }
}
