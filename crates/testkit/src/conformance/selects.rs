//! Selects: iterators, limits, keys in part.

use super::backend::{Format, Index, unique};
use super::{Adapter, Backend, connect, create_space, index};
use tarantool_client::{Client, ErrorCode, IteratorType, Space};

type Row = (u64, String, u64);

const FORMAT: Format = &[("id", "unsigned"), ("city", "string"), ("rank", "unsigned")];
const INDEXES: [Index; 2] = [index("id", &["id"]), index("place", &["city", "rank"]).repeated()];
const ROWS: [(u64, &str, u64); 7] = [
    (1, "Oslo", 1),
    (2, "Rome", 1),
    (3, "Oslo", 2),
    (4, "Rome", 3),
    (5, "Oslo", 2),
    (6, "Rome", 2),
    (7, "York", 1),
];

async fn filled<A: Adapter>(server: &Backend, client: &Client<A::Mode>) -> Space<Row, A::Mode> {
    let (name, _) = create_space::<A>(server, FORMAT, &INDEXES).await;
    let space = client.space::<Row>(&name);
    for (id, city, rank) in ROWS {
        A::wait(space.insert(&(id, city.into(), rank))).await.unwrap();
    }
    space
}

fn ids(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.0).collect()
}

pub async fn every_iterator_of_a_tree_gives_its_rows_in_its_order<A: Adapter>(server: &Backend) {
    use IteratorType::{All, Eq, Ge, Gt, Le, Lt, Req};

    let client = connect::<A>(server).await;
    let space = filled::<A>(server, &client).await;
    for (iterator, of_3, of_all) in [
        (Eq, vec![3], vec![1, 2, 3, 4, 5, 6, 7]),
        (Req, vec![3], vec![7, 6, 5, 4, 3, 2, 1]),
        (All, vec![3, 4, 5, 6, 7], vec![1, 2, 3, 4, 5, 6, 7]),
        (Lt, vec![2, 1], vec![7, 6, 5, 4, 3, 2, 1]),
        (Le, vec![3, 2, 1], vec![7, 6, 5, 4, 3, 2, 1]),
        (Ge, vec![3, 4, 5, 6, 7], vec![1, 2, 3, 4, 5, 6, 7]),
        (Gt, vec![4, 5, 6, 7], vec![1, 2, 3, 4, 5, 6, 7]),
    ] {
        let rows = A::wait(space.select(3).iterator(iterator).send()).await;
        assert_eq!(ids(&rows.unwrap()), of_3, "{iterator:?} 3");
        let rows = A::wait(space.select(()).iterator(iterator).send()).await;
        assert_eq!(ids(&rows.unwrap()), of_all, "{iterator:?} of all");
    }
    let place = space.index("place");
    for (iterator, expected) in [
        (Eq, vec![3, 5]),
        (Req, vec![5, 3]),
        (All, vec![3, 5, 2, 6, 4, 7]),
        (Lt, vec![1]),
        (Le, vec![5, 3, 1]),
        (Ge, vec![3, 5, 2, 6, 4, 7]),
        (Gt, vec![2, 6, 4, 7]),
    ] {
        let rows = A::wait(place.select(("Oslo", 2)).iterator(iterator).send()).await;
        assert_eq!(ids(&rows.unwrap()), expected, "{iterator:?} Oslo 2");
    }
}

pub async fn limit_and_offset_cut_out_a_part<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let space = filled::<A>(server, &client).await;
    for (limit, offset, expected) in [
        (0, 0, vec![]),
        (1, 0, vec![1]),
        (3, 2, vec![3, 4, 5]),
        (3, 6, vec![7]),
        (3, 7, vec![]),
        (u32::MAX, 5, vec![6, 7]),
        (2, u32::MAX, vec![]),
    ] {
        let select = space.select(()).limit(limit).offset(offset);
        let rows = A::wait(select.send()).await.unwrap();
        assert_eq!(ids(&rows), expected, "limit {limit}, offset {offset}");
    }
    let place = space.index("place");
    let select = place.select("Oslo");
    let select = select.iterator(IteratorType::Req).limit(2).offset(1);
    assert_eq!(ids(&A::wait(select.send()).await.unwrap()), [3, 1]);
}

