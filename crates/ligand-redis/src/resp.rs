//! The protocol of Redis (RESP 2): commands to bytes, bytes to answers. Answers are slices of the read buffer.

use std::ops::Range;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The longest text that is taken as one. What is longer is no answer that anybody asked for.
pub(crate) const LONGEST_TEXT: usize = 64 * 1024 * 1024;

/// The longest line, of a number or an error.
const LONGEST_LINE: usize = 64 * 1024;

/// How many parts an answer may have.
const MOST_PARTS: usize = 1024 * 1024;

/// How deep answers may nest.
const DEEPEST: usize = 8;

/// What came is no answer of Redis.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// `OK`, `PONG`.
    Status(Bytes),
    /// The command was refused; the text says why.
    Refused(Bytes),
    /// A number.
    Number(i64),
    /// A text.
    Text(Bytes),
    /// No value.
    Null,
    /// Several.
    List(Vec<Reply>),
}

/// What arrives on a connection that has subscribed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Push {
    /// A packet.
    Message { channel: Bytes, body: Bytes },
    /// A packet beyond [`LONGEST_TEXT`]: this many bytes are to be skipped.
    TooLong(usize),
    /// A channel is subscribed.
    Subscribed,
    /// The answer to a PING, or something nobody waits for.
    Other,
    /// A command was refused.
    Refused(Bytes),
}

/// Appends a command.
pub(crate) fn command(out: &mut BytesMut, words: &[&[u8]]) {
    head(out, b'*', words.len());
    for word in words {
        text(out, word);
    }
}

/// Appends one word of a command.
pub(crate) fn text(out: &mut BytesMut, word: &[u8]) {
    head(out, b'$', word.len());
    out.put_slice(word);
    out.put_slice(b"\r\n");
}

/// Appends a sign and a number.
pub(crate) fn head(out: &mut BytesMut, sign: u8, mut number: usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.put_u8(sign);
    out.put_slice(&digits[at..]);
    out.put_slice(b"\r\n");
}

/// Takes the next answer out of `input`; `None` while it is not complete.
pub(crate) fn reply(input: &mut BytesMut) -> Result<Option<Reply>, Broken> {
    let mut cursor = Cursor { bytes: input, at: 0 };
    if !cursor.skip(0)? {
        return Ok(None);
    }
    let end = cursor.at;
    let whole = input.split_to(end).freeze();
    let mut cursor = Cursor { bytes: &whole, at: 0 };
    cursor.take(&whole).map(Some)
}

/// Takes the next count of receivers out of `input`; negative = the command was refused, with the text.
pub(crate) fn count(input: &mut BytesMut) -> Result<Option<Result<i64, Bytes>>, Broken> {
    let mut cursor = Cursor { bytes: input, at: 0 };
    let Some((sign, line)) = cursor.line()? else { return Ok(None) };
    match sign {
        b':' => {
            let number = number(&input[line])?;
            let end = cursor.at;
            input.advance(end);
            Ok(Some(Ok(number)))
        }
        b'-' => {
            let whole = input.split_to(cursor.at).freeze();
            Ok(Some(Err(whole.slice(line))))
        }
        // The answer to a PING.
        b'+' => {
            let end = cursor.at;
            input.advance(end);
            Ok(Some(Ok(1)))
        }
        _ => Err(Broken("an unexpected kind of answer")),
    }
}

/// Takes the next message or confirmation out of `input`; `None` while it is not complete.
pub(crate) fn push(input: &mut BytesMut) -> Result<Option<Push>, Broken> {
    let mut cursor = Cursor { bytes: input, at: 0 };
    let Some((sign, line)) = cursor.line()? else { return Ok(None) };
    match sign {
        b'*' => {}
        b'-' => {
            let whole = input.split_to(cursor.at).freeze();
            return Ok(Some(Push::Refused(whole.slice(line))));
        }
        _ => return Err(Broken("an unexpected kind of answer")),
    }
    let parts = parts(&input[line])?;
    let Some(Part::Text(kind)) = cursor.text()? else { return Ok(None) };
    if parts == 3 && &input[kind.clone()] == b"message" {
        let Some(Part::Text(channel)) = cursor.text()? else { return Ok(None) };
        return match cursor.text()? {
            None => Ok(None),
            Some(Part::TooLong(size)) => {
                let end = cursor.at;
                input.advance(end);
                Ok(Some(Push::TooLong(size)))
            }
            Some(Part::Text(body)) => {
                let whole = input.split_to(cursor.at).freeze();
                Ok(Some(Push::Message { channel: whole.slice(channel), body: whole.slice(body) }))
            }
        };
    }
    let subscribed = &input[kind] == b"subscribe";
    for _ in 1..parts {
        if !cursor.skip(1)? {
            return Ok(None);
        }
    }
    let end = cursor.at;
    input.advance(end);
    Ok(Some(if subscribed { Push::Subscribed } else { Push::Other }))
}

