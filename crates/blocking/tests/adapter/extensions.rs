//! Decimals, UUIDs and errors to a real server and back. It has no datetimes before 2.10.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tarantool_blocking::types::{Decimal, Uuid, Value};
use tarantool_blocking::{Client, ServerError, connect, ops};
use tarantool_testkit::conformance::backend::unique;
use tarantool_testkit::conformance::{Backend, bounded};

/// Runs `test` with a client, if there is a server.
fn with_client(name: &'static str, test: impl FnOnce(Client) + Send + 'static) {
    bounded(|| {
        if let Some(server) = Backend::shared_real(name) {
            test(connect(server.config()).unwrap());
        }
    });
}

/// Decimals that servers before 3.5 have, in all lengths and scales.
fn decimals() -> Vec<Decimal> {
    let mut decimals = Vec::new();
    for digits in ["0", "1", "10", "9", "15", "120", "1234567890123456789", "99999999999999999999"]
    {
        for length in [1, 2, 5, 18, 19, 20, 37, 38] {
            let digits = digits.repeat(length);
            for scale in [-37, -36, -20, -5, -1, 0, 1, 2, 7, 19, 20, 37, 38] {
                for sign in ["", "-"] {
                    let text = format!("{sign}{digits}e{}", -scale);
                    let decimal = text.parse::<Decimal>();
                    decimals.extend(decimal.ok().filter(Decimal::fits_38_digits));
                }
            }
        }
    }
    decimals
}

#[test]
fn decimals_come_back_and_show_as_the_server_shows_them() {
    with_client("decimals_come_back_and_show_as_the_server_shows_them", |client| {
        let decimals = decimals();
        assert!(decimals.len() > 500, "{}", decimals.len());
        let mut shown_alike = 0;
        for decimals in decimals.chunks(100) {
            let code = "local shown = {}
                for i, number in ipairs(...) do shown[i] = tostring(number) end
                return ..., shown";
            let (back, shown): (Vec<Decimal>, Vec<String>) =
                client.eval(code, (decimals,)).unwrap();
            assert_eq!((back.len(), shown.len()), (decimals.len(), decimals.len()));
            for ((sent, back), shown) in decimals.iter().zip(&back).zip(&shown) {
                assert_eq!(back, sent);
                assert_eq!(back.to_string(), sent.to_string());
                assert_eq!((back.digits(), back.scale()), (sent.digits(), sent.scale()));
                assert_eq!(back.is_negative(), sent.is_negative());
                // This version writes out the zeros that a negative scale stands for.
                if sent.scale() >= 0 {
                    assert_eq!(&sent.to_string(), shown);
                    shown_alike += 1;
                } else {
                    assert_eq!(*sent, shown.parse().unwrap(), "{shown}");
                }
            }
        }
        assert!(shown_alike > 250, "{shown_alike}");
    });
}

