//! Rows page by page: by position on the embedded server, by key on any.

use std::future::Future;

use serde::de::DeserializeOwned;
use tarantool_client::{
    Async, Blocking, Capability, Client, Error, ErrorCode, ErrorKind, IteratorType, Mode, Outcome,
    Page, Pages, Position, Space,
};

use super::packets::{GREETING, ok, ok_with, reply};
use super::peer::serve;
use super::{Adapter, Backend, connect, connect_as, create_space, index};

type Row = (u64, String);

const PING: u64 = 64;

/// How an adapter goes through pages.
pub trait Paging: Mode {
    fn next<T: DeserializeOwned>(
        pages: &mut Pages<T, Self>,
    ) -> impl Future<Output = Result<Option<Vec<T>>, Error>>;
}

impl Paging for Async {
    fn next<T: DeserializeOwned>(
        pages: &mut Pages<T>,
    ) -> impl Future<Output = Result<Option<Vec<T>>, Error>> {
        pages.try_next()
    }
}

impl Paging for Blocking {
    async fn next<T: DeserializeOwned>(
        pages: &mut Pages<T, Self>,
    ) -> Result<Option<Vec<T>>, Error> {
        Iterator::next(pages).transpose()
    }
}

/// The ids on each page.
async fn all<M: Paging>(mut pages: Pages<Row, M>) -> Vec<Vec<u64>> {
    let mut found = Vec::new();
    while let Some(rows) = M::next(&mut pages).await.unwrap() {
        found.push(ids(&rows));
        assert!(found.len() < 100, "it goes on for ever");
    }
    assert_eq!(M::next(&mut pages).await.unwrap(), None, "it stays at its end");
    found
}

fn ids(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.0).collect()
}

/// Ten rows, with the names `a` to `e` twice.
async fn fill<A: Adapter>(space: &Space<Row, A::Mode>) {
    for id in 1..=10_u64 {
        let name = char::from(b'a' + (id % 5) as u8).to_string();
        A::wait(space.insert(&(id, name))).await.unwrap();
    }
}

/// A client and a space with ten rows.
async fn filled<A: Adapter>(server: &Backend) -> (Client<A::Mode>, Space<Row, A::Mode>) {
    let client = connect::<A>(server).await;
    let format = &[("id", "unsigned"), ("name", "string")];
    let indexes =
        [index("id", &["id"]), index("both", &["name", "id"]), index("name", &["name"]).repeated()];
    let (name, _) = create_space::<A>(server, format, &indexes).await;
    let space = client.space::<Row>(&name);
    fill::<A>(&space).await;
    (client, space)
}

pub async fn a_page_tells_where_the_next_begins<A: Adapter>(server: &Backend) {
    let (client, space) = filled::<A>(server).await;
    assert!(client.server().unwrap().supports(Capability::Pagination));
    let mut found = Vec::new();
    let mut position = None;
    loop {
        let mut select = space.select(());
        if let Some(position) = &position {
            select = select.after(position);
        }
        let page: Page<Row> = A::wait(select.page(4)).await.unwrap();
        found.push(ids(&page.rows));
        // As it would come back from a browser.
        position = page.position.map(|position| Position::from_bytes(position.as_bytes()));
        if position.is_none() {
            break;
        }
    }
    assert_eq!(found, [vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9, 10], vec![]]);

    let select = space.select(()).after_row((7_u64, "")).iterator(IteratorType::All).limit(2);
    assert_eq!(ids(&A::wait(select.send()).await.unwrap()), [8, 9]);
    let select = space.select(()).after_row((7_u64, "")).iterator(IteratorType::Req);
    assert_eq!(ids(&A::wait(select.page(3)).await.unwrap().rows), [6, 5, 4]);
}

pub async fn a_position_that_is_none_is_the_servers_error<A: Adapter>(server: &Backend) {
    let (client, space) = filled::<A>(server).await;
    let garbage = Position::from_bytes(b"!");
    let error = A::wait(space.select(()).after(&garbage).page(1)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ITERATOR_POSITION), "{error}");
    // The connection goes on.
    A::wait(client.ping()).await.unwrap();
}

pub async fn all_rows_come_page_after_page<A: Adapter<Mode: Paging>>(server: &Backend) {
    let (_client, space) = filled::<A>(server).await;
    let whole: Vec<u64> = (1..=10).collect();
    for rows in 1..=11 {
        let pages = all(space.select(()).pages(rows)).await;
        assert!(pages.iter().rev().skip(1).all(|page| page.len() == rows as usize), "{pages:?}");
        assert!(pages.iter().all(|page| !page.is_empty()));
        assert_eq!(pages.concat(), whole);
    }
    let pages = all(space.select(3).iterator(IteratorType::Le).pages(2)).await;
    assert_eq!(pages, [vec![3, 2], vec![1]]);
    // Equal keys, which only a position can tell apart.
    let by_name = space.index("name");
    assert_eq!(all(by_name.select("c").pages(1)).await, [[2], [7]]);
    assert_eq!(all(by_name.select("z").pages(1)).await, [[0; 0]; 0]);
    // The offset is left out once.
    assert_eq!(
        all(space.select(()).offset(5).limit(1).pages(3)).await,
        [vec![6, 7, 8], vec![9, 10]]
    );
    assert_eq!(all(space.select(()).pages(0)).await, [[0; 0]; 0]);

    let first = A::wait(space.select(()).page(7)).await.unwrap();
    let rest = space.select(()).after(first.position.as_ref().unwrap()).pages(2);
    assert_eq!(all(rest).await, [vec![8, 9], vec![10]]);
}

