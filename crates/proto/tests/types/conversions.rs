//! Conversions from and to types of other crates, each under its feature.

#[cfg(feature = "uuid-1")]
#[test]
fn uuids() {
    use tarantool_proto::types::Uuid;

    let ours = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    let theirs = uuid::Uuid::from(ours);
    assert_eq!(theirs.to_string(), ours.to_string());
    assert_eq!(Uuid::from(theirs), ours);
}

#[cfg(feature = "rust_decimal-1")]
#[test]
fn decimals_of_28_digits() {
    use rust_decimal::Decimal as Theirs;
    use tarantool_proto::types::Decimal;

    for text in [
        "0",
        "-0",
        "0.00",
        "1.50",
        "-123.456",
        "79228162514264337593543950335",
        "-0.0000000000000000000000000001",
    ] {
        let ours: Decimal = text.parse().unwrap();
        let theirs = Theirs::try_from(ours).unwrap();
        assert_eq!(theirs.to_string(), text);
        let back = Decimal::from(theirs);
        assert_eq!((back.to_string(), back.scale()), (text.to_owned(), ours.scale()));
    }
    // Those that have it in another form.
    for (text, shown) in [
        ("1e5", "100000"),
        ("-12e10", "-120000000000"),
        ("0e5", "0"),
        ("0e-50", "0"),
        ("1.50000000000000000000000000000000", "1.5"),
    ] {
        let theirs = Theirs::try_from(text.parse::<Decimal>().unwrap()).unwrap();
        assert_eq!(theirs.to_string(), shown);
        assert_eq!(Decimal::from(theirs), text.parse().unwrap());
    }
    for text in
        ["79228162514264337593543950336", "1e29", "1e-29", "1e999999", "1e-999999", &"9".repeat(76)]
    {
        let error = Theirs::try_from(text.parse::<Decimal>().unwrap()).unwrap_err().to_string();
        assert!(error.contains("rust_decimal has 96 bits"), "{text}: {error}");
    }
}

#[cfg(feature = "bigdecimal-0_4")]
#[test]
fn decimals_of_any_length() {
    use bigdecimal::BigDecimal;
    use tarantool_proto::types::Decimal;

    for text in [
        "0",
        "1.50",
        "-123.456",
        "1e5",
        "1e-999999",
        "1e999999",
        &"9".repeat(76),
        &format!("-0.{}", "1".repeat(76)),
    ] {
        let ours: Decimal = text.parse().unwrap();
        let theirs = BigDecimal::from(ours);
        let (digits, scale) = theirs.as_bigint_and_exponent();
        assert_eq!(
            (digits.magnitude().to_string().len() as u32, scale),
            (ours.digits(), ours.scale().into())
        );
        if text.len() < 100 && !text.contains('e') {
            assert_eq!(theirs, text.parse::<BigDecimal>().unwrap());
        }
        let back = Decimal::try_from(theirs).unwrap();
        assert_eq!((back.to_string(), back.scale()), (ours.to_string(), ours.scale()));
    }
    let zero = Decimal::try_from(BigDecimal::from("-0".parse::<Decimal>().unwrap())).unwrap();
    assert!(!zero.is_negative());
    let long = |text: &str| Decimal::try_from(text.parse::<BigDecimal>().unwrap());
    let zeros = format!("1{}", "0".repeat(200));
    assert_eq!(long(&zeros).unwrap(), "1e200".parse().unwrap());
    assert!(long(&"1".repeat(77)).unwrap_err().to_string().contains("76 digits"));
    for text in ["1e1000000", "1e-1000000", "1e9999999999"] {
        assert!(long(text).unwrap_err().to_string().contains("scale"), "{text}");
    }
}

#[cfg(any(feature = "chrono-0_4", feature = "time-0_3", feature = "jiff-0_2"))]
fn times() -> Vec<tarantool_proto::types::Datetime> {
    use tarantool_proto::types::Datetime;

    let mut times = Vec::new();
    for seconds in [0, 1_700_000_000, -1, -62_135_596_800, 253_402_200_000] {
        for nanoseconds in [0, 1, 500_000_000, 999_999_999] {
            for offset in [0, 180, -300, 330, -720, 840] {
                let time = Datetime::new(seconds, nanoseconds).unwrap();
                times.push(time.with_offset(offset).unwrap());
            }
        }
    }
    times
}

#[cfg(any(feature = "chrono-0_4", feature = "time-0_3", feature = "jiff-0_2"))]
fn parts(time: tarantool_proto::types::Datetime) -> (i64, u32, i16, u16) {
    (time.seconds(), time.nanoseconds(), time.offset(), time.zone())
}

