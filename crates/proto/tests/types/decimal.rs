//! Decimals.

use std::cmp::Ordering;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use proptest::prelude::*;
use tarantool_proto::msgpack;
use tarantool_proto::types::{Decimal, Ext};

use crate::support::{bytes_of, extension, hex, refusal, with_header};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Text, digits, scale, payload: as recorded, or by the rules of the recorded ones.
const SAME: [(&str, u32, i32, &str); 20] = [
    ("0", 1, 0, "000c"),
    ("-0", 1, 0, "000d"),
    ("1", 1, 0, "001c"),
    ("12", 2, 0, "00012c"),
    ("-123.456", 6, 3, "030123456d"),
    ("0.1", 1, 1, "011c"),
    ("0.00", 1, 2, "020c"),
    ("15.00", 4, 2, "0201500c"),
    ("100", 3, 0, "00100c"),
    ("0.000001", 1, 6, "061c"),
    ("1E+5", 1, -5, "fb1c"),
    ("-1.2E+11", 2, -10, "f6012d"),
    ("1E+33", 1, -33, "d0df1c"),
    ("0E+5", 1, -5, "fb0c"),
    ("1E-128", 1, 128, "cc801c"),
    ("-1.5E-299", 2, 300, "cd012c015d"),
    ("1E+300", 1, -300, "d1fed41c"),
    ("1E-70000", 1, 70_000, "ce000111701c"),
    ("1E+999999", 1, -999_999, "d2fff0bdc11c"),
    ("1E-999999", 1, 999_999, "ce000f423f1c"),
];

#[test]
fn text_and_bytes() {
    for (text, digits, scale, payload) in SAME {
        let decimal = decimal(text);
        assert_eq!((decimal.digits(), decimal.scale()), (digits, scale), "{text}");
        assert_eq!(decimal.to_string(), text);
        let bytes = bytes_of(&decimal);
        assert_eq!(extension(&bytes), (Ext::DECIMAL, &hex(payload)[..]), "{text}");
        let mut encoded = Vec::new();
        decimal.encode(&mut encoded);
        assert_eq!(encoded, bytes);
        let back: Decimal = msgpack::from_slice(&bytes).unwrap();
        assert_eq!(back.to_string(), text);
        assert_eq!(back.is_negative(), text.starts_with('-'));
    }
}