/// How many more bytes the text at the end of `input` needs, as far as that is known.
pub(crate) fn missing(input: &[u8]) -> usize {
    let mut cursor = Cursor { bytes: input, at: 0 };
    while let Ok(Some((sign, line))) = cursor.line() {
        if sign == b'$'
            && let Ok(length) = number(&input[line])
        {
            let end = cursor.at + usize::try_from(length).unwrap_or(0).min(LONGEST_TEXT) + 2;
            if input.len() < end {
                return end - input.len();
            }
            cursor.at = end;
        }
    }
    0
}

fn number(line: &[u8]) -> Result<i64, Broken> {
    std::str::from_utf8(line).ok().and_then(|text| text.parse().ok()).ok_or(Broken("a number that is none"))
}

enum Part {
    Text(Range<usize>),
    /// The cursor stands at its beginning.
    TooLong(usize),
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    /// Sign and rest of the next line.
    fn line(&mut self) -> Result<Option<(u8, Range<usize>)>, Broken> {
        let rest = &self.bytes[self.at..];
        match rest.iter().take(LONGEST_LINE).position(|&byte| byte == b'\n') {
            Some(end) if end >= 2 && rest[end - 1] == b'\r' => {
                let start = self.at;
                self.at += end + 1;
                Ok(Some((rest[0], start + 1..start + end - 1)))
            }
            Some(_) => Err(Broken("a line without an end")),
            None if rest.len() >= LONGEST_LINE => Err(Broken("a line without an end")),
            None => Ok(None),
        }
    }

    /// The next text, which must be one.
    fn text(&mut self) -> Result<Option<Part>, Broken> {
        let Some((sign, line)) = self.line()? else { return Ok(None) };
        if sign != b'$' {
            return Err(Broken("a text was expected"));
        }
        let size = usize::try_from(number(&self.bytes[line])?).map_err(|_| Broken("a negative size"))?;
        if size > LONGEST_TEXT {
            return Ok(Some(Part::TooLong(size.saturating_add(2))));
        }
        let text = self.at..self.at + size;
        if self.bytes.len() < text.end + 2 {
            return Ok(None);
        }
        self.at = text.end + 2;
        Ok(Some(Part::Text(text)))
    }

