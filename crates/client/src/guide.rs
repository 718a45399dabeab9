//! The guide: what there is and how it is meant, page by page.
//!
//! | page | |
//! |---|---|
//! | [`getting_started`] | from nothing to rows |
//! | [`requests`] | requests and rows: keys, operations, calls, pages, values |
//! | [`outcomes`] | errors, and what becomes of requests when a connection is lost |
//! | [`transactions`] | transactions and streams |
//! | [`events`] | watched keys, messages of calls, the connection's life |
//! | [`sql`] | statements, parameters, prepared statements |
//! | [`limits`] | timeouts and limits, closing |
//! | [`batching`] | how requests share system calls |
//! | [`lanes`] | several connections behind one client |
//! | [`runtimes`] | one client on many runtimes; TLS |
//! | [`replication`] | a server's changes as they are made |
//! | [`testing`] | tests of your application |
//! | [`performance`] | what makes it fast, and what makes it slow |
//! | [`porting`] | from other clients |
//! | [`own_loop`] | binding another runtime, or a loop of your own |

// The snippets need the connectors, which depend on this crate: the package `xtask` tests them.

#[cfg_attr(not(doctest), doc = include_str!("../guide/getting_started.md"))]
pub mod getting_started {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/requests.md"))]
pub mod requests {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/outcomes.md"))]
pub mod outcomes {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/transactions.md"))]
pub mod transactions {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/events.md"))]
pub mod events {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/sql.md"))]
pub mod sql {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/limits.md"))]
pub mod limits {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/batching.md"))]
pub mod batching {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/lanes.md"))]
pub mod lanes {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/runtimes.md"))]
pub mod runtimes {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/replication.md"))]
pub mod replication {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/testing.md"))]
pub mod testing {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/performance.md"))]
pub mod performance {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/porting.md"))]
pub mod porting {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/own_loop.md"))]
pub mod own_loop {}
