//! Slots by themselves.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// A table whose slots have been used so often that their generations soon come round.
fn used(slots: usize, generation: u32) -> Slots {
    let mut table = Slots::default();
    let ids: Vec<_> = (0..slots).filter_map(|_| table.occupy()).collect();
    for id in ids {
        table.release(id);
    }
    for slot in &mut table.slots {
        slot.generation = generation;
    }
    table
}

fn in_flight(id: RequestId, table: &mut Slots) {
    table.set(id, State::InFlight(0));
}

proptest! {
    #[test]
    fn ids_are_used_once_and_told_apart(
        steps in prop::collection::vec((0_u8..4, any::<usize>()), 0..400),
        first in prop_oneof![Just(1), Just(u32::MAX - 3), any::<u32>()],
    ) {
        let mut table = used(3, first.max(1));
        let mut all = HashSet::new();
        let mut live: Vec<(RequestId, bool)> = Vec::new();
        let mut past: Vec<RequestId> = Vec::new();
        for (step, index) in steps {
            match (step, live.len()) {
                (0 | 1, _) | (_, 0) => {
                    let id = table.occupy().expect("there is room");
                    prop_assert!(all.insert(id.sync()), "{id:?} was used before");
                    prop_assert!(id.sync() != 0 && id.generation != 0);
                    prop_assert!(live.iter().all(|(other, _)| other.slot != id.slot));
                    prop_assert_eq!(RequestId::from_sync(id.sync()), id);
                    in_flight(id, &mut table);
                    live.push((id, true));
                }
                (2, count) => {
                    let (id, is_unanswered) = &mut live[index % count];
                    table.answer(*id, Err(Unanswered::ConnectionGone));
                    *is_unanswered = false;
                }
                (_, count) => {
                    let (id, _) = live.swap_remove(index % count);
                    prop_assert!(table.release(id).is_some());
                    prop_assert!(table.release(id).is_none());
                    past.push(id);
                }
            }
            for (id, is_unanswered) in &live {
                let owner = if *is_unanswered { Owner::InFlight(*id) } else { Owner::Past };
                prop_assert_eq!(table.owner(id.sync()), owner);
                prop_assert_eq!(table.is_unanswered(*id), *is_unanswered);
            }
            for id in &past {
                prop_assert_eq!(table.owner(id.sync()), Owner::Past, "{:?}", id);
                prop_assert!(table.get(*id).is_none() && !table.is_unanswered(*id));
                prop_assert!(!table.set(*id, State::Accepted));
            }
            let unanswered: HashSet<_> =
                live.iter().filter(|(_, is)| *is).map(|(id, _)| *id).collect();
            prop_assert_eq!(table.in_flight(), unanswered.len());
            prop_assert_eq!(table.occupied(), live.len());
            prop_assert_eq!(table.unanswered().collect::<HashSet<_>>(), unanswered);
        }
    }
}

#[test]
fn what_was_never_sent_is_unknown() {
    let mut table = Slots::default();
    let id = table.occupy().expect("there is room");
    // Waiting, it was not sent yet.
    table.set(id, State::Waiting);
    assert_eq!(table.owner(id.sync()), Owner::Unknown);
    assert_eq!(table.in_flight(), 0);
    in_flight(id, &mut table);
    assert_eq!(table.owner(id.sync()), Owner::InFlight(id));
    // A free slot, one that there is not, and generations to come or that none has.
    for sync in [id.sync() + 1, id.sync() + (1 << 32), 0] {
        assert_eq!(table.owner(sync), Owner::Unknown, "{sync:x}");
    }
    table.release(id);
    assert_eq!(table.owner(id.sync()), Owner::Past);
    // Free again, the next generation was not sent.
    assert_eq!(table.owner(id.sync() + (1 << 32)), Owner::Unknown);
}

