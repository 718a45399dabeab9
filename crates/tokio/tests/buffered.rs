//! Streams that hold back what is written.

use std::time::Duration;

use tarantool_testkit::conformance::packets::GREETING;
use tarantool_tokio::{Address, Config, connect_over};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream, duplex};

#[tokio::test]
async fn a_stream_that_buffers_is_flushed() {
    let (ours, mut theirs) = duplex(1 << 16);
    let config = Config::new(Address::Tcp { host: "x".into(), port: 1 })
        .connect_timeout(Duration::from_secs(2));
    let connecting =
        tokio::spawn(async move { connect_over(&config, BufStream::new(ours)).await.map(drop) });
    theirs.write_all(GREETING).await.unwrap();
    let mut chunk = [0; 100];
    let read = tokio::time::timeout(Duration::from_secs(3), theirs.read(&mut chunk)).await;
    let got = matches!(read, Ok(Ok(1..)));
    assert!(got, "ID never arrived: {read:?}; {:?}", connecting.await.unwrap());
}
