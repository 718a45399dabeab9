//! Intervals.

use proptest::prelude::*;
use tarantool_proto::msgpack;
use tarantool_proto::types::{Adjust, Ext, Interval};

use crate::support::{bytes_of, extension, hex, refusal, with_header};

const ZERO: Interval = Interval {
    years: 0,
    months: 0,
    weeks: 0,
    days: 0,
    hours: 0,
    minutes: 0,
    seconds: 0,
    nanoseconds: 0,
    adjust: Adjust::Excess,
};

#[test]
fn text_and_bytes() {
    for (interval, text, payload) in [
        (ZERO, "0 seconds", "00"),
        (Interval::default(), "0 seconds", "010801"),
        (Interval { years: 1, ..ZERO }, "+1 years", "010001"),
        (Interval { seconds: -70_000, ..ZERO }, "-70000 seconds", "0106d2fffeee90"),
        (Interval { nanoseconds: 5, ..ZERO }, "+5 nanoseconds", "010705"),
        (
            Interval { years: 1, months: 200, days: -77, adjust: Adjust::None, ..ZERO },
            "+1 years, 200 months, -77 days",
            "04000101ccc803d0b30801",
        ),
        (
            Interval {
                years: -1,
                months: 2,
                weeks: -3,
                days: 4,
                hours: -5,
                minutes: 6,
                seconds: -7,
                nanoseconds: 8,
                adjust: Adjust::Last,
            },
            "-1 years, 2 months, -3 weeks, 4 days, -5 hours, 6 minutes, -7 seconds, 8 nanoseconds",
            "0900ff010202fd030404fb050606f907080802",
        ),
        (
            Interval { years: 11_759_221, seconds: 370_964_945_203_200, ..ZERO },
            "+11759221 years, 370964945203200 seconds",
            "0200ce00b36e7506cf0001516401c87000",
        ),
    ] {
        assert_eq!(interval.to_string(), text);
        let bytes = bytes_of(&interval);
        assert_eq!(extension(&bytes), (Ext::INTERVAL, &hex(payload)[..]), "{text}");
        let mut encoded = Vec::new();
        interval.encode(&mut encoded);
        assert_eq!(encoded, bytes);
        assert_eq!(msgpack::from_slice::<Interval>(&bytes).unwrap(), interval);
    }
}

#[test]
fn other_payloads() {
    for (payload, interval) in [
        ("0200000301", Interval { days: 1, ..ZERO }),
        ("0203010002", Interval { days: 1, years: 2, ..ZERO }),
        ("0200010002", Interval { years: 2, ..ZERO }),
        ("0201010800", Interval { months: 1, ..ZERO }),
        ("0100d300000000000000ff", Interval { years: 255, ..ZERO }),
        ("01cc0301", Interval { days: 1, ..ZERO }),
    ] {
        let bytes = with_header(2, Ext::INTERVAL, &hex(payload));
        assert_eq!(msgpack::from_slice::<Interval>(&bytes).unwrap(), interval, "{payload}");
    }
}

#[test]
fn hostile_payloads() {
    for (payload, why) in [
        ("", "count"),
        ("ff", "count"),
        ("050001", "count"),
        ("0001", "count"),
        ("01ff01", "count"),
        ("0106cb3ff8000000000000", "count"),
        ("0106a131", "count"),
        ("0106", "count"),
        ("010901", "0 to 8"),
        ("01ce0000010001", "0 to 8"),
        ("010803", "adjusts"),
        ("0108ff", "adjusts"),
        ("0100ce80000000", "too large"),
        ("0107d3ffffffff00000000", "too large"),
        ("0103cfffffffffffffffff", "too large"),
    ] {
        let error = refusal::<Interval>(&with_header(1, Ext::INTERVAL, &hex(payload)));
        assert!(error.starts_with("malformed interval: "), "{payload}: {error}");
        assert!(error.contains(why), "{payload}: {error}");
    }
    let error = refusal::<(u8, Interval)>(&[0x92, 1, 0xd4, 4, 0]);
    assert_eq!(error, "value 2: expected an interval, found a datetime at byte 2");
    assert!(refusal::<Interval>(&[0x80]).contains("expected an interval, found a map"));
}

#[test]
fn json() {
    let interval = Interval { months: -1, nanoseconds: 5, adjust: Adjust::Last, ..ZERO };
    let json = serde_json::to_string(&interval).unwrap();
    assert_eq!(json, r#"{"months":-1,"nanoseconds":5,"adjust":"last"}"#);
    assert_eq!(serde_json::from_str::<Interval>(&json).unwrap(), interval);
    assert_eq!(serde_json::from_str::<Interval>("{}").unwrap(), Interval::default());
    for wrong in [
        r#"{"month":1}"#,
        r#"{"months":2147483648}"#,
        r#"{"months":1.5}"#,
        r#"{"adjust":"some"}"#,
        r#"{"adjust":1}"#,
        "1",
    ] {
        assert!(serde_json::from_str::<Interval>(wrong).is_err(), "{wrong}");
    }
}

fn any_interval() -> impl Strategy<Value = Interval> {
    let small = || prop_oneof![Just(0), any::<i32>(), -300..300];
    let large = || prop_oneof![Just(0), any::<i64>(), -300..300_i64];
    let adjust = prop_oneof![Just(Adjust::Excess), Just(Adjust::None), Just(Adjust::Last)];
    let smalls = (small(), small(), small(), small());
    (smalls, (large(), large(), large(), large()), adjust).prop_map(|(small, large, adjust)| {
        let (years, months, weeks, nanoseconds) = small;
        let (days, hours, minutes, seconds) = large;
        Interval { years, months, weeks, days, hours, minutes, seconds, nanoseconds, adjust }
    })
}

proptest! {
    #[test]
    fn round_trips(interval in any_interval()) {
        let bytes = bytes_of(&interval);
        prop_assert_eq!(msgpack::from_slice::<Interval>(&bytes).unwrap(), interval);
        let json = serde_json::to_string(&interval).unwrap();
        prop_assert_eq!(serde_json::from_str::<Interval>(&json).unwrap(), interval);
    }

    #[test]
    fn any_payload_is_an_interval_or_an_error(payload in prop::collection::vec(any::<u8>(), 0..30)) {
        if let Ok(interval) = Interval::decode(&payload) {
            let mut bytes = Vec::new();
            interval.encode(&mut bytes);
            prop_assert_eq!(Interval::decode(extension(&bytes).1), Ok(interval));
        }
    }
}
