//! Unit tests of an application, on bad days too.
//!
//! `cargo run --release --example unit_test` shows what the application does;
//! `cargo test -p tarantool-examples --example unit_test` tests it, without a Tarantool.

use tarantool_blocking::{Client, Error, ErrorCode, Outcome, connect};
use tarantool_examples::{Failure, Server, User};

/// What became of a registration.
#[derive(Debug, PartialEq)]
enum Registered {
    New,
    /// By somebody else, or by an earlier call.
    Before,
}

/// The application: registers a user exactly once, whatever happens to the connection.
fn register(client: &Client, user: &User) -> Result<Registered, Error> {
    let users = client.space::<User>("quickstart");
    match users.insert(user) {
        Ok(()) => Ok(Registered::New),
        Err(error) if error.code() == Some(ErrorCode::TUPLE_FOUND) => Ok(Registered::Before),
        // Nobody can know, so look.
        Err(error) if error.outcome() == Outcome::MaybeExecuted => match users.get(user.id)? {
            Some(found) if found == *user => Ok(Registered::New),
            Some(_) => Ok(Registered::Before),
            None => register(client, user),
        },
        Err(error) => Err(error),
    }
}

fn main() -> Result<(), Failure> {
    let server = Server::from_arguments()?;
    server.create_quickstart()?;
    let client = connect(server.uri())?;
    println!("{:?}", register(&client, &User::new(1, "Ann", 30))?);
    println!("{:?}", register(&client, &User::new(1, "Bob", 17))?);
    server.drop_quickstart()
}

#[cfg(test)]
mod tests {
    use tarantool_testkit::{Fault, RequestType, ServerError};

    use super::*;

    fn start() -> (tarantool_testkit::Server, Client) {
        let server = tarantool_testkit::Server::start().unwrap();
        let users = server.space("quickstart").field("id", "unsigned").field("name", "string");
        users.field("age", "unsigned").primary_key("id").create().unwrap();
        let client = connect(server.uri()).unwrap();
        (server, client)
    }

    #[test]
    fn a_user_is_registered_once() {
        let (server, client) = start();
        assert_eq!(register(&client, &User::new(1, "Ann", 30)).unwrap(), Registered::New);
        assert_eq!(register(&client, &User::new(1, "Bob", 17)).unwrap(), Registered::Before);
        assert_eq!(server.rows::<User>("quickstart").unwrap(), [User::new(1, "Ann", 30)]);
    }

    #[test]
    fn a_connection_that_breaks_at_the_worst_moment_changes_nothing() {
        for fault in [Fault::CloseBeforeExecuting, Fault::CloseAfterExecuting, Fault::CloseInFrame]
        {
            let (server, client) = start();
            server.fault(fault.clone()).on(RequestType::INSERT).once();
            let registered = register(&client, &User::new(1, "Ann", 30)).unwrap();
            assert_eq!(registered, Registered::New, "{fault:?}");
            assert_eq!(server.rows::<User>("quickstart").unwrap().len(), 1, "{fault:?}");
        }
    }

    #[test]
    fn a_server_that_refuses_is_told() {
        let (server, client) = start();
        let refusal = ServerError::new(ErrorCode::READONLY, "the instance is read-only");
        server.fault(Fault::Error(refusal)).on(RequestType::INSERT).once();
        let error = register(&client, &User::new(1, "Ann", 30)).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::READONLY));
        assert_eq!(server.len("quickstart"), Some(0));
    }
}
