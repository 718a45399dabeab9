//! Making spaces and indexes, and reading about them.

use super::*;

#[test]
fn numbers_and_names() {
    let mut database = Database::new();
    let version = database.schema_version();
    let named = |name: &str| definition(name, &["id:unsigned"]);
    assert_eq!(database.create_space(named("a")), Ok(512));
    assert_eq!(database.create_space(SpaceDefinition { id: Some(700), ..named("b") }), Ok(700));
    assert_eq!(database.create_space(named("c")), Ok(701));
    assert!(database.schema_version() > version);
    assert_eq!(database.space_id("b"), Some(700));
    assert_eq!(database.resolve(SpaceRef::Name(b"c")), Ok(701));
    assert_eq!(database.resolve(SpaceRef::Id(512)), Ok(512));
    refused(database.create_space(named("a")), 10, "Space 'a' already exists");
    refused(database.create_space(named("_vspace")), 10, "Space '_vspace' already exists");
    for id in [512, 281] {
        let taken = SpaceDefinition { id: Some(id), ..named("d") };
        refused(database.create_space(taken), 10, "Space 'd' already exists");
    }
    for (id, problem) in [
        (0, "space id 0 is reserved"),
        (300, "space id is for the system"),
        (0x8000_0000, "space id is too big"),
    ] {
        let odd = SpaceDefinition { id: Some(id), ..named("d") };
        let text = format!("Failed to create space 'd': {problem}");
        refused(database.create_space(odd), 9, &text);
    }
    let twice = definition("d", &["x:any", "y:any", "x:any"]);
    refused(database.create_space(twice), 149, "Space field 'x' is duplicate");
    let version = database.schema_version();
    database.drop_space(700).unwrap();
    assert!(database.schema_version() > version);
    assert_eq!(database.space_id("b"), None);
}

#[test]
fn indexes_that_cannot_be() {
    let mut database = Database::new();
    let space = definition("s", &["id:unsigned", "l:array", "n:string?"]);
    let id = database.create_space(space.clone()).unwrap();
    let mut create = |name: &str, is_unique: bool, parts: Vec<Part>| {
        database.create_index(id, IndexDefinition { name: name.into(), is_unique, parts })
    };
    let unsigned = |field: usize| part(field, FieldType::Unsigned);
    let text = "Can't create or modify index 'pk' in space 's': ";
    let with = |problem: &str| format!("{text}{problem}");
    refused(create("pk", false, vec![unsigned(0)]), 14, &with("primary key must be unique"));
    refused(create("pk", true, vec![]), 14, &with("part count must be positive"));
    let parts = vec![unsigned(0), unsigned(0)];
    refused(create("pk", true, parts), 14, &with("same key part is indexed twice"));
    let parts = vec![part(1, FieldType::Array)];
    refused(create("pk", true, parts), 14, &with("field type 'array' is not supported"));
    let parts = vec![Part { is_nullable: true, ..part(2, FieldType::String) }];
    let text = "Primary index of space 's' can not contain nullable parts";
    refused(create("pk", true, parts), 152, text);
    let text =
        "Field 3 (n) has type 'string' in space format, but type 'unsigned' in index definition";
    refused(create("pk", true, vec![unsigned(2)]), 27, text);
    for field in [1 << 15, usize::MAX] {
        refused(create("pk", true, vec![unsigned(field)]), 14, &with("field no is too big"));
    }
    assert_eq!(create("pk", true, vec![unsigned(0)]), Ok(0));
    refused(create("pk", true, vec![unsigned(0)]), 85, "Index 'pk' already exists");
    assert_eq!(create("far", false, vec![unsigned(5)]), Ok(1));
    let text = "Field 6 has type 'unsigned' in one index, but type 'string' in another";
    refused(create("further", false, vec![part(5, FieldType::String)]), 24, text);
    refused(
        database.create_index(9, index("x", true, &space, &[0])),
        36,
        "Space '9' does not exist",
    );
    // Fields that only indexes name have no names in messages.
    let text = "Tuple field 6 required by space format is missing";
    refused(insert(&mut database, id, json!([1, []])), 39, text);
    let text = "Tuple field 6 type does not match one required by operation: expected unsigned, got string";
    refused(insert(&mut database, id, json!([1, [], null, 0, {}, "x"])), 23, text);
    insert(&mut database, id, json!([1, [], null, 0, {}, 6])).unwrap();
}

