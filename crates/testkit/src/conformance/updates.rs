//! Updates and upserts.

use super::backend::{Format, Index};
use super::{Adapter, Backend, connect, create_space, index};
use serde::{Deserialize, Serialize};
use tarantool_client::{Client, ErrorCode, Space, ops};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    id: u64,
    text: String,
    count: i64,
    bits: u64,
    doc: Doc,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Doc(Vec<u64>);

type Longer = (u64, String, i64, u64, Doc, Option<String>, Option<u64>);

fn row() -> Row {
    Row { id: 1, text: "abcdef".into(), count: 10, bits: 0b1100, doc: Doc(vec![7, 8, 9]) }
}

const FORMAT: Format = &[
    ("id", "unsigned"),
    ("text", "string"),
    ("count", "integer"),
    ("bits", "unsigned"),
    ("doc", "array"),
];
const INDEXES: [Index; 1] = [index("id", &["id"])];

/// A space with one row, and its number.
async fn space<A: Adapter>(
    server: &Backend,
    client: &Client<A::Mode>,
) -> (Space<Row, A::Mode>, u32) {
    let (_, number) = create_space::<A>(server, FORMAT, &INDEXES).await;
    let space = client.space(number);
    A::wait(space.insert(&row())).await.unwrap();
    (space, number)
}

pub async fn every_operation_by_number<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (space, number) = space::<A>(server, &client).await;
    let changes = ops().assign(1, "hello").add(2, 5).bit_or(3, 0b0011);
    let changed = A::wait(space.update(1, changes)).await.unwrap().unwrap();
    assert_eq!((&*changed.text, changed.count), ("hello", 15));
    assert_eq!(changed.bits, 0b1111);

    let changes = ops().splice(1, 1, 3, "ipp").subtract(2, 20).bit_and(3, 0b0110);
    let changed = A::wait(space.update(1, changes)).await.unwrap().unwrap();
    assert_eq!((&*changed.text, changed.count), ("hippo", -5));
    assert_eq!(changed.bits, 0b0110);

    let changed = A::wait(space.update(1, ops().bit_xor(3, 0b0101))).await;
    assert_eq!(changed.unwrap().unwrap().bits, 0b0011);

    let longer = client.space::<Longer>(number);
    let changes = ops().assign(5, "sixth").insert(6, 7);
    let changed = A::wait(longer.update(1, changes)).await.unwrap().unwrap();
    assert_eq!((changed.5, changed.6), (Some("sixth".into()), Some(7)));
    let changed = A::wait(longer.update(1, ops().delete(5, 2))).await;
    let changed = changed.unwrap().unwrap();
    assert_eq!((changed.4, changed.5, changed.6), (row().doc, None, None));
    let now = A::wait(space.get(1)).await.unwrap().unwrap();
    assert_eq!((&*now.text, now.count, now.bits), ("hippo", -5, 0b0011));
}

pub async fn every_operation_by_negative_number<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (name, _) = create_space::<A>(server, &[("id", "unsigned")], &INDEXES).await;
    let space = client.space::<Vec<Value>>(&name);
    let text = |text: &str| Value::Text(text.into());
    let number = Value::Number;
    let inserted = vec![number(1), text("abcdef"), number(12), number(10)];
    A::wait(space.insert(&inserted)).await.unwrap();
    for (changes, expected) in [
        (
            ops().assign(-1, 20).bit_and(-2, 6),
            vec![number(1), text("abcdef"), number(4), number(20)],
        ),
        (ops().add(-1, 5).bit_or(-2, 3), vec![number(1), text("abcdef"), number(7), number(25)]),
        (
            ops().subtract(-1, 30).bit_xor(-2, 2),
            vec![number(1), text("abcdef"), number(5), number(-5)],
        ),
        (ops().splice(-3, -3, 1, "XY"), vec![number(1), text("abcdXYf"), number(5), number(-5)]),
        (
            ops().insert(-1, "end"),
            vec![number(1), text("abcdXYf"), number(5), number(-5), text("end")],
        ),
        (ops().delete(-1, 1), vec![number(1), text("abcdXYf"), number(5), number(-5)]),
    ] {
        let changed = A::wait(space.update(1, changes)).await.unwrap();
        assert_eq!(changed, Some(expected));
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Number(i64),
    Text(String),
}

