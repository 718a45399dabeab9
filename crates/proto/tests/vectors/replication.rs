//! Our requests of replication, and acknowledgements, for recorded ones.

use rmpv::Value;
use tarantool_proto::msgpack::Reader;
use tarantool_proto::replication::{Acknowledgement, FetchSnapshot, Subscribe, Vclock};
use tarantool_proto::types::Uuid;
use tarantool_proto::{RequestType, Version};

use crate::ours::{Reason, Source, Target, encode, failed, text, uint32, wrong, wrong_type};
use crate::packet::Packet;
use crate::view::Compared;

impl Source<'_> {
    pub(crate) fn fetch_snapshot(&self, frame: &mut Target<'_>) -> Result<(), Reason> {
        let version = self.optional(0x06).map(|_| self.version()).transpose()?;
        let instance_uuid = self.optional(0x24).map(|_| self.uuid(0x24)).transpose()?;
        encode(&FetchSnapshot { version, instance_uuid }, frame)
    }

    pub(crate) fn subscribe(&self, frame: &mut Target<'_>) -> Result<(), Reason> {
        let vclock = Vclock::decode(&mut Reader::new(self.entry(0x26)?.bytes));
        let vclock = vclock.map_err(|_| wrong("vclock that is none"))?;
        let filter = self.entry(0x51)?.value.as_array().ok_or_else(wrong_type)?;
        let filter: Vec<u32> = filter.iter().flat_map(Value::as_u64).map(|id| id as u32).collect();
        let Value::Boolean(is_anonymous) = self.entry(0x50)?.value else {
            return Err(wrong_type());
        };
        let subscribe = Subscribe {
            replicaset_uuid: self.uuid(0x25)?,
            instance_uuid: self.uuid(0x24)?,
            vclock: &vclock,
            version: self.version()?,
            is_anonymous,
            id_filter: &filter,
        };
        encode(&subscribe, frame)
    }

    fn version(&self) -> Result<Version, Reason> {
        let number = uint32(self.entry(0x06)?)?;
        Ok(Version::new(number >> 16, number >> 8 & 0xff, number & 0xff))
    }

    fn uuid(&self, key: u64) -> Result<Uuid, Reason> {
        text(self.entry(key)?)?.parse().map_err(|_| wrong("uuid that is none"))
    }
}

/// Whether it is an acknowledgement of a replica, which is no request: it has no reply.
pub(crate) fn is_acknowledgement(packet: &Packet<'_>) -> bool {
    let kind = packet.in_header(0).and_then(Value::as_u64);
    kind == Some(RequestType::OK.number().into()) && packet.entry(0x26).is_some()
}

/// Ours says the same.
pub(crate) fn acknowledgement(recorded: &Packet<'_>) -> Compared {
    let entry = recorded.entry(0x26).ok_or("no vclock")?;
    let vclock = Vclock::decode(&mut Reader::new(entry.bytes));
    let vclock = vclock.map_err(|error| error.to_string())?;
    let mut ours = Vec::new();
    Acknowledgement { vclock, ..Acknowledgement::default() }.encode(&mut ours);
    let mut rest = ours.as_slice();
    let packet = Packet::take(&mut rest)?;
    let same = packet.entry(0x26).is_some_and(|ours| ours.bytes == entry.bytes);
    if same && rest.is_empty() && is_acknowledgement(&packet) {
        Ok(())
    } else {
        Err(failed("another acknowledgement").1)
    }
}