/// More than a second of nanoseconds, as servers let pass.
#[cfg(any(feature = "chrono-0_4", feature = "time-0_3", feature = "jiff-0_2"))]
fn late() -> tarantool_proto::types::Datetime {
    let payload = [&7_i64.to_le_bytes()[..], &1_500_000_000_i32.to_le_bytes(), &[0; 4]].concat();
    tarantool_proto::types::Datetime::decode(&payload).unwrap()
}

#[cfg(feature = "chrono-0_4")]
#[test]
fn times_of_chrono() {
    use chrono::{DateTime, FixedOffset, TimeZone, Timelike, Utc};
    use tarantool_proto::types::Datetime;

    for ours in times() {
        let theirs = DateTime::<FixedOffset>::try_from(ours).unwrap();
        assert_eq!(theirs.timestamp(), ours.seconds());
        assert_eq!(theirs.timestamp_subsec_nanos(), ours.nanoseconds());
        assert_eq!(theirs.offset().local_minus_utc(), i32::from(ours.offset()) * 60);
        assert_eq!(parts(Datetime::try_from(theirs).unwrap()), parts(ours));
        let utc = DateTime::<Utc>::try_from(ours).unwrap();
        assert_eq!(utc, theirs);
        assert_eq!(Datetime::try_from(utc).unwrap(), ours);
        let shown = ours.with_offset(0).unwrap().to_string();
        assert_eq!(shown, utc.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true));
    }
    let leap = Utc.timestamp_opt(1_483_228_799, 0).unwrap().with_nanosecond(1_500_000_000).unwrap();
    assert_eq!(parts(Datetime::try_from(leap).unwrap()), (1_483_228_800, 500_000_000, 0, 0));
    assert_eq!(
        DateTime::<Utc>::try_from(late()).unwrap().to_rfc3339(),
        "1970-01-01T00:00:08.500+00:00"
    );
    for (seconds, why) in [(90, "seconds"), (840 * 60 + 60, "840"), (-721 * 60, "-720")] {
        let time = FixedOffset::east_opt(seconds).unwrap().timestamp_opt(0, 0).unwrap();
        let error = Datetime::try_from(time).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let latest = Datetime::new(Datetime::SECONDS_MAX, 0).unwrap();
    assert!(DateTime::<Utc>::try_from(latest).unwrap_err().to_string().contains("chrono"));
    assert!(DateTime::<FixedOffset>::try_from(latest).is_err());
    assert!(Datetime::try_from(DateTime::<Utc>::MAX_UTC).is_ok());
    assert!(Datetime::try_from(DateTime::<Utc>::MIN_UTC).is_ok());
}

