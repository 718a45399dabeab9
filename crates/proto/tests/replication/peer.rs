//! A scripted server: bytes built by hand, independently of the crate's own encoder.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use rmpv::Value;
use tarantool_proto::replication::{Change, Event, FollowConfig, FollowError, Follower, Vclock};
use tarantool_proto::types::Uuid;
use tarantool_proto::{Credentials, Password};

pub(crate) const GREETING_2_6: &[u8; 128] = b"Tarantool 2.6.0 (Binary) \
    11111111-1111-4111-8111-111111111111  \n\
    AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=                   \n";

/// The instance that the recorded sessions are of.
pub(crate) const INSTANCE: Uuid = Uuid::from_u128(0x77777777_7777_4777_8777_777777777777);
pub(crate) const REPLICASET: &str = "22222222-2222-4222-8222-222222222222";

/// The sync ids of what a follower asks for.
pub(crate) const AUTH: u64 = 1;
pub(crate) const VOTE: u64 = 2;
pub(crate) const SNAPSHOT: u64 = 3;
pub(crate) const SUBSCRIBE: u64 = 4;
pub(crate) const ID: u64 = 5;
pub(crate) const CLUSTER: u64 = 6;
pub(crate) const REPLICASET_UUID: u64 = 7;

pub(crate) const INSERT: u32 = 2;
pub(crate) const REPLACE: u32 = 3;
pub(crate) const UPDATE: u32 = 4;
pub(crate) const DELETE: u32 = 5;
pub(crate) const UPSERT: u32 = 9;
pub(crate) const NOP: u32 = 12;

/// A packet of these bytes, with the length as servers write it.
pub(crate) fn packet(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xce];
    bytes.extend((content.len() as u32).to_be_bytes());
    bytes.extend(content);
    bytes
}

pub(crate) fn map(pairs: &[(u64, Value)]) -> Value {
    Value::Map(pairs.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
}

/// A packet with this header, and this body if there is one.
pub(crate) fn packet_of(header: &[(u64, Value)], body: Option<Value>) -> Vec<u8> {
    let mut content = Vec::new();
    rmpv::encode::write_value(&mut content, &map(header)).unwrap();
    if let Some(body) = body {
        rmpv::encode::write_value(&mut content, &body).unwrap();
    }
    packet(&content)
}

pub(crate) fn reply(sync: u64, body: &[(u64, Value)]) -> Vec<u8> {
    packet_of(&[(0, 0.into()), (1, sync.into()), (5, 70.into())], Some(map(body)))
}

pub(crate) fn error(sync: u64, code: u32, text: &str) -> Vec<u8> {
    let kind = 0x8000 | code;
    let body = map(&[(0x31, text.into())]);
    packet_of(&[(0, kind.into()), (1, sync.into()), (5, 70.into())], Some(body))
}

pub(crate) fn vclock_of(pairs: &[(u64, u64)]) -> Value {
    Value::Map(pairs.iter().map(|(id, lsn)| ((*id).into(), (*lsn).into())).collect())
}

pub(crate) fn ballot() -> Vec<u8> {
    let ballot =
        [(1, false.into()), (4, false.into()), (2, vclock_of(&[(1, 134)])), (3, vclock_of(&[]))];
    reply(VOTE, &[(0x29, map(&ballot))])
}

pub(crate) fn row_of_uuid(sync: u64, name: &str, uuid: Option<&str>) -> Vec<u8> {
    let row = |uuid: &str| Value::Array(vec![name.into(), uuid.into()]);
    let rows = uuid.map(row).into_iter().collect();
    reply(sync, &[(0x30, Value::Array(rows))])
}

/// The replies to ID and to the questions for the replica set's uuid.
pub(crate) fn identity() -> Vec<u8> {
    let unknown = error(ID, 48, "Unknown request type 73");
    let before_3_0 = row_of_uuid(CLUSTER, "cluster", Some(REPLICASET));
    [unknown, before_3_0, row_of_uuid(REPLICASET_UUID, "replicaset_uuid", None)].concat()
}

pub(crate) fn vclock_reply(sync: u64, pairs: &[(u64, u64)]) -> Vec<u8> {
    let header = [(0, 0.into()), (1, sync.into())];
    packet_of(&header, Some(map(&[(0x26, vclock_of(pairs))])))
}

pub(crate) fn subscribed(uuid: &str) -> Vec<u8> {
    let header = [(0, 0.into()), (1, SUBSCRIBE.into()), (2, 1.into())];
    packet_of(&header, Some(map(&[(0x26, vclock_of(&[(1, 134)])), (0x25, uuid.into())])))
}

pub(crate) fn heartbeat() -> Vec<u8> {
    let header = [(0, 0.into()), (1, SUBSCRIBE.into()), (2, 1.into()), (4, 1.5.into())];
    packet_of(&header, None)
}

/// A tuple as the body of an insert or a replace.
pub(crate) fn tuple(space: u64, values: &[u64]) -> Value {
    map(&[(0x10, space.into()), (0x21, array(values))])
}

pub(crate) fn array(values: &[u64]) -> Value {
    Value::Array(values.iter().map(|value| (*value).into()).collect())
}

/// A row with nothing of a transaction in its header.
pub(crate) fn row(kind: u32, lsn: u64, body: Option<Value>) -> Vec<u8> {
    row_of(kind, 1, lsn, &[], body)
}

pub(crate) fn row_of(
    kind: u32,
    replica: u64,
    lsn: u64,
    more: &[(u64, u64)],
    body: Option<Value>,
) -> Vec<u8> {
    let mut header = vec![
        (0, kind.into()),
        (1, SUBSCRIBE.into()),
        (2, replica.into()),
        (3, lsn.into()),
        (4, 2.5.into()),
    ];
    header.extend(more.iter().map(|(key, value)| (*key, (*value).into())));
    packet_of(&header, body)
}

pub(crate) fn snapshot_row(body: Value) -> Vec<u8> {
    packet_of(&[(0, INSERT.into()), (1, SNAPSHOT.into())], Some(body))
}

/// What the follower has written, as (type, sync, body).
pub(crate) fn written(mut bytes: &[u8]) -> Vec<(u64, u64, Option<Value>)> {
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        let length = rmpv::decode::read_value(&mut bytes).unwrap().as_u64().unwrap();
        let (mut content, rest) = bytes.split_at(length as usize);
        bytes = rest;
        let header = rmpv::decode::read_value(&mut content).unwrap();
        let number = |key| field(&header, key).and_then(Value::as_u64).unwrap_or_default();
        let (kind, sync) = (number(0), number(1));
        let body = (!content.is_empty()).then(|| rmpv::decode::read_value(&mut content).unwrap());
        packets.push((kind, sync, body));
    }
    packets
}

