//! What every request went through, and what may become of it.

use std::collections::HashMap;
use std::num::NonZeroU64;

use bytes::Bytes;
use tarantool_proto::server::Incoming;
use tarantool_proto::{
    Answer, ErrorCode, Outcome, RequestId, RequestType, Response, Unanswered, msgpack,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Plain,
    Idempotent,
    /// To the present connection.
    Bound,
    /// To one that is gone, and idempotent.
    Stale,
    /// Into a space by its name.
    Named,
    /// Into none.
    Nobody,
    Stream(NonZeroU64),
    NamedInStream(NonZeroU64),
}

impl Kind {
    pub(super) fn new(choice: u8) -> Self {
        let stream = NonZeroU64::MIN.saturating_add(u64::from(choice & 1));
        match choice & 0x0f {
            0..4 => Self::Plain,
            4..7 => Self::Idempotent,
            7 | 8 => Self::Bound,
            9 => Self::Stale,
            10 => Self::Named,
            11 => Self::Nobody,
            12 | 13 => Self::Stream(stream),
            _ => Self::NamedInStream(stream),
        }
    }

    pub(super) const fn is_idempotent(self) -> bool {
        matches!(self, Self::Idempotent | Self::Stale)
    }

    pub(super) const fn is_bound(self) -> bool {
        self.stream().is_some() || matches!(self, Self::Bound | Self::Stale)
    }

    const fn has_name(self) -> bool {
        matches!(self, Self::Named | Self::Nobody | Self::NamedInStream(_))
    }

    const fn stream(self) -> Option<NonZeroU64> {
        match self {
            Self::Stream(id) | Self::NamedInStream(id) => Some(id),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) id: RequestId,
    pub(super) number: u64,
    kind: Kind,
    bound_to: Option<u64>,
    pub(super) deadline: Option<u64>,
    /// On which connections it was handed out, and where in their output.
    handed_out: Vec<(u64, usize)>,
    /// How often a server said that it did not execute it, for its schema is another.
    refused: usize,
    replied: bool,
    answered: Option<Answered>,
    taken: bool,
    /// Cancelled while this was the latest connection.
    cancelled: Option<u64>,
}

/// How things stood when the answer was told of.
#[derive(Clone, Copy, Debug)]
struct Answered {
    was_sent: bool,
    /// What was sent was refused.
    was_refused: bool,
    is_trusted: bool,
}

impl Known {
    pub(super) const fn new(
        id: RequestId,
        number: u64,
        kind: Kind,
        bound_to: Option<u64>,
        deadline: Option<u64>,
    ) -> Self {
        Self {
            id,
            number,
            kind,
            bound_to,
            deadline,
            handed_out: Vec::new(),
            refused: 0,
            replied: false,
            answered: None,
            taken: false,
            cancelled: None,
        }
    }

    /// Whether it was never executed, by what the server says: the client may know of it or not.
    fn is_refused(&self) -> bool {
        !self.handed_out.is_empty() && self.handed_out.len() <= self.refused
    }

    const fn is_open(&self) -> bool {
        self.cancelled.is_none() && self.answered.is_none()
    }
}

#[derive(Default)]
pub(super) struct Ledger {
    requests: Vec<Known>,
    by_id: HashMap<RequestId, u64>,
    /// The latest.
    pub(super) attempt: u64,
    /// Whether the connection's server has only sent what servers send.
    pub(super) is_trusted: bool,
    /// The last number that was handed out on the connection: outside of streams, and in each.
    last: HashMap<Option<NonZeroU64>, u64>,
}

impl Ledger {
    pub(super) fn next_number(&self) -> u64 {
        self.requests.len() as u64
    }

    pub(super) fn known(&self, number: u64) -> &Known {
        &self.requests[number as usize]
    }

    fn known_mut(&mut self, number: u64) -> &mut Known {
        &mut self.requests[number as usize]
    }