#[cfg(feature = "time-0_3")]
#[test]
fn times_of_time() {
    use tarantool_proto::types::Datetime;
    use time::{OffsetDateTime, UtcOffset};

    for ours in times() {
        let theirs = OffsetDateTime::try_from(ours).unwrap();
        assert_eq!(theirs.unix_timestamp(), ours.seconds());
        assert_eq!(theirs.nanosecond(), ours.nanoseconds());
        assert_eq!(theirs.offset().whole_minutes(), ours.offset());
        assert_eq!(parts(Datetime::try_from(theirs).unwrap()), parts(ours));
    }
    let theirs = OffsetDateTime::try_from(late()).unwrap();
    assert_eq!((theirs.unix_timestamp(), theirs.nanosecond()), (8, 500_000_000));
    for (seconds, why) in [(90, "seconds"), (841 * 60, "840"), (-721 * 60, "-720")] {
        let offset = UtcOffset::from_whole_seconds(seconds).unwrap();
        let error = Datetime::try_from(OffsetDateTime::UNIX_EPOCH.to_offset(offset)).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    // The last second of the year 9999 in UTC is none where it is later.
    let last = Datetime::new(253_402_300_799, 0).unwrap();
    assert!(OffsetDateTime::try_from(last).is_ok());
    for late in [last.with_offset(60).unwrap(), Datetime::new(Datetime::SECONDS_MAX, 0).unwrap()] {
        let error = OffsetDateTime::try_from(late).unwrap_err().to_string();
        assert!(error.contains("the crate time"), "{error}");
    }
}

#[cfg(feature = "jiff-0_2")]
#[test]
fn times_of_jiff() {
    use jiff::tz::{Offset, TimeZone};
    use jiff::{Timestamp, Zoned};
    use tarantool_proto::types::Datetime;

    for ours in times() {
        let theirs = Zoned::try_from(ours).unwrap();
        assert_eq!(theirs.offset().seconds(), i32::from(ours.offset()) * 60);
        assert_eq!(parts(Datetime::try_from(&theirs).unwrap()), parts(ours));
        let timestamp = Timestamp::try_from(ours).unwrap();
        assert_eq!(timestamp, theirs.timestamp());
        let nanoseconds =
            i128::from(ours.seconds()) * 1_000_000_000 + i128::from(ours.nanoseconds());
        assert_eq!(timestamp.as_nanosecond(), nanoseconds);
        assert_eq!(parts(timestamp.into()), (ours.seconds(), ours.nanoseconds(), 0, 0));
    }
    assert_eq!(Datetime::from(Timestamp::MIN).seconds(), Timestamp::MIN.as_second());
    assert_eq!(Datetime::from(Timestamp::MAX).nanoseconds(), 999_999_999);
    assert_eq!(Timestamp::try_from(late()).unwrap().to_string(), "1970-01-01T00:00:08.5Z");
    let latest = Datetime::new(Datetime::SECONDS_MAX, 0).unwrap();
    assert!(Timestamp::try_from(latest).unwrap_err().to_string().contains("jiff"));
    assert!(Zoned::try_from(latest).is_err());
    for (seconds, why) in [(90, "seconds"), (841 * 60, "840"), (-721 * 60, "-720")] {
        let zone = TimeZone::fixed(Offset::from_seconds(seconds).unwrap());
        let error = Datetime::try_from(Timestamp::UNIX_EPOCH.to_zoned(zone)).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    for (name, index) in [("Europe/Moscow", 947), ("Europe/Nowhere", 0)] {
        let zone = TimeZone::tzif(name, &tzif()).unwrap();
        let time = Timestamp::from_second(1_700_000_000).unwrap().to_zoned(zone);
        assert_eq!(parts(Datetime::try_from(time).unwrap()), (1_700_000_000, 0, 180, index));
    }
}

/// The file of a zone that is always three hours east.
#[cfg(feature = "jiff-0_2")]
fn tzif() -> Vec<u8> {
    // One type and four bytes of names.
    let header = [&b"TZif2"[..], &[0; 15 + 4 * 4], &[0, 0, 0, 1, 0, 0, 0, 4]].concat();
    let block = [&header[..], &10_800_i32.to_be_bytes(), &[0, 0], b"MSK\0"].concat();
    [&block[..], &block, b"\nMSK-3\n"].concat()
}

#[cfg(feature = "jiff-0_2")]
#[test]
fn spans_of_jiff() {
    use jiff::Span;
    use tarantool_proto::types::{Adjust, Interval};

    let interval = Interval {
        years: 1,
        months: 2,
        weeks: 3,
        days: 4,
        hours: 5,
        minutes: 6,
        seconds: 7,
        nanoseconds: 8,
        ..Interval::default()
    };
    let span = Span::try_from(interval).unwrap();
    assert_eq!(span.to_string(), "P1Y2M3W4DT5H6M7.000000008S");
    assert_eq!(Interval::try_from(span).unwrap(), interval);
    let negative = Interval { years: -1, seconds: -5, nanoseconds: -1, ..Interval::default() };
    assert_eq!(Interval::try_from(Span::try_from(negative).unwrap()).unwrap(), negative);
    let small = Span::new().milliseconds(1_500).microseconds(2).nanoseconds(3);
    let expected = Interval { seconds: 1, nanoseconds: 500_002_003, ..Interval::default() };
    assert_eq!(Interval::try_from(small).unwrap(), expected);
    assert_eq!(expected.adjust, Adjust::None);
    let mixed = Interval { years: 1, days: -1, ..Interval::default() };
    assert!(Span::try_from(mixed).unwrap_err().to_string().contains("one sign"));
    for large in [
        Interval { years: i32::MAX, ..Interval::default() },
        Interval { years: i32::MIN, ..Interval::default() },
        Interval { days: i64::MAX, ..Interval::default() },
        Interval { seconds: i64::MIN, ..Interval::default() },
    ] {
        assert!(Span::try_from(large).unwrap_err().to_string().contains("out of the range"));
    }
    for extreme in [Span::new().seconds(631_107_417_600_i64), Span::new().nanoseconds(i64::MAX)] {
        assert!(Interval::try_from(extreme).is_ok());
        assert!(Interval::try_from(-extreme).is_ok());
    }
}
