//! CBOR as `cbor-x` writes and reads it.

use super::{
    fault::Fault,
    head::{Kind, Marks},
    reader::{Reader, ends_early},
    token::{Blob, Left, Number, Token},
};

/// Ends arrays, maps and strings of unknown length.
pub(super) const BREAK: u8 = 0xff;
/// JavaScript's `undefined`.
pub(super) const UNDEFINED: &[u8] = &[0xf7];

/// The date that is none.
pub(super) const NO_DATE: &[u8] = &[0xc1, FLOAT, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0];

const NULL: u8 = 0xf6;
const FLOAT: u8 = 0xfb;
/// Stands in a head for a length that is told by a break.
const UNKNOWN: u8 = 31;
const DATE: u64 = 1;
const BIG: u64 = 2;
const BIG_NEGATIVE: u64 = 3;

/// Major types.
#[derive(Clone, Copy)]
pub(super) enum Major {
    Unsigned = 0,
    Negative = 1,
    Bytes = 2,
    Text = 3,
    Array = 4,
    Map = 5,
    Tag = 6,
}

pub(super) const MARKS: Marks = Marks { text: 0x60, short: 24, null: NULL, undefined: UNDEFINED[0] };

/// Reads a head.
#[inline]
pub(super) fn head(reader: &mut Reader<'_, '_>) -> (Kind, u64) {
    let Some(first) = reader.peek() else { return (Kind::Rare, 0) };
    let kind = match first >> 5 {
        0 | 1 => Kind::Unsigned,
        2 => Kind::Bytes,
        3 => Kind::Text,
        4 => Kind::Array,
        5 => Kind::Map,
        6 => return (Kind::Rare, 0),
        _ => return simple(reader, first),
    };
    let start = reader.position();
    let (kind, value) = match first & 31 {
        info @ 0..=23 => {
            reader.advance(1);
            (kind, u64::from(info))
        }
        24 => reader.number::<1>(kind),
        25 => reader.number::<2>(kind),
        26 => reader.number::<4>(kind),
        27 => reader.number::<8>(kind),
        _ => return (Kind::Rare, 0),
    };
    if first >> 5 != 1 || kind == Kind::Rare {
        return (kind, value);
    }
    match i64::try_from(value) {
        Ok(value) => (Kind::Negative, (-1 - value).cast_unsigned()),
        Err(_) => {
            reader.rewind(start);
            (Kind::Rare, 0)
        }
    }
}

fn simple(reader: &mut Reader<'_, '_>, head: u8) -> (Kind, u64) {
    let head = match head {
        0xf4 => (Kind::Bool, 0),
        0xf5 => (Kind::Bool, 1),
        NULL => (Kind::Null, 0),
        0xf7 => (Kind::Undefined, 0),
        0xf9 => {
            return match reader.number::<2>(Kind::Float) {
                #[allow(clippy::cast_possible_truncation, reason = "it has 16 bits")]
                (Kind::Float, bits) => (Kind::Float, half(bits as u16).to_bits()),
                rare => rare,
            };
        }
        0xfa => return reader.single(),
        FLOAT => return reader.number::<8>(Kind::Float),
        _ => return (Kind::Rare, 0),
    };
    reader.advance(1);
    head
}

/// Reads a token that has no common head: tags stand before it, its length is unknown, or it is an integer that needs
/// more than 64 bits. What else has none is cut off or nothing that CBOR knows. Of several tags the last one
/// counts, and most mean nothing here.
pub(super) fn token<'de, 'b>(reader: &mut Reader<'de, 'b>) -> Result<Token<'de, 'b>, Fault> {
    let mut tag = None;
    loop {
        match reader.head() {
            (Kind::Rare, _) => {}
            (kind, value) => return reader.headed(kind, value).and_then(|token| tagged(tag, token)),
        }
        let head = reader.byte()?;
        let token = match (head >> 5, head & 31) {
            (6, info) => {
                tag = Some(argument(reader, info)?.ok_or_else(|| unknown(head))?);
                continue;
            }
            (1, 27) => Token::Number(Number::from_i128(-1 - i128::from(u64::from_be_bytes(reader.array()?)))),
            (2, UNKNOWN) => Token::Bytes(pieces(reader, 2)?),
            (3, UNKNOWN) => Token::Text(pieces(reader, 3)?.into_text()?),
            (4, UNKNOWN) => Token::Array(Left::Break),
            (5, UNKNOWN) => Token::Map(Left::Break),
            (0..=5, 24..=27) | (7, 25..=27) => return Err(ends_early()),
            (0..=5, 28..=30) => return Err(unknown_length(head & 31)),
            _ => return Err(unknown(head)),
        };
        return tagged(tag, token);
    }
}

/// The number after the head; `None` = unknown length.
fn argument(reader: &mut Reader<'_, '_>, info: u8) -> Result<Option<u64>, Fault> {
    Ok(Some(match info {
        0..=23 => u64::from(info),
        24 => u64::from(reader.byte()?),
        25 => u64::from(u16::from_be_bytes(reader.array()?)),
        26 => u64::from(u32::from_be_bytes(reader.array()?)),
        27 => u64::from_be_bytes(reader.array()?),
        UNKNOWN => return Ok(None),
        _ => return Err(unknown_length(info)),
    }))
}

