//! Benchmarks: clients run the same requests against the same server, each run in a process of its
//! own, beside the [raw pump](pump), the least a client on one connection can cost.

pub mod allocations;
pub mod clients;
pub mod commands;
pub mod contest;
pub mod control;
pub mod cpu;
pub mod frames;
pub mod graphite;
pub mod job;
pub mod latency;
pub mod login;
pub mod machine;
pub mod memory;
pub mod micro;
pub mod outcome;
pub mod pin;
pub mod process;
pub mod pump;
pub mod report;
pub mod sampler;
pub mod schedule;
pub mod server;
pub mod strace;
