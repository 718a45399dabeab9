//! A blocking socket that is past the handshake, for frames that were encoded beforehand.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BytesMut;
use tarantool_proto::{Config, Connection, Credentials, Event, Password};

/// Longer than any run waits for a byte: a lost reply must not hang the benchmark.
const SILENCE: Duration = Duration::from_secs(30);

/// Where to connect, and as whom: `[tarantool://][USER[:PASSWORD]@]HOST:PORT`.
struct Target<'a> {
    login: Option<(&'a str, &'a str)>,
    address: &'a str,
}

impl<'a> Target<'a> {
    fn parse(uri: &'a str) -> Self {
        let uri = uri.strip_prefix("tarantool://").unwrap_or(uri);
        let (login, address) = match uri.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, uri),
        };
        let login = login.map(|login| login.split_once(':').unwrap_or((login, "")));
        Self { login, address }
    }
}

/// Connects without delays, and logs in.
///
/// # Errors
///
/// If the socket fails, or what answers is no Tarantool with a binary protocol that lets one in.
pub fn connect(uri: &str) -> io::Result<TcpStream> {
    let target = Target::parse(uri);
    let mut stream = TcpStream::connect(target.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let mut config = Config::default();
    config.credentials = target.login.map(|(user, password)| Credentials {
        user: user.into(),
        password: Password::new(password),
    });
    handshake(&mut stream, config)?;
    Ok(stream)
}

fn handshake(stream: &mut TcpStream, config: Config) -> io::Result<()> {
    let mut connection = Connection::new(config, None);
    let (mut input, mut output, mut chunk) = (BytesMut::new(), Vec::new(), [0; 4096]);
    loop {
        let event = connection.poll_event(&mut input).map_err(io::Error::other)?;
        while connection.poll_transmit(&mut output) {
            stream.write_all(&output)?;
            output.clear();
        }
        match event {
            Some(Event::Ready) => return Ok(()),
            Some(_) => {}
            None => match stream.read(&mut chunk)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                read => input.extend_from_slice(&chunk[..read]),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_a_login_or_none() {
        let guest = Target::parse("localhost:3301");
        assert_eq!((guest.login, guest.address), (None, "localhost:3301"));
        let app = Target::parse("tarantool://app:p@ss@[::1]:3301");
        assert_eq!((app.login, app.address), (Some(("app", "p@ss")), "[::1]:3301"));
        assert_eq!(Target::parse("app@h:1").login, Some(("app", "")));
    }
}
