//! What a connection tells of a session.

use tarantool_proto::{Answer, ConnectionError, Outcome, Stage, Unanswered};

/// Requests are named by their numbers, in the order they were sent in.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    Ready,
    Answer { request: usize, reply: Reply },
    Push { request: usize, body: Vec<u8> },
    Change { key: String, value: Option<Vec<u8>> },
    Lost { request: usize, outcome: Outcome },
    Closed { reason: Option<Error> },
}

#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) body: Vec<u8>,
    /// The reply's data, as bytes.
    pub(crate) data: Option<Vec<u8>>,
    pub(crate) error: Option<Error>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Error {
    pub(crate) code: u32,
    pub(crate) message: String,
}

pub(crate) fn answer(request: usize, answer: Answer) -> Told {
    match answer {
        Ok(response) => {
            let body = response.body().to_vec();
            let data = response.data().unwrap().map(<[u8]>::to_vec);
            let error = response.into_result().err().map(|error| Error {
                code: error.code().number(),
                message: error.message().into(),
            });
            Told::Answer { request, reply: Reply { body, data, error } }
        }
        Err(Unanswered::Lost(outcome)) => Told::Lost { request, outcome },
        Err(other) => panic!("{other}"),
    }
}

pub(crate) fn end(error: ConnectionError) -> Told {
    match error {
        ConnectionError::Closed { stage: Stage::Ready, reason } => {
            let reason = reason.map(|error| Error {
                code: error.code().number(),
                message: error.message().into(),
            });
            Told::Closed { reason }
        }
        other => panic!("{other}"),
    }
}
