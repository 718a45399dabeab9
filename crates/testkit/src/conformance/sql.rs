//! SQL: statements, parameters, results, prepared statements.

use std::future::Future;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tarantool_client::msgpack::Raw;
use tarantool_client::request::{Execute, named};
use tarantool_client::{
    Async, Blocking, Capability, Client, Error, ErrorCode, ErrorKind, Executed, Mode, Outcome,
    Prepared, Sql,
};

use super::backend::unique;
use super::{Adapter, Backend, Wanted, connect};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct User {
    id: u64,
    name: Option<String>,
    age: i64,
}

async fn run<A: Adapter>(client: &Client<A::Mode>, sql: &str) -> Executed<()> {
    A::wait(client.execute(sql, ())).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// A table of the test's own, with three users.
async fn users<A: Adapter>(client: &Client<A::Mode>) -> String {
    let table = unique("users").to_uppercase();
    let created = run::<A>(
        client,
        &format!(
            "CREATE TABLE {table} (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                name TEXT COLLATE \"unicode_ci\",
                age INTEGER NOT NULL
            )"
        ),
    )
    .await;
    assert_eq!((created.row_count, created.generated_ids), (1, vec![]));
    let insert = format!("INSERT INTO {table} VALUES (?, ?, ?), (?, NULL, ?), (NULL, ?, ?)");
    let parameters = (1, "Ann", 30, 2, -5, "Bob", 17);
    let inserted: Executed<()> = A::wait(client.execute(&insert, parameters)).await.unwrap();
    assert_eq!((inserted.row_count, inserted.generated_ids), (3, vec![3]));
    assert_eq!((inserted.rows, inserted.columns), (vec![], vec![]));
    table
}

fn user(id: u64, name: &str, age: i64) -> User {
    User { id, name: Some(name.into()), age }
}

pub async fn rows_come_as_structs_or_tuples_with_their_columns<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let table = users::<A>(&client).await;
    let select = format!("SELECT * FROM {table} WHERE age > ? ORDER BY id");
    let found: Executed<User> = A::wait(client.execute(&select, 16)).await.unwrap();
    assert_eq!(found.rows, [user(1, "Ann", 30), user(3, "Bob", 17)]);
    let named: Vec<_> =
        found.columns.iter().map(|column| (&*column.name, &*column.type_name)).collect();
    assert_eq!(named, [("ID", "integer"), ("NAME", "string"), ("AGE", "integer")]);
    assert_eq!((found.row_count, found.generated_ids), (0, vec![]));

    let nobody: Executed<User> = A::wait(client.execute(&select, 99)).await.unwrap();
    assert_eq!((nobody.rows.len(), nobody.columns.len()), (0, 3));

    let select = format!("SELECT age, name FROM {table} WHERE id = 2");
    let tuples: Executed<(i64, Option<String>)> =
        A::wait(client.execute(&select, ())).await.unwrap();
    assert_eq!(tuples.into_iter().collect::<Vec<_>>(), [(-5, None)]);

    // Another type than the rows have is told by row and column.
    let select = format!("SELECT id, name FROM {table} ORDER BY id");
    let wrong = A::wait(client.execute::<(u64, String)>(&select, ())).await.unwrap_err();
    assert_eq!(wrong.outcome(), Outcome::Answered);
    assert!(wrong.to_string().contains("row 2, column 2"), "{wrong}");
}

pub async fn changes_tell_how_many_rows_and_which_ids<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let table = users::<A>(&client).await;
    for (sql, rows, ids) in [
        (format!("UPDATE {table} SET age = age + 1 WHERE id < 3"), 2, vec![]),
        (format!("UPDATE {table} SET age = 0 WHERE id = 99"), 0, vec![]),
        (format!("INSERT INTO {table} VALUES (NULL, 'Cid', 1), (NULL, 'Dan', 2)"), 2, vec![4, 5]),
        (format!("INSERT INTO {table} VALUES (-7, 'Eve', 3)"), 1, vec![]),
        (format!("REPLACE INTO {table} VALUES (1, 'Ann', 31)"), 2, vec![]),
        (format!("DELETE FROM {table} WHERE age < 100"), 6, vec![]),
        (format!("DROP TABLE {table}"), 1, vec![]),
    ] {
        let done = run::<A>(&client, &sql).await;
        assert_eq!((done.row_count, done.generated_ids), (rows, ids), "{sql}");
    }
}

