//! A client that knows only bytes.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) struct Raw(TcpStream);

fn short(text: &str) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.len()).unwrap()];
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

impl Raw {
    /// As `guest`, with channel 1.
    pub(crate) async fn connect(port: u16, vhost: &str) -> Self {
        let mut raw = Self(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        raw.0.write_all(b"AMQP\0\0\x09\x01").await.unwrap();
        raw.wait(10, 10).await;
        let login = [&b"\0\0\0\0\x05PLAIN\0\0\0\x0c\0guest\0guest"[..], &short("en_US")].concat();
        raw.method(0, 10, 11, &login).await;
        raw.wait(10, 30).await;
        raw.method(0, 10, 31, b"\0\x04\0\x02\0\0\0\0").await;
        raw.ask(0, 10, 40, &[short(vhost), vec![0, 0]].concat()).await;
        raw.ask(1, 20, 10, b"\0").await;
        raw
    }

    async fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&[kind][..], &channel.to_be_bytes(), &size, payload, &[0xce]].concat();
        self.0.write_all(&frame).await.unwrap();
    }

    async fn method(&mut self, channel: u16, class: u16, id: u16, arguments: &[u8]) {
        let payload = [&class.to_be_bytes()[..], &id.to_be_bytes(), arguments].concat();
        self.frame(1, channel, &payload).await;
    }

    /// Reads until this method comes.
    async fn wait(&mut self, class: u16, id: u16) -> Vec<u8> {
        loop {
            let mut head = [0; 7];
            self.0.read_exact(&mut head).await.unwrap();
            let size = u32::from_be_bytes(head[3..].try_into().unwrap());
            let mut payload = vec![0; size as usize + 1];
            self.0.read_exact(&mut payload).await.unwrap();
            let what = [class.to_be_bytes(), id.to_be_bytes()].concat();
            if head[0] == 1 && payload[..4] == what[..] {
                return payload;
            }
            assert!(
                payload[..4] != *b"\0\x14\0\x28",
                "channel closed: {}",
                String::from_utf8_lossy(&payload)
            );
        }
    }

    /// Sends a method whose answer has the next number.
    async fn ask(&mut self, channel: u16, class: u16, id: u16, arguments: &[u8]) -> Vec<u8> {
        self.method(channel, class, id, arguments).await;
        self.wait(class, id + 1).await
    }

    /// Publishes, and waits until it is routed.
    pub(crate) async fn publish(&mut self, exchange: &str, key: &str, body: &[u8]) {
        self.method(1, 60, 40, &[vec![0, 0], short(exchange), short(key), vec![0]].concat()).await;
        let size = (body.len() as u64).to_be_bytes();
        self.frame(2, 1, &[&[0, 60, 0, 0][..], &size, &[0, 0]].concat()).await;
        for part in body.chunks(100_000) {
            self.frame(3, 1, part).await;
        }
        self.ask(1, 60, 10, b"\0\0\0\0\0\0\0").await;
    }

    /// Declares a durable queue, with an argument that holds a number.
    pub(crate) async fn declare(&mut self, queue: &str, argument: Option<(&str, i32)>) {
        let table = match argument {
            None => Vec::new(),
            Some((name, value)) => [short(name), vec![b'I'], value.to_be_bytes().to_vec()].concat(),
        };
        let size = u32::try_from(table.len()).unwrap().to_be_bytes().to_vec();
        self.ask(1, 50, 10, &[vec![0, 0], short(queue), vec![2], size, table].concat()).await;
    }

    /// Deletes a queue.
    pub(crate) async fn delete(&mut self, queue: &str) {
        self.ask(1, 50, 40, &[vec![0, 0], short(queue), vec![0]].concat()).await;
    }

    /// How many messages wait in a queue, and how many consumers it has.
    pub(crate) async fn count(&mut self, queue: &str) -> (u32, u32) {
        let answer = self.ask(1, 50, 10, &[vec![0, 0], short(queue), vec![1, 0, 0, 0, 0]].concat()).await;
        let at = 5 + queue.len();
        let number = |at: usize| u32::from_be_bytes(answer[at..at + 4].try_into().unwrap());
        (number(at), number(at + 4))
    }
}
