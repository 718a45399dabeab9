//! What is refused, with the server's codes and texts.

use super::*;

#[test]
fn tuples_that_do_not_fit() {
    let mut database = Database::new();
    let basic = definition("basic", &["id:unsigned", "name:string", "num:number?", "data:any?"]);
    let basic = make(&mut database, &basic, &[("pk", true, &[0])]);
    for (tuple, code, text) in [
        (
            json!(["x", "y"]),
            23,
            "Tuple field 1 (id) type does not match one required by operation: expected unsigned, got string",
        ),
        (
            json!([-1, "y"]),
            23,
            "Tuple field 1 (id) type does not match one required by operation: expected unsigned, got integer",
        ),
        (
            json!([1, null]),
            23,
            "Tuple field 2 (name) type does not match one required by operation: expected string, got nil",
        ),
        (json!([1]), 39, "Tuple field 2 (name) required by space format is missing"),
        (json!([]), 39, "Tuple field 1 (id) required by space format is missing"),
        (json!({}), 22, "Tuple/Key must be MsgPack array"),
        (json!(5), 22, "Tuple/Key must be MsgPack array"),
    ] {
        refused(insert(&mut database, basic, tuple.clone()), code, text);
        refused(replace(&mut database, basic, tuple.clone()), code, text);
        refused(upsert(&mut database, basic, tuple, json!([])), code, text);
    }
    insert(&mut database, basic, json!([1, "a", null, null, "more", [1]])).unwrap();
    let bad: [&[u8]; 8] = [
        &[],
        &[0x92, 2],
        &[0x92, 2, 0xc1],
        &[0x92, 2, 0xa1, b'x', 0],
        &[0xdd, 0xff, 0xff, 0xff, 0xff, 2],
        // A decimal without a sign, a short UUID, a datetime out of range.
        &[0x94, 2, 0xa0, 0xc0, 0xd5, 1, 0, 0x11],
        &[0x94, 2, 0xa0, 0xc0, 0x91, 0xd4, 2, 0],
        &[0x94, 2, 0xa0, 0xc0, 0xd7, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    for tuple in bad {
        refused(database.insert(basic, tuple), 20, "Invalid MsgPack - packet body");
    }
    let deep = [&[0x94, 2, 0xa0, 0xc0][..], &[0x91; 100_000], &[0xc0]].concat();
    assert!(database.insert(basic, &deep).is_ok());
    let extension = |kind: u8| [0x94, 3, 0xa0, 0xc0, 0xd4, kind, 0];
    assert!(database.replace(basic, &extension(9)).is_ok());
    let text = "Tuple field 4 (data) type does not match one required by operation: expected any, got extension";
    for kind in [0, 0xff] {
        refused(database.replace(basic, &extension(kind)), 23, text);
    }
}

#[test]
fn counts_and_sizes() {
    let mut database = Database::new();
    let space = SpaceDefinition { field_count: 3, ..definition("uniq", &["id:unsigned"]) };
    let space = make(&mut database, &space, &[("pk", true, &[0])]);
    let text = "Tuple field count 2 does not match space field count 3";
    refused(insert(&mut database, space, json!([1, "x"])), 38, text);
    let text = "Tuple field count 4 does not match space field count 3";
    refused(insert(&mut database, space, json!([1, 2, 3, 4])), 38, text);
    let big = |length: usize| bytes(&json!([5, "z".repeat(length), 0]));
    // An array, a number, a string's header, a number, and what the server adds.
    let overhead = 1 + 1 + 5 + 1 + 10;
    database.insert(space, &big((1 << 20) - overhead)).unwrap();
    refused(
        database.replace(space, &big((1 << 20) - overhead + 1)),
        110,
        "Failed to allocate 1048577 bytes for tuple: tuple is too large. Check \
         'memtx_max_tuple_size' configuration option.",
    );
}

#[test]
fn keys_that_are_not_one_tuples() {
    let mut database = Database::new();
    let space = definition("tree", &["a:string", "b:unsigned", "v:string"]);
    let indexes: [(&str, bool, &[usize]); 2] = [("pk", true, &[0, 1]), ("v", false, &[2])];
    let space = make(&mut database, &space, &indexes);
    insert(&mut database, space, json!(["a", 1, "x"])).unwrap();
    for (key, got) in [(json!(["a"]), 1), (json!([]), 0), (json!([1, 2, 3]), 3)] {
        let text = format!("Invalid key part count in an exact match (expected 2, got {got})");
        refused(delete(&mut database, space, 0, key.clone()), 19, &text);
        refused(update(&mut database, space, key, json!([["=", 3, "y"]])), 19, &text);
    }
    let text = "Get() doesn't support partial keys and non-unique indexes";
    refused(delete(&mut database, space, 1, json!(["x"])), 41, text);
    let text = "Supplied key type of part 1 does not match index part type: expected unsigned";
    refused(delete(&mut database, space, 0, json!(["a", "b"])), 18, text);
    refused(delete(&mut database, space, 0, json!(7)), 22, "Tuple/Key must be MsgPack array");
    refused(
        delete(&mut database, space, 5, json!([7])),
        35,
        "No index #5 is defined in space 'tree'",
    );
    assert_eq!(database.len(space), Ok(1));
}

#[test]
fn spaces_that_are_not_there() {
    let mut database = Database::new();
    let text = "Space '9999' does not exist";
    refused(insert(&mut database, 9999, json!([1])), 36, text);
    refused(replace(&mut database, 9999, json!([1])), 36, text);
    refused(update(&mut database, 9999, json!([1]), json!([])), 36, text);
    refused(upsert(&mut database, 9999, json!([1]), json!([])), 36, text);
    refused(delete(&mut database, 9999, 0, json!([1])), 36, text);
    refused(database.len(9999), 36, text);
    refused(database.truncate(9999), 36, text);
    refused(database.drop_space(9999), 36, text);
    refused(database.resolve(SpaceRef::Id(9999)), 36, text);
    refused(database.resolve(SpaceRef::Name(b"nope")), 36, "Space 'nope' does not exist");
    refused(database.resolve(SpaceRef::Name(b"\xff")), 36, "Space '\u{fffd}' does not exist");
    let empty = database.create_space(definition("noindex", &[])).unwrap();
    let text = "No index #0 is defined in space 'noindex'";
    refused(insert(&mut database, empty, json!([1])), 35, text);
    refused(replace(&mut database, empty, json!([1])), 35, text);
    refused(upsert(&mut database, empty, json!([1]), json!([])), 35, text);
    refused(rows(&database, &all(empty, 0)), 35, text);
    assert_eq!(database.len(empty), Ok(0));
}

/// Requests that are nearly right, with bytes changed, cut and added.
#[test]
fn nothing_panics_and_indexes_agree() {
    let (mut database, space) = users();
    let mut numbers = Numbers(3);
    let tuples: Vec<Vec<u8>> =
        [json!([1, "Ann", 30]), json!([2, null, 1.5]), json!([3, "x", -1, [{}]])]
            .iter()
            .map(bytes)
            .chain([
                [0x93, 4, 0xc0, 0xd5, 1, 0, 0x1c].to_vec(),
                [0x94, 5, 0xa0, 1, 0xd4, 9, 0].to_vec(),
            ])
            .collect();
    let keys = [json!([1]), json!(["Ann"]), json!([null]), json!([1.5]), json!([]), json!([2, 3])];
    let operations =
        [json!([["=", 2, "y"]]), json!([["+", 3, 1]]), json!([["#", 2, 1]]), json!([])];
    let mut codes = BTreeMap::new();
    for _ in 0..20_000 {
        let spoil = |bytes: &mut Vec<u8>, numbers: &mut Numbers| {
            let at = numbers.below(bytes.len() as u64) as usize;
            match numbers.below(6) {
                0 => bytes[at] = numbers.below(256) as u8,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, numbers.below(256) as u8),
                _ => {}
            }
        };
        let mut any = |values: &[Vec<u8>]| {
            let mut value = values[numbers.below(values.len() as u64) as usize].clone();
            spoil(&mut value, &mut numbers);
            value
        };
        let tuple = any(&tuples);
        let key = any(&keys.each_ref().map(bytes));
        let operations = any(&operations.each_ref().map(bytes));
        let position = any(&[b"kQM".to_vec(), b"ksAD".to_vec(), b"kgEC".to_vec()]);
        let index = numbers.below(4) as u32;
        let result = match numbers.below(6) {
            0 => database.insert(space, &tuple).map(drop),
            1 => database.replace(space, &tuple).map(drop),
            2 => database.upsert(space, &tuple, &operations, 1),
            3 => database.update(space, IndexRef::Id(index), &key, &operations, 1).map(drop),
            4 => database.delete(space, IndexRef::Id(index), &key).map(drop),
            _ => {
                let iterator = numbers.below(15) as u32;
                let (after_position, after_tuple) = match numbers.below(3) {
                    0 => (Some(&position[..]), None),
                    1 => (None, Some(&tuple[..])),
                    _ => (None, None),
                };
                let request = Select {
                    iterator,
                    key: &key,
                    after_position,
                    after_tuple,
                    ..all(space, index)
                };
                database.select(&Select { fetch_position: true, ..request }).map(drop)
            }
        };
        *codes.entry(result.map_or_else(|failure| failure.code.number(), |()| 0)).or_insert(0) += 1;
        let count = database.len(space).unwrap();
        for index in 0..3 {
            assert_eq!(database.select(&all(space, index)).unwrap().rows.len(), count);
        }
    }
    println!("{codes:?}");
    assert!(codes.len() > 10);
}