pub async fn parameters_of_every_type_come_back<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let bytes = Raw::new(&[0xc4, 0x03, 0x00, 0xff, 0x7f]).unwrap();
    let parameters = (-1, u64::MAX, 0.5, true, "ä\u{0}", None::<u8>, bytes);
    let select = "SELECT ?, ?, ?, ?, ?, ?, ?";
    let echo = A::wait(client.send(Execute::new(select).parameters(parameters))).await.unwrap();
    let row: (i64, u64, f64, bool, &str, Option<u8>, Raw<'_>) = echo.first().unwrap().unwrap();
    assert_eq!(row, parameters);
    assert_eq!(echo.columns().unwrap().unwrap().len(), 7);

    // A struct gives its fields; missing ones are null.
    let ann = user(1, "Ann", 30);
    let echo: Executed<User> = A::wait(client.execute("SELECT ?, ?, ?", &ann)).await.unwrap();
    assert_eq!(echo.rows, [ann]);
    let echo: Executed<(u8, Option<u8>)> = A::wait(client.execute("SELECT ?, ?", 1)).await.unwrap();
    assert_eq!(echo.rows, [(1, None)]);
    let many: Vec<u32> = (0..100).collect();
    let select = format!("SELECT {}", vec!["?"; 100].join(", "));
    let echo: Executed<Vec<u32>> = A::wait(client.execute(&select, &many)).await.unwrap();
    assert_eq!(echo.rows, [many]);
}

pub async fn parameters_can_be_named_and_numbered<A: Adapter>(server: &Backend) {
    type Reply = Executed<(u8, String, u8)>;

    let client = connect::<A>(server).await;
    let select = "SELECT :a, @b, :a + 1";
    let expected = [(1, "x".to_owned(), 2)];
    let given: Reply =
        A::wait(client.execute(select, (named("a", 1), named("@b", "x")))).await.unwrap();
    assert_eq!(given.rows, expected);
    let given: Reply =
        A::wait(client.execute(select, (named("@b", "x"), named(":a", 1)))).await.unwrap();
    assert_eq!(given.rows, expected);
    let given: Reply = A::wait(client.execute("SELECT $2, $1, $2 + 1", ("x", 1))).await.unwrap();
    assert_eq!(given.rows, expected);
    let given: Reply =
        A::wait(client.execute("SELECT ?, :b, ?", (1, named("b", "x"), 2))).await.unwrap();
    assert_eq!(given.rows, expected);

    let unknown = A::wait(client.execute::<()>("SELECT :a", [named("z", 1)])).await.unwrap_err();
    assert_eq!(unknown.code(), Some(ErrorCode::SQL_BIND_NOT_FOUND), "{unknown}");
}

pub async fn errors_of_statements_are_the_servers<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let table = users::<A>(&client).await;
    let taken = format!("INSERT INTO {table} VALUES (1, 'Ann', 30)");
    for (sql, code) in [
        ("SELEC 1", ErrorCode::SQL_SYNTAX_NEAR_TOKEN),
        ("", ErrorCode::SQL_STATEMENT_EMPTY),
        ("SELECT x", ErrorCode::SQL_CANT_RESOLVE_FIELD),
        ("SELECT * FROM nowhere", ErrorCode::NO_SUCH_SPACE),
        ("SELECT 1 / 0", ErrorCode::SQL_EXECUTE),
        (&taken, ErrorCode::TUPLE_FOUND),
    ] {
        let error = A::wait(client.execute::<()>(sql, ())).await.unwrap_err();
        let message = error.server().map(|error| error.message().to_owned());
        assert_eq!(error.code(), Some(code), "{sql}: {error}");
        let text = error.to_string();
        assert!(text.starts_with("execute"), "{text}");
        assert!(text.contains(&message.unwrap()), "{text}");
    }
    let many = A::wait(client.execute::<()>("SELECT ?", (1, 2))).await.unwrap_err();
    assert_eq!(many.code(), Some(ErrorCode::SQL_EXECUTE), "{many}");
    let list = A::wait(client.execute::<()>("SELECT ?", [[1, 2]])).await.unwrap_err();
    assert_eq!(list.code(), Some(ErrorCode::SQL_BIND_TYPE), "{list}");
    assert_eq!(list.outcome(), Outcome::Answered);
}

