//! JSON and JSONExt as tokens. JSONExt marks what JSON lacks by a tag at the beginning of a string.

use super::{
    fault::{Fault, not_text},
    head::Marks,
    reader::Reader,
    token::{Blob, Left, Number, Text, Token},
};
use crate::{codec::json::scan::plain_end, payload::Format};

/// Tags of JSONExt.
pub(super) const DATE: &str = "[[DT]]";
pub(super) const BYTES: &str = "[[BF]]";
pub(super) const BIG_INTEGER: &str = "[[BI]]";
pub(super) const ESCAPED: &str = "[[ES]]";
const MAP: &str = "[[MP]]";
const SET: &str = "[[ST]]";
const PATTERN: &str = "[[RE]]";
/// Nothing is recognised by its first byte alone.
pub(super) const MARKS: Marks = Marks { text: 0, short: 0, null: 0, undefined: 0 };
/// JSON has one word for it.
pub(super) const NOTHING: &[u8] = b"null";
/// Length of a tag, and what every tag begins with.
const TAG: usize = 6;
pub(super) const OPEN: &str = "[[";

/// Reads one token.
pub(super) fn token<'de, 'b>(reader: &mut Reader<'de, 'b>) -> Result<Token<'de, 'b>, Fault> {
    skip_space(reader);
    Ok(match reader.byte()? {
        b'"' => {
            let text = text(reader)?;
            match reader.format() {
                Format::JsonExt if text.as_str().starts_with(OPEN) => tagged(text)?,
                _ => Token::Text(text),
            }
        }
        b'{' => Token::Map(Left::Close { bracket: b'}', first: true }),
        b'[' => Token::Array(Left::Close { bracket: b']', first: true }),
        b't' => word(reader, "rue", Token::Bool(true))?,
        b'f' => word(reader, "alse", Token::Bool(false))?,
        b'n' => word(reader, "ull", Token::Null)?,
        b'-' | b'0'..=b'9' => number(reader)?,
        other => return Err(unexpected(other)),
    })
}

pub(super) fn skip_space(reader: &mut Reader<'_, '_>) {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = reader.peek() {
        reader.advance(1);
    }
}

/// Whether another item follows, and past its comma.
pub(super) fn more(reader: &mut Reader<'_, '_>, bracket: u8, first: bool) -> Result<bool, Fault> {
    skip_space(reader);
    match reader.peek() {
        Some(byte) if byte == bracket => {
            reader.advance(1);
            Ok(false)
        }
        _ if first => Ok(true),
        _ => match reader.byte()? {
            b',' => Ok(true),
            other => Err(unexpected(other)),
        },
    }
}

/// A key and its colon. Tags mean nothing in keys.
pub(super) fn key<'de, 'b>(reader: &mut Reader<'de, 'b>) -> Result<Text<'de, 'b>, Fault> {
    skip_space(reader);
    expect(reader, b'"')?;
    let key = text(reader)?;
    skip_space(reader);
    expect(reader, b':')?;
    Ok(key)
}

/// Goes past a string without unpacking it; false when the next value is none.
pub(super) fn skip_text(reader: &mut Reader<'_, '_>) -> Result<bool, Fault> {
    skip_space(reader);
    if reader.peek() != Some(b'"') {
        return Ok(false);
    }
    reader.advance(1);
    loop {
        plain(reader)?.into_text()?;
        match reader.byte()? {
            b'"' => return Ok(true),
            _ => drop(reader.byte()?),
        }
    }
}

fn expect(reader: &mut Reader<'_, '_>, wanted: u8) -> Result<(), Fault> {
    match reader.byte()? {
        byte if byte == wanted => Ok(()),
        other => Err(unexpected(other)),
    }
}

fn word<'de, 'b>(
    reader: &mut Reader<'de, 'b>,
    rest: &str,
    token: Token<'de, 'b>,
) -> Result<Token<'de, 'b>, Fault> {
    if !reader.rest().starts_with(rest.as_bytes()) {
        return Err(Fault::new("a word that is not JSON"));
    }
    reader.advance(rest.len());
    Ok(token)
}