#[test]
fn other_texts() {
    for (text, shown) in [
        ("+1", "1"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-.5e1", "-5"),
        ("1e5", "1E+5"),
        ("1e-7", "0.0000001"),
        ("12e+10", "1.2E+11"),
        ("1.5E2", "1.5E+2"),
        ("1.5E1", "15"),
        ("000123", "123"),
        ("0000.10", "0.10"),
        ("-00", "-0"),
    ] {
        assert_eq!(decimal(text).to_string(), shown, "{text}");
    }
    let number = decimal("1.5");
    assert_eq!(
        format!("{number:>6}|{number:<6}|{number:06}|{number:+}"),
        "   1.5|1.5   |0001.5|+1.5"
    );
    assert_eq!(format!("{number:?}"), "Decimal(1.5)");
    for wrong in [
        "", "-", "+", ".", "-.", "e5", "1e", "1e+", "1e5.0", "1.2.3", " 1", "1 ", "1_000", "0x10",
        "--1", "+-1", "1e--5", "inf", "NaN", "1,5", "١",
    ] {
        let error = wrong.parse::<Decimal>().unwrap_err().to_string();
        assert!(error.contains("a decimal is digits"), "{wrong:?}: {error}");
    }
    for wrong in
        ["1e1000000", "1e-1000000", "0.1e-999999", "1e99999999999999999999999999", "0e1000000"]
    {
        let error = wrong.parse::<Decimal>().unwrap_err().to_string();
        assert!(error.contains("scale"), "{wrong}: {error}");
    }
}

#[test]
fn as_many_digits_as_there_may_be() {
    for digits in [37, 38, 39, 57, 58, 75, 76] {
        for digit in ["1", "9"] {
            let text = digit.repeat(digits);
            let number = decimal(&text);
            assert_eq!(number.to_string(), text);
            assert_eq!(number.digits() as usize, digits);
            assert_eq!(number.fits_38_digits(), digits <= 38);
            let bytes = bytes_of(&number);
            assert_eq!(msgpack::from_slice::<Decimal>(&bytes).unwrap().to_string(), text);
            let fraction = format!("-0.{text}");
            assert_eq!(decimal(&fraction).to_string(), fraction);
            let middle = format!("{}.{}", &text[..20], &text[20..]);
            assert_eq!(decimal(&middle).to_string(), middle);
        }
        // Zeros in the middle and at the end, over both halves.
        let text = format!("1{}", "0".repeat(digits - 1));
        assert_eq!(decimal(&text).to_string(), text);
        assert_eq!(decimal(&text), decimal(&format!("1e{}", digits - 1)));
        let zeros = format!("{}{text}", "0".repeat(1000));
        assert_eq!(decimal(&zeros).to_string(), text);
    }
    let error = "1".repeat(77).parse::<Decimal>().unwrap_err().to_string();
    assert_eq!(error, "a decimal has at most 76 digits");
    assert!(format!("1{}", "0".repeat(76)).parse::<Decimal>().is_err());
}

#[test]
fn what_servers_before_3_5_have() {
    for (text, fits) in [
        ("0", true),
        ("-0", true),
        ("99999999999999999999999999999999999999", true),
        ("1e37", true),
        ("1e38", false),
        ("1.5e37", true),
        ("1e-38", true),
        ("1e-39", false),
        ("0e50", true),
        ("100000000000000000000000000000000000000", false),
        ("-0.99999999999999999999999999999999999999", true),
    ] {
        assert_eq!(decimal(text).fits_38_digits(), fits, "{text}");
    }
}

#[test]
fn hostile_payloads() {
    let long = "11".repeat(38);
    for (payload, what) in [
        ("", "scale"),
        ("02", "digits and a sign"),
        ("00ac", "0 to 9"),
        ("00a00c", "0 to 9"),
        ("0015", "sign"),
        ("00", "digits and a sign"),
        ("a1611c", "scale"),
        ("c01c", "scale"),
        ("ca000000001c", "scale"),
        ("d2", "scale"),
        ("ce001000001c", "within"),
        ("d3fffffffffff000001c", "within"),
        ("cfffffffffffffffff1c", "within"),
        ("d3800000000000000000", "within"),
        (&format!("00{long}1c"), "76 digits"),
    ] {
        let error = refusal::<Decimal>(&with_header(1, Ext::DECIMAL, &hex(payload)));
        assert!(error.starts_with("malformed decimal: "), "{payload}: {error}");
        assert!(error.contains(what) && error.ends_with("at byte 0"), "{payload}: {error}");
    }
    // Zeros in front are no digits, however many.
    let zeros = [&[0][..], &vec![0; 100_000], &[0x5c]].concat();
    let bytes = with_header(4, Ext::DECIMAL, &zeros);
    assert_eq!(msgpack::from_slice::<Decimal>(&bytes).unwrap(), Decimal::from(5));
    for (sign, text) in [("a", "5"), ("b", "-5"), ("c", "5"), ("d", "-5"), ("e", "5"), ("f", "5")] {
        let bytes = with_header(2, Ext::DECIMAL, &hex(&format!("005{sign}")));
        assert_eq!(msgpack::from_slice::<Decimal>(&bytes).unwrap().to_string(), text);
    }
    // The longest text.
    let text = format!("-{}.{}E-{}", 1, "1".repeat(75), 999_999 - 75);
    assert_eq!(decimal(&text).to_string(), text);
}

#[test]
fn in_order() {
    let sorted = [
        "-1e999999",
        "-1e76",
        "-11",
        "-2",
        "-1.5",
        "-1",
        "-1e-999999",
        "0",
        "1e-999999",
        "1e-76",
        "0.9",
        "0.99",
        "1",
        "1.0000000000000000000000000000000000000000000000000000000001",
        "1.5",
        "2",
        "9",
        "10",
        "11",
        "99999999999999999999999999999999999999",
        "100000000000000000000000000000000000000",
        "1.1e38",
        "1e75",
        "1e999999",
    ];
    for (i, low) in sorted.iter().enumerate() {
        for (j, high) in sorted.iter().enumerate() {
            assert_eq!(decimal(low).cmp(&decimal(high)), i.cmp(&j), "{low} {high}");
        }
    }
    for (one, other) in [
        ("1", "1.0"),
        ("1e5", "100000.000"),
        ("-0", "0"),
        ("0e50", "-0.00"),
        ("1e75", &format!("1{}", "0".repeat(75))),
        ("1.5", &format!("1.5{}", "0".repeat(74))),
    ] {
        assert_eq!(decimal(one), decimal(other), "{one} {other}");
        assert_eq!(hash(one), hash(other), "{one} {other}");
    }
    assert_ne!(hash("1"), hash("-1"));
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    decimal(text).hash(&mut hasher);
    hasher.finish()
}

#[test]
fn numbers() {
    assert_eq!(Decimal::from(u128::MAX).to_string(), u128::MAX.to_string());
    assert_eq!(Decimal::from(i128::MIN).to_string(), i128::MIN.to_string());
    assert_eq!(Decimal::new(i128::MIN, 39).unwrap().coefficient(), Some(i128::MIN));
    assert_eq!(Decimal::from(i128::MAX).coefficient(), Some(i128::MAX));
    assert_eq!(decimal("1e40").coefficient(), Some(1));
    assert_eq!(decimal(&"9".repeat(39)).coefficient(), None);
    assert_eq!(decimal(&"9".repeat(38)).coefficient(), Some(10_i128.pow(38) - 1));
    assert!(Decimal::new(1, 1_000_000).is_err() && Decimal::new(1, i32::MIN).is_err());
    assert!(Decimal::new(1, -999_999).is_ok());

    assert_eq!(u8::try_from(decimal("255.000")), Ok(255));
    assert_eq!(i128::try_from(Decimal::from(i128::MIN)), Ok(i128::MIN));
    assert_eq!(u64::try_from(decimal("1.8e19")), Ok(18_000_000_000_000_000_000));
    assert_eq!(i64::try_from(decimal("-9223372036854775808")), Ok(i64::MIN));
    assert_eq!(i8::try_from(decimal("-0")), Ok(0));
    assert_eq!(i8::try_from(decimal("0e-999999")), Ok(0));
    assert_eq!(i8::try_from(decimal(&format!("7.{}", "0".repeat(75)))), Ok(7));
    for wrong in ["256", "-1", "0.5", "1e3", "1e999999", "1e-999999"] {
        let error = u8::try_from(decimal(wrong)).unwrap_err().to_string();
        assert_eq!(error, "the decimal is no integer of u8", "{wrong}");
    }
    for (text, float) in [
        ("0.1", 0.1),
        ("-123.456", -123.456),
        ("1e300", 1e300),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("1e999", f64::INFINITY),
        ("-1e-400", -0.0),
        ("0.30000000000000000000000000000000000001", 0.3),
    ] {
        assert_eq!(decimal(text).to_f64_lossy(), float, "{text}");
    }
    assert!(decimal("-0").to_f64_lossy().is_sign_negative());
    assert!(size_of::<Decimal>() <= 40, "{}", size_of::<Decimal>());
}

#[test]
fn serde() {
    // Fields of the type number have any number.
    assert_eq!(msgpack::from_slice::<Decimal>(&[0x05]).unwrap(), Decimal::from(5));
    assert_eq!(msgpack::from_slice::<Decimal>(&[0xff]).unwrap(), Decimal::from(-1));
    let error = refusal::<Decimal>(&[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
    assert!(error.contains("expected a decimal, found floating point"), "{error}");
    let error = refusal::<(u8, Decimal)>(&[0x92, 1, 0xa3, b'1', b'.', b'5']);
    assert_eq!(error, "value 2: expected a decimal, found a string at byte 2");
    assert_eq!(serde_json::to_string(&decimal("1.50")).unwrap(), "\"1.50\"");
    let from_json = |text| serde_json::from_str::<Decimal>(text).unwrap().to_string();
    assert_eq!(from_json("\"1.50\""), "1.50");
    assert_eq!(from_json("-15"), "-15");
    assert!(serde_json::from_str::<Decimal>("1.5").is_err());
    assert!(serde_json::from_str::<Decimal>("\"x\"").is_err());
}

fn digits(max: usize) -> impl Strategy<Value = String> {
    prop_oneof![Just(max), 1..=max]
        .prop_flat_map(|length| prop::collection::vec(0_u8..10, length))
        .prop_map(|digits| digits.iter().map(|digit| char::from(b'0' + digit)).collect())
}

/// Digits with a sign, and an exponent.
fn parts() -> impl Strategy<Value = (bool, String, i32)> {
    (any::<bool>(), digits(76), prop_oneof![3 => -80..80, 1 => -999_999..=999_999])
}

fn made((is_negative, digits, exponent): &(bool, String, i32)) -> Decimal {
    decimal(&format!("{}{digits}e{exponent}", if *is_negative { "-" } else { "" }))
}

proptest! {
    #[test]
    fn round_trips(parts in parts()) {
        let number = made(&parts);
        let text = number.to_string();
        let same = |other: Decimal| {
            assert_eq!(other.to_string(), text);
            assert_eq!((other.digits(), other.scale()), (number.digits(), number.scale()));
            assert_eq!(other, number);
        };
        same(decimal(&text));
        same(msgpack::from_slice(&bytes_of(&number)).unwrap());
        same(serde_json::from_str(&serde_json::to_string(&number).unwrap()).unwrap());
        prop_assert_eq!(number.scale(), -parts.2);
        let significant = parts.1.trim_start_matches('0').len().max(1);
        prop_assert_eq!(number.digits() as usize, significant);
    }

    /// Against comparing integers of one scale digit by digit.
    #[test]
    fn compares_by_value(one in parts(), mut other in parts(), shift in 0_usize..10, near: bool) {
        if near {
            // The same value with other digits, if there is place for them.
            other = one.clone();
            let zeros = shift.min(76 - other.1.trim_start_matches('0').len().min(76));
            other.1.push_str(&"0".repeat(zeros));
            other.2 -= zeros as i32;
        }
        prop_assume!(other.2 >= -999_999);
        let expected = oracle(&one, &other);
        prop_assert_eq!(made(&one).cmp(&made(&other)), expected);
        prop_assert_eq!(made(&other).cmp(&made(&one)), expected.reverse());
        if near {
            prop_assert_eq!(expected, Ordering::Equal);
        }
    }

    #[test]
    fn any_payload_is_a_decimal_or_an_error(payload in prop::collection::vec(any::<u8>(), 0..50)) {
        if let Ok(number) = Decimal::decode(&payload) {
            let mut bytes = Vec::new();
            number.encode(&mut bytes);
            let again = Decimal::decode(extension(&bytes).1).unwrap();
            prop_assert_eq!(again.to_string(), number.to_string());
        }
    }

    #[test]
    fn integers(number: i128) {
        let decimal = Decimal::from(number);
        prop_assert_eq!(decimal.to_string(), number.to_string());
        prop_assert_eq!(i128::try_from(decimal), Ok(number));
    }

    #[test]
    fn floats(number in -1e9_f64..1e9) {
        prop_assert_eq!(decimal(&number.to_string()).to_f64_lossy(), number);
    }
}

fn oracle(one: &(bool, String, i32), other: &(bool, String, i32)) -> Ordering {
    let digits = |(_, digits, _): &(bool, String, i32)| {
        let digits = digits.trim_start_matches('0').to_owned();
        (!digits.is_empty()).then_some(digits)
    };
    let sign = |parts| digits(parts).map_or(0, |_| if parts.0 { -1 } else { 1 });
    if sign(one) != sign(other) || sign(one) == 0 {
        return sign(one).cmp(&sign(other));
    }
    let (a, b) = (digits(one).unwrap(), digits(other).unwrap());
    let power = |digits: &str, parts: &(bool, String, i32)| digits.len() as i32 + parts.2;
    // As fractions 0.DIGITS, whose texts compare as they do.
    let fractions = a.trim_end_matches('0').cmp(b.trim_end_matches('0'));
    let absolute = power(&a, one).cmp(&power(&b, other)).then(fractions);
    if one.0 { absolute.reverse() } else { absolute }
}
