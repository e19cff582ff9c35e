//! One HTTP request over a connection of its own.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Headers that belong to the connection or tell the time.
const OF_THE_CONNECTION: [&str; 5] =
    ["connection", "content-length", "date", "keep-alive", "transfer-encoding"];

/// A request.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
}

/// Sends a request and answers `{status, headers, body}`: the body as JSON, or as text where it is none.
///
/// # Errors
/// When nobody answers, or not in HTTP.
pub(super) async fn send(port: u16, request: &Request) -> Result<Value, String> {
    let Request { method, path, headers, body } = request;
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if let Some(body) = body {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    text += body.as_deref().unwrap_or_default();
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(text.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        Ok::<_, std::io::Error>(bytes)
    };
    let bytes = match timeout(LIMIT, exchange).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(format!("{method} {path}: {error}")),
        Err(_) => return Err(format!("{method} {path}: no answer within {LIMIT:?}")),
    };
    read(&bytes).ok_or_else(|| format!("{method} {path}: no HTTP: {}", String::from_utf8_lossy(&bytes)))
}

fn read(bytes: &[u8]) -> Option<Value> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]);
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Map::new();
    let mut chunked = false;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let (name, value) = (name.to_lowercase(), value.trim());
        chunked |= name == "transfer-encoding" && value == "chunked";
        if !OF_THE_CONNECTION.contains(&&*name) {
            let value = match headers.get(&name).and_then(Value::as_str) {
                Some(before) => format!("{before}, {value}"),
                None => value.to_owned(),
            };
            headers.insert(name, json!(value));
        }
    }
    let body = if chunked { joined(body)? } else { body.to_vec() };
    let body = match serde_json::from_slice(&body) {
        Ok(value) => value,
        Err(_) => json!(String::from_utf8_lossy(&body)),
    };
    Some(json!({ "status": status, "headers": headers, "body": body }))
}

/// The content of a body in chunks.
fn joined(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(content);
        }
        content.extend_from_slice(body.get(end + 2..end + 2 + size)?);
        body = body.get(end + 2 + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_and_in_chunks() {
        let whole = b"HTTP/1.1 404 Not Found\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
        let want = json!({ "status": 404, "headers": { "x-a": "1, 2" }, "body": { "a": 1 } });
        assert_eq!(read(whole), Some(want));
        let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab \r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(read(chunks), Some(json!({ "status": 200, "headers": {}, "body": "ab c" })));
        assert_eq!(read(b"HTTP/1.1"), None);
    }
}
