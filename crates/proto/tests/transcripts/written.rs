//! What we wrote, compared with what the recorded client wrote.

use crate::as_client::{AUTH_SYNC, ID_SYNC};
use crate::frames::{Frame, field, frames, kind, text, value};

/// Asserts that both are the same but for what is told in return.
pub(crate) fn compare(written: &[u8], recorded: &[Frame]) -> Vec<String> {
    let (ours, end) = frames(written, 0);
    assert_eq!(end, written.len());
    let mut differences = Vec::new();
    handshake(&ours, recorded);
    if recorded.iter().any(|frame| frame.kind == kind::ID) {
        differences.push("ID is our own".into());
    }
    let requests = |frames: &[Frame]| -> Vec<_> {
        let others = frames.iter().filter(|frame| is_request(frame));
        others.map(|frame| (frame.kind, frame.stream, body(frame).to_vec())).collect()
    };
    assert_eq!(requests(&ours), requests(recorded), "the same requests in the same order");
    let empty = recorded.iter().filter(|frame| frame.body == EMPTY).count();
    if empty > 0 {
        differences.push(format!("maps without entries, which we leave out: {empty}"));
    }
    let mut syncs: Vec<_> = ours.iter().filter(|frame| is_request(frame)).collect();
    syncs.sort_by_key(|frame| frame.sync);
    let count = syncs.len();
    syncs.dedup_by_key(|frame| frame.sync);
    assert_eq!(syncs.len(), count, "no sync id is used twice");
    differences.extend(watches(&ours, recorded));
    differences
}

/// An empty map.
const EMPTY: [u8; 1] = [0x80];

fn body(frame: &Frame) -> &[u8] {
    if frame.body == EMPTY { &[] } else { &frame.body }
}

fn is_request(frame: &Frame) -> bool {
    !matches!(frame.kind, kind::ID | kind::AUTH | kind::WATCH | kind::UNWATCH)
}

/// ID is ours alone; the proof of the password is to be theirs, by the salt of the greeting.
fn handshake(ours: &[Frame], recorded: &[Frame]) {
    assert_eq!((ours[0].kind, ours[0].sync), (kind::ID, ID_SYNC));
    let auth = |frames: &[Frame]| -> Vec<_> {
        let logins = frames.iter().filter(|frame| frame.kind == kind::AUTH);
        logins
            .map(|frame| {
                let tuple = value(field(&frame.body, 0x21).unwrap());
                // A string from some, binary data from others.
                let parts = tuple.as_array().unwrap().iter();
                let parts: Vec<_> = parts.map(|part| part.as_slice().unwrap().to_vec()).collect();
                (text(&frame.body, 0x23), parts)
            })
            .collect()
    };
    assert_eq!(auth(ours), auth(recorded), "the login");
    let logins = ours.iter().filter(|frame| frame.kind == kind::AUTH);
    assert!(logins.clone().count() <= 1 && logins.clone().all(|login| login.sync == AUTH_SYNC));
}

/// Of each key as many WATCHes and UNWATCHes, those that acknowledge included.
fn watches(ours: &[Frame], recorded: &[Frame]) -> Option<String> {
    let told = |frames: &[Frame]| -> Vec<_> {
        let watches =
            frames.iter().filter(|frame| matches!(frame.kind, kind::WATCH | kind::UNWATCH));
        let mut told: Vec<_> = watches.map(|frame| (frame.kind, frame.body.clone())).collect();
        told.sort();
        told
    };
    let (mut ours, recorded) = (told(ours), told(recorded));
    for watch in &recorded {
        let at = ours.iter().position(|ours| ours == watch);
        ours.remove(at.unwrap_or_else(|| panic!("not written: {watch:02x?}")));
    }
    match ours.as_slice() {
        [] => None,
        [(kind::WATCH, body)] if text(body, 0x57).as_deref() == Some("box.shutdown") => {
            Some("its client did not acknowledge the shutdown: we do".into())
        }
        more => panic!("written besides: {more:02x?}"),
    }
}

/// How many WATCHes of a key there are.
pub(crate) fn watches_of(bytes: &[u8], key: &str) -> usize {
    let (frames, _) = frames(bytes, 0);
    let watches = frames.iter().filter(|frame| frame.kind == kind::WATCH);
    watches.filter(|frame| text(&frame.body, 0x57).as_deref() == Some(key)).count()
}
