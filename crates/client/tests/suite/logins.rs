//! Users and passwords.

use tarantool_client::{Config, ErrorCode, ErrorKind, Outcome};
use tarantool_testkit::Tarantool;

use super::support::connect_as;
use super::{Adapter, connect, unique};

/// Creates a user with all rights; no password: none is set.
async fn create_user<M: Adapter>(server: &Tarantool, password: Option<&str>) -> String {
    let user = unique("user");
    let admin = connect::<M>(server).await;
    let code = "local user, password = ...
        box.schema.user.create(user, {password = password})
        box.session.su('admin', box.schema.user.grant, user, 'execute', 'universe')";
    let () = M::wait(admin.eval(code, (&user, password))).await.unwrap();
    user
}

/// Everything is escaped, which is never wrong.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn user_of<M: Adapter>(config: Config) -> String {
    let client = connect_as::<M>(config).await;
    M::wait(client.eval("return box.session.user()", ())).await.unwrap()
}

pub(crate) async fn a_password_with_special_characters_logs_in<M: Adapter>(server: &Tarantool) {
    for password in ["secret", "p@ss:w/r?d#%41&= \"'\\", "пароль ☂", &"long".repeat(50)] {
        let user = create_user::<M>(server, Some(password)).await;
        let uri = format!("{}:{}@{}", escaped(&user), escaped(password), server.uri());
        assert_eq!(user_of::<M>(Config::parse(&uri).unwrap()).await, user);
        let config = Config::parse(&server.uri()).unwrap();
        let config = config.user(&*user).password(password);
        assert_eq!(user_of::<M>(config).await, user);
    }
    assert_eq!(user_of::<M>(Config::parse(&server.uri()).unwrap()).await, "guest");
}

pub(crate) async fn an_empty_password_logs_in<M: Adapter>(server: &Tarantool) {
    let user = create_user::<M>(server, Some("")).await;
    for login in [format!("{user}@"), format!("{user}:@")] {
        let config = Config::parse(&format!("{login}{}", server.uri())).unwrap();
        assert_eq!(user_of::<M>(config).await, user);
    }
}

pub(crate) async fn a_wrong_password_is_refused_and_never_shown<M: Adapter>(server: &Tarantool) {
    let user = create_user::<M>(server, Some("right")).await;
    for wrong in ["t0ps3cr3t", ""] {
        let config = Config::parse(&server.uri()).unwrap();
        let config = config.user(&*user).password(wrong);
        let error = M::connect(config).await.unwrap_err();
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

pub(crate) async fn an_unknown_user_is_refused<M: Adapter>(server: &Tarantool) {
    let config = Config::parse(&server.uri()).unwrap();
    let error = M::connect(config.user("nobody").password("t0ps3cr3t")).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("login as nobody refused"), "{error}");
    assert!(!format!("{error} {error:?}").contains("t0ps3cr3t"), "{error:?}");
    let codes = [ErrorCode::NO_SUCH_USER, ErrorCode::CREDS_MISMATCH];
    assert!(codes.contains(&error.code().unwrap()), "{error}");
    assert!(!error.is_retry_safe());
}

pub(crate) async fn what_a_user_may_not_do_is_an_error_of_the_request<M: Adapter>(
    server: &Tarantool,
) {
    let user = create_user::<M>(server, Some("right")).await;
    let config = Config::parse(&server.uri()).unwrap();
    let client = connect_as::<M>(config.user(&*user).password("right")).await;
    let users = client.space::<(u32, u32, String)>(304);
    let error = M::wait(users.get(1)).await.unwrap_err();
    println!("{error}");
    assert_eq!(error.code(), Some(ErrorCode::ACCESS_DENIED), "{error}");
    M::wait(client.ping()).await.unwrap();
}
