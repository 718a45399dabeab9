//! Threads that share a scripted socket: who writes, who reads, and who does when somebody leaves.

mod calls;
mod deadlines;
mod failures;
mod leads;
mod socket;
mod watches;
mod writes;
