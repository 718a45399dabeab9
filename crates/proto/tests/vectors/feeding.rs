//! Feeds recorded bytes in every way in which a transport may cut them.

use bytes::BytesMut;
use tarantool_proto::{
    Config, Connection, Event, Frame, Packet, Push, Response, WatchedValue, request, split,
};

use crate::packet;
use crate::view::{Compared, count, same};

/// Cuts one packet off its bytes: fed whole, byte by byte, in two at every point, with a trailer.
/// `feedings` counts the ways.
pub(crate) fn every_way(bytes: &[u8], feedings: &mut usize) -> Result<Packet, String> {
    let packet = {
        let mut input = BytesMut::from(bytes);
        let packet = cut(&mut input)?.ok_or("nothing in the whole packet")?;
        count("bytes left", 0, input.len())?;
        packet
    };
    *feedings += 1;

    let mut input = BytesMut::new();
    for (at, byte) in bytes.iter().enumerate() {
        nothing(&mut input, at)?;
        input.extend_from_slice(&[*byte]);
    }
    only(&mut input, &packet, &[]).map_err(|why| format!("byte by byte: {why}"))?;
    *feedings += 1;

    for at in split_points(bytes.len()) {
        let mut input = BytesMut::with_capacity(bytes.len());
        input.extend_from_slice(&bytes[..at]);
        nothing(&mut input, at)?;
        input.extend_from_slice(&bytes[at..]);
        only(&mut input, &packet, &[]).map_err(|why| format!("in two at {at}: {why}"))?;
        *feedings += 1;
    }

    for size in 1..=TRAILER.len() {
        let mut input = BytesMut::from(bytes);
        input.extend_from_slice(&TRAILER[..size]);
        only(&mut input, &packet, &TRAILER[..size])
            .map_err(|why| format!("with a trailer of {size}: {why}"))?;
        *feedings += 1;
    }
    Ok(packet)
}

/// The beginning of another packet, whose header says nothing yet.
const TRAILER: [u8; 7] = [0xce, 0, 0, 0, 0x18, 0x83, 0];

/// Every point of ordinary packets. Of long ones those in and around prefix and header, those near
/// the end, and at least 64 between.
fn split_points(length: usize) -> impl Iterator<Item = usize> {
    let step = (length / 64).max(997);
    (1..length).filter(move |at| length <= 4096 || *at <= 64 || length - at <= 16 || at % step == 0)
}

fn cut(input: &mut BytesMut) -> Result<Option<Packet>, String> {
    split(input, 1 << 31).map_err(|error| error.to_string())
}

/// There is no packet yet, and the input stays.
fn nothing(input: &mut BytesMut, length: usize) -> Compared {
    if let Some(packet) = cut(input)? {
        return Err(format!("{packet:?} after {length} bytes"));
    }
    count("bytes kept", length, input.len())
}

/// There is this packet and then nothing but `rest`.
fn only(input: &mut BytesMut, expected: &Packet, rest: &[u8]) -> Compared {
    match cut(input)? {
        Some(packet) if packet == *expected => {}
        other => return Err(format!("{other:?} for {expected:?}")),
    }
    nothing(input, rest.len())?;
    if *input == rest { Ok(()) } else { Err("the trailer has changed".into()) }
}

/// A connection that is ready, and what goes in and out of it.
pub(crate) struct Session {
    connection: Connection,
    input: BytesMut,
    output: Vec<u8>,
    frame: Frame,
}

impl Session {
    /// Connects to a server that sends these.
    pub(crate) fn open(greeting: &[u8], id_reply: &[u8]) -> Result<Self, String> {
        let mut session = Self {
            connection: Connection::new(Config::default(), None),
            input: BytesMut::from(greeting),
            output: Vec::new(),
            frame: Frame::new(),
        };
        session.expect(None)?;
        let sync = session.transmit()?;
        session
            .input
            .extend_from_slice(&with_sync(id_reply, sync).ok_or("no ordinary reply to ID")?);
        session.expect(Some(Event::Ready))?;
        Ok(session)
    }

    /// The connection, to look at it.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Sends a request and answers it with a recorded reply, fed in pieces of `size` bytes.
    pub(crate) fn answer(&mut self, reply: &[u8], size: usize) -> Result<Response, String> {
        let encoded = self.frame.encode(&request::Ping);
        encoded.map_err(|error| error.to_string())?;
        let id = self.connection.send(&mut self.frame, None);
        let id = id.map_err(|error| error.to_string())?;
        let sync = self.transmit()?;
        let reply = with_sync(reply, sync).ok_or("no ordinary reply")?;
        for piece in reply.chunks(size) {
            self.expect(None)?;
            self.input.extend_from_slice(piece);
        }
        self.expect(Some(Event::Answered(id)))?;
        self.expect(None)?;
        let answer = self.connection.take(id).ok_or("no answer to take")?;
        let response = answer.map_err(|error| error.to_string())?;
        count("sync id", sync, response.header().sync)?;
        Ok(response)
    }

