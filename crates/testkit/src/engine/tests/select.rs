//! Iterators and pages, against a plain sort.

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use super::*;

const TREE_ITERATORS: [IteratorType; 9] = [
    IteratorType::Eq,
    IteratorType::Req,
    IteratorType::All,
    IteratorType::Lt,
    IteratorType::Le,
    IteratorType::Ge,
    IteratorType::Gt,
    IteratorType::Np,
    IteratorType::Pp,
];

/// id, s, n: unique by id, by s and n, and an index by n that holds each key many times.
fn random_space(numbers: &mut Numbers) -> (Database, u32, Vec<Json>) {
    let mut database = Database::new();
    let space = definition("random", &["id:integer", "s:string", "n:number?"]);
    let indexes: [(&str, bool, &[usize]); 4] =
        [("pk", true, &[0]), ("sid", true, &[1, 0]), ("n", false, &[2]), ("sn", false, &[1, 2])];
    let space = make(&mut database, &space, &indexes);
    let mut tuples = Vec::new();
    for _ in 0..200 {
        let id = numbers.below(300) as i64 - 150;
        let tuple = json!([id, string(numbers), number(numbers)]);
        if insert(&mut database, space, tuple.clone()).is_ok() {
            tuples.push(tuple);
        }
    }
    (database, space, tuples)
}

