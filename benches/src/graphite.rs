//! Figures for a Graphite server, in its line protocol over UDP.

use std::fmt::Write as _;
use std::io;
use std::net::{ToSocketAddrs, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::job::Op;
use crate::report::cell::Cell;

/// Where figures are sent.
#[derive(Debug)]
pub struct Graphite {
    socket: UdpSocket,
}

impl Graphite {
    /// Sends to this address.
    ///
    /// # Errors
    ///
    /// If there is no such address.
    pub fn connect(address: impl ToSocketAddrs) -> io::Result<Self> {
        let address = address
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such address"))?;
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any)?;
        socket.connect(address)?;
        Ok(Self { socket })
    }

    /// Sends the figures of a client and the server's rates during its last run, which ended now.
    pub fn send(&self, cell: &Cell) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        for line in lines(cell, now) {
            // Datagrams may get lost anyway, and the benchmark goes on.
            let _ = self.socket.send(line.as_bytes());
        }
    }
}

fn lines(cell: &Cell, now: f64) -> Vec<String> {
    let client = cell.client.replace(['.', ' ', '+', ','], "_");
    let prefix =
        format!("tarantool_bench.{client}.{}.c{}.b{}", cell.op, cell.concurrency, cell.size);
    let mut figures = String::new();
    let mut figure = |name: &str, value: Option<f64>| {
        if let Some(value) = value {
            // Writing to a string can't fail.
            let _ = writeln!(figures, "{prefix}.{name} {value} {}", now as u64);
        }
    };
    figure("ops_per_s", Some(cell.ops_per_s.median));
    figure("cpu_us_per_op", cell.cpu_us.map(|cpu| cpu.median));
    figure("p50_us", cell.p50_us);
    figure("p99_us", cell.p99_us);
    figure("rss_mb", cell.rss_mb);
    figure("requests_per_write", cell.requests_per_write);
    let mut lines = vec![figures];
    let end = cell.curve.last().map_or(0.0, |point| point.seconds);
    for point in &cell.curve {
        let at = (now - (end - point.seconds)) as u64;
        let mut server = String::new();
        for (kind, rate) in Op::MIX.iter().zip(point.rates) {
            let _ = writeln!(server, "{prefix}.server.{kind}_per_s {rate:.0} {at}");
        }
        lines.push(server);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::cell::tests::cell;
    use crate::sampler::Point;

    #[test]
    fn lines_are_path_value_and_time() {
        let mut cell = cell("tokio+linger", Op::Select);
        cell.curve = vec![
            Point { seconds: 1.0, rates: [0.0, 50.0, 0.0, 0.0] },
            Point { seconds: 3.0, rates: [0.0, 70.4, 0.0, 0.0] },
        ];
        let lines = lines(&cell, 1_000.9);
        assert!(
            lines[0]
                .starts_with("tarantool_bench.tokio_linger.select.c40.b1536.ops_per_s 1000 1000\n"),
            "{}",
            lines[0]
        );
        assert!(lines[1].contains(".server.select_per_s 50 998\n"), "{}", lines[1]);
        assert!(lines[2].contains(".server.select_per_s 70 1000\n"), "{}", lines[2]);
    }

    #[test]
    fn figures_arrive() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        Graphite::connect(receiver.local_addr().unwrap()).unwrap().send(&cell("smol", Op::Insert));
        let mut datagram = [0; 2048];
        let length = receiver.recv(&mut datagram).unwrap();
        let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
        assert!(text.contains("tarantool_bench.smol.insert.c40.b1536.p99_us 20 "), "{text}");
    }
}