/// A string of unknown length: pieces of the same kind until the break.
fn pieces<'de, 'b>(reader: &mut Reader<'de, 'b>, major: u8) -> Result<Blob<'de, 'b>, Fault> {
    let mut all = Vec::new();
    loop {
        let head = reader.byte()?;
        if head == BREAK {
            return Ok(Blob::Owned(all));
        }
        let Some(length) = argument(reader, head & 31)?.filter(|_| head >> 5 == major) else {
            return Err(unknown(head));
        };
        all.extend_from_slice(reader.take(length)?.as_slice());
    }
}

fn tagged<'de, 'b>(tag: Option<u64>, token: Token<'de, 'b>) -> Result<Token<'de, 'b>, Fault> {
    Ok(match (tag, token) {
        (Some(DATE), Token::Number(seconds)) => date(seconds),
        (Some(BIG), Token::Bytes(bytes)) => Token::Number(big(bytes.as_slice(), false)?),
        (Some(BIG_NEGATIVE), Token::Bytes(bytes)) => Token::Number(big(bytes.as_slice(), true)?),
        (_, token) => token,
    })
}

fn date<'de, 'b>(seconds: Number) -> Token<'de, 'b> {
    let millis = (seconds.as_f64() * 1000.0).round();
    #[allow(clippy::cast_possible_truncation, reason = "saturates")]
    if millis.is_nan() { Token::Null } else { Token::Date(millis as i64) }
}

/// What no float can hold is refused, as in a JSON text: it would be infinite.
fn big(bytes: &[u8], negative: bool) -> Result<Number, Fault> {
    let digits = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len())..];
    if digits.len() <= 16 && digits.first().is_none_or(|first| digits.len() < 16 || *first < 0x80) {
        let value = digits.iter().fold(0_i128, |value, byte| value << 8 | i128::from(*byte));
        return Ok(Number::from_i128(if negative { -1 - value } else { value }));
    }
    let value = digits.iter().fold(0.0, |value, byte| value * 256.0 + f64::from(*byte));
    match value.is_finite() {
        true => Ok(Number::Float(if negative { -value } else { value })),
        false => Err(Fault::new("number out of range")),
    }
}

/// A float of 16 bits.
fn half(bits: u16) -> f64 {
    let exponent = i32::from(bits >> 10 & 31);
    let mantissa = f64::from(bits & 0x3ff);
    let value = match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}

#[cold]
fn unknown_length(info: u8) -> Fault {
    Fault::new(format!("a CBOR length of kind {info}"))
}

#[cold]
fn unknown(head: u8) -> Fault {
    Fault::new(format!("the byte {head:#04x} has no place there in CBOR"))
}

/// Writes a head in its shortest form.
pub(super) fn write_head(major: Major, argument: u64, out: &mut Vec<u8>) {
    let major = (major as u8) << 5;
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(argument as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

/// Writes a number. JavaScript reads integers beyond 32 bits as `BigInt`, with which it cannot calculate, so they
/// are floats; only what no float holds exactly stays an integer.
pub(super) fn write_number(number: Number, out: &mut Vec<u8>) {
    match number {
        Number::Unsigned(value) if value <= u64::from(u32::MAX) => write_head(Major::Unsigned, value, out),
        Number::Negative(value) if value >= -1 - i64::from(u32::MAX) => {
            write_head(Major::Negative, value.unsigned_abs() - 1, out);
        }
        Number::Unsigned(value) if value as f64 as u128 != u128::from(value) => {
            write_head(Major::Unsigned, value, out);
        }
        Number::Negative(value) if value as f64 as i128 != i128::from(value) => {
            write_head(Major::Negative, value.unsigned_abs() - 1, out);
        }
        Number::Big(value) if value as f64 as i128 != value => {
            let tag = if value < 0 { BIG_NEGATIVE } else { BIG };
            let digits = if value < 0 { -1 - value } else { value }.to_be_bytes();
            let zeros = digits.iter().take_while(|byte| **byte == 0).count();
            write_head(Major::Tag, tag, out);
            write_head(Major::Bytes, (digits.len() - zeros) as u64, out);
            out.extend_from_slice(&digits[zeros..]);
        }
        number => {
            out.push(FLOAT);
            out.extend_from_slice(&number.as_f64().to_be_bytes());
        }
    }
}

/// Writes milliseconds as seconds.
pub(super) fn write_date(millis: i64, out: &mut Vec<u8>) {
    write_head(Major::Tag, DATE, out);
    match u32::try_from(millis / 1000) {
        Ok(seconds) if millis >= 0 && millis % 1000 == 0 => {
            out.push((Major::Unsigned as u8) << 5 | 26);
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        _ => {
            out.push(FLOAT);
            out.extend_from_slice(&(millis as f64 / 1000.0).to_be_bytes());
        }
    }
}

/// Writes null.
pub(super) fn write_null(out: &mut Vec<u8>) {
    out.push(NULL);
}

/// Writes a boolean.
pub(super) fn write_bool(value: bool, out: &mut Vec<u8>) {
    out.push(0xf4 | u8::from(value));
}
