//! The follower's state machine: recorded sessions, a scripted server, hostile bytes.

mod ballots;
mod changes;
mod hostile;
mod opening;
mod peer;
mod recorded;
mod texts;
mod time;
mod vclock;