    /// Steps over a whole answer; false = it is not complete.
    fn skip(&mut self, depth: usize) -> Result<bool, Broken> {
        if depth > DEEPEST {
            return Err(Broken("answers that nest too deep"));
        }
        let (bytes, start) = (self.bytes, self.at);
        let Some((sign, line)) = self.line()? else { return Ok(false) };
        let line = &bytes[line];
        match sign {
            b'+' | b'-' | b':' => Ok(true),
            b'$' if number(line)? < 0 => Ok(true),
            b'$' => {
                self.at = start;
                match self.text()? {
                    None => Ok(false),
                    Some(Part::Text(_)) => Ok(true),
                    Some(Part::TooLong(_)) => Err(Broken("a value above 64 MiB")),
                }
            }
            b'*' => {
                for _ in 0..parts(line)? {
                    if !self.skip(depth + 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Err(Broken("an unknown kind of answer")),
        }
    }

    /// Takes an answer that is known to be complete.
    fn take(&mut self, whole: &Bytes) -> Result<Reply, Broken> {
        let start = self.at;
        let (sign, line) = self.line()?.ok_or(Broken("an answer that ends early"))?;
        match sign {
            b'+' => return Ok(Reply::Status(whole.slice(line))),
            b'-' => return Ok(Reply::Refused(whole.slice(line))),
            _ => {}
        }
        let line = &whole[line];
        Ok(match sign {
            b':' => Reply::Number(number(line)?),
            _ if number(line)? < 0 => Reply::Null,
            b'$' => {
                self.at = start;
                match self.text()? {
                    Some(Part::Text(text)) => Reply::Text(whole.slice(text)),
                    _ => return Err(Broken("an answer that ends early")),
                }
            }
            _ => Reply::List((0..parts(line)?).map(|_| self.take(whole)).collect::<Result<_, _>>()?),
        })
    }
}

/// How many parts a list has; none for no list.
fn parts(line: &[u8]) -> Result<usize, Broken> {
    let parts = usize::try_from(number(line)?).unwrap_or(0);
    if parts > MOST_PARTS { Err(Broken("an answer of too many parts")) } else { Ok(parts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &'static [u8]) -> Bytes {
        Bytes::from_static(bytes)
    }

    #[test]
    fn commands() {
        let mut out = BytesMut::new();
        command(&mut out, &[b"PUBLISH", b"a", b"0123456789"]);
        assert_eq!(&out[..], b"*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$10\r\n0123456789\r\n");
    }

    #[test]
    fn answers_arrive_byte_by_byte() {
        let whole = b"*3\r\n$2\r\nab\r\n*2\r\n:-7\r\n$-1\r\n+OK\r\n-ERR no\r\n";
        let mut input = BytesMut::new();
        let mut answers = Vec::new();
        for byte in whole {
            input.put_u8(*byte);
            answers.extend(reply(&mut input).unwrap());
        }
        let list = vec![
            Reply::Text(text(b"ab")),
            Reply::List(vec![Reply::Number(-7), Reply::Null]),
            Reply::Status(text(b"OK")),
        ];
        assert_eq!(answers, [Reply::List(list), Reply::Refused(text(b"ERR no"))]);
        assert!(input.is_empty());
    }

    #[test]
    fn pushes_arrive_byte_by_byte() {
        let whole =
            b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$4\r\n\r\n\r\n\r\n\
            *2\r\n$4\r\npong\r\n$0\r\n\r\n-ERR no\r\n";
        let mut input = BytesMut::new();
        let mut pushes = Vec::new();
        for byte in whole {
            input.put_u8(*byte);
            pushes.extend(push(&mut input).unwrap());
        }
        let message = Push::Message { channel: text(b"a"), body: text(b"\r\n\r\n") };
        assert_eq!(pushes, [Push::Subscribed, message, Push::Other, Push::Refused(text(b"ERR no"))]);
        assert!(input.is_empty());
    }

    #[test]
    fn counts() {
        let mut input = BytesMut::from(&b":0\r\n+PONG\r\n-NOPERM x\r\n:12"[..]);
        assert_eq!(count(&mut input), Ok(Some(Ok(0))));
        assert_eq!(count(&mut input), Ok(Some(Ok(1))));
        assert_eq!(count(&mut input), Ok(Some(Err(text(b"NOPERM x")))));
        assert_eq!(count(&mut input), Ok(None));
        assert_eq!(&input[..], b":12");
    }

    #[test]
    fn rubbish_is_refused_and_sizes_are_bounded() {
        for bytes in [&b"x\r\n"[..], b"\n", b"$x\r\n", b"*99999999999\r\n", b"$99999999999\r\n", b":\r\n"] {
            assert!(reply(&mut BytesMut::from(bytes)).is_err(), "{bytes:?}");
            assert!(push(&mut BytesMut::from(bytes)).is_err(), "{bytes:?}");
        }
        assert!(reply(&mut BytesMut::from(&b"*1\r\n".repeat(100)[..])).is_err());
        assert!(reply(&mut BytesMut::from(&[b'+'; LONGEST_LINE][..])).is_err());
        let mut input = BytesMut::from(&b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$99999999999\r\nxx"[..]);
        assert_eq!(push(&mut input), Ok(Some(Push::TooLong(100_000_000_001))));
        assert_eq!(&input[..], b"xx");
    }
}
