//! MessagePack as `msgpack5` and `notepack.io` write and read it.

use super::{
    fault::Fault,
    reader::Reader,
    token::{Left, Number, SAFE, Token},
};

/// JavaScript's `undefined`, as notepack 2 writes it.
pub(super) const UNDEFINED: &[u8] = &[0xd4, 0, 0];

/// Null and undefined.
pub(super) const NOTHING: &[&[u8]] = &[&[NIL], UNDEFINED];

const NIL: u8 = 0xc0;
const FLOAT32: u8 = 0xca;
const FLOAT64: u8 = 0xcb;
/// Type of extensions that are timestamps.
const TIMESTAMP: i8 = -1;

/// Reads one token.
pub(super) fn token<'de, 'b>(reader: &mut Reader<'de, 'b>) -> Result<Token<'de, 'b>, Fault> {
    let head = reader.byte()?;
    let unsigned = |value: u64| Token::Number(Number::Unsigned(value));
    let signed = |value: i64| Token::Number(Number::from_i64(value));
    let float = |value: f64| Token::Number(Number::Float(value));
    let items = |count: u64| Token::Array(Left::Count(count));
    let entries = |count: u64| Token::Map(Left::Count(count));
    Ok(match head {
        0x00..=0x7f => unsigned(u64::from(head)),
        0x80..=0x8f => entries(u64::from(head & 15)),
        0x90..=0x9f => items(u64::from(head & 15)),
        0xa0..=0xbf => Token::Text(reader.take(u64::from(head & 31))?.into_text()?),
        NIL => Token::Null,
        0xc1 => return Err(Fault::new("the byte 0xc1 has no place in MessagePack")),
        0xc2 => Token::Bool(false),
        0xc3 => Token::Bool(true),
        0xc4..=0xc6 => {
            let length = length(reader, head - 0xc4)?;
            Token::Bytes(reader.take(length)?)
        }
        0xc7..=0xc9 => {
            let length = length(reader, head - 0xc7)?;
            extension(reader, length)?
        }
        FLOAT32 => float(f64::from(f32::from_be_bytes(reader.array()?))),
        FLOAT64 => float(f64::from_be_bytes(reader.array()?)),
        0xcc => unsigned(u64::from(reader.byte()?)),
        0xcd => unsigned(u64::from(u16::from_be_bytes(reader.array()?))),
        0xce => unsigned(u64::from(u32::from_be_bytes(reader.array()?))),
        0xcf => unsigned(u64::from_be_bytes(reader.array()?)),
        0xd0 => signed(i64::from(i8::from_be_bytes(reader.array()?))),
        0xd1 => signed(i64::from(i16::from_be_bytes(reader.array()?))),
        0xd2 => signed(i64::from(i32::from_be_bytes(reader.array()?))),
        0xd3 => signed(i64::from_be_bytes(reader.array()?)),
        0xd4..=0xd8 => extension(reader, 1 << (head - 0xd4))?,
        0xd9..=0xdb => {
            let length = length(reader, head - 0xd9)?;
            Token::Text(reader.take(length)?.into_text()?)
        }
        0xdc | 0xdd => items(length(reader, head - 0xdb)?),
        0xde | 0xdf => entries(length(reader, head - 0xdd)?),
        0xe0..=0xff => signed(i64::from(head.cast_signed())),
    })
}

/// A length of 2^`size` bytes.
fn length(reader: &mut Reader<'_, '_>, size: u8) -> Result<u64, Fault> {
    Ok(match size {
        0 => u64::from(reader.byte()?),
        1 => u64::from(u16::from_be_bytes(reader.array()?)),
        _ => u64::from(u32::from_be_bytes(reader.array()?)),
    })
}

/// Dates and undefined; other extensions are their bytes.
fn extension<'de, 'b>(reader: &mut Reader<'de, 'b>, length: u64) -> Result<Token<'de, 'b>, Fault> {
    let kind = reader.byte()?.cast_signed();
    let bytes = reader.take(length)?;
    Ok(match (kind, bytes.as_slice()) {
        (0, [0]) => Token::Undefined,
        (0, data) => match data.try_into() {
            Ok(millis) => Token::Date(i64::from_be_bytes(millis)),
            Err(_) => Token::Bytes(bytes),
        },
        (TIMESTAMP, data) => timestamp(data).map_or(Token::Bytes(bytes), Token::Date),
        _ => Token::Bytes(bytes),
    })
}

/// Milliseconds of a timestamp of 32, 64 or 96 bits.
fn timestamp(data: &[u8]) -> Option<i64> {
    let (seconds, nanos) = match data.len() {
        4 => (i64::from(u32::from_be_bytes(data.try_into().ok()?)), 0),
        8 => {
            let both = u64::from_be_bytes(data.try_into().ok()?);
            ((both & 0x3_ffff_ffff).cast_signed(), both >> 34)
        }
        12 => {
            let (nanos, seconds) = data.split_at(4);
            let nanos = u32::from_be_bytes(nanos.try_into().ok()?);
            (i64::from_be_bytes(seconds.try_into().ok()?), u64::from(nanos))
        }
        _ => return None,
    };
    Some(seconds.saturating_mul(1000).saturating_add((nanos / 1_000_000).cast_signed()))
}