/// The number whose first byte was read.
fn number<'de, 'b>(reader: &mut Reader<'de, 'b>) -> Result<Token<'de, 'b>, Fault> {
    let rest = reader.rest();
    let length =
        rest.iter().take_while(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count();
    // The first byte was read already.
    let start = reader.position() - 1;
    reader.advance(length);
    let text = str::from_utf8(reader.slice(start..reader.position())).map_err(|_| not_text())?;
    let bad = || Fault::new(format!("{text} is not a number"));
    if !is_number(text.as_bytes()) {
        return Err(bad());
    }
    if let Ok(value) = text.parse() {
        return Ok(Token::Number(Number::Unsigned(value)));
    }
    if text != "-0"
        && let Ok(value) = text.parse::<i128>()
        && let number @ (Number::Unsigned(_) | Number::Negative(_)) = Number::from_i128(value)
    {
        return Ok(Token::Number(number));
    }
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(bad)?;
    Ok(Token::Number(Number::Float(value)))
}

/// The grammar of JSON: no leading zeros, digits around the point and after the exponent.
fn is_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> Option<&[u8]> {
        let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then(|| &text[count..])
    }
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let rest = match text.strip_prefix(b"0") {
        Some(rest) => Some(rest),
        None => digits(text),
    };
    let Some(rest) = rest else { return false };
    let rest = match rest.strip_prefix(b".") {
        Some(rest) => digits(rest),
        None => Some(rest),
    };
    let rest = rest.and_then(|rest| match rest {
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => digits(rest),
        rest => Some(rest),
    });
    rest.is_some_and(<[u8]>::is_empty)
}

/// The string whose opening quote was read.
fn text<'de, 'b>(reader: &mut Reader<'de, 'b>) -> Result<Text<'de, 'b>, Fault> {
    let part = plain(reader)?;
    if reader.byte()? == b'"' {
        return part.into_text();
    }
    let mut all = String::from(part.into_text()?.as_str());
    loop {
        escape(reader, &mut all)?;
        all.push_str(plain(reader)?.into_text()?.as_str());
        if reader.byte()? == b'"' {
            return Ok(Text::Owned(all));
        }
    }
}

/// The part of a string up to its end or the next escape.
fn plain<'de, 'b>(reader: &mut Reader<'de, 'b>) -> Result<Blob<'de, 'b>, Fault> {
    let rest = reader.rest();
    let length = plain_end(rest, 0);
    match rest.get(length) {
        Some(control @ 0..=0x1f) => Err(unexpected(*control)),
        _ => reader.take(length as u64),
    }
}

/// What follows a backslash.
fn escape(reader: &mut Reader<'_, '_>, out: &mut String) -> Result<(), Fault> {
    out.push(match reader.byte()? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        byte @ (b'"' | b'\\' | b'/') => char::from(byte),
        b'u' => {
            let unit = unit(reader)?;
            match unit {
                0xd800..0xdc00 if reader.rest().starts_with(b"\\u") => {
                    reader.advance(2);
                    let low = self::unit(reader)?;
                    let pair = char::decode_utf16([unit, low]).next();
                    pair.and_then(Result::ok)
                        .ok_or_else(|| Fault::new("half a surrogate pair in a string"))?
                }
                unit => char::from_u32(u32::from(unit))
                    .ok_or_else(|| Fault::new("half a surrogate pair in a string"))?,
            }
        }
        other => return Err(unexpected(other)),
    });
    Ok(())
}

/// Four hexadecimal digits.
fn unit(reader: &mut Reader<'_, '_>) -> Result<u16, Fault> {
    reader.array::<4>()?.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or_else(|| unexpected(*digit))?;
        Ok(unit << 4 | digit as u16)
    })
}

/// What a string that begins like a tag stands for. Tags that nobody knows belong to the text.
fn tagged<'de, 'b>(text: Text<'de, 'b>) -> Result<Token<'de, 'b>, Fault> {
    let Some((tag, rest)) = text.as_str().split_at_checked(TAG) else { return Ok(Token::Text(text)) };
    Ok(match tag {
        DATE => match rest.parse() {
            Ok(millis) => Token::Date(millis),
            Err(_) => Token::Text(text),
        },
        BIG_INTEGER => match rest.parse().map(Number::from_i128) {
            Ok(number) => Token::Number(number),
            Err(_) => Token::Text(text.skip(TAG)),
        },
        BYTES => Token::Bytes(Blob::Owned(crate::binary::from_base64(rest).map_err(Fault::new)?)),
        MAP | SET => Token::Nested(rest.to_owned()),
        PATTERN => {
            let (flags, source) = rest.split_once('|').unwrap_or_default();
            Token::Text(Text::Owned(format!("/{source}/{flags}")))
        }
        ESCAPED => Token::Text(text.skip(TAG)),
        _ => Token::Text(text),
    })
}

#[cold]
fn unexpected(byte: u8) -> Fault {
    match byte {
        0x20..=0x7e => Fault::new(format!("an unexpected `{}` in JSON", char::from(byte))),
        _ => Fault::new(format!("an unexpected byte {byte:#04x} in JSON")),
    }
}