pub async fn composite_keys_may_be_given_in_part<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let space = filled::<A>(server, &client).await;
    for place in [space.index("place"), space.index(1)] {
        let whole = A::wait(place.select(("Rome", 2)).send()).await.unwrap();
        assert_eq!(whole, [(6, "Rome".into(), 2)]);
        let part = A::wait(place.select("Rome").send()).await.unwrap();
        assert_eq!(ids(&part), [2, 6, 4]);
        let part = A::wait(place.select(("Oslo",)).send()).await.unwrap();
        assert_eq!(ids(&part), [1, 3, 5]);
        let all = A::wait(place.select(()).send()).await.unwrap();
        assert_eq!(ids(&all), [1, 3, 5, 2, 6, 4, 7]);
        let none = A::wait(place.select("Bonn").send()).await.unwrap();
        assert_eq!(none, []);
        let first = A::wait(place.get("Rome")).await.unwrap();
        assert_eq!(first, Some((2, "Rome".into(), 1)));

        let too_long = A::wait(place.select(("Rome", 2, 6, 0)).send()).await;
        let error = too_long.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::KEY_PART_COUNT), "{error}");
        let wrong = A::wait(place.select(7).send()).await.unwrap_err();
        assert_eq!(wrong.code(), Some(ErrorCode::KEY_PART_TYPE), "{wrong}");
    }
}

pub async fn the_iterators_of_other_indexes_work<A: Adapter>(server: &Backend) {
    use IteratorType::{BitsAllNotSet, BitsAllSet, BitsAnySet, Ge, Gt, Le, Lt, Neighbor, Overlaps};

    let client = connect::<A>(server).await;
    let name = unique("space");
    let code = "local space = box.schema.space.create(..., {format = {
            {'id', 'unsigned'}, {'flags', 'unsigned'}, {'area', 'array'},
        }})
        space:create_index('id', {type = 'hash', parts = {'id'}})
        space:create_index('flags', {type = 'bitset', parts = {'flags'}, unique = false})
        space:create_index('area', {type = 'rtree', parts = {'area'}, unique = false})";
    let () = A::wait(client.eval(code, &name)).await.unwrap();
    let space = client.space::<(u64, u64, Vec<i64>)>(&name);
    for (id, flags, area) in [
        (1, 0b001, vec![0, 0, 10, 10]),
        (2, 0b011, vec![2, 2, 4, 4]),
        (3, 0b100, vec![20, 20, 30, 30]),
    ] {
        A::wait(space.insert(&(id, flags, area))).await.unwrap();
    }
    let all = A::wait(space.select(()).iterator(IteratorType::All).send()).await;
    assert_eq!(all.unwrap().len(), 3);

    let mut found = Vec::new();
    for (iterator, flags) in [(BitsAllSet, 3), (BitsAnySet, 6), (BitsAllNotSet, 2)] {
        let index = space.index("flags");
        let rows = A::wait(index.select(flags).iterator(iterator).send()).await;
        let mut ids: Vec<u64> = rows.unwrap().iter().map(|row| row.0).collect();
        ids.sort_unstable();
        found.push(ids);
    }
    assert_eq!(found, [vec![2], vec![2, 3], vec![1, 3]]);

    let mut found = Vec::new();
    for (iterator, area) in [
        (Overlaps, [3, 3, 25, 25]),
        (Le, [0, 0, 10, 10]),
        (Lt, [0, 0, 10, 10]),
        (Ge, [2, 2, 4, 4]),
        (Gt, [2, 2, 4, 4]),
    ] {
        let index = space.index("area");
        let rows = A::wait(index.select((area,)).iterator(iterator).send()).await;
        let mut ids: Vec<u64> = rows.unwrap().iter().map(|row| row.0).collect();
        ids.sort_unstable();
        found.push(ids);
    }
    assert_eq!(found, [vec![1, 2, 3], vec![1, 2], vec![2], vec![1, 2], vec![1]]);
    let area = space.index("area");
    let nearest = area.select([19, 19]).iterator(Neighbor);
    let rows = A::wait(nearest.limit(2).send()).await.unwrap();
    let ids: Vec<u64> = rows.iter().map(|row| row.0).collect();
    assert_eq!(ids, [3, 1]);
}

pub async fn an_iterator_that_the_index_lacks_is_an_error<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let space = filled::<A>(server, &client).await;
    let bits = space.select(1).iterator(IteratorType::BitsAllSet);
    let error = A::wait(bits.send()).await.unwrap_err();
    let code = ErrorCode::UNSUPPORTED_INDEX_FEATURE;
    assert_eq!(error.code(), Some(code), "{error}");
    assert!(error.to_string().starts_with("select from "), "{error}");
    assert_eq!(A::wait(space.get(1)).await.unwrap().unwrap().0, 1);
}