/// Heads of things with a length: the short form's bits and limit, then the heads for lengths of 8, 16 and 32 bits.
pub(super) struct Head {
    short: u8,
    limit: u64,
    long: [Option<u8>; 3],
}

pub(super) const TEXT: Head = Head { short: 0xa0, limit: 32, long: [Some(0xd9), Some(0xda), Some(0xdb)] };
pub(super) const BYTES: Head = Head { short: 0, limit: 0, long: [Some(0xc4), Some(0xc5), Some(0xc6)] };
pub(super) const ARRAY: Head = Head { short: 0x90, limit: 16, long: [None, Some(0xdc), Some(0xdd)] };
pub(super) const MAP: Head = Head { short: 0x80, limit: 16, long: [None, Some(0xde), Some(0xdf)] };

/// Writes a head in its shortest form.
///
/// # Errors
/// When the length has more than 32 bits.
pub(super) fn write_head(head: &Head, length: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
    match (head.long, length) {
        _ if length < head.limit => out.push(head.short | length as u8),
        ([Some(head), ..], 0..=0xff) => out.extend_from_slice(&[head, length as u8]),
        ([_, Some(head), _], 0..=0xffff) => {
            out.push(head);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        ([_, _, Some(head)], 0..=0xffff_ffff) => {
            out.push(head);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
        _ => return Err(Fault::new("MessagePack holds no more than 4 GiB in one piece")),
    }
    Ok(())
}

/// Writes a number; `short` allows floats of 32 bits for fractions that they hold exactly.
///
/// # Errors
/// For integers that neither 64 bits nor a float hold.
pub(super) fn write_number(number: Number, short: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    match number {
        Number::Unsigned(value) if value <= SAFE || value as f64 as u128 != u128::from(value) => {
            write_unsigned(value, out);
        }
        Number::Negative(value)
            if value.unsigned_abs() <= SAFE || value as f64 as i128 != i128::from(value) =>
        {
            write_negative(value, out);
        }
        Number::Big(value) if value as f64 as i128 != value => {
            return Err(Fault::new(format!("{value} has more than 64 bits")));
        }
        number => write_float(number.as_f64(), short, out),
    }
    Ok(())
}

fn write_unsigned(value: u64, out: &mut Vec<u8>) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, value as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(value as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(value as u32).to_be_bytes());
        }
        _ => {
            out.push(0xcf);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

fn write_negative(value: i64, out: &mut Vec<u8>) {
    match value {
        -0x20.. => out.push(value as u8),
        -0x80..-0x20 => out.extend_from_slice(&[0xd0, value as u8]),
        -0x8000..-0x80 => {
            out.push(0xd1);
            out.extend_from_slice(&(value as i16).to_be_bytes());
        }
        -0x8000_0000..-0x8000 => {
            out.push(0xd2);
            out.extend_from_slice(&(value as i32).to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

fn write_float(value: f64, short: bool, out: &mut Vec<u8>) {
    let small = value as f32;
    let broken = value.fract() != 0.0;
    if short && broken && (f64::from(small) == value || value.is_nan()) {
        out.push(FLOAT32);
        out.extend_from_slice(&small.to_be_bytes());
    } else {
        out.push(FLOAT64);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Writes a timestamp in its shortest form.
pub(super) fn write_date(millis: i64, out: &mut Vec<u8>) {
    let kind = TIMESTAMP.cast_unsigned();
    let seconds = millis.div_euclid(1000);
    let nanos = millis.rem_euclid(1000) as u32 * 1_000_000;
    match (u32::try_from(seconds), seconds) {
        (Ok(seconds), _) if nanos == 0 => {
            out.extend_from_slice(&[0xd6, kind]);
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        (_, 0..=0x3_ffff_ffff) => {
            out.extend_from_slice(&[0xd7, kind]);
            out.extend_from_slice(&(u64::from(nanos) << 34 | seconds.cast_unsigned()).to_be_bytes());
        }
        _ => {
            out.extend_from_slice(&[0xc7, 12, kind]);
            out.extend_from_slice(&nanos.to_be_bytes());
            out.extend_from_slice(&seconds.to_be_bytes());
        }
    }
}

/// Writes nil.
pub(super) fn write_null(out: &mut Vec<u8>) {
    out.push(NIL);
}

/// Writes a boolean.
pub(super) fn write_bool(value: bool, out: &mut Vec<u8>) {
    out.push(0xc2 | u8::from(value));
}
