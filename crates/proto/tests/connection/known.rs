//! What the model knows of requests.

use tarantool_proto::{Answer, Outcome, Unanswered};

use crate::peer::GREETING_2_6;
use crate::steps::What;

/// What the model knows of a request.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) number: u64,
    pub(crate) what: What,
    pub(crate) deadline: Option<u64>,
    /// Where its bytes begin in all that was handed out.
    pub(crate) handed_out_at: Option<usize>,
    /// The end of its first reply in all that the server sent, and whether it is an error.
    pub(crate) reply: Option<(usize, bool)>,
    pub(crate) answer: Option<Fate>,
    pub(crate) reported: bool,
    /// Taken or cancelled.
    pub(crate) gone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Replied { refused: bool },
    TimedOut(Outcome),
    Lost(Outcome),
    UnknownName,
    Unsupported,
}

impl Known {
    /// Why the request is never sent to this server, if it is not.
    pub(crate) fn is_refused(&self, greeting: &[u8; 128]) -> Option<Fate> {
        match self.what {
            What::Nobody if greeting == GREETING_2_6 => Some(Fate::UnknownName),
            What::Needy if greeting == GREETING_2_6 => Some(Fate::Unsupported),
            _ => None,
        }
    }
}

pub(crate) fn outcome(known: &Known) -> Outcome {
    match known.handed_out_at {
        Some(_) => Outcome::MaybeExecuted,
        None => Outcome::NotSent,
    }
}

/// What an answer says, if it is that of the request with this number.
pub(crate) fn fate(answer: Answer, number: u64) -> Fate {
    match answer {
        Ok(response) => match response.into_result() {
            Ok(response) => {
                assert_eq!(response.rows::<u64>(), Ok(vec![number]));
                Fate::Replied { refused: false }
            }
            Err(error) => {
                assert_eq!(error.message(), number.to_string());
                Fate::Replied { refused: true }
            }
        },
        Err(Unanswered::Unsupported(_)) => Fate::Unsupported,
        Err(Unanswered::TimedOut(outcome)) => Fate::TimedOut(outcome),
        Err(Unanswered::Lost(outcome)) => Fate::Lost(outcome),
        Err(Unanswered::UnknownName(_)) => Fate::UnknownName,
        Err(other) => panic!("{other:?}"),
    }
}
