//! Points in time.

use std::cmp::Ordering;
use std::collections::HashSet;

use proptest::prelude::*;
use tarantool_proto::msgpack;
use tarantool_proto::types::{Datetime, Ext, zone_index, zone_name};

use crate::support::{bytes_of, extension, hex, refusal, with_header};

fn datetime(text: &str) -> Datetime {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// All that two values of one time may differ in.
fn parts(time: Datetime) -> (i64, u32, i16, u16) {
    (time.seconds(), time.nanoseconds(), time.offset(), time.zone())
}

fn made(seconds: i64, nanoseconds: u32, offset: i16, zone: u16) -> Datetime {
    let time = Datetime::new(seconds, nanoseconds).unwrap();
    time.with_offset(offset).unwrap().with_zone(zone).unwrap()
}

#[test]
fn text() {
    for (parts, shown, exact) in [
        ((0, 0, 0, 0), "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ((1_700_000_000, 0, 0, 0), "2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"),
        ((1_700_000_000, 0, 180, 0), "2023-11-15T01:13:20+0300", "2023-11-15T01:13:20+03:00"),
        ((1_700_000_000, 0, -300, 0), "2023-11-14T17:13:20-0500", "2023-11-14T17:13:20-05:00"),
        ((0, 0, -1, 0), "1969-12-31T23:59:00-0001", "1969-12-31T23:59:00-00:01"),
        ((0, 500_000_000, 0, 0), "1970-01-01T00:00:00.500Z", "1970-01-01T00:00:00.500Z"),
        ((0, 123_456_000, 0, 0), "1970-01-01T00:00:00.123456Z", "1970-01-01T00:00:00.123456Z"),
        ((0, 1, 0, 0), "1970-01-01T00:00:00.000000001Z", "1970-01-01T00:00:00.000000001Z"),
        ((-1, 500_000_000, 0, 0), "1969-12-31T23:59:59.500Z", "1969-12-31T23:59:59.500Z"),
        (
            (1_700_000_000, 0, 180, 947),
            "2023-11-15T01:13:20 Europe/Moscow",
            "2023-11-15T01:13:20+03:00[Europe/Moscow]",
        ),
        ((0, 0, 60, 1), "1970-01-01T01:00:00A", "1970-01-01T01:00:00+01:00[A]"),
        ((0, 0, 0, 296), "1970-01-01T00:00:00 UTC", "1970-01-01T00:00:00+00:00[UTC]"),
        ((253_402_300_799, 0, 0, 0), "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ((-62_135_596_800, 0, 0, 0), "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ((-62_167_219_201, 0, 0, 0), "-0001-12-31T23:59:59Z", "-0001-12-31T23:59:59Z"),
        ((Datetime::SECONDS_MIN, 0, 0, 0), "-5879610-06-22T00:00:00Z", "-5879610-06-22T00:00:00Z"),
        ((Datetime::SECONDS_MAX, 0, 0, 0), "5879611-07-11T00:00:00Z", "5879611-07-11T00:00:00Z"),
    ] {
        let (seconds, nanoseconds, offset, zone) = parts;
        let time = made(seconds, nanoseconds, offset, zone);
        assert_eq!(time.to_string(), shown);
        assert_eq!(format!("{time:#}"), exact);
        assert_eq!(format!("{time:?}"), format!("Datetime({exact})"));
        assert_eq!(self::parts(datetime(exact)), parts);
        if zone == 0 {
            assert_eq!(self::parts(datetime(shown)), parts);
        } else {
            let error = shown.parse::<Datetime>().unwrap_err().to_string();
            assert!(error.contains("offset"), "{shown}: {error}");
        }
    }
    for same in [
        "2023-11-14t22:13:20z",
        "2023-11-14 22:13:20Z",
        "2023-11-15T01:13:20+0300",
        "+2023-11-14T22:13:20.000000000-00:00",
        "2023-11-15T12:13:20+14:00",
        "2023-11-14T10:13:20-12:00",
    ] {
        assert_eq!(datetime(same), Datetime::new(1_700_000_000, 0).unwrap(), "{same}");
    }
}

#[test]
fn texts_that_are_none() {
    for (text, why) in [
        ("", "reads"),
        ("2023-11-14", "reads"),
        ("2023-11-14T22:13Z", "reads"),
        ("23-11-14T22:13:20Z", "reads"),
        ("2023-11-14X22:13:20Z", "reads"),
        ("2023-11-14T22:13:20.Z", "reads"),
        ("2023-11-14T22:13:20Zx", "reads"),
        ("2023-11-14T22:13:20Z[UTC", "reads"),
        ("2023-11-14T22:13:20Z[]", "zone"),
        ("2023-11-14T22:13:20Z[Europe/Nowhere]", "zone"),
        ("2023-11-14T22:13:20Z[Ünicode]", "zone"),
        ("2023-11-14T22:13:20.1234567890Z", "nine"),
        ("2023-11-14T22:13:20", "offset"),
        ("2023-11-14T22:13:20 MSK", "offset"),
        ("2023-11-14T22:13:20+03:60", "minutes"),
        ("2023-11-14T22:13:20+14:01", "840"),
        ("2023-11-14T22:13:20-12:01", "-720"),
        ("2023-11-14T22:13:20+99:59", "840"),
        ("2023-00-14T22:13:20Z", "no such date"),
        ("2023-13-14T22:13:20Z", "no such date"),
        ("2023-02-29T22:13:20Z", "no such date"),
        ("1900-02-29T22:13:20Z", "no such date"),
        ("2023-11-00T22:13:20Z", "no such date"),
        ("2023-11-31T22:13:20Z", "no such date"),
        ("2023-11-14T24:00:00Z", "no such time"),
        ("2023-11-14T22:60:20Z", "no such time"),
        ("2023-11-14T22:13:60Z", "no such time"),
        ("5879611-07-11T00:00:01Z", "before or after"),
        ("9999999-07-11T00:00:01Z", "before or after"),
        ("-5879610-06-21T23:59:59Z", "before or after"),
        ("99999999-07-11T00:00:01Z", "reads"),
        ("+-2023-11-14T22:13:20Z", "reads"),
    ] {
        let error = text.parse::<Datetime>().unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
    assert!("2000-02-29T22:13:20Z".parse::<Datetime>().is_ok());
}

#[test]
fn ranges() {
    assert!(Datetime::new(Datetime::SECONDS_MIN - 1, 0).is_err());
    assert!(Datetime::new(Datetime::SECONDS_MAX + 1, 0).is_err());
    assert!(Datetime::new(i64::MIN, 0).is_err() && Datetime::new(i64::MAX, 0).is_err());
    assert!(Datetime::new(0, 999_999_999).is_ok() && Datetime::new(0, 1_000_000_000).is_err());
    for (offset, is_fine) in [(-721, false), (-720, true), (840, true), (841, false)] {
        assert_eq!(Datetime::EPOCH.with_offset(offset).is_ok(), is_fine, "{offset}");
    }
    assert!(Datetime::EPOCH.with_zone(1024).is_ok() && Datetime::EPOCH.with_zone(1025).is_err());
}

#[test]
fn bytes() {
    let short = |seconds: i64| seconds.to_le_bytes().to_vec();
    for (time, payload) in [
        (made(1_700_000_000, 0, 0, 0), hex("00f1536500000000")),
        (made(-1, 0, 0, 0), short(-1)),
        (made(1_700_000_000, 0, 180, 947), hex("00f153650000000000000000b400b303")),
        (made(-1, 500_000_000, 0, 0), hex("ffffffffffffffff0065cd1d00000000")),
        (made(0, 0, -300, 0), hex("000000000000000000000000d4fe0000")),
    ] {
        let bytes = bytes_of(&time);
        assert_eq!(extension(&bytes), (Ext::DATETIME, &payload[..]), "{time}");
        let mut encoded = Vec::new();
        time.encode(&mut encoded);
        assert_eq!(encoded, bytes);
        let back: Datetime = msgpack::from_slice(&bytes).unwrap();
        assert_eq!(parts(back), parts(time));
    }
    // Both lengths are taken, whatever is in them.
    let long = [&short(7)[..], &[0; 8]].concat();
    assert_eq!(parts(Datetime::decode(&long).unwrap()), (7, 0, 0, 0));
    let two_seconds = [&short(7)[..], &1_999_999_999_u32.to_le_bytes(), &[0; 4]].concat();
    let late = Datetime::decode(&two_seconds).unwrap();
    assert_eq!(parts(late), (7, 1_999_999_999, 0, 0));
    assert_eq!(late.to_string(), "1970-01-01T00:00:08.999999999Z");
    assert_eq!(late, datetime("1970-01-01T00:00:08.999999999Z"));
    assert_eq!(extension(&bytes_of(&late)).1, two_seconds);
}

#[test]
fn hostile_payloads() {
    let tail = |nanoseconds: i32, offset: i16, zone: i16| {
        let tail = [&nanoseconds.to_le_bytes()[..], &offset.to_le_bytes(), &zone.to_le_bytes()];
        [&[0; 8][..], &tail.concat()].concat()
    };
    let mut wrong = vec![
        (i64::MAX.to_le_bytes().to_vec(), "before or after"),
        (i64::MIN.to_le_bytes().to_vec(), "before or after"),
        (tail(-1, 0, 0), "nanoseconds"),
        (tail(2_000_000_000, 0, 0), "nanoseconds"),
        (tail(0, 841, 0), "840"),
        (tail(0, -721, 0), "-720"),
        (tail(0, i16::MIN, 0), "-720"),
        (tail(0, 0, 1025), "1024"),
        (tail(0, 0, -1), "1024"),
    ];
    wrong.extend((0..100).filter(|it| ![8, 16].contains(it)).map(|it| (vec![0; it], "8 or 16")));
    for (payload, why) in wrong {
        let error = refusal::<Datetime>(&with_header(1, Ext::DATETIME, &payload));
        assert!(error.starts_with("malformed datetime: "), "{payload:?}: {error}");
        assert!(error.contains(why), "{payload:?}: {error}");
    }
}

/// Every zone of the server's list, and none besides.
#[test]
fn zones() {
    let list = include_str!("../data/timezones.tsv");
    let mut known = HashSet::new();
    for line in list.lines().skip(1) {
        let (index, name) = line.split_once('\t').unwrap();
        let index: u16 = index.parse().unwrap();
        assert_eq!(zone_name(index), Some(name));
        assert_eq!(zone_index(name), Some(index));
        known.insert(index);
    }
    assert_eq!(known.len(), 630);
    for index in 0..=u16::MAX {
        assert_eq!(zone_name(index).is_some(), known.contains(&index), "{index}");
    }
    for name in ["", " ", "Europe", "europe/moscow", "A B", "Europe/Moscow "] {
        assert_eq!(zone_index(name), None, "{name:?}");
    }
}

#[test]
fn equal_by_time_alone() {
    let here = made(5, 6, 180, 947);
    let there = made(5, 6, -300, 0);
    assert_eq!(here, there);
    assert_eq!(HashSet::from([here, there]).len(), 1);
    assert!(made(5, 7, 0, 0) > here && made(4, 999_999_999, 840, 1) < here);
}

#[test]
fn serde() {
    let time = made(1_700_000_000, 5, 180, 947);
    let json = serde_json::to_string(&time).unwrap();
    assert_eq!(json, "\"2023-11-15T01:13:20.000000005+03:00[Europe/Moscow]\"");
    assert_eq!(parts(serde_json::from_str(&json).unwrap()), parts(time));
    let error = serde_json::from_str::<Datetime>("5").unwrap_err().to_string();
    assert!(error.contains("expected a datetime as text"), "{error}");
    let error = refusal::<(u8, Datetime)>(&[0x92, 1, 0xd4, 6, 0]);
    assert_eq!(error, "value 2: expected a datetime, found an interval at byte 2");
    assert!(refusal::<Datetime>(&[7]).contains("expected a datetime, found integer `7`"));
}

prop_compose! {
    fn any_time()(
        seconds in prop_oneof![
            Datetime::SECONDS_MIN..=Datetime::SECONDS_MAX,
            -100_000_000_000..100_000_000_000_i64,
        ],
        nanoseconds in prop_oneof![Just(0), 0..1_000_000_000_u32],
        offset in prop_oneof![Just(0), -720..=840_i16],
        zone in prop_oneof![Just(0), 1..=1024_u16],
    ) -> Datetime {
        made(seconds, nanoseconds, offset, zone)
    }
}

proptest! {
    #[test]
    fn round_trips(time in any_time()) {
        let back: Datetime = msgpack::from_slice(&bytes_of(&time)).unwrap();
        prop_assert_eq!(parts(back), parts(time));
        let text = format!("{time:#}");
        let (seconds, nanoseconds, offset, zone) = parts(datetime(&text));
        let named = if time.zone_name().is_some() { time.zone() } else { 0 };
        prop_assert_eq!(named, zone);
        prop_assert_eq!((seconds, nanoseconds, offset), (time.seconds(), time.nanoseconds(), time.offset()));
        let back: Datetime = serde_json::from_str(&serde_json::to_string(&time).unwrap()).unwrap();
        prop_assert_eq!(back, time);
    }

    #[test]
    fn in_order(one in any_time(), other in any_time()) {
        let key = |time: Datetime| (time.seconds(), time.nanoseconds());
        prop_assert_eq!(one.cmp(&other), key(one).cmp(&key(other)));
        prop_assert_eq!(one.cmp(&one), Ordering::Equal);
    }

    #[test]
    fn any_text_is_a_datetime_or_an_error(text in "[-+0-9T:.Z\\[\\]A-Za-z/ é]{0,40}") {
        if let Ok(time) = text.parse::<Datetime>() {
            prop_assert_eq!(datetime(&format!("{time:#}")), time);
        }
    }
}