pub(crate) fn field(map: &Value, key: u64) -> Option<&Value> {
    let found = map.as_map()?.iter().find(|(name, _)| name.as_u64() == Some(key));
    found.map(|(_, value)| value)
}

pub(crate) fn config() -> FollowConfig {
    FollowConfig::new(INSTANCE)
}

pub(crate) fn login(mut config: FollowConfig) -> FollowConfig {
    let password = Password::new("secret");
    config.credentials = Some(Credentials { user: "replicator".into(), password });
    config
}

/// A follower, the bytes that came in for it, and a clock.
pub(crate) struct Link {
    pub(crate) follower: Follower,
    pub(crate) input: BytesMut,
    start: Instant,
}

impl Link {
    /// Just connected; the server must accept within 10 seconds.
    pub(crate) fn new(config: FollowConfig) -> Self {
        #[allow(clippy::disallowed_methods, reason = "any time to count from")]
        let start = Instant::now();
        let follower = Follower::new(config, start, Some(start + Duration::from_secs(10)));
        Self { follower, input: BytesMut::new(), start }
    }

    /// All that comes before the snapshot or the changes is asked and answered.
    pub(crate) fn asked(config: FollowConfig) -> Self {
        let mut link = Self::new(config);
        assert_eq!(link.feed(GREETING_2_6), []);
        link.write();
        assert_eq!(link.feed(&[ballot(), identity()].concat()), []);
        link
    }

    /// Subscribed behind the vclock of `config`.
    pub(crate) fn subscribed(mut config: FollowConfig, lsn: u64) -> Self {
        config.after = Some(Vclock::new());
        config.after.as_mut().unwrap().set(1, lsn).unwrap();
        let mut link = Self::asked(config);
        link.write();
        assert_eq!(link.feed(&subscribed(REPLICASET)), [Event::Ready]);
        link
    }

    pub(crate) fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    pub(crate) fn time(&mut self, millis: u64) {
        self.follower.handle_timeout(self.at(millis));
    }

    pub(crate) fn events_to_end(&mut self) -> (Vec<Event>, Option<FollowError>) {
        let mut events = Vec::new();
        loop {
            match self.follower.poll_event(&mut self.input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => return (events, None),
                Err(error) => return (events, Some(error)),
            }
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.input.extend_from_slice(bytes);
        let (events, end) = self.events_to_end();
        assert_eq!(end, None);
        events
    }

    pub(crate) fn changes(&mut self, bytes: &[u8]) -> Vec<Change> {
        let events = self.feed(bytes).into_iter();
        let changes = events.map(|event| match event {
            Event::Change(change) => change,
            other => panic!("{other:?}"),
        });
        changes.collect()
    }

    /// Feeds what ends it and returns why it ended.
    pub(crate) fn feed_to_end(&mut self, bytes: &[u8]) -> FollowError {
        self.input.extend_from_slice(bytes);
        let end = self.events_to_end().1.expect("it lives on");
        assert_eq!(self.events_to_end(), (Vec::new(), Some(end.clone())), "the end sticks");
        assert_eq!(self.follower.failure(), Some(&end));
        assert_eq!(self.follower.poll_timeout(), None);
        assert!(self.write().is_empty());
        end
    }

    pub(crate) fn write(&mut self) -> Vec<u8> {
        let mut output = Vec::new();
        if self.follower.poll_transmit(&mut output) {
            assert!(!self.follower.poll_transmit(&mut Vec::new()), "all in one write");
        }
        output
    }

    /// The vclocks of the acknowledgements that are to be written now.
    pub(crate) fn acknowledged(&mut self) -> Vec<String> {
        let vclock = |(kind, _, body): (u64, u64, Option<Value>)| {
            assert_eq!(kind, 0);
            let body = body.unwrap();
            let pairs = field(&body, 0x26).unwrap().as_map().unwrap();
            let pairs = pairs.iter().map(|(id, lsn)| format!("{id}: {lsn}"));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        };
        written(&self.write()).into_iter().map(vclock).collect()
    }
}