#[test]
fn generations_that_came_round_are_the_past_for_half_a_circle() {
    let table = used(1, 2);
    let id = |generation| RequestId { slot: 0, generation }.sync();
    assert_eq!(table.owner(id(1)), Owner::Past);
    assert_eq!(table.owner(id(u32::MAX)), Owner::Past);
    assert_eq!(table.owner(id(u32::MAX / 2 + 5)), Owner::Past);
    for generation in [0, 3, u32::MAX / 2, u32::MAX / 2 + 4] {
        assert_eq!(table.owner(id(generation)), Owner::Unknown, "{generation}");
    }
}

#[test]
fn slots_are_used_again_the_last_one_first() {
    let mut table = Slots::default();
    let ids: Vec<_> = (0..4).filter_map(|_| table.occupy()).collect();
    assert_eq!(ids.iter().map(|id| id.slot()).collect::<Vec<_>>(), [0, 1, 2, 3]);
    table.release(ids[1]);
    table.release(ids[3]);
    let again: Vec<_> = (0..3).filter_map(|_| table.occupy()).collect();
    assert_eq!(again.iter().map(|id| id.slot()).collect::<Vec<_>>(), [3, 1, 4]);
    assert_eq!(format!("{:?}", again[0]), "RequestId(3.2)");
}

fn frame_of(bytes: usize) -> Frame {
    let mut frame = Frame::new();
    frame.bytes_mut().resize(bytes, 7);
    frame
}

#[test]
fn a_frame_is_kept_until_the_answer_and_its_memory_for_the_next() {
    let mut table = Slots::default();
    let id = table.occupy().expect("there is room");
    let mut frame = frame_of(100);
    in_flight(id, &mut table);
    table.keep_frame(id, &mut frame);
    assert_eq!((frame.capacity(), table.held_bytes(), table.spare_bytes), (0, 100, 0));
    assert_eq!(table.frame(id).map(Frame::len), Some(100));
    table.answer(id, Err(Unanswered::ConnectionGone));
    assert!(table.frame(id).is_none() && table.take_frame(id).is_none());
    let memory = table.spare_bytes;
    assert!(table.held_bytes() == 0 && memory >= 100);
    assert!(table.take(id).is_some() && table.take(id).is_none());
    // The next request of this slot leaves its own memory and takes that one.
    let next = table.occupy().expect("there is room");
    let mut frame = frame_of(50);
    table.keep_frame(next, &mut frame);
    assert_eq!((frame.capacity(), frame.len()), (memory, 0));
    assert_eq!((table.held_bytes(), table.spare_bytes), (50, 0));
    assert!(table.frame(id).is_none() && table.fate_mut(id).is_none());
    assert_eq!(table.take_frame(next).map(|frame| frame.len()), Some(50));
    assert_eq!((table.held_bytes(), table.frame(next).is_none()), (0, true));
    // Cancelled, it is as good as answered.
    table.keep_frame(next, &mut frame_of(70));
    table.release(next);
    assert!(table.held_bytes() == 0 && table.spare_bytes >= 70);
}

#[test]
fn the_memory_of_large_and_of_very_many_frames_is_not_kept() {
    let mut table = Slots::default();
    let id = table.occupy().expect("there is room");
    table.keep_frame(id, &mut frame_of(SPARE_FRAME_MAX + 1));
    table.answer(id, Err(Unanswered::ConnectionGone));
    assert_eq!((table.held_bytes(), table.spare_bytes), (0, 0));

    let most = SPARE_MAX / SPARE_FRAME_MAX;
    let ids: Vec<_> = (0..most + 10).filter_map(|_| table.occupy()).collect();
    for id in &ids {
        table.keep_frame(*id, &mut frame_of(SPARE_FRAME_MAX));
    }
    assert_eq!(table.held_bytes(), ids.len() * SPARE_FRAME_MAX);
    for id in ids {
        table.release(id);
    }
    assert_eq!((table.held_bytes(), table.spare_bytes), (0, SPARE_MAX));
}
