//! Request frames, encoded by hand before a run's clock starts.

use std::ops::Range;

use crate::job::{Job, Op};

const SELECT: u8 = 1;
const INSERT: u8 = 2;
const UPDATE: u8 = 4;
const DELETE: u8 = 5;
const PING: u8 = 64;

const SPACE_ID: u8 = 0x10;
const INDEX_ID: u8 = 0x11;
const LIMIT: u8 = 0x12;
const OFFSET: u8 = 0x13;
const ITERATOR: u8 = 0x14;
const INDEX_BASE: u8 = 0x15;
const KEY: u8 = 0x20;
const TUPLE: u8 = 0x21;

/// More than the bytes of any request here besides its text.
const OVERHEAD: usize = 64;

/// Request frames back to back; the SYNC of each is its index.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Frames {
    /// No frames.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One frame for each id of a job, in order.
    #[must_use]
    pub fn for_job(job: &Job) -> Self {
        let count = job.count();
        let texts = (job.count_of(Op::Insert) + job.count_of(Op::Assign)) as usize;
        let mut frames = Self {
            bytes: Vec::with_capacity(texts * job.payload.len() + count * OVERHEAD),
            ends: Vec::with_capacity(count),
        };
        for id in job.ids.clone() {
            match job.kind(id) {
                Op::Insert => frames.insert(job.space, id, &job.payload),
                Op::Select => frames.select(job.space, id),
                Op::Update => frames.update(job.space, id, job.patch()),
                Op::Assign => frames.assign(job.space, id, &job.payload),
                Op::Delete => frames.delete(job.space, id),
                Op::Ping | Op::Mixed => frames.ping(),
            }
        }
        frames
    }

    /// How many frames there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of a range of frames.
    ///
    /// # Panics
    ///
    /// If the range is not within the frames.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[self.start(range.start)..self.start(range.end)]
    }

    /// The bytes of the longest frame.
    #[must_use]
    pub fn longest(&self) -> usize {
        (0..self.len()).map(|frame| self.ends[frame] - self.start(frame)).max().unwrap_or(0)
    }

    /// Adds the insertion of `[id, text]`.
    pub fn insert(&mut self, space: u32, id: u64, text: &str) {
        self.frame(INSERT, |out| {
            out.extend_from_slice(&[0x82, SPACE_ID]);
            uint(out, space.into());
            out.extend_from_slice(&[TUPLE, 0x92]);
            uint(out, id);
            string(out, text);
        });
    }

    /// Adds the selection of one tuple by its primary key.
    pub fn select(&mut self, space: u32, id: u64) {
        self.frame(SELECT, |out| {
            out.extend_from_slice(&[0x86, SPACE_ID]);
            uint(out, space.into());
            out.extend_from_slice(&[INDEX_ID, 0, LIMIT, 1, OFFSET, 0, ITERATOR, 0, KEY, 0x91]);
            uint(out, id);
        });
    }

    /// Adds an update that replaces as many bytes at the beginning of the second field.
    pub fn update(&mut self, space: u32, id: u64, patch: &str) {
        self.frame(UPDATE, |out| {
            changes(out, space, id);
            out.extend_from_slice(&[0x95, 0xa1, b':', 1, 0]);
            uint(out, patch.len() as u64);
            string(out, patch);
        });
    }

    /// Adds an update that assigns the second field.
    pub fn assign(&mut self, space: u32, id: u64, text: &str) {
        self.frame(UPDATE, |out| {
            changes(out, space, id);
            out.extend_from_slice(&[0x93, 0xa1, b'=', 1]);
            string(out, text);
        });
    }

    /// Adds the deletion of one tuple by its primary key.
    pub fn delete(&mut self, space: u32, id: u64) {
        self.frame(DELETE, |out| {
            out.extend_from_slice(&[0x83, SPACE_ID]);
            uint(out, space.into());
            out.extend_from_slice(&[INDEX_ID, 0, KEY, 0x91]);
            uint(out, id);
        });
    }

    /// Adds a ping.
    pub fn ping(&mut self) {
        self.frame(PING, |_| {});
    }

    fn start(&self, frame: usize) -> usize {
        match frame {
            0 => 0,
            frame => self.ends[frame - 1],
        }
    }

    fn frame(&mut self, request: u8, body: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        let sync = self.ends.len() as u64;
        self.bytes.extend_from_slice(&[0xce, 0, 0, 0, 0, 0x82, 0x00, request, 0x01]);
        uint(&mut self.bytes, sync);
        body(&mut self.bytes);
        let len = (self.bytes.len() - start - 5) as u32;
        self.bytes[start + 1..start + 5].copy_from_slice(&len.to_be_bytes());
        self.ends.push(self.bytes.len());
    }
}

