//! Tuples that come, change and go.

use std::time::Instant;

use tarantool_proto::msgpack::write;

use super::*;

#[test]
fn tuples_are_kept_byte_for_byte() {
    let (mut database, space) = users();
    let wide = [0xdd, 0, 0, 0, 3, 0xce, 0, 0, 0, 7, 0xd9, 1, b'x', 0xca, 0x3f, 0x80, 0, 0];
    assert_eq!(*database.insert(space, &wide).unwrap(), wide);
    let request = Select { key: &[0x91, 7], iterator: 0, ..all(space, 0) };
    assert_eq!(*database.select(&request).unwrap().rows[0], wide);
    // A number is found by any form of it.
    let request = Select { key: &[0x91, 1], iterator: 0, ..all(space, 2) };
    assert_eq!(*database.select(&request).unwrap().rows[0], wide);
    assert_eq!(
        database
            .delete(space, IndexRef::Name(b"name"), &[0x91, 0xda, 0, 1, b'x'])
            .unwrap()
            .as_deref(),
        Some(&wide[..])
    );
    assert_eq!(database.len(space), Ok(0));
}

#[test]
fn replacing_moves_the_keys() {
    let (mut database, space) = users();
    insert(&mut database, space, json!([1, "Ann", 30])).unwrap();
    insert(&mut database, space, json!([2, "Bob", 30])).unwrap();
    replace(&mut database, space, json!([1, "Eve", 20])).unwrap();
    let names = Select { ..all(space, 1) };
    assert_eq!(rows(&database, &names).unwrap(), [json!([2, "Bob", 30]), json!([1, "Eve", 20])]);
    assert_eq!(
        rows(&database, &all(space, 2)).unwrap(),
        [json!([1, "Eve", 20]), json!([2, "Bob", 30])]
    );
    // The same key in the same tuple is no conflict.
    replace(&mut database, space, json!([1, "Eve", 40])).unwrap();
    insert(&mut database, space, json!([3, "Ann"])).unwrap();
    assert_eq!(delete(&mut database, space, 1, json!(["Eve"])).unwrap(), json!([1, "Eve", 40]));
    assert_eq!(delete(&mut database, space, 1, json!(["Eve"])).unwrap(), Json::Null);
    for index in 0..3 {
        assert_eq!(rows(&database, &all(space, index)).unwrap().len(), 2);
    }
}

