//! Values of extensions: bytes, text, serde and comparison.

mod conversions;
mod datetime;
mod decimal;
mod formats;
mod interval;
mod support;
mod uuid;
mod value;
mod vectors;
