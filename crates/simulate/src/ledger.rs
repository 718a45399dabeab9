//! What every request went through, and what may become of it.

use tarantool_proto::server::Incoming;
use tarantool_proto::{Answer, Outcome, RequestId, Response, Unanswered, msgpack};

use crate::link::Link;
use crate::server::Work;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Idempotent,
    /// To a connection.
    Bound,
    /// The same, and could be repeated.
    BoundIdempotent,
    /// To a connection, in one of its streams.
    Stream(u64),
}

impl Kind {
    pub(crate) const fn is_idempotent(self) -> bool {
        matches!(self, Self::Idempotent | Self::BoundIdempotent)
    }

    pub(crate) const fn is_bound(self) -> bool {
        matches!(self, Self::Bound | Self::BoundIdempotent | Self::Stream(_))
    }

    const fn stream(self) -> u64 {
        match self {
            Self::Stream(id) => id,
            _ => 0,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) client: usize,
    pub(crate) id: RequestId,
    pub(crate) kind: Kind,
    pub(crate) bound_to: Option<u64>,
    /// By the client's clock.
    pub(crate) deadline: Option<u64>,
    pub(crate) bytes: usize,
    /// Whether a write was handed out with it, and whether a byte of it was written.
    was_handed_out: bool,
    has_left: bool,
    /// Servers that got it whole, and executed it.
    received: u32,
    pub(crate) executed: u32,
    /// Nobody may execute it any more.
    never: bool,
    /// Over for its session since this attempt; it is not written on a later one.
    over_since: Option<u64>,
    pub(crate) answered: Option<Answered>,
    is_taken: bool,
    is_cancelled: bool,
}

/// The answer was told of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    /// Whether nothing went on to a next connection then.
    pub(crate) gives_up: bool,
    /// Whether the connection that it is bound to was gone.
    pub(crate) is_gone: bool,
}

/// What a caller knows of its request in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certainty {
    Executed,
    NotExecuted,
    Perhaps,
}

impl Known {
    pub(crate) const fn new(client: usize, id: RequestId, kind: Kind) -> Self {
        Self {
            client,
            id,
            kind,
            bound_to: None,
            deadline: None,
            bytes: 0,
            was_handed_out: false,
            has_left: false,
            received: 0,
            executed: 0,
            never: false,
            over_since: None,
            answered: None,
            is_taken: false,
            is_cancelled: false,
        }
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.answered.is_none() && !self.is_cancelled
    }

    /// Whether its place is still taken.
    pub(crate) const fn is_there(&self) -> bool {
        !self.is_taken && !self.is_cancelled
    }

    fn must_never_be_executed(&mut self) {
        assert!(!self.has_left, "not sent, and written: {self:?}");
        self.never = true;
    }
}

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) requests: Vec<Known>,
}

impl Ledger {
    pub(crate) fn next_number(&self) -> u64 {
        self.requests.len() as u64
    }

    pub(crate) fn known(&self, number: u64) -> &Known {
        &self.requests[number as usize]
    }

    fn known_mut(&mut self, number: u64) -> &mut Known {
        &mut self.requests[number as usize]
    }

    /// A write has it.
    pub(crate) fn handed_out(&mut self, number: u64) {
        self.known_mut(number).was_handed_out = true;
    }

    /// Something of it was written.
    pub(crate) fn left(&mut self, number: u64) {
        self.known_mut(number).has_left = true;
    }

    /// A server got a request whole.
    pub(crate) fn received(&mut self, number: u64, request: &Incoming, link: &mut Link) {
        let known = self.known_mut(number);
        assert_eq!(known.client, link.client, "the request of another: {known:?}");
        assert_eq!(known.id.sync(), request.sync, "under another id: {known:?}");
        assert_eq!(known.kind.stream(), request.stream_id, "in another stream: {known:?}");
        known.received += 1;
        assert!(known.received == 1 || known.kind.is_idempotent(), "sent twice: {known:?}");
        assert!(!known.never, "written after it was said not to be: {known:?}");
        let is_late = known.over_since.is_some_and(|attempt| attempt < link.attempt);
        assert!(!is_late, "written after it was over: {known:?}");
        let is_elsewhere = known.bound_to.is_some() && known.bound_to != link.generation;
        assert!(!is_elsewhere, "on connection {:?}: {known:?}", link.generation);
        let last = link.last.insert(request.stream_id, number);
        assert!(last < Some(number), "out of order, after {last:?}: {known:?}");
    }