pub async fn pages_of_a_changing_space_go_on<A: Adapter<Mode: Paging>>(server: &Backend) {
    let (_client, space) = filled::<A>(server).await;
    let mut pages = space.select(()).pages(3);
    assert_eq!(ids(&<A::Mode as Paging>::next(&mut pages).await.unwrap().unwrap()), [1, 2, 3]);
    for id in [2, 3, 5] {
        A::wait(space.delete(id)).await.unwrap();
    }
    assert_eq!(all(pages).await, [vec![4, 6, 7], vec![8, 9, 10]]);
}

/// A server that announces positions and gives none.
pub async fn a_page_without_a_position_is_the_last<A: Adapter<Mode: Paging>>() {
    let (config, peer) = serve(|link| {
        link.write(GREETING);
        let id = link.request().unwrap();
        link.write(&reply(0, id.sync, &[0x81, 0x55, 0x91, 0x04]));
        let select = link.request().unwrap();
        link.write(&ok_with(select.sync, &[0x92, 0x01, 0xa1, b'a']));
        let ping = link.request().unwrap();
        assert_eq!(ping.kind, PING, "the same page would come again and again");
        link.write(&ok(ping.sync));
    });
    let client = connect_as::<A>(config).await;
    assert_eq!(all(client.space::<Row>(512).select(()).pages(1)).await, [[1]]);
    A::wait(client.ping()).await.unwrap();
    peer.join().await;
}

pub async fn positions_are_not_asked_of_servers_without_them<A: Adapter<Mode: Paging>>(
    server: &Backend,
) {
    let (client, space) = filled::<A>(server).await;
    let position = Position::from_bytes(b"kQM");
    let written = client.stats().requests_out;
    let mut pages = space.select(()).pages(3);
    let errors = [
        A::wait(space.select(()).page(3)).await.unwrap_err(),
        A::wait(space.select(()).after(&position).send()).await.unwrap_err(),
        A::wait(space.select(()).after_row((3_u64, "x")).send()).await.unwrap_err(),
        <A::Mode as Paging>::next(&mut pages).await.unwrap_err(),
        A::wait(space.select("a").iterator(IteratorType::Np).send()).await.unwrap_err(),
        A::wait(space.insert_arrow(&[1, 2, 3])).await.unwrap_err(),
    ];
    use Capability::{InsertArrow, Pagination, PrefixIterators};
    let lacks = [Pagination, Pagination, Pagination, Pagination, PrefixIterators, InsertArrow];
    for (error, capability) in errors.iter().zip(lacks) {
        let ErrorKind::Unsupported(what) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!(what.capability(), capability);
        assert_eq!((error.outcome(), error.is_retry_safe()), (Outcome::NotSent, false));
    }
    let text = errors[0].to_string();
    let expected = "not sent: the server, version 2.6.0, lacks positions in selects, \
        which came with 2.11.0";
    assert!(text.starts_with("select from ") && text.ends_with(expected), "{text}");
    assert_eq!(client.stats().requests_out, written, "nothing was sent");
}

pub async fn pages_by_key_need_no_positions<A: Adapter<Mode: Paging>>(server: &Backend) {
    use IteratorType::{All, Eq, Ge, Gt, Le, Lt, Req};

    let (_client, space) = filled::<A>(server).await;
    let by_id = |row: &Row| row.0;
    let ascending = [vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9, 10]];
    let descending = [vec![10, 9, 8, 7], vec![6, 5, 4, 3], vec![2, 1]];
    for (iterator, expected) in [
        (Eq, &ascending),
        (All, &ascending),
        (Ge, &ascending),
        (Gt, &ascending),
        (Req, &descending),
        (Le, &descending),
        (Lt, &descending),
    ] {
        let pages = space.select(()).iterator(iterator).pages_by_key(4, by_id);
        assert_eq!(all(pages).await, *expected, "{iterator:?}");
    }
    for (iterator, expected) in [
        (Ge, vec![vec![7, 8], vec![9, 10]]),
        (All, vec![vec![7, 8], vec![9, 10]]),
        (Gt, vec![vec![8, 9], vec![10]]),
        (Le, vec![vec![7, 6], vec![5, 4], vec![3, 2], vec![1]]),
        (Lt, vec![vec![6, 5], vec![4, 3], vec![2, 1]]),
    ] {
        let pages = space.select(7).iterator(iterator).pages_by_key(2, by_id);
        assert_eq!(all(pages).await, expected, "{iterator:?} 7");
    }
    // By an index of two parts.
    let both = space.index("both");
    let pages = both.select("c").iterator(Ge).pages_by_key(3, |row: &Row| (row.1.clone(), row.0));
    assert_eq!(all(pages).await, [vec![2, 7, 3], vec![8, 4, 9]]);
    let pages = space.select(()).offset(8).pages_by_key(1, by_id);
    assert_eq!(all(pages).await, [[9], [10]]);
}

pub async fn pages_by_key_that_would_go_wrong_are_refused<A: Adapter<Mode: Paging>>(
    server: &Backend,
) {
    let (_client, space) = filled::<A>(server).await;
    for iterator in [IteratorType::Eq, IteratorType::Req, IteratorType::Overlaps] {
        let mut pages = space.select(3).iterator(iterator).pages_by_key(2, |row: &Row| row.0);
        let error = <A::Mode as Paging>::next(&mut pages).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Encode(_)), "{error}");
        assert!(error.to_string().contains("go over a range"), "{error}");
    }
    let mut pages = space.select(()).pages_by_key(2, |_: &Row| ());
    assert_eq!(ids(&<A::Mode as Paging>::next(&mut pages).await.unwrap().unwrap()), [1, 2]);
    let error = <A::Mode as Paging>::next(&mut pages).await.unwrap_err();
    assert!(error.to_string().contains("begin again"), "{error}");
}
