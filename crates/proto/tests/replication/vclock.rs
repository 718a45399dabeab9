//! Vclocks: text, MessagePack, serde, order.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use tarantool_proto::msgpack::{self, Reader, write_value};
use tarantool_proto::replication::Vclock;

fn vclock(text: &str) -> Vclock {
    text.parse().unwrap()
}

#[test]
fn text_there_and_back() {
    for text in ["{}", "{1: 134}", "{0: 8, 1: 143}", "{1: 1, 31: 18446744073709551615}"] {
        assert_eq!(vclock(text).to_string(), text);
        assert_eq!(format!("{:?}", vclock(text)), text);
        assert_eq!(vclock(text).is_empty(), text == "{}");
    }
    assert_eq!(vclock(" { 2:5 ,1 : 7 } ").to_string(), "{1: 7, 2: 5}");
    assert_eq!(vclock("{3: 0}"), Vclock::new());
}

#[test]
fn what_is_no_vclock() {
    for text in ["", "1: 2", "{1}", "{1: }", "{a: 1}", "{1: -1}", "{1: 2,}", "{1: 2", "{1: 2 3: 4}"]
    {
        assert!(text.parse::<Vclock>().is_err(), "{text}");
    }
    let error = "{32: 1}".parse::<Vclock>().unwrap_err();
    assert_eq!(error.to_string(), "a replica id is not below 32");
    let mut vclock = Vclock::new();
    assert!(vclock.set(32, 1).is_err() && vclock.is_empty());
    assert_eq!(vclock.get(32), 0);
}

#[test]
fn order_is_partial() {
    let (old, new) = (vclock("{1: 5, 2: 3}"), vclock("{1: 5, 2: 4, 3: 1}"));
    assert_eq!(old.partial_cmp(&new), Some(Ordering::Less));
    assert_eq!(new.partial_cmp(&old), Some(Ordering::Greater));
    assert_eq!(old.partial_cmp(&old.clone()), Some(Ordering::Equal));
    let other = vclock("{1: 6, 2: 2}");
    assert_eq!(old.partial_cmp(&other), None);
    assert_eq!(other.partial_cmp(&old), None);
    assert!(Vclock::new() < old);
    assert_eq!(new.signature(), 10);
    assert_eq!(vclock("{1: 18446744073709551615, 2: 1}").signature(), u64::MAX);
}

#[test]
fn msgpack_leaves_out_what_is_local() {
    let mut bytes = Vec::new();
    vclock("{0: 8, 1: 143, 2: 1}").encode(&mut bytes);
    assert_eq!(bytes, [0x82, 1, 0xcc, 143, 2, 1]);
    assert_eq!(Vclock::decode(&mut Reader::new(&bytes)), Ok(vclock("{1: 143, 2: 1}")));
    // As 3.7 sends it.
    let local = [0x82, 0x00, 0x08, 0x01, 0xcc, 0x8f];
    assert_eq!(Vclock::decode(&mut Reader::new(&local)), Ok(vclock("{0: 8, 1: 143}")));
}

#[test]
fn msgpack_that_is_no_vclock() {
    for bytes in [
        &[0x90][..],
        &[0x81, 0x01],
        &[0x81, 0xa1, b'a', 0x01],
        &[0x81, 0x20, 0x01],
        &[0x81, 0xcf, 0, 0, 0, 1, 0, 0, 0, 1, 0x01],
        &[0x81, 0x01, 0xff],
        &[0xdf, 0xff, 0xff, 0xff, 0xff, 0x01],
    ] {
        assert!(Vclock::decode(&mut Reader::new(bytes)).is_err(), "{bytes:02x?}");
    }
}

#[test]
fn saved_by_serde() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Saved {
        vclock: Vclock,
    }
    let saved = Saved { vclock: vclock("{1: 134, 2: 5}") };
    let json = serde_json::to_string(&saved).unwrap();
    assert_eq!(json, r#"{"vclock":{"1":134,"2":5}}"#);
    assert_eq!(serde_json::from_str::<Saved>(&json).unwrap(), saved);
    let error = serde_json::from_str::<Saved>(r#"{"vclock":{"40":1}}"#).unwrap_err();
    assert!(error.to_string().contains("below 32"), "{error}");

    let mut bytes = Vec::new();
    write_value(&mut bytes, &saved.vclock).unwrap();
    assert_eq!(bytes, [0x82, 1, 0xcc, 134, 2, 5]);
    assert_eq!(msgpack::from_slice::<Vclock>(&bytes), Ok(saved.vclock));
}
