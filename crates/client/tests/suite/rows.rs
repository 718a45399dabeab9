//! Rows and the types that they are read as.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tarantool_client::{Client, ErrorKind, Outcome};
use tarantool_testkit::Tarantool;

use super::{Adapter, connect, create_space};

const INDEXES: &str = "{{name = 'id', parts = {'id'}}}";
const ANY: &str = "{{'id', 'unsigned'}}";

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

pub(crate) async fn a_row_of_another_type_is_named_with_its_column_and_types<M: Adapter>(
    server: &Tarantool,
) {
    let client = connect::<M>(server).await;
    let (name, _) = create_space(&client, ANY, INDEXES).await;
    for (id, name_of) in [(1, "Ann"), (2, "Bob")] {
        let user = User { id, name: name_of.into() };
        M::wait(client.space(&name).insert(&user)).await.unwrap();
    }
    let numbers = client.space::<NameAsNumber>(&name);
    let error = M::wait(numbers.get(1)).await.unwrap_err();
    println!("{error}");
    let text = error.to_string();
    for part in ["select from", "row 1, column 2", "(name)", "u64", "string"] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    assert!(matches!(error.kind(), ErrorKind::Decode(_)));
    assert_eq!(error.outcome(), Outcome::Answered);
    assert!(!error.is_retry_safe());

    let error = M::wait(client.space::<TooMany>(&name).select(()).send()).await;
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
    M::wait(client.space(&name).replace(&(2, 7))).await.unwrap();
    let error = M::wait(client.space::<User>(&name).select(()).send()).await;
    let error = error.unwrap_err();
    println!("{error}");
    let text = error.to_string();
    for part in ["row 2, column 2", "(name)", "a string", "7"] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    let error = M::wait(client.call::<_, u64>("echo", "text")).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("expected u64"), "{error}");
    M::wait(client.ping()).await.unwrap();
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Growing {
    id: u64,
    name: Option<String>,
    age: Option<u32>,
}

pub(crate) async fn optional_columns_at_the_end_may_be_absent<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let (name, _) = create_space(&client, ANY, INDEXES).await;
    M::wait(client.space(&name).insert(&(1,))).await.unwrap();
    M::wait(client.space(&name).insert(&(2, "Bob"))).await.unwrap();
    M::wait(client.space(&name).insert(&(3, (), 30))).await.unwrap();
    let whole = Growing { id: 4, name: Some("Dan".into()), age: Some(40) };
    M::wait(client.space(&name).insert(&whole)).await.unwrap();
    let rows = M::wait(client.space::<Growing>(&name).select(()).send()).await;
    let row = |id, name: Option<&str>, age| Growing { id, name: name.map(str::to_owned), age };
    assert_eq!(
        rows.unwrap(),
        [row(1, None, None), row(2, Some("Bob"), None), row(3, None, Some(30)), whole]
    );
}

pub(crate) async fn columns_beyond_the_type_are_skipped<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let (name, _) = create_space(&client, ANY, INDEXES).await;
    let wide = (1, "Ann", [1, 2, 3], ("nested", [()]), 1.5, true);
    M::wait(client.space(&name).insert(&wide)).await.unwrap();
    M::wait(client.space(&name).insert(&(2, "Bob"))).await.unwrap();
    let rows = M::wait(client.space::<User>(&name).select(()).send()).await;
    let [ann, bob] = [(1, "Ann"), (2, "Bob")].map(|(id, name)| User { id, name: name.into() });
    assert_eq!(rows.unwrap(), [ann.clone(), bob]);
    let first = M::wait(client.space::<(u64,)>(&name).get(1)).await.unwrap();
    assert_eq!(first, Some((1,)));
    assert_eq!(M::wait(client.space::<User>(&name).delete(1)).await.unwrap(), Some(ann));
}

pub(crate) async fn every_width_of_integer_comes_back<M: Adapter>(server: &Tarantool) {
    async fn echo<M: Adapter, T>(client: &Client<M>, values: &[T])
    where
        T: Serialize + DeserializeOwned + PartialEq + Debug,
    {
        for value in values {
            let back: T = M::wait(client.call("echo", (value,))).await.unwrap();
            assert_eq!(&back, value);
        }
    }

    let client = connect::<M>(server).await;
    echo(&client, &[0_u64, 127, 128, 255, 256, 65_535, 65_536, 1 << 32, u64::MAX]).await;
    let negative = [-1_i64, -32, -33, -128, -129, -32_768, -32_769, -1 << 31, i64::MIN];
    echo(&client, &negative).await;
    echo(&client, &[i64::MAX]).await;
    echo(&client, &[0.5_f64, -1e300, f64::MAX, f64::MIN_POSITIVE]).await;
    echo(&client, &[true, false]).await;
    let texts = [0, 1, 31, 32, 255, 256, 65_535, 65_536].map(|length| "ü".repeat(length));
    echo(&client, &texts).await;
    let lists = [1, 15, 16, 65_535, 65_536].map(|length| vec![1_u8; length]);
    echo(&client, &lists).await;
}
