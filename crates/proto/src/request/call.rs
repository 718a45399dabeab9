//! Requests that run code on the server.

use serde::Serialize;

use super::{Body, Request, Subject};
use crate::keys::{Key, RequestType};
use crate::msgpack::EncodeError;

macro_rules! code_request {
    ($(#[$docs:meta])* $name:ident, $type:ident, $key:ident, $what:literal) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a, A = ()> {
            code: &'a str,
            arguments: A,
        }

        impl<'a> $name<'a> {
            #[doc = $what]
            #[must_use]
            pub const fn new(code: &'a str) -> Self {
                Self { code, arguments: () }
            }

            /// The arguments: a tuple of them; a scalar is one argument, `()` none.
            #[must_use]
            pub fn arguments<A: Serialize>(self, arguments: A) -> $name<'a, A> {
                $name { code: self.code, arguments }
            }
        }

        impl<A: Serialize> Request for $name<'_, A> {
            fn request_type(&self) -> RequestType {
                RequestType::$type
            }

            fn subject(&self) -> Subject {
                Subject::with_name(RequestType::$type, self.code)
            }

            fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
                body.str(Key::$key, self.code);
                body.key(Key::TUPLE, &self.arguments)
            }
        }
    };
}

code_request! {
    /// Calls a function. The reply holds the values that it returned.
    Call, CALL, FUNCTION_NAME,
    "Calls a stored function or a Lua global by its name, such as `box.info` or `space:method`."
}

code_request! {
    /// Calls a function the way servers before 1.7.2 did: each returned value becomes a row.
    Call16, CALL_16, FUNCTION_NAME,
    "Calls a stored function or a Lua global by its name."
}

code_request! {
    /// Runs Lua code. The reply holds the values of its `return`.
    Eval, EVAL, EXPR,
    "Runs this Lua code; the arguments are its `...`."
}
