//! Users and passwords.

use tarantool_client::{Config, ErrorCode, ErrorKind, Outcome};

use super::backend::unique;
use super::{Adapter, Backend, Wanted, connect, connect_as};

/// Creates a user with all rights; no password: none is set.
async fn create_user<A: Adapter>(server: &Backend, password: Option<&str>) -> String {
    let user = unique("user");
    let admin = connect::<A>(server).await;
    let code = "local user, password = ...
        box.schema.user.create(user, {password = password})
        box.session.su('admin', box.schema.user.grant, user, 'execute', 'universe')";
    let () = A::wait(admin.eval(code, (&user, password))).await.unwrap();
    user
}

/// Everything is escaped, which is never wrong.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn user_of<A: Adapter>(config: Config) -> String {
    let client = connect_as::<A>(config).await;
    A::wait(client.eval("return box.session.user()", ())).await.unwrap()
}

pub async fn a_password_with_special_characters_logs_in<A: Adapter>(server: &Backend) {
    for password in ["secret", "p@ss:w/r?d#%41&= \"'\\", "пароль ☂", &"long".repeat(50)] {
        let user = create_user::<A>(server, Some(password)).await;
        let uri = format!("{}:{}@{}", escaped(&user), escaped(password), server.uri());
        assert_eq!(user_of::<A>(Config::parse(&uri).unwrap()).await, user);
        let config = server.config();
        let config = config.user(&*user).password(password);
        assert_eq!(user_of::<A>(config).await, user);
    }
    assert_eq!(user_of::<A>(server.config()).await, "guest");
}

pub async fn an_empty_password_logs_in<A: Adapter>(server: &Backend) {
    let user = create_user::<A>(server, Some("")).await;
    for login in [format!("{user}@"), format!("{user}:@")] {
        let config = Config::parse(&format!("{login}{}", server.uri())).unwrap();
        assert_eq!(user_of::<A>(config).await, user);
    }
}

pub async fn a_user_logs_in<A: Adapter>(server: &Backend) {
    let (server, user) = with_user(server);
    let config = server.config().user(user).password("right");
    let client = connect_as::<A>(config).await;
    let seven: u64 = A::wait(client.call("echo", 7)).await.unwrap();
    assert_eq!(seven, 7);
}

/// A server with a user whose password is `right`.
fn with_user(server: &Backend) -> (Backend, &'static str) {
    let user = Some(("somebody".to_owned(), "right".to_owned()));
    (server.another(&Wanted { user, ..Wanted::default() }), "somebody")
}

pub async fn a_wrong_password_is_refused_and_never_shown<A: Adapter>(server: &Backend) {
    let (server, user) = with_user(server);
    for wrong in ["t0ps3cr3t", ""] {
        let config = server.config();
        let config = config.user(user).password(wrong);
        let error = A::connect(config).await.unwrap_err();
        println!("{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("login as {user} refused")), "{text}");
        assert!(text.contains(&server.uri()), "{text}");
        assert!(!format!("{error} {error:?}").contains("t0ps3cr3t"), "{error:?}");
        assert_eq!(error.code(), Some(ErrorCode::CREDS_MISMATCH), "{error}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert!(matches!(error.kind(), ErrorKind::Connect(_)));
        assert!(!error.is_retry_safe());
    }
}

pub async fn an_unknown_user_is_refused<A: Adapter>(server: &Backend) {
    let config = server.config();
    let error = A::connect(config.user("nobody").password("t0ps3cr3t")).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("login as nobody refused"), "{error}");
    assert!(!format!("{error} {error:?}").contains("t0ps3cr3t"), "{error:?}");
    let codes = [ErrorCode::NO_SUCH_USER, ErrorCode::CREDS_MISMATCH];
    assert!(codes.contains(&error.code().unwrap()), "{error}");
    assert!(!error.is_retry_safe());
}

pub async fn what_a_user_may_not_do_is_an_error_of_the_request<A: Adapter>(server: &Backend) {
    let user = create_user::<A>(server, Some("right")).await;
    let config = server.config();
    let client = connect_as::<A>(config.user(&*user).password("right")).await;
    let users = client.space::<(u32, u32, String)>(304);
    let error = A::wait(users.get(1)).await.unwrap_err();
    println!("{error}");
    assert_eq!(error.code(), Some(ErrorCode::ACCESS_DENIED), "{error}");
    A::wait(client.ping()).await.unwrap();
}

pub async fn the_user_of_a_session_can_change<A: Adapter>(server: &Backend) {
    let user = create_user::<A>(server, Some("right")).await;
    let client = connect::<A>(server).await;
    let who =
        async || -> String { A::wait(client.eval("return box.session.user()", ())).await.unwrap() };
    assert_eq!(who().await, "guest");
    A::wait(client.clone().log_in(&user, "right")).await.unwrap();
    assert_eq!(who().await, user, "for all clones");

    let error = A::wait(client.log_in(&user, "t0ps3cr3t")).await.unwrap_err();
    println!("{error}");
    assert_eq!(error.code(), Some(ErrorCode::CREDS_MISMATCH), "{error}");
    assert!(!format!("{error} {error:?}").contains("t0ps3cr3t"), "{error:?}");
    assert_eq!(who().await, user, "a failed login changes nothing");
    A::wait(client.log_out()).await.unwrap();
    assert_eq!(who().await, "guest");
}