pub async fn extensions_as_parameters_do_not_reach_a_server_that_dies_of_them<A: Adapter>(
    server: &Backend,
) {
    let client = connect::<A>(server).await;
    let prepared: Prepared = A::wait(client.prepare("SELECT ?, ?")).await.unwrap();
    let decimal = Raw::new(&[0xc7, 0x03, 0x01, 0x02, 0x12, 0x5c]).unwrap();
    let errors = [
        A::wait(client.execute::<()>("SELECT ?", decimal)).await.unwrap_err(),
        A::wait(client.execute::<()>("SELECT ?, :b", (1, named("b", decimal)))).await.unwrap_err(),
        A::wait(client.execute::<()>(&prepared, ("a", decimal))).await.unwrap_err(),
    ];
    for error in errors {
        let ErrorKind::Unsupported(what) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!(what.capability(), Capability::SqlExtensions);
        assert_eq!((error.outcome(), error.is_retry_safe()), (Outcome::NotSent, false));
        let expected = "lacks extension values as SQL parameters, which came with 2.10.0";
        assert!(error.to_string().ends_with(expected), "{error}");
    }
    A::wait(client.ping()).await.unwrap();
}

pub async fn everything_is_told_of_columns_where_the_session_wants_it<A: Adapter>(
    server: &Backend,
) {
    let client = connect::<A>(server).await;
    let table = users::<A>(&client).await;
    let sql = format!("SELECT id, name AS n, age + 1 FROM {table} WHERE id = ?");
    let plain: Executed<(u64, String, i64)> = A::wait(client.execute(&sql, 1)).await.unwrap();
    for column in &plain.columns {
        assert_eq!((&column.collation, column.is_nullable, &column.span), (&None, None, &None));
        assert!(!column.is_autoincrement);
    }
    run::<A>(&client, "SET SESSION \"sql_full_metadata\" = true").await;
    let full: Executed<(u64, String, i64)> = A::wait(client.execute(&sql, 1)).await.unwrap();
    assert_eq!(full.rows, plain.rows);
    let [id, name, sum] = full.columns.as_slice() else {
        panic!("{full:?}");
    };
    assert_eq!((&*id.name, id.is_nullable, id.is_autoincrement), ("ID", Some(false), true));
    assert_eq!((&*name.name, name.collation.as_deref()), ("N", Some("unicode_ci")));
    assert_eq!((name.is_nullable, name.is_autoincrement), (Some(true), false));
    assert_eq!((name.span.as_deref(), sum.span.as_deref()), (Some("name"), Some("age + 1")));
    let prepared = A::wait(client.prepare(&sql)).await.unwrap();
    assert_eq!(prepared.columns()[0].is_nullable, Some(false));
}

/// A server whose schema no other case changes: with any change prepared statements expire.
fn undisturbed(server: &Backend) -> Backend {
    server.another(&Wanted::default())
}

pub async fn a_prepared_statement_is_executed_any_number_of_times<A: Adapter>(server: &Backend) {
    let server = &undisturbed(server);
    let client = connect::<A>(server).await;
    let table = users::<A>(&client).await;
    let insert = format!("INSERT INTO {table} VALUES (NULL, :name, ?)");
    let insert = A::wait(client.prepare(&insert)).await.unwrap();
    let names: Vec<&str> = insert.parameters().iter().map(|one| &*one.name).collect();
    assert_eq!((names, insert.columns().len()), (vec![":name", "?"], 0));
    for age in 0..5 {
        let parameters = (named("name", "Zoe"), age);
        let done: Executed<()> = A::wait(client.execute(&insert, parameters)).await.unwrap();
        // 2.6 tells the ids of earlier executions again.
        assert_eq!((done.row_count, done.generated_ids.last()), (1, Some(&(4 + age))));
    }
    let select = format!("SELECT count(*) AS many FROM {table} WHERE name = ?");
    let select = A::wait(client.prepare(&select)).await.unwrap();
    assert_eq!((&*select.columns()[0].name, &*select.parameters()[0].type_name), ("MANY", "ANY"));
    let counts = A::all(&client, 20, |client, index| {
        let name = if index % 2 == 0 { "Zoe" } else { "Nobody" };
        client.execute::<(usize,)>(&select, name)
    });
    for (index, count) in counts.await.into_iter().enumerate() {
        assert_eq!(count.unwrap().rows, [(if index % 2 == 0 { 5 } else { 0 },)]);
    }

    // One text, one statement: what is forgotten once is forgotten for both.
    let text = format!("SELECT count(*) AS many FROM {table} WHERE name = ?");
    let again = A::wait(client.prepare(&text)).await.unwrap();
    assert_eq!(again.id(), select.id());
    A::wait(client.unprepare(again)).await.unwrap();
    let gone = A::wait(client.execute::<(usize,)>(&select, "Zoe")).await.unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::WRONG_QUERY_ID), "{gone}");
    assert!(
        gone.to_string().starts_with(&format!("execute statement {}: ", select.id())),
        "{gone}"
    );
    let gone = A::wait(client.unprepare(select)).await.unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::WRONG_QUERY_ID), "{gone}");

    let wrong = A::wait(client.prepare("SELECT FROM")).await.unwrap_err();
    assert!(wrong.code().is_some() && wrong.to_string().starts_with("prepare SELECT FROM: "));
}

