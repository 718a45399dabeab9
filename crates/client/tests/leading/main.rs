//! Threads that share a scripted socket: who writes, who reads, and who does when somebody leaves.

#[path = "../suite/bounded.rs"]
mod bounded;
#[path = "../suite/packets.rs"]
mod packets;

mod calls;
mod deadlines;
mod failures;
mod leads;
mod socket;
mod writes;
