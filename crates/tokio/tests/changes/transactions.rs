//! Where transactions begin and end.

use tarantool_tokio::{Change, Changes, Follow, Operation};

use crate::{after_snapshot, client, followed, next, with_server};

/// Changes until one to the space 512 with the key 99, which is not among them.
async fn to_the_mark(changes: &mut Changes) -> Vec<Change> {
    let mut read = Vec::new();
    loop {
        let change = next(changes).await;
        if change.space_id() == Some(512) && change.decode() == Ok((99,)) {
            assert!(change.is_first() && change.is_last());
            return read;
        }
        read.push(change);
    }
}

fn shown(changes: &[Change]) -> Vec<String> {
    let shown = |change: &Change| {
        let (operation, space) = (change.operation(), change.space_id());
        let space = space.map_or_else(String::new, |space| format!(" {space}"));
        let first = if change.is_first() { " first" } else { "" };
        let last = if change.is_last() { " last" } else { "" };
        format!("{operation:?}{space}{first}{last}")
    };
    changes.iter().map(shown).collect()
}

const CODE: &str = r"
    local rows, others = box.space.rows, box.space.others
    rows:insert({1})
    box.begin() rows:insert({2}) others:insert({2}) rows:delete({1}) box.commit()
    box.begin() rows:insert({3}) box.rollback()
    box.begin() rows:insert({4}) others:insert({4}) others:insert({5}) box.commit()
    box.begin() others:insert({6}) rows:insert({6}) box.commit()
    box.begin() others:insert({7}) others:insert({8}) box.commit()
    rows:insert({99})
";

#[test]
fn rows_say_where_their_transaction_ends() {
    with_server("rows_say_where_their_transaction_ends", "", |server| async move {
        let client = client(&server).await;
        let mut all = followed(&server, Follow::from_snapshot()).await.unwrap();
        let mut wanted = followed(&server, Follow::from_snapshot().spaces([512])).await.unwrap();
        after_snapshot(&mut all).await;
        after_snapshot(&mut wanted).await;
        let () = client.eval(CODE, ()).await.unwrap();

        let all = to_the_mark(&mut all).await;
        assert_eq!(
            shown(&all),
            [
                "Insert 512 first last",
                "Insert 512 first",
                "Insert 513",
                "Delete 512 last",
                "Insert 512 first",
                "Insert 513",
                "Insert 513 last",
                "Insert 513 first",
                "Insert 512 last",
                "Insert 513 first",
                "Insert 513 last",
            ]
        );
        let start = all[0].lsn();
        let transactions: Vec<u64> =
            all.iter().map(|change| change.transaction() - start).collect();
        assert_eq!(transactions, [0, 1, 1, 1, 4, 4, 4, 7, 7, 9, 9]);

        // Where the last row of a transaction is not wanted, a Nop stands for it.
        let wanted = to_the_mark(&mut wanted).await;
        assert_eq!(
            shown(&wanted),
            [
                "Insert 512 first last",
                "Insert 512 first",
                "Delete 512 last",
                "Insert 512 first",
                "Nop last",
                "Insert 512 last",
            ]
        );
    });
}

#[test]
fn one_may_go_on_in_the_middle_of_a_transaction() {
    with_server("one_may_go_on_in_the_middle", "", |server| async move {
        let client = client(&server).await;
        let mut changes = followed(&server, Follow::from_snapshot()).await.unwrap();
        after_snapshot(&mut changes).await;
        let () = client.eval(CODE, ()).await.unwrap();
        next(&mut changes).await;
        let saved = next(&mut changes).await.vclock().unwrap().clone();
        drop(changes);
        let mut changes = followed(&server, Follow::after(saved)).await.unwrap();
        let rest = to_the_mark(&mut changes).await;
        assert_eq!(shown(&rest[..2]), ["Insert 513", "Delete 512 last"]);
        assert_eq!(rest.len(), 9);
    });
}

/// What a server keeps to itself is not sent, but its place may end a transaction.
#[test]
fn local_rows_leave_their_place() {
    let lua = r"
        box.schema.space.create('own', {id = 514, is_local = true}):create_index('primary')
        box.schema.space.create('brief', {id = 515, temporary = true}):create_index('primary')
    ";
    with_server("local_rows_leave_their_place", lua, |server| async move {
        let client = client(&server).await;
        let mut changes = followed(&server, Follow::from_snapshot()).await.unwrap();
        after_snapshot(&mut changes).await;
        let code = r"
            box.space.own:insert({1})
            box.space.brief:insert({1})
            box.begin() box.space.rows:insert({1}) box.space.own:insert({2}) box.commit()
            box.space.rows:insert({99})
        ";
        let () = client.eval(code, ()).await.unwrap();
        let read = to_the_mark(&mut changes).await;
        assert_eq!(shown(&read), ["Insert 512 first", "Nop last"]);
        assert_eq!(read[1].operation(), Operation::Nop);
    });
}