fn string(numbers: &mut Numbers) -> Json {
    let words =
        ["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "aa", "ab", "b", "ba", "ж", "\u{10ffff}"];
    json!(words[numbers.below(words.len() as u64) as usize])
}

fn number(numbers: &mut Numbers) -> Json {
    match numbers.below(8) {
        0 => Json::Null,
        1 => json!(u64::MAX - numbers.below(2)),
        2 => json!(i64::MIN + numbers.below(2) as i64),
        3 => json!(numbers.below(5) as f64 - 2.5),
        4 => json!(numbers.below(5) as f64),
        _ => json!(numbers.below(6) as i64 - 3),
    }
}

fn compare(left: &Json, right: &Json) -> Ordering {
    match (left, right) {
        (Json::Null, Json::Null) => Ordering::Equal,
        (Json::Null, _) => Ordering::Less,
        (_, Json::Null) => Ordering::Greater,
        (Json::String(left), Json::String(right)) => left.as_bytes().cmp(right.as_bytes()),
        // The integers of this test that a float cannot hold are far from all floats of it.
        _ if left.is_f64() || right.is_f64() => {
            left.as_f64().unwrap().total_cmp(&right.as_f64().unwrap())
        }
        _ => {
            let integer = |value: &Json| {
                value.as_i64().map_or_else(|| i128::from(value.as_u64().unwrap()), i128::from)
            };
            integer(left).cmp(&integer(right))
        }
    }
}

fn compare_keys(left: &[Json], right: &[Json]) -> Ordering {
    let orders = left.iter().zip(right).map(|(left, right)| compare(left, right));
    orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn key_of(tuple: &Json, fields: &[usize]) -> Vec<Json> {
    fields.iter().map(|field| tuple[*field].clone()).collect()
}

/// What a select must give: by looking at each tuple.
fn naive(tuples: &[Json], fields: &[usize], iterator: IteratorType, key: &[Json]) -> Vec<Json> {
    let whole: Vec<usize> = fields.iter().copied().chain([0]).collect();
    let mut sorted = tuples.to_vec();
    sorted.sort_by(|a, b| compare_keys(&key_of(a, &whole), &key_of(b, &whole)));
    let is_wanted = |tuple: &Json| {
        let found = key_of(tuple, fields);
        let order = compare_keys(&found[..key.len()], key);
        let prefixed = match key.last() {
            Some(Json::String(prefix)) => {
                let before = compare_keys(&found[..key.len() - 1], key);
                let value = found[key.len() - 1].as_str().unwrap();
                if before.is_eq() && value.starts_with(prefix) { Ordering::Equal } else { order }
            }
            _ => order,
        };
        key.is_empty()
            || match iterator {
                IteratorType::Eq | IteratorType::Req => order.is_eq(),
                IteratorType::Lt => order.is_lt(),
                IteratorType::Le => order.is_le(),
                IteratorType::Gt => order.is_gt(),
                IteratorType::Np => prefixed.is_gt(),
                IteratorType::Pp => prefixed.is_lt(),
                _ => order.is_ge(),
            }
    };
    sorted.retain(is_wanted);
    if matches!(
        iterator,
        IteratorType::Req | IteratorType::Lt | IteratorType::Le | IteratorType::Pp
    ) {
        sorted.reverse();
    }
    sorted
}

const INDEXES: [&[usize]; 4] = [&[0], &[1, 0], &[2], &[1, 2]];

fn random_key(numbers: &mut Numbers, fields: &[usize]) -> Vec<Json> {
    let count = numbers.below(fields.len() as u64 + 1) as usize;
    let value = |field: &usize| match field {
        0 => json!(numbers.below(300) as i64 - 150),
        1 => string(numbers),
        _ => number(numbers),
    };
    fields[..count].iter().map(value).collect()
}

#[test]
fn iterators_are_what_a_sort_gives() {
    let mut numbers = Numbers(1);
    let (database, space, tuples) = random_space(&mut numbers);
    assert!(tuples.len() > 100);
    let mut found = 0;
    for turn in 0..6000 {
        let nth = turn % INDEXES.len();
        let iterator = TREE_ITERATORS[numbers.below(9) as usize];
        let key = random_key(&mut numbers, INDEXES[nth]);
        let (offset, limit) = match numbers.below(3) {
            0 => (numbers.below(4) as u32, numbers.below(5) as u32),
            1 => (0, u32::MAX),
            _ => (u32::MAX, 1),
        };
        let bytes = bytes(&json!(key));
        let request = Select {
            iterator: iterator.number(),
            key: &bytes,
            offset,
            limit,
            ..all(space, nth as u32)
        };
        let wanted = naive(&tuples, INDEXES[nth], iterator, &key);
        let wanted: Vec<Json> =
            wanted.into_iter().skip(offset as usize).take(limit as usize).collect();
        found += wanted.len();
        assert_eq!(rows(&database, &request).unwrap(), wanted, "{iterator:?} {key:?}");
    }
    println!("6000 selects, {found} rows");
}

#[test]
fn pages_are_the_whole() {
    let mut numbers = Numbers(2);
    let (database, space, _) = random_space(&mut numbers);
    let mut pages = 0;
    for turn in 0..600 {
        let nth = turn % INDEXES.len();
        let iterator = TREE_ITERATORS[numbers.below(9) as usize];
        let key = bytes(&json!(random_key(&mut numbers, INDEXES[nth])));
        let whole = Select { iterator: iterator.number(), key: &key, ..all(space, nth as u32) };
        let wanted = database.select(&whole).unwrap().rows;
        let (mut by_position, mut by_tuple) = (Vec::new(), Vec::new());
        let mut position = Some(Vec::new());
        let page = Select { limit: 1 + numbers.below(9) as u32, fetch_position: true, ..whole };
        while let Some(after) = position {
            let got = database.select(&Select { after_position: Some(&after), ..page }).unwrap();
            assert_eq!(got.position.is_some(), !got.rows.is_empty());
            by_position.extend(got.rows);
            position = got.position;
            pages += 1;
        }
        loop {
            let last = by_tuple.last().cloned();
            let after: Option<&Tuple> = last.as_ref();
            let request = Select { after_tuple: after.map(|tuple| &**tuple), ..page };
            let got = database.select(&request).unwrap();
            if got.rows.is_empty() {
                break;
            }
            by_tuple.extend(got.rows);
        }
        assert_eq!((&by_position, &by_tuple), (&wanted, &wanted), "{iterator:?} {key:x?}");
    }
    println!("{pages} pages");
}

#[test]
fn positions() {
    let (mut database, space) = users();
    for id in 1..=10 {
        let name = if id == 3 { Json::Null } else { json!(format!("u{id}")) };
        insert(&mut database, space, json!([id, name, id % 2])).unwrap();
    }
    let position = |index: u32, limit: u32| {
        let request = Select { limit, fetch_position: true, ..all(space, index) };
        database.select(&request).unwrap().position
    };
    assert_eq!(position(0, 3).unwrap(), b"kQM");
    assert_eq!(position(0, 0), None);
    // The key alone does not say where among those that may be the same.
    assert_eq!(BASE64.decode(position(1, 1).unwrap()).unwrap(), [0x92, 0xc0, 3]);
    assert_eq!(BASE64.decode(position(2, 2).unwrap()).unwrap(), [0x92, 0, 4]);
    let after = |text: &'static [u8]| {
        rows(&database, &Select { after_position: Some(text), limit: 1, ..all(space, 0) })
    };
    assert_eq!(after(b"kQM").unwrap()[0][0], 4);
    assert_eq!(after(b"").unwrap()[0][0], 1);
    assert_eq!(after(b"kQo").unwrap(), [] as [Json; 0]);
    let one = [0x91, 1];
    let both = Select { after_position: Some(b"kQM"), after_tuple: Some(&one), ..all(space, 0) };
    assert_eq!(rows(&database, &both).unwrap()[0][0], 4);
    for bad in [&b"k"[..], b"!!!!", b"kQ", b"kgEC", b"kaFh", b"kQMA", b"wA", b"\xff"] {
        refused(after(bad), 247, "Iterator position is invalid");
    }
    let five = [0x91, 5];
    for (iterator, position, is_fine) in [
        (IteratorType::Eq, &b"kQU"[..], true),
        (IteratorType::Eq, b"kQM", false),
        (IteratorType::Ge, b"kQM", false),
        (IteratorType::Gt, b"kQU", false),
        (IteratorType::Le, b"kQM", true),
        (IteratorType::Le, b"kQY", false),
        (IteratorType::Lt, b"kQU", false),
    ] {
        let (iterator, after_position) = (iterator.number(), Some(position));
        let request = Select { iterator, key: &five, after_position, ..all(space, 0) };
        assert_eq!(database.select(&request).is_ok(), is_fine, "{iterator} {position:?}");
    }
    for tuple in [&[][..], &[0x90], &[0x91, 0xa1, b'x'], &[0xc0], &[0x91]] {
        let request = Select { after_tuple: Some(tuple), ..all(space, 0) };
        refused(rows(&database, &request), 247, "Iterator position is invalid");
    }
}

#[test]
fn keys_and_iterators_that_do_not_fit() {
    let (database, space) = users();
    let by = |iterator: u32, index: u32, key: &Json| {
        rows(&database, &Select { iterator, key: &bytes(key), ..all(space, index) })
    };
    for iterator in [14, 99, u32::MAX] {
        refused(by(iterator, 0, &json!([])), 1, "Invalid iterator type");
    }
    for iterator in 7..=11 {
        let text =
            "Index 'pk' (TREE) of space 'users' (memtx) does not support requested iterator type";
        refused(by(iterator, 0, &json!([1])), 112, text);
    }
    refused(by(0, 9, &json!([])), 35, "No index #9 is defined in space 'users'");
    let text = "Invalid key part count (expected [0..1], got 3)";
    refused(by(0, 0, &json!([1, 2, 3])), 31, text);
    let text = "Supplied key type of part 0 does not match index part type: expected unsigned";
    refused(by(0, 0, &json!(["x"])), 18, text);
    refused(by(0, 0, &json!([-1])), 18, text);
    refused(by(0, 0, &json!([null])), 18, text);
    assert_eq!(by(0, 1, &json!([null])).unwrap(), [] as [Json; 0]);
    refused(by(0, 0, &json!({})), 22, "Tuple/Key must be MsgPack array");
    let raw = |key: &'static [u8]| rows(&database, &Select { key, ..all(space, 0) });
    for key in [&[][..], &[0x91], &[0x90, 1], &[0x91, 0xc1], &[0xdd, 0xff, 0xff, 0xff, 0xff]] {
        refused(raw(key), 20, "Invalid MsgPack - packet body");
    }
    let unknown = Select { index: IndexRef::Name(b"zz"), ..all(space, 0) };
    refused(rows(&database, &unknown), 148, "No index 'zz' is defined in space 'users'");
    let named = Select { index: IndexRef::Name(b"age"), ..all(space, 0) };
    assert!(rows(&database, &named).is_ok());
    refused(rows(&database, &all(9999, 0)), 36, "Space '9999' does not exist");
}