    /// Watches a key and gets a recorded event of it, fed in pieces of `size` bytes.
    pub(crate) fn watched(
        &mut self,
        key: &str,
        event: &[u8],
        size: usize,
    ) -> Result<WatchedValue, String> {
        let id = self.connection.watch(key).map_err(|error| error.to_string())?;
        self.transmit()?;
        for piece in event.chunks(size) {
            self.expect(None)?;
            self.input.extend_from_slice(piece);
        }
        self.expect(Some(Event::Changed(id)))?;
        let change = self.connection.changed(id, 0).ok_or("no value")?;
        // Its acknowledgement.
        self.transmit()?;
        self.connection.unwatch(id);
        self.transmit()?;
        Ok(change)
    }

    /// Sends a request whose call pushes a recorded message, fed in pieces of `size` bytes.
    pub(crate) fn pushed(&mut self, chunk: &[u8], size: usize) -> Result<Response, String> {
        let encoded = self.frame.encode(&request::Ping);
        encoded.map_err(|error| error.to_string())?;
        let id = self.connection.send(&mut self.frame, None);
        let id = id.map_err(|error| error.to_string())?;
        self.connection.accept_pushes(id);
        let sync = self.transmit()?;
        let chunk = with_sync(chunk, sync).ok_or("no ordinary chunk")?;
        for piece in chunk.chunks(size) {
            self.expect(None)?;
            self.input.extend_from_slice(piece);
        }
        self.expect(Some(Event::Pushed(id)))?;
        let push = self.connection.take_push(id);
        self.connection.cancel(id);
        match push {
            Some(Push::Message(message)) => Ok(message),
            other => Err(format!("{other:?} for a message")),
        }
    }

    fn expect(&mut self, expected: Option<Event>) -> Compared {
        let event = self.connection.poll_event(&mut self.input);
        let event = event.map_err(|error| error.to_string())?;
        if event == expected { Ok(()) } else { Err(format!("event {event:?} for {expected:?}")) }
    }

    /// Takes what the connection writes, one packet, and returns its sync id.
    fn transmit(&mut self) -> Result<u64, String> {
        self.output.clear();
        if !self.connection.poll_transmit(&mut self.output) {
            return Err("nothing is written".into());
        }
        let mut rest = self.output.as_slice();
        let packet = packet::Packet::take(&mut rest)?;
        count("bytes behind the request", 0, rest.len())?;
        let sync = packet.in_header(1).and_then(rmpv::Value::as_u64);
        sync.ok_or_else(|| "no sync id".into())
    }
}

/// The reply with another sync id; `None` if its header is not in the form of ordinary replies:
/// type, SYNC and SCHEMA_VERSION, the first two of full width.
pub(crate) fn with_sync(reply: &[u8], sync: u64) -> Option<Vec<u8>> {
    let mut reply = reply.to_vec();
    let (start, rest) = reply.split_at_mut_checked(14)?;
    let (place, rest) = rest.split_at_mut_checked(8)?;
    let [0xce, _, _, _, _, 0x83, 0x00, 0xce, _, _, _, _, 0x01, 0xcf] = start else {
        return None;
    };
    if rest.first() != Some(&0x05) {
        return None;
    }
    place.copy_from_slice(&sync.to_be_bytes());
    Some(reply)
}

/// A greeting tells the same as its view.
pub(crate) fn greeting(view: &serde_json::Value, bytes: &[u8]) -> Compared {
    use tarantool_proto::{Greeting, GreetingError};

    let bytes = bytes.first_chunk().ok_or("too short for a greeting")?;
    let about = view["line1"].as_str().or_else(|| view["greeting"].as_str());
    let about = about.ok_or("no greeting in the view")?.trim_end();
    let parsed = Greeting::parse(bytes);
    if about.ends_with("(Lua console)") {
        return match parsed {
            Err(GreetingError::LuaConsole) => Ok(()),
            other => Err(format!("{other:?} for the greeting of a console")),
        };
    }
    let greeting = parsed.map_err(|error| error.to_string())?;
    let uuid = greeting.instance_uuid().unwrap_or_default();
    let shown = format!("Tarantool {} (Binary) {uuid}", greeting.version_text());
    same("greeting", &about.into(), &shown.into())?;
    if let Some(salt) = view["salt"].as_str() {
        let shown = crate::load::to_hex(greeting.salt());
        same("salt", &salt[..40].into(), &shown.into())?;
    }
    Ok(())
}
