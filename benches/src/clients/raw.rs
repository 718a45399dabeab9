//! The raw pump as a contender: the baseline of all the others.

use std::io;
use std::net::{SocketAddr, TcpStream};

use crate::control;
use crate::cpu::Stopwatch;
use crate::frames::Frames;
use crate::job::{Contender, Failure, Job, Measured, Op};
use crate::pump;

/// The name of the baseline.
pub const NAME: &str = "raw";

/// Pumps frames encoded before the clock starts, see [`pump`].
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Connects to the server.
    ///
    /// # Errors
    ///
    /// If the server can't be reached.
    pub fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = control::connect(addr)?;
        Ok(Self { stream })
    }
}

impl Contender for Raw {
    fn name(&self) -> &str {
        NAME
    }

    fn run(&mut self, job: &Job) -> Result<Measured, Failure> {
        let frames = Frames::for_job(job);
        let watch = Stopwatch::start();
        let pumped = pump::run(&mut self.stream, &frames, job.tasks)?;
        let elapsed = watch.stop();
        // The pump does not look into replies, but one without its tuple would be shorter.
        let tuples = match job.op {
            Op::Insert | Op::Select | Op::Update | Op::Assign | Op::Delete => job.payload.len(),
            Op::Ping => 0,
        };
        if pumped.received < (pumped.requests * tuples) as u64 {
            return Err("replies without tuples".into());
        }
        Ok(Measured {
            elapsed,
            requests: pumped.requests,
            reads: Some(pumped.reads),
            writes: Some(pumped.writes),
        })
    }
}
