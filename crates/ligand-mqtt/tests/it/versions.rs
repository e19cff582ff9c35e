//! Servers that do not know version 5.

use std::sync::Arc;

use ligand_mqtt::MqttTransporter;
use ligand_transport::{
    Transporter,
    contract::{PATIENCE, TestLink},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Reads a packet and answers its first byte and what follows the length.
async fn read(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let first = stream.read_u8().await.unwrap();
    let (mut length, mut place) = (0usize, 0);
    loop {
        let byte = stream.read_u8().await.unwrap();
        length |= usize::from(byte & 0x7f) << (7 * place);
        place += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await.unwrap();
    (first, rest)
}

async fn falls_back(refusal: &'static [u8]) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mqtt = Arc::new(MqttTransporter::from_url(format!("mqtt://{}", listener.local_addr().unwrap())));
    let link = TestLink::new("here", "");
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (_, hello) = read(&mut stream).await;
        assert_eq!(hello[..7], *b"\0\x04MQTT\x05");
        stream.write_all(refusal).await.unwrap();
        drop(stream);
        let (mut stream, _) = listener.accept().await.unwrap();
        let (_, hello) = read(&mut stream).await;
        assert_eq!(hello[..7], *b"\0\x04MQTT\x04");
        stream.write_all(b"\x20\x02\0\0").await.unwrap();
        let (first, topics) = read(&mut stream).await;
        assert_eq!(first, 0x82);
        let mut answer = b"\x90\x0e\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        answer[2..4].copy_from_slice(&topics[..2]);
        stream.write_all(&answer).await.unwrap();
        stream
    };
    let (_stream, connected) =
        timeout(PATIENCE, async { tokio::join!(server, mqtt.connect(link.clone())) }).await.unwrap();
    connected.unwrap();
    assert_eq!(link.connections(), 1);
}

#[tokio::test]
async fn one_that_refuses() {
    falls_back(b"\x20\x02\0\x01").await;
}

#[tokio::test]
async fn one_that_hangs_up() {
    falls_back(b"").await;
}