    pub(crate) fn executed(&mut self, work: &Work) {
        let known = self.known_mut(work.number);
        known.executed += 1;
        assert!(!known.never, "executed after it was said not to be: {known:?}");
        assert!(known.executed == 1 || known.kind.is_idempotent(), "executed twice: {known:?}");
    }

    pub(crate) fn cancel(&mut self, number: u64, attempt: u64, is_ready: bool) {
        let known = self.known_mut(number);
        known.is_cancelled = true;
        known.over_since.get_or_insert(attempt);
        // What waits for a connection is never sent any more.
        if !is_ready && !known.has_left {
            known.never = true;
        }
    }

    pub(crate) fn answered(&mut self, number: u64, attempt: u64, how: Answered) {
        let known = self.known_mut(number);
        assert!(known.is_open(), "told of twice: {known:?}");
        known.answered = Some(how);
        known.over_since = Some(attempt);
    }

    /// The answer says what is so. `clock` is the client's.
    pub(crate) fn take(
        &mut self,
        number: u64,
        answer: Option<Answer>,
        clock: u64,
    ) -> Option<Certainty> {
        let known = self.known_mut(number);
        let is_due = known.answered.is_some() && known.is_there();
        assert_eq!(answer.is_some(), is_due, "an answer, or none: {known:?}");
        let (Some(answer), Some(how)) = (answer, known.answered) else {
            return None;
        };
        known.is_taken = true;
        let outcome = match answer {
            Ok(response) => {
                check_reply(known, number, response);
                return Some(Certainty::Executed);
            }
            Err(Unanswered::TimedOut(outcome)) => {
                let is_over = known.deadline.is_some_and(|deadline| deadline <= clock);
                assert!(is_over, "before its deadline: {known:?}");
                let may_be = known.was_handed_out || outcome == Outcome::NotSent;
                assert!(may_be, "it was not handed out: {known:?}");
                outcome
            }
            Err(Unanswered::Lost(outcome)) => {
                let goes_on = !known.kind.is_bound()
                    && (known.kind.is_idempotent() || outcome == Outcome::NotSent);
                assert!(!goes_on || how.gives_up, "given up: {known:?}");
                let may_be = known.has_left || outcome == Outcome::NotSent;
                assert!(may_be, "no byte was written: {known:?}");
                outcome
            }
            Err(Unanswered::ConnectionGone) => {
                assert!(how.is_gone, "its connection is not gone: {known:?}");
                Outcome::NotSent
            }
            Err(Unanswered::Unsupported(_)) => {
                assert!(known.kind.stream() > 0, "supported: {known:?}");
                Outcome::NotSent
            }
            Err(other) => panic!("{other:?}: {known:?}"),
        };
        if outcome == Outcome::NotSent {
            known.must_never_be_executed();
            return Some(Certainty::NotExecuted);
        }
        Some(Certainty::Perhaps)
    }
}

/// It is its own, and of one that was executed.
fn check_reply(known: &Known, number: u64, response: Response) {
    assert!(known.executed > 0, "a reply of nobody: {known:?}");
    let named = match response.into_result() {
        Ok(response) => response.first::<u64>().ok().flatten(),
        Err(error) => error.message().parse().ok(),
    };
    assert_eq!(named, Some(number), "the reply of another: {known:?}");
}

/// Which of the requests it is, and what it counts; `None`: one of the session's own, or what became
/// of one that timed out.
pub(crate) fn read(request: &Incoming) -> Option<(u64, u64)> {
    let tuple = request.fields.tuple.as_ref()?;
    let (number, key, _) = msgpack::from_slice::<(u64, u64, &str)>(tuple).ok()?;
    Some((number, key))
}
