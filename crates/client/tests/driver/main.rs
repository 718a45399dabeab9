//! The driver's steps by hand: what is written when, and what becomes of wakers.

mod addresses;
mod lanes;
mod link;
mod parts;
mod requests;