/// An update's body up to its only operation.
fn changes(out: &mut Vec<u8>, space: u32, id: u64) {
    out.extend_from_slice(&[0x85, SPACE_ID]);
    uint(out, space.into());
    out.extend_from_slice(&[INDEX_ID, 0, INDEX_BASE, 0, KEY, 0x91]);
    uint(out, id);
    out.extend_from_slice(&[TUPLE, 0x91]);
}

/// The shortest form always: 2.6.0 answers OK to updates and deletes whose keys are encoded
/// wider than needed, and changes nothing.
fn uint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else if let Ok(value) = u8::try_from(value) {
        out.extend_from_slice(&[0xcc, value]);
    } else if let Ok(value) = u16::try_from(value) {
        out.push(0xcd);
        out.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        out.push(0xce);
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    let len = text.len();
    if len < 32 {
        out.push(0xa0 | len as u8);
    } else if let Ok(len) = u8::try_from(len) {
        out.extend_from_slice(&[0xd9, len]);
    } else if let Ok(len) = u16::try_from(len) {
        out.push(0xda);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(0xdb);
        out.extend_from_slice(&(len as u32).to_be_bytes());
    }
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_shortest() {
        let cases: [(u64, &[u8]); 8] = [
            (0x7f, &[0x7f]),
            (0x80, &[0xcc, 0x80]),
            (0xff, &[0xcc, 0xff]),
            (0x100, &[0xcd, 1, 0]),
            (0xffff, &[0xcd, 0xff, 0xff]),
            (0x1_0000, &[0xce, 0, 1, 0, 0]),
            (0xffff_ffff, &[0xce, 0xff, 0xff, 0xff, 0xff]),
            (0x1_0000_0000, &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
        ];
        for (value, expected) in cases {
            let mut out = Vec::new();
            uint(&mut out, value);
            assert_eq!(out, expected, "{value}");
        }
    }

    #[test]
    fn strings_are_shortest() {
        for (len, head) in [
            (31, vec![0xbf]),
            (32, vec![0xd9, 32]),
            (255, vec![0xd9, 255]),
            (256, vec![0xda, 1, 0]),
            (0x1_0000, vec![0xdb, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            string(&mut out, &"x".repeat(len));
            assert_eq!(out[..head.len()], head);
            assert_eq!(out.len(), head.len() + len);
        }
    }

    #[test]
    fn frames_are_cut_where_they_end() {
        let mut frames = Frames::new();
        frames.ping();
        frames.assign(512, 200, "ab");
        assert_eq!(frames.len(), 2);
        assert_eq!(frames.slice(0..1), [0xce, 0, 0, 0, 5, 0x82, 0, 64, 1, 0]);
        let update = [
            &[0xce, 0, 0, 0, 27, 0x82, 0, 4, 1, 1][..],
            &[0x85, 0x10, 0xcd, 2, 0, 0x11, 0, 0x15, 0, 0x20, 0x91],
            &[0xcc, 200, 0x21, 0x91, 0x93, 0xa1, b'=', 1, 0xa2, b'a', b'b'],
        ]
        .concat();
        assert_eq!(frames.slice(1..2), update);
        assert_eq!(frames.slice(0..2).len(), 10 + update.len());
        assert!(frames.slice(2..2).is_empty());
        assert_eq!((frames.longest(), Frames::new().longest()), (update.len(), 0));
    }
}
