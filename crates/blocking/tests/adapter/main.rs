//! What is special to threads: who leads, and requests that are waited for later.

mod stalls;
mod submits;
mod threads;