#[test]
fn nil_is_in_a_unique_index_many_times() {
    let (mut database, space) = users();
    for tuple in [json!([5, null]), json!([3]), json!([4, null, 1]), json!([6, "Ann"])] {
        insert(&mut database, space, tuple).unwrap();
    }
    let found = Select { key: &[0x91, 0xc0], iterator: 0, ..all(space, 1) };
    let ids = |rows: Vec<Json>| rows.iter().map(|row| row[0].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(ids(rows(&database, &found).unwrap()), [3, 4, 5]);
    assert_eq!(ids(rows(&database, &all(space, 1)).unwrap()), [3, 4, 5, 6]);
    refused(
        insert(&mut database, space, json!([7, "Ann", null])),
        3,
        "Duplicate key exists in unique index \"name\" in space \"users\" with old tuple - \
         [6, \"Ann\"] and new tuple - [7, \"Ann\", null]",
    );
    replace(&mut database, space, json!([4, "Bob"])).unwrap();
    replace(&mut database, space, json!([6])).unwrap();
    assert_eq!(ids(rows(&database, &all(space, 1)).unwrap()), [3, 5, 6, 4]);
    // nil means no one tuple.
    let text = "Supplied key type of part 0 does not match index part type: expected string";
    refused(delete(&mut database, space, 1, json!([null])), 18, text);
}

#[test]
fn updates() {
    let (mut database, space) = users();
    insert(&mut database, space, json!([1, "Ann", 30])).unwrap();
    insert(&mut database, space, json!([2, "Bob", 31])).unwrap();
    let new = update(&mut database, space, json!([1]), json!([["+", "age", 5], ["=", 2, "Eve"]]));
    assert_eq!(new.unwrap(), json!([1, "Eve", 35]));
    let one = database.update(
        space,
        IndexRef::Id(1),
        &bytes(&json!(["Eve"])),
        &bytes(&json!([["-", 2, 1]])),
        0,
    );
    assert_eq!(json(&one.unwrap().unwrap()), json!([1, "Eve", 34]));
    assert_eq!(
        update(&mut database, space, json!([9]), json!([["=", 2, "x"]])).unwrap(),
        Json::Null
    );
    let text = "Attempt to modify a tuple field which is part of primary index in space 'users'";
    refused(update(&mut database, space, json!([1]), json!([["=", 1, 5]])), 94, text);
    let text = "Duplicate key exists in unique index \"pk\" in space \"users\" with old tuple - \
                [2, \"Bob\", 31] and new tuple - [2, \"Eve\", 34]";
    refused(update(&mut database, space, json!([1]), json!([["=", 1, 2]])), 3, text);
    let text = "Tuple field 3 (age) type does not match one required by operation: expected number, got string";
    refused(update(&mut database, space, json!([1]), json!([["=", 3, "x"]])), 23, text);
    assert_eq!(update(&mut database, space, json!([1]), json!([])).unwrap(), json!([1, "Eve", 34]));
}

#[test]
fn upserts() {
    let (mut database, space) = users();
    for _ in 0..3 {
        upsert(&mut database, space, json!([1, "Ann", 0]), json!([["+", 3, 1]])).unwrap();
    }
    assert_eq!(everything(&database, space), [json!([1, "Ann", 2])]);
    // What does not fit the tuple, or changes the primary key, is left undone.
    upsert(&mut database, space, json!([1, "Ann"]), json!([["+", 2, 1]])).unwrap();
    upsert(&mut database, space, json!([1, "Ann"]), json!([["=", 1, 9]])).unwrap();
    assert_eq!(everything(&database, space), [json!([1, "Ann", 2])]);
    for id in [1, 7] {
        let bad = upsert(&mut database, space, json!([id]), json!([["?", 2, 1]]));
        refused(bad, 28, "Unknown UPDATE operation #1: \"?\"");
    }
    insert(&mut database, space, json!([2, "Bob"])).unwrap();
    let code = |result: Result<(), Failure>| result.unwrap_err().code.number();
    assert_eq!(code(upsert(&mut database, space, json!([1]), json!([["=", 2, "Bob"]]))), 3);
    assert_eq!(code(upsert(&mut database, space, json!([3, "Bob"]), json!([]))), 3);
    assert_eq!(code(upsert(&mut database, space, json!(["x"]), json!([]))), 23);
}

#[test]
fn sums_in_double_fields_have_64_bits() {
    let mut database = Database::new();
    let space = definition("d", &["id:unsigned", "d:double", "n:number"]);
    let space = make(&mut database, &space, &[("pk", true, &[0])]);
    insert(&mut database, space, json!([1, 1.5, 1.5])).unwrap();
    let operations = bytes(&json!([["+", 2, 1.0], ["+", 3, 1.0]]));
    let new = database.update(space, IndexRef::Id(0), &[0x91, 1], &operations, 1).unwrap().unwrap();
    let mut wanted = vec![0x93, 1];
    write::f64(&mut wanted, 2.5);
    write::f32(&mut wanted, 2.5);
    assert_eq!(*new, wanted[..]);
}

#[test]
fn snapshots() {
    let (mut database, space) = users();
    let other = make(&mut database, &definition("other", &["id:unsigned"]), &[("pk", true, &[0])]);
    insert(&mut database, space, json!([1, "Ann"])).unwrap();
    let version = database.space_version(space);
    let mut snapshot = database.clone();
    insert(&mut snapshot, space, json!([2, "Bob"])).unwrap();
    insert(&mut snapshot, other, json!([1])).unwrap();
    assert_eq!((database.len(space), database.len(other)), (Ok(1), Ok(0)));
    assert_eq!(database.space_version(space), version);
    insert(&mut database, other, json!([7])).unwrap();
    database.adopt(&snapshot, space);
    assert_eq!((database.len(space), snapshot.len(space)), (Ok(2), Ok(2)));
    assert_eq!(everything(&database, other), [json!([7])]);
    assert_ne!(database.space_version(space), version);
    insert(&mut snapshot, space, json!([3])).unwrap();
    assert_eq!(database.len(space), Ok(2));
    // Nothing comes back that was dropped, and nothing new that is not known here.
    database.drop_space(other).unwrap();
    database.adopt(&snapshot, other);
    assert_eq!(database.space_version(other), None);
}

#[test]
fn versions_change_with_each_change_and_never_come_back() {
    let (mut database, space) = users();
    let mut seen = vec![database.space_version(space)];
    let mut changed = |database: &Database| {
        let version = database.space_version(space);
        let is_new = !seen.contains(&version);
        seen.push(version);
        is_new
    };
    insert(&mut database, space, json!([1])).unwrap();
    assert!(changed(&database));
    replace(&mut database, space, json!([1])).unwrap();
    assert!(changed(&database));
    let _ = insert(&mut database, space, json!([1])).unwrap_err();
    delete(&mut database, space, 0, json!([9])).unwrap();
    assert!(!changed(&database));
    database.truncate(space).unwrap();
    assert!(changed(&database));
    assert_eq!(database.len(space), Ok(0));
    database.drop_space(space).unwrap();
    let fields = definition("users", &["id:unsigned"]);
    assert_eq!(make(&mut database, &fields, &[("pk", true, &[0])]), space);
    assert!(changed(&database));
}

#[test]
fn many_large_tuples() {
    const COUNT: u64 = 100_000;
    let (mut database, space) = users();
    let text = "x".repeat(1500);
    let started = Instant::now();
    let mut tuple = Vec::new();
    for id in 0..COUNT {
        tuple.clear();
        write::array(&mut tuple, 4);
        write::uint(&mut tuple, id * 7919 % COUNT);
        write::str(&mut tuple, format!("user {id}").as_bytes());
        write::uint(&mut tuple, id % 100);
        write::str(&mut tuple, text.as_bytes());
        database.insert(space, &tuple).unwrap();
    }
    let inserted = started.elapsed();
    let started = Instant::now();
    for id in 0..COUNT {
        let mut key = vec![0x91];
        write::uint(&mut key, id);
        let request = Select { key: &key, iterator: 0, limit: 1, ..all(space, 0) };
        assert_eq!(database.select(&request).unwrap().rows.len(), 1);
    }
    let selected = started.elapsed();
    let started = Instant::now();
    let snapshot = database.clone();
    database.delete(space, IndexRef::Id(0), &[0x91, 0]).unwrap();
    let copied = started.elapsed();
    println!("{COUNT} inserts {inserted:?}, {COUNT} selects {selected:?}, a copy {copied:?}");
    assert_eq!((snapshot.len(space), database.len(space)), (Ok(100_000), Ok(99_999)));
}
