//! Another user on a live connection.

use std::sync::Arc;

use tarantool_proto::request::{Auth, Request, Subject};
use tarantool_proto::{Credentials, Password, RequestId};

use crate::client::Client;
use crate::error::Error;
use crate::lane::Lane;
use crate::mode::Mode;
use crate::pending::Pending;
use crate::shared::Sending;

impl<M: Mode> Client<M> {
    /// Changes the user of the session, for all clones: requests made after this are that user's.
    ///
    /// By `chap-sha1`, so that the password does not leave. Refused, the session keeps its user.
    /// Connections to come log in as this user too, once the reply has been waited for; a connection
    /// that was made meanwhile, with the former user, is then made anew.
    ///
    /// # Errors
    /// As every verb; the server's codes are
    /// [`CREDS_MISMATCH`](crate::ErrorCode::CREDS_MISMATCH) and, for an unknown user before 2.10.4,
    /// [`NO_SUCH_USER`](crate::ErrorCode::NO_SUCH_USER).
    pub fn log_in(&self, user: &str, password: &str) -> M::Reply<()> {
        let credentials = Credentials { user: user.into(), password: Password::new(password) };
        self.change_user(Some(credentials), |salt| Auth::chap_sha1(user, password.as_bytes(), salt))
    }

    /// Makes the session that of the user `guest` again, for all clones.
    pub fn log_out(&self) -> M::Reply<()> {
        self.change_user(None, |_| Auth::guest())
    }

    fn change_user<'a>(
        &self,
        credentials: Option<Credentials>,
        auth: impl Fn(&[u8; 20]) -> Auth<'a>,
    ) -> M::Reply<()> {
        let mut lanes = self.all_lanes();
        let first = lanes.next().unwrap_or(&self.lane);
        let (sent, subject, generation) = self.send_auth(first, &auth);
        let mut logged_in = vec![(Arc::clone(&first.shared), generation)];
        for lane in lanes {
            // The server says the same to all of them.
            let (sent, _, generation) = self.send_auth(lane, &auth);
            let sent = sent.map(|id| lane.shared.lock().detach(id));
            logged_in.push((Arc::clone(&lane.shared), generation.filter(|_| sent.is_ok())));
        }
        let settle = move |result: Result<(), Error>| {
            if result.is_ok() {
                for (shared, generation) in &logged_in {
                    shared.set_user(credentials.clone(), *generation);
                }
            }
            result
        };
        let pending = Pending::guarded(&first.shared, sent, subject, Box::new(settle));
        first.mode.reply(pending)
    }

    /// Queues the login on the present connection, and tells the number of that.
    fn send_auth<'a>(
        &self,
        lane: &Lane<M>,
        auth: impl Fn(&[u8; 20]) -> Auth<'a>,
    ) -> (Result<RequestId, Error>, Subject, Option<u64>) {
        let (salt, generation) = {
            let state = lane.shared.lock();
            let salt = state.session.server().map(|server| *server.greeting().salt());
            (salt.unwrap_or_default(), state.session.generation())
        };
        let request = auth(&salt);
        let (sent, subject) = match generation {
            // The salt is that of this connection.
            Some(_) => {
                let sending = Sending { bound_to: generation, ..self.sending() };
                lane.submit(&request, sending, |_, _| {})
            }
            None => (Err(lane.shared.not_connected(request.subject())), request.subject()),
        };
        (sent, subject, generation)
    }
}