pub async fn a_prepared_statement_expires_with_the_schema<A: Adapter>(server: &Backend) {
    let server = &undisturbed(server);
    let client = connect::<A>(server).await;
    let table = users::<A>(&client).await;
    let text = format!("SELECT name FROM {table} WHERE id = ?");
    let statement = A::wait(client.prepare(&text)).await.unwrap();
    run::<A>(&client, &format!("CREATE INDEX age_{table} ON {table} (age)")).await;
    let expired = A::wait(client.execute::<(String,)>(&statement, 1)).await.unwrap_err();
    assert_eq!(expired.code(), Some(ErrorCode::SQL_EXECUTE), "{expired}");
    assert!(expired.to_string().contains("statement has expired"), "{expired}");
    let statement = A::wait(client.prepare(&text)).await.unwrap();
    let ann: Executed<(String,)> = A::wait(client.execute(&statement, 1)).await.unwrap();
    assert_eq!(ann.rows, [("Ann".to_owned(),)]);
}

pub async fn a_prepared_statement_belongs_to_its_connection<A: Adapter>(server: &Backend) {
    let server = &undisturbed(server);
    let (client, other) = (connect::<A>(server).await, connect::<A>(server).await);
    let statement = A::wait(client.prepare("SELECT 1")).await.unwrap();
    let written = other.stats().requests_out;
    let errors = [
        A::wait(other.execute::<(u8,)>(&statement, ())).await.unwrap_err(),
        A::wait(other.unprepare(statement.clone())).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), &ErrorKind::OtherClient);
        assert_eq!((error.outcome(), error.is_retry_safe()), (Outcome::NotSent, false));
        let text = error.to_string();
        assert!(text.ends_with("made by another client; make it anew with this one"), "{text}");
    }
    assert_eq!(other.stats().requests_out, written, "nothing was sent");

    // All clones of a client are one connection.
    let one: Executed<(u8,)> = A::wait(client.clone().execute(&statement, ())).await.unwrap();
    assert_eq!(one.rows, [(1,)]);
    drop(client);
    let late = connect::<A>(server).await;
    let error = A::wait(late.execute::<(u8,)>(&statement, ())).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::OtherClient);
}

/// How an adapter executes a statement that prepares itself.
pub trait Executes: Mode {
    fn execute<T: DeserializeOwned>(
        sql: &Sql<Self>,
        parameters: (u64,),
    ) -> impl Future<Output = Result<Executed<T>, Error>>;
}

impl Executes for Async {
    fn execute<T: DeserializeOwned>(
        sql: &Sql,
        parameters: (u64,),
    ) -> impl Future<Output = Result<Executed<T>, Error>> {
        sql.execute(parameters)
    }
}

impl Executes for Blocking {
    async fn execute<T: DeserializeOwned>(
        sql: &Sql<Self>,
        parameters: (u64,),
    ) -> Result<Executed<T>, Error> {
        sql.execute(parameters)
    }
}

pub async fn a_statement_is_prepared_when_needed_and_again<A: Adapter<Mode: Executes>>(
    server: &Backend,
) {
    let server = &undisturbed(server);
    let client = connect::<A>(server).await;
    let table = users::<A>(&client).await;
    let sql = client.sql(&format!("SELECT name FROM {table} WHERE id = ?"));
    let before = client.stats().requests;
    for id in [1, 1, 1] {
        let found: Executed<(String,)> = A::Mode::execute(&sql.clone(), (id,)).await.unwrap();
        assert_eq!(found.rows, [("Ann".to_owned(),)]);
    }
    assert_eq!(client.stats().requests - before, 4, "prepared once");

    // The schema changes: the server refuses the statement as expired.
    run::<A>(&client, &format!("CREATE INDEX again_{table} ON {table} (age)")).await;
    let found: Executed<(String,)> = A::Mode::execute(&sql, (3,)).await.unwrap();
    assert_eq!(found.rows, [("Bob".to_owned(),)]);

    // Another handle makes the server forget it.
    let same = A::wait(client.prepare(sql.text())).await.unwrap();
    A::wait(client.unprepare(same)).await.unwrap();
    let found: Executed<(String,)> = A::Mode::execute(&sql, (1,)).await.unwrap();
    assert_eq!(found.rows, [("Ann".to_owned(),)]);

    let wrong = client.sql("SELECT FROM");
    let error = A::Mode::execute::<()>(&wrong, (1,)).await.unwrap_err();
    assert!(error.to_string().starts_with("prepare SELECT FROM: "), "{error}");
}
