//! Faults on demand: what a network and a server do on bad days.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tarantool_proto::server::Incoming;
use tarantool_proto::{RequestType, ServerError};

use super::core::lock;

/// What goes wrong with a request, or with a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The reply is sent this much later; those of other requests overtake it.
    Delay(Duration),
    /// The request is executed and never answered.
    NeverAnswer,
    /// The reply is kept until another request of the connection was answered.
    OutOfOrder,
    /// The reply is sent twice.
    AnswerTwice,
    /// The connection is closed instead of executing the request.
    CloseBeforeExecuting,
    /// The request is executed, and the connection closed instead of answering it.
    CloseAfterExecuting,
    /// The request is executed, half of the reply is sent, and the connection closed.
    CloseInFrame,
    /// The request is executed, and bytes that are no reply are sent instead of one.
    Garbage,
    /// The reply carries a sync id that the client never used.
    WrongSync,
    /// The reply is sent one byte at a time.
    ByteByByte,
    /// The reply is sent, and nothing more is read from the connection.
    StopReading,
    /// The reply is sent, and then the end of the stream; the server goes on reading.
    HalfClose,
    /// The request is not executed and answered with this error.
    Error(ServerError),
    /// The connection is closed before the greeting.
    Refuse,
    /// The greeting is sent this much later.
    SlowGreeting(Duration),
}

impl Fault {
    /// Whether nothing more is read after it.
    pub(super) fn ends_reading(&self) -> bool {
        matches!(
            self,
            Self::CloseBeforeExecuting
                | Self::CloseAfterExecuting
                | Self::CloseInFrame
                | Self::StopReading
                | Self::Refuse
        )
    }

    /// Whether it happens to a connection that opens, and not to a request.
    fn is_at_opening(&self) -> bool {
        matches!(self, Self::Refuse | Self::SlowGreeting(_))
    }
}

/// A fault that is set up: to what it happens, and how often.
///
/// It is in force from the moment it was made, once, to the next request of any type or, for
/// [`Fault::Refuse`] and [`Fault::SlowGreeting`], the next connection; the methods narrow or widen
/// that.
#[derive(Clone, Debug)]
pub struct FaultRule {
    rules: Arc<Mutex<VecDeque<Rule>>>,
    id: u64,
}

#[derive(Debug)]
struct Rule {
    id: u64,
    fault: Fault,
    request: Option<RequestType>,
    function: Option<Vec<u8>>,
    connection: Option<u64>,
    skip: u64,
    /// How many more times; `None` for ever.
    left: Option<u64>,
}

impl FaultRule {
    /// Only requests of this type.
    pub fn on(&self, request: RequestType) -> &Self {
        self.change(|rule| rule.request = Some(request))
    }

    /// Only calls of this function.
    pub fn on_call(&self, function: &str) -> &Self {
        self.change(|rule| rule.function = Some(function.as_bytes().to_vec()))
    }

    /// Only the connection with this number: the first that the server accepted is 1.
    pub fn on_connection(&self, number: u64) -> &Self {
        self.change(|rule| rule.connection = Some(number))
    }

    /// Lets this many pass first.
    pub fn after(&self, count: u64) -> &Self {
        self.change(|rule| rule.skip = count)
    }

    /// One time, which is the default.
    pub fn once(&self) -> &Self {
        self.times(1)
    }

    /// This many times.
    pub fn times(&self, count: u64) -> &Self {
        self.change(|rule| rule.left = Some(count))
    }

    /// Each time, until [`remove`](Self::remove).
    pub fn always(&self) -> &Self {
        self.change(|rule| rule.left = None)
    }

    /// Ends the fault.
    pub fn remove(&self) {
        lock(&self.rules).retain(|rule| rule.id != self.id);
    }

    /// Whether it has happened as often as it was to.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !lock(&self.rules).iter().any(|rule| rule.id == self.id)
    }

    fn change(&self, change: impl FnOnce(&mut Rule)) -> &Self {
        if let Some(rule) = lock(&self.rules).iter_mut().find(|rule| rule.id == self.id) {
            change(rule);
        }
        self
    }
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Arc<Mutex<VecDeque<Rule>>>,
    ids: Mutex<u64>,
}

impl Faults {
    pub(super) fn add(&self, fault: Fault) -> FaultRule {
        let id = {
            let mut ids = lock(&self.ids);
            *ids += 1;
            *ids
        };
        lock(&self.rules).push_back(Rule {
            id,
            fault,
            request: None,
            function: None,
            connection: None,
            skip: 0,
            left: Some(1),
        });
        FaultRule { rules: Arc::clone(&self.rules), id }
    }

    /// The fault of a request, if it is to have one: that of the oldest rule that fits.
    pub(super) fn of_request(&self, connection: u64, request: &Incoming) -> Option<Fault> {
        self.take(connection, |rule| {
            !rule.fault.is_at_opening()
                && rule.request.is_none_or(|wanted| wanted == request.request_type)
                && rule
                    .function
                    .as_deref()
                    .is_none_or(|wanted| request.fields.function_name.as_deref() == Some(wanted))
        })
    }

    /// The fault of a connection that opens.
    pub(super) fn of_opening(&self, connection: u64) -> Option<Fault> {
        self.take(connection, |rule| rule.fault.is_at_opening())
    }

    fn take(&self, connection: u64, fits: impl Fn(&Rule) -> bool) -> Option<Fault> {
        let mut rules = lock(&self.rules);
        let mut found = None;
        for (at, rule) in rules.iter_mut().enumerate() {
            if rule.connection.is_some_and(|wanted| wanted != connection) || !fits(rule) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            found = Some(at);
            break;
        }
        let at = found?;
        let rule = rules.get_mut(at)?;
        let fault = rule.fault.clone();
        if let Some(left) = &mut rule.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                let _ = rules.remove(at);
            }
        }
        Some(fault)
    }
}
