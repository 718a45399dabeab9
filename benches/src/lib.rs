//! Throughput benchmarks: contenders run the same requests against the same real server.
//!
//! The baseline is the [raw pump](pump), the least a client on one connection can cost.

pub mod clients;
pub mod contest;
pub mod control;
pub mod cpu;
pub mod frames;
pub mod job;
pub mod pin;
pub mod pump;
pub mod report;
pub mod server;