pub async fn every_operation_by_name_and_by_path<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (space, _) = space::<A>(server, &client).await;
    let changes =
        ops().assign("text", "hello").add("count", -1).bit_xor("bits", 0b0101).assign("doc[2]", 80);
    let changed = A::wait(space.update(1, changes)).await.unwrap().unwrap();
    assert_eq!((&*changed.text, changed.count), ("hello", 9));
    assert_eq!((changed.bits, changed.doc), (0b1001, Doc(vec![7, 80, 9])));

    let changes =
        ops().splice("text", 0, 1, "J").subtract("count", 9).bit_and("bits", 1).insert("doc[1]", 6);
    let changed = A::wait(space.update(1, changes)).await.unwrap().unwrap();
    assert_eq!((&*changed.text, changed.count), ("Jello", 0));
    assert_eq!((changed.bits, changed.doc), (1, Doc(vec![6, 7, 80, 9])));

    let changes = ops().bit_or("bits", 2).delete("doc[2]", 2).add("count", 1);
    let changed = A::wait(space.update(1, changes)).await.unwrap().unwrap();
    assert_eq!((changed.bits, changed.count), (3, 1));
    assert_eq!(changed.doc, Doc(vec![6, 9]));
}

pub async fn fields_can_be_counted_from_one<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (space, _) = space::<A>(server, &client).await;
    let changes = ops().counting_from(1).splice(2, 2, 1, "-").add(3, 1);
    let changed = A::wait(space.update(1, changes)).await.unwrap().unwrap();
    assert_eq!((&*changed.text, changed.count), ("a-cdef", 11));
    let changes = ops().counting_from(1).add(3, 1);
    A::wait(space.upsert(&row(), changes)).await.unwrap();
    assert_eq!(A::wait(space.get(1)).await.unwrap().unwrap().count, 12);
}

pub async fn a_missing_row_is_none_and_a_wrong_operation_an_error<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (space, _) = space::<A>(server, &client).await;
    assert_eq!(A::wait(space.update(2, ops().add(2, 1))).await.unwrap(), None);
    for (changes, code) in [
        (ops().assign("no_such", 1), ErrorCode::NO_SUCH_FIELD_NAME),
        (ops().add("text", 1), ErrorCode::UPDATE_ARG_TYPE),
        (ops().assign(0, 2), ErrorCode::CANT_UPDATE_PRIMARY_KEY),
        (ops().add(9, 1), ErrorCode::NO_SUCH_FIELD_NO),
        (ops().assign(1, 5), ErrorCode::FIELD_TYPE),
    ] {
        let error = A::wait(space.update(1, changes.clone())).await.unwrap_err();
        assert_eq!(error.code(), Some(code), "{changes:?}: {error}");
        assert!(error.to_string().starts_with("update "), "{error}");
    }
    let unchanged = A::wait(space.update(1, ops())).await.unwrap();
    assert_eq!(unchanged, Some(row()));
}

pub async fn an_upsert_inserts_or_changes<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (name, _) = create_space::<A>(server, FORMAT, &INDEXES).await;
    let space = client.space::<Row>(&name);
    let changes = ops().add("count", 5).assign(1, "changed");
    A::wait(space.upsert(&row(), changes.clone())).await.unwrap();
    assert_eq!(A::wait(space.get(1)).await.unwrap(), Some(row()));
    A::wait(space.upsert(&row(), changes)).await.unwrap();
    let changed = A::wait(space.get(1)).await.unwrap().unwrap();
    assert_eq!((&*changed.text, changed.count), ("changed", 15));

    // What does not fit is skipped by the server, as documented.
    A::wait(space.upsert(&row(), ops().add("text", 1))).await.unwrap();
    assert_eq!(A::wait(space.get(1)).await.unwrap(), Some(changed));
    assert_eq!(A::wait(space.select(()).send()).await.unwrap().len(), 1);
}

/// Server 2.6 answers OK to keys in longer encodings than needed, and changes nothing.
pub async fn wide_integer_keys_change_the_row_that_they_name<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (name, _) = create_space::<A>(server, FORMAT, &INDEXES).await;
    let space = client.space::<Row>(&name);
    let keys = [0, 127, 128, 255, 256, 65_535, 65_536, 1 << 32, u64::MAX];
    for id in keys {
        let inserted = Row { id, ..row() };
        A::wait(space.insert(&inserted)).await.unwrap();
        let changed = A::wait(space.update(id, ops().add("count", 1))).await;
        assert_eq!(changed.unwrap().unwrap().count, 11, "update {id}");
        A::wait(space.upsert(&inserted, ops().add("count", 1))).await.unwrap();
        let found = A::wait(space.select(id).send()).await.unwrap();
        assert_eq!(found[0].count, 12, "upsert {id}");
        assert_eq!(found.len(), 1, "{id}");
    }
    for id in keys {
        let deleted = A::wait(space.delete(id)).await.unwrap();
        assert_eq!(deleted.unwrap().id, id);
        assert_eq!(A::wait(space.get(id)).await.unwrap(), None, "delete {id}");
    }
    assert_eq!(A::wait(space.select(()).send()).await.unwrap(), []);
}