#[test]
fn indexes_over_tuples_that_are_there() {
    let mut database = Database::new();
    let space = definition("s", &["id:unsigned"]);
    let id = make(&mut database, &space, &[("pk", true, &[0])]);
    for tuple in [json!([1, "b", 1]), json!([2, "a", 1]), json!([3, "c"])] {
        insert(&mut database, id, tuple).unwrap();
    }
    let define = |name: &str, is_unique: bool, part: Part| IndexDefinition {
        name: name.into(),
        is_unique,
        parts: vec![part],
    };
    let string = part(1, FieldType::String);
    assert_eq!(database.create_index(id, define("s", true, string)), Ok(1));
    let ids = |database: &Database, index: u32| {
        let rows = rows(database, &all(id, index)).unwrap();
        rows.iter().map(|row| row[0].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&database, 1), [2, 1, 3]);
    let third = part(2, FieldType::Unsigned);
    let text = "Tuple field 3 required by space format is missing";
    refused(database.create_index(id, define("n", false, third.clone())), 39, text);
    let third = Part { is_nullable: true, ..third };
    let text = "Duplicate key exists in unique index \"n\" in space \"s\" with old tuple - \
                [1, \"b\", 1] and new tuple - [2, \"a\", 1]";
    refused(database.create_index(id, define("n", true, third.clone())), 3, text);
    assert_eq!(database.create_index(id, define("n", false, third)), Ok(2));
    assert_eq!(ids(&database, 2), [3, 1, 2]);
    // The refused index left nothing behind.
    insert(&mut database, id, json!([4, "d"])).unwrap();
    assert_eq!(ids(&database, 2), [3, 4, 1, 2]);
}

#[test]
fn views() {
    let (mut database, users) = users();
    let by = |database: &Database, view: u32, index: u32, key: Json| {
        let key = bytes(&key);
        rows(database, &Select { key: &key, iterator: 0, ..all(view, index) }).unwrap()
    };
    let row = json!([users, 1, "users", "memtx", 0, {}, [
        {"name": "id", "type": "unsigned"},
        {"name": "name", "type": "string", "is_nullable": true},
        {"name": "age", "type": "number", "is_nullable": true},
    ]]);
    let row = [row];
    for view in [280, 281] {
        assert_eq!(by(&database, view, 0, json!([users])), row);
        assert_eq!(by(&database, view, 2, json!(["users"])), row);
    }
    let indexes = [
        json!([users, 0, "pk", "tree", {"unique": true}, [[0, "unsigned"]]]),
        json!([users, 1, "name", "tree", {"unique": true},
            [{"field": 1, "type": "string", "is_nullable": true}]]),
        json!([users, 2, "age", "tree", {"unique": false},
            [{"field": 2, "type": "number", "is_nullable": true}]]),
    ];
    for view in [288, 289] {
        assert_eq!(by(&database, view, 0, json!([users])), indexes);
        assert_eq!(by(&database, view, 2, json!([users, "age"])), indexes[2..]);
    }
    assert_eq!(by(&database, 281, 2, json!(["_vindex"]))[0][0], 289);
    assert_eq!(by(&database, 289, 0, json!([289])).len(), 2);
    assert_eq!(database.resolve(SpaceRef::Name(b"_vspace")), Ok(281));
    for view in [277, 341] {
        assert_eq!(everything(&database, view), [] as [Json; 0]);
    }
    let text = "The embedded server lets nobody write to space '_vspace'";
    refused(replace(&mut database, 281, row[0].clone()), 5, text);
    refused(delete(&mut database, 281, 0, json!([users])), 5, text);
    refused(database.drop_space(281), 5, text);
    refused(database.truncate(281), 5, text);
    let version = database.space_version(281);
    insert(&mut database, users, json!([1])).unwrap();
    assert_eq!(database.space_version(281), version);
    database.drop_space(users).unwrap();
    assert_ne!(database.space_version(281), version);
    for view in [281, 289] {
        assert_eq!(by(&database, view, 0, json!([users])), [] as [Json; 0]);
    }
}
