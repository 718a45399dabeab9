//! Rows and the types that they are read as.

use std::fmt::Debug;

use super::backend::{Format, Index};
use super::{Adapter, Backend, connect, connect_as, create_space, index};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tarantool_client::{Client, ErrorKind, Outcome, Version};

const INDEXES: [Index; 1] = [index("id", &["id"])];
const ANY: Format = &[("id", "unsigned")];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "never made: the rows do not fit")]
struct NameAsNumber {
    id: u64,
    name: u64,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "never made: the rows do not fit")]
struct TooMany {
    id: u64,
    name: String,
    age: u32,
}

pub async fn a_row_of_another_type_is_named_with_its_column_and_types<A: Adapter>(
    server: &Backend,
) {
    let client = connect::<A>(server).await;
    let (name, _) = create_space::<A>(server, ANY, &INDEXES).await;
    for (id, name_of) in [(1, "Ann"), (2, "Bob")] {
        let user = User { id, name: name_of.into() };
        A::wait(client.space(&name).insert(&user)).await.unwrap();
    }
    let numbers = client.space::<NameAsNumber>(&name);
    let error = A::wait(numbers.get(1)).await.unwrap_err();
    println!("{error}");
    let text = error.to_string();
    for part in ["select from", "row 1, column 2", "(name)", "u64", "string"] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    assert!(matches!(error.kind(), ErrorKind::Decode(_)));
    assert_eq!(error.outcome(), Outcome::Answered);
    assert!(!error.is_retry_safe());

    let error = A::wait(client.space::<TooMany>(&name).select(()).send()).await;
    let error = error.unwrap_err();
    println!("{error}");
    let text = error.to_string();
    for part in ["row 1, column 3", "(age)", "no such column", "u32"] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    let ErrorKind::Decode(error) = error.kind() else {
        panic!("{error}");
    };
    assert_eq!((error.row(), error.column()), (Some(0), Some(2)));

    // The second row is the wrong one.
    A::wait(client.space(&name).replace(&(2, 7))).await.unwrap();
    let error = A::wait(client.space::<User>(&name).select(()).send()).await;
    let error = error.unwrap_err();
    println!("{error}");
    let text = error.to_string();
    for part in ["row 2, column 2", "(name)", "a string", "7"] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    let error = A::wait(client.call::<u64>("echo", "text")).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("expected u64"), "{error}");
    A::wait(client.ping()).await.unwrap();
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Growing {
    id: u64,
    name: Option<String>,
    age: Option<u32>,
}

pub async fn optional_columns_at_the_end_may_be_absent<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (name, _) = create_space::<A>(server, ANY, &INDEXES).await;
    A::wait(client.space(&name).insert(&(1,))).await.unwrap();
    A::wait(client.space(&name).insert(&(2, "Bob"))).await.unwrap();
    A::wait(client.space(&name).insert(&(3, (), 30))).await.unwrap();
    let whole = Growing { id: 4, name: Some("Dan".into()), age: Some(40) };
    A::wait(client.space(&name).insert(&whole)).await.unwrap();
    let rows = A::wait(client.space::<Growing>(&name).select(()).send()).await;
    let row = |id, name: Option<&str>, age| Growing { id, name: name.map(str::to_owned), age };
    assert_eq!(
        rows.unwrap(),
        [row(1, None, None), row(2, Some("Bob"), None), row(3, None, Some(30)), whole]
    );
}

pub async fn columns_beyond_the_type_are_skipped<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (name, _) = create_space::<A>(server, ANY, &INDEXES).await;
    let wide = (1, "Ann", [1, 2, 3], ("nested", [()]), 1.5, true);
    A::wait(client.space(&name).insert(&wide)).await.unwrap();
    A::wait(client.space(&name).insert(&(2, "Bob"))).await.unwrap();
    let rows = A::wait(client.space::<User>(&name).select(()).send()).await;
    let [ann, bob] = [(1, "Ann"), (2, "Bob")].map(|(id, name)| User { id, name: name.into() });
    assert_eq!(rows.unwrap(), [ann.clone(), bob]);
    let first = A::wait(client.space::<(u64,)>(&name).get(1)).await.unwrap();
    assert_eq!(first, Some((1,)));
    assert_eq!(A::wait(client.space::<User>(&name).delete(1)).await.unwrap(), Some(ann));
}

/// The columns of the space are in another order than the fields of the type.
pub async fn structs_are_filled_by_name_where_the_server_tells_names<A: Adapter>(server: &Backend) {
    let format = &[("id", "unsigned"), ("age", "unsigned"), ("name", "string")];
    let (name, _) = create_space::<A>(server, format, &INDEXES).await;
    let client = connect_as::<A>(server.config().tuple_formats(true)).await;
    let columns = client.space::<(u64, u32, String)>(&name);
    A::wait(columns.insert(&(1, 30, "Ann".into()))).await.unwrap();
    A::wait(columns.insert(&(2, 40, "Bob".into()))).await.unwrap();
    // Tuples are by position, whatever the server tells.
    assert_eq!(A::wait(columns.get(2)).await.unwrap(), Some((2, 40, "Bob".into())));

    let users = client.space::<User>(&name);
    let read = A::wait(users.select(()).send()).await;
    if server.version() < Version::new(3, 0, 0) {
        let error = read.unwrap_err().to_string();
        assert!(error.contains("column 2"), "by position, {error}");
        return;
    }
    let ann = User { id: 1, name: "Ann".into() };
    let bob = User { id: 2, name: "Bob".into() };
    assert_eq!(read.unwrap(), [ann.clone(), bob]);
    let older = tarantool_client::ops().add("age", 1);
    assert_eq!(A::wait(users.update(1, older)).await.unwrap(), Some(ann.clone()));
    assert_eq!(A::wait(users.delete(1)).await.unwrap(), Some(ann));
    let echoed: (u64, String) = A::wait(client.call("echo", (1, "x"))).await.unwrap();
    assert_eq!(echoed, (1, "x".into()));
}

pub async fn every_width_of_integer_comes_back<A: Adapter>(server: &Backend) {
    async fn echo<A: Adapter, T>(client: &Client<A::Mode>, values: &[T])
    where
        T: Serialize + DeserializeOwned + PartialEq + Debug + Send,
    {
        for value in values {
            let back: T = A::wait(client.call("echo", (value,))).await.unwrap();
            assert_eq!(&back, value);
        }
    }

    let client = connect::<A>(server).await;
    echo::<A, _>(&client, &[0_u64, 127, 128, 255, 256, 65_535, 65_536, 1 << 32, u64::MAX]).await;
    let negative = [-1_i64, -32, -33, -128, -129, -32_768, -32_769, -1 << 31, i64::MIN];
    echo::<A, _>(&client, &negative).await;
    echo::<A, _>(&client, &[i64::MAX]).await;
    echo::<A, _>(&client, &[0.5_f64, -1e300, f64::MAX, f64::MIN_POSITIVE]).await;
    echo::<A, _>(&client, &[true, false]).await;
    let texts = [0, 1, 31, 32, 255, 256, 65_535, 65_536].map(|length| "ü".repeat(length));
    echo::<A, _>(&client, &texts).await;
    let lists = [1, 15, 16, 65_535, 65_536].map(|length| vec![1_u8; length]);
    echo::<A, _>(&client, &lists).await;
}
