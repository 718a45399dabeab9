//! Compiles the snippets of README.md, of the packages' own and of the guide as documentation tests.
//! The tasks themselves are the binary.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

/// Those of the packages, which crates.io shows.
#[cfg(doctest)]
pub mod readmes {
    #[doc = include_str!("../../async-std/README.md")]
    pub struct AsyncStd;
    #[doc = include_str!("../../blocking/README.md")]
    pub struct Blocking;
    #[doc = include_str!("../../client/README.md")]
    pub struct Client;
    #[doc = include_str!("../../compio/README.md")]
    pub struct Compio;
    #[doc = include_str!("../../smol/README.md")]
    pub struct Smol;
    #[doc = include_str!("../../testkit/README.md")]
    pub struct Testkit;
    #[doc = include_str!("../../tokio/README.md")]
    pub struct Tokio;
}

/// A struct for each page, which an error then names.
#[cfg(doctest)]
pub mod guide {
    #[doc = include_str!("../../client/guide/getting_started.md")]
    pub struct GettingStarted;
    #[doc = include_str!("../../client/guide/requests.md")]
    pub struct Requests;
    #[doc = include_str!("../../client/guide/outcomes.md")]
    pub struct Outcomes;
    #[doc = include_str!("../../client/guide/transactions.md")]
    pub struct Transactions;
    #[doc = include_str!("../../client/guide/events.md")]
    pub struct Events;
    #[doc = include_str!("../../client/guide/sql.md")]
    pub struct Sql;
    #[doc = include_str!("../../client/guide/limits.md")]
    pub struct Limits;
    #[doc = include_str!("../../client/guide/batching.md")]
    pub struct Batching;
    #[doc = include_str!("../../client/guide/lanes.md")]
    pub struct Lanes;
    #[doc = include_str!("../../client/guide/runtimes.md")]
    pub struct Runtimes;
    #[doc = include_str!("../../client/guide/replication.md")]
    pub struct Replication;
    #[doc = include_str!("../../client/guide/testing.md")]
    pub struct Testing;
    #[doc = include_str!("../../client/guide/performance.md")]
    pub struct Performance;
    #[doc = include_str!("../../client/guide/porting.md")]
    pub struct Porting;
    #[doc = include_str!("../../client/guide/own_loop.md")]
    pub struct OwnLoop;
}
