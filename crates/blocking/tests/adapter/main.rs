//! What is special to threads: who leads, and requests that are waited for later. And values of
//! extensions against a real server, which need no runtime.

mod extensions;
mod stalls;
mod submits;
mod threads;
mod transactions;