    /// Any of them, the later ones more often.
    pub(super) fn pick(&self, choice: u8) -> Option<Known> {
        let from_behind = usize::from(choice) % self.requests.len().max(1);
        self.requests.iter().rev().nth(from_behind).cloned()
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Known> {
        self.requests.iter().filter(|known| known.is_open())
    }

    /// Those that are not forgotten yet.
    pub(super) fn occupied(&self) -> usize {
        let is_there = |known: &&Known| known.cancelled.is_none() && !known.taken;
        self.requests.iter().filter(is_there).count()
    }

    /// One that was handed out on this connection, and is over.
    pub(super) fn over(&self) -> Option<RequestId> {
        let is_over = |known: &&Known| {
            !known.is_open() && known.handed_out.iter().any(|(on, _)| *on == self.attempt)
        };
        self.requests.iter().rev().find(is_over).map(|known| known.id)
    }

    pub(super) fn accepted(&mut self, known: Known) {
        assert_eq!(self.by_id.insert(known.id, known.number), None, "an id used twice");
        self.requests.push(known);
    }

    pub(super) fn cancel(&mut self, number: u64) {
        let attempt = self.attempt;
        self.known_mut(number).cancelled.get_or_insert(attempt);
    }

    pub(super) fn begin(&mut self, attempt: u64) {
        assert!(attempt > self.attempt);
        self.attempt = attempt;
    }

    pub(super) fn connected(&mut self) {
        self.last.clear();
        self.is_trusted = true;
    }

    /// A write is handed out, on the connection `present`: where its last request begins.
    pub(super) fn handed_out(
        &mut self,
        output: &[u8],
        start: usize,
        present: Option<u64>,
        schema: u64,
    ) -> usize {
        let (mut at, mut last) = (0, 0);
        while at < output.len() {
            let length: [u8; 4] = output[at + 1..at + 5].try_into().expect("4 bytes");
            let end = at + 5 + u32::from_be_bytes(length) as usize;
            let packet = Bytes::copy_from_slice(&output[at + 5..end]);
            let request = Incoming::decode(&packet).expect("what a client sends");
            self.requested(&request, start + at, present, schema);
            (last, at) = (at, end);
        }
        assert_eq!(at, output.len(), "a request in pieces");
        last
    }

    fn requested(&mut self, request: &Incoming, at: usize, present: Option<u64>, schema: u64) {
        let Some(number) = number_of(request) else {
            let id = self.requests.iter().find(|known| known.id.sync() == request.sync);
            // One that timed out before it left.
            let is_harmless = request.request_type == RequestType::PING;
            return assert!(id.is_none_or(|id| is_harmless && !id.is_open()), "{request:?}");
        };
        let attempt = self.attempt;
        let known = &mut self.requests[number as usize];
        assert_eq!(known.id.sync(), request.sync);
        assert_eq!(known.kind.stream().map_or(0, NonZeroU64::get), request.stream_id);
        // Those that are cancelled keep the place that they have, and get no new one.
        assert!(known.cancelled.is_none_or(|at| at == attempt), "{known:?}");
        assert!(
            known.answered.is_none() || known.cancelled.is_some(),
            "after its answer: {known:?}"
        );
        assert!(known.bound_to.is_none_or(|to| Some(to) == present), "{known:?}");
        let before = known.handed_out.iter().filter(|(on, _)| *on == attempt).count();
        assert!(before <= known.refused, "twice on a connection: {known:?}");
        let is_first = known.handed_out.iter().all(|(on, _)| *on == attempt);
        let is_repeatable = known.kind.is_idempotent() || known.is_refused();
        assert!(is_first || is_repeatable, "executed twice: {known:?}");
        if before == 0 && (known.kind.stream().is_some() || !known.kind.has_name()) {
            let last = self.last.insert(known.kind.stream(), number);
            assert!(last < Some(number), "out of order: {known:?}");
        }
        known.handed_out.push((attempt, at));
        known.refused +=
            usize::from(request.schema_version != 0 && request.schema_version != schema);
    }

    /// What was handed out from there on was not written.
    pub(super) fn unwritten_from(&mut self, written: usize) {
        let attempt = self.attempt;
        for known in &mut self.requests {
            known.handed_out.retain(|(on, at)| *on != attempt || *at < written);
        }
    }

    pub(super) fn replied(&mut self, number: u64) {
        self.known_mut(number).replied = true;
    }

    pub(super) fn answered(&mut self, id: RequestId) {
        let is_trusted = self.is_trusted;
        let known = self.known_mut(self.by_id[&id]);
        assert!(known.is_open(), "told of twice: {known:?}");
        let (was_sent, was_refused) = (!known.handed_out.is_empty(), known.is_refused());
        known.answered = Some(Answered { was_sent, was_refused, is_trusted });
    }

    /// `gives_up`: nothing goes on to a next connection.
    pub(super) fn take(&mut self, number: u64, answer: Option<Answer>, now: u64, gives_up: bool) {
        let known = self.known_mut(number);
        let is_there = known.answered.is_some() && !known.taken && known.cancelled.is_none();
        assert_eq!(answer.is_some(), is_there, "{known:?}");
        let (Some(answer), Some(Answered { was_sent, was_refused, is_trusted })) =
            (answer, known.answered)
        else {
            return;
        };
        known.taken = true;
        let expected = |outcome| match outcome {
            Outcome::NotSent => !was_sent || was_refused,
            _ => was_sent,
        };
        match answer {
            Ok(response) if is_trusted => reply(known, &response),
            Ok(_) => {}
            Err(Unanswered::TimedOut(outcome)) => {
                assert!(expected(outcome), "{outcome:?}: {known:?}");
                assert!(known.deadline.is_some_and(|deadline| deadline <= now), "{known:?}");
            }
            Err(Unanswered::Lost(outcome)) => {
                assert!(expected(outcome), "{outcome:?}: {known:?}");
                let goes_on = known.bound_to.is_none()
                    && (known.kind.is_idempotent() || outcome == Outcome::NotSent);
                assert!(!goes_on || gives_up, "given up: {known:?}");
            }
            Err(Unanswered::ConnectionGone) => {
                assert!(known.bound_to.is_some() && expected(Outcome::NotSent), "{known:?}");
            }
            Err(Unanswered::UnknownName(_) | Unanswered::SchemaUnavailable(_)) => {
                assert!(known.kind.has_name() && expected(Outcome::NotSent), "{known:?}");
            }
            Err(Unanswered::Unsupported(_)) => {
                assert!(known.kind.stream().is_some() && !was_sent, "{known:?}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// It is its own.
fn reply(known: &Known, response: &Response) {
    match response.clone().into_result() {
        Ok(response) => {
            assert!(known.replied, "{known:?}");
            assert_eq!(response.first::<u64>(), Ok(Some(known.number)));
        }
        Err(error) if error.code() == ErrorCode::WRONG_SCHEMA_VERSION => {
            assert!(known.refused > 0, "{known:?}");
        }
        Err(error) => {
            assert!(known.replied, "{known:?}");
            let row: Option<Vec<u8>> = error.stack()[0].field("number").expect("a row");
            let number = row.map(|row| msgpack::from_slice::<u64>(&row));
            assert_eq!(number, Some(Ok(known.number)));
        }
    }
}

/// Which of the requests it is; `None`: one of the session's own, or what became of one that timed
/// out.
pub(super) fn number_of(request: &Incoming) -> Option<u64> {
    let tuple = request.fields.tuple.as_ref()?;
    msgpack::from_slice::<(u64,)>(tuple).ok().map(|(number,)| number)
}