#[test]
fn the_server_makes_the_decimals_that_we_make() {
    with_client("the_server_makes_the_decimals_that_we_make", |client| {
        for text in [
            "0",
            "-0",
            "1.50",
            "-123.456",
            "0.000001",
            "1e-38",
            "1e5",
            "12e3",
            ".5",
            "5.",
            "00.10",
            "99999999999999999999999999999999999999",
        ] {
            let made: Decimal = client.eval("return require('decimal').new(...)", text).unwrap();
            let ours: Decimal = text.parse().unwrap();
            assert_eq!(
                (made, made.scale(), made.digits()),
                (ours, ours.scale(), ours.digits()),
                "{text}"
            );
        }
        let value: Value = client.eval("return require('decimal').new('1.50')", ()).unwrap();
        assert_eq!(value, Value::Decimal("1.50".parse().unwrap()));
    });
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Payment {
    id: Uuid,
    amount: Decimal,
    note: Option<Decimal>,
}

/// An index orders rows as ours are ordered, and finds them by value.
#[test]
fn indexes_order_and_find_them_as_we_compare() {
    with_client("indexes_order_and_find_them_as_we_compare", |client| {
        let name = unique("payments");
        let code = "return create(..., {
                {'id', 'uuid'}, {'amount', 'decimal'}, {'note', 'number', is_nullable = true},
            }, {{'id', {'id'}, true}, {'amount', {'amount'}, true}})";
        client.eval::<u64>(code, &name).unwrap();
        let payments = client.space::<Payment>(&name);
        let mut by_id = BTreeMap::new();
        let mut by_amount = BTreeMap::new();
        let mut number = 0x0123_4567_89ab_cdef_0f1e_2d3c_4b5a_6978_u128;
        for amount in decimals() {
            number = number.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
            let payment = Payment { id: Uuid::from_u128(number), amount, note: None };
            if by_amount.contains_key(&amount) {
                assert!(payments.insert(&payment).is_err(), "{amount} is there");
                continue;
            }
            payments.insert(&payment).unwrap();
            by_id.insert(payment.id, payment.clone());
            by_amount.insert(amount, payment);
        }
        assert!(by_id.len() > 200, "{}", by_id.len());
        let all = payments.select(()).limit(u32::MAX).send().unwrap();
        assert_eq!(all, by_id.values().cloned().collect::<Vec<_>>());
        let all = payments.index("amount").select(()).limit(u32::MAX).send().unwrap();
        assert_eq!(all, by_amount.values().cloned().collect::<Vec<_>>());
        for payment in by_id.values() {
            assert_eq!(payments.get(payment.id).unwrap().as_ref(), Some(payment));
            let found = payments.index("amount").get(payment.amount).unwrap();
            assert_eq!(found.as_ref(), Some(payment));
        }
        // The server calculates with them.
        let first = by_id.keys().next().copied().unwrap();
        let half: Decimal = "0.5".parse().unwrap();
        payments.update(first, ops().assign("amount", Decimal::from(77))).unwrap();
        payments.update(first, ops().add("amount", half)).unwrap();
        assert_eq!(payments.get(first).unwrap().unwrap().amount.to_string(), "77.5");
        // A number field has integers among its decimals.
        let row = client.space::<(Uuid, Decimal, u64)>(&name);
        row.insert(&(Uuid::NIL, "0.77".parse().unwrap(), 7)).unwrap();
        let mixed = payments.get(Uuid::NIL).unwrap().unwrap();
        assert_eq!(mixed.note, Some(Decimal::from(7)));
        let error = client.space::<(Decimal, Decimal)>(&name).get(Uuid::NIL).unwrap_err();
        let text = error.to_string();
        println!("{text}");
        for part in ["row 1, column 1", "expected a decimal", "found a uuid"] {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
    });
}

#[test]
fn uuids_come_back_and_show_as_the_server_shows_them() {
    with_client("uuids_come_back_and_show_as_the_server_shows_them", |client| {
        for number in [0, 1, u128::MAX ^ 0x2000 << 48, 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff] {
            let uuid = Uuid::from_u128(number);
            let code = "local uuid = ... return uuid, tostring(uuid), require('uuid').fromstr(tostring(uuid))";
            let back: (Uuid, String, Uuid) = client.eval(code, (uuid,)).unwrap();
            assert_eq!(back, (uuid, uuid.to_string(), uuid));
        }
        // Lua there takes none of the reserved variant.
        assert!(client.call::<Uuid>("echo", (Uuid::from_u128(u128::MAX),)).is_err());
        let (made, shown): (Uuid, String) =
            client.eval("local uuid = require('uuid').new() return uuid, uuid:str()", ()).unwrap();
        assert_eq!(shown.parse(), Ok(made));
        assert!(!made.is_nil());
    });
}

/// A session of this version has to ask for them; without that they are strings.
#[test]
fn errors_are_values() {
    with_client("errors_are_values", |client| {
        let code = "local why = box.error.new({code = 42, reason = 'cause'})
            local error = box.error.new({code = 77, reason = 'effect'})
            error:set_prev(why)
            return error, 'beside it'";
        let (error, _): (String, String) = client.eval(code, ()).unwrap();
        assert_eq!(error, "effect");
        let set = "box.session.settings.error_marshaling_enabled = true";
        client.eval::<()>(set, ()).unwrap();
        let (error, beside): (ServerError, String) = client.eval(code, ()).unwrap();
        let stack = error.stack().iter().map(|entry| (entry.code.number(), &*entry.message));
        assert_eq!(stack.collect::<Vec<_>>(), [(77, "effect"), (42, "cause")]);
        assert_eq!((error.message(), &*beside), ("effect", "beside it"));
        let (value, _): (Value, Value) = client.eval(code, ()).unwrap();
        assert_eq!(value, Value::Error(error.clone()));
        let back: ServerError = client.call("echo", (&error,)).unwrap();
        assert_eq!(back.stack().len(), 2);
        assert_eq!((back.code(), back.message()), (error.code(), "effect"));
        let refused = client.eval::<(Uuid, String)>(code, ()).unwrap_err().to_string();
        assert!(refused.contains("expected a uuid, found an error value"), "{refused}");
    });
}
