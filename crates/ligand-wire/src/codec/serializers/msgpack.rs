//! MessagePack as `msgpack5` and `notepack.io` write and read it.

use super::{
    fault::Fault,
    head::{Kind, Marks},
    reader::{Reader, ends_early},
    token::{Number, SAFE, Token},
};

/// JavaScript's `undefined`, as notepack 2 writes it.
pub(super) const UNDEFINED: &[u8] = &[0xd4, 0, 0];

const NIL: u8 = 0xc0;
const FLOAT32: u8 = 0xca;
const FLOAT64: u8 = 0xcb;
/// Type of extensions that are timestamps.
const TIMESTAMP: i8 = -1;

pub(super) const MARKS: Marks = Marks { text: 0xa0, short: 32, null: NIL, undefined: UNDEFINED[0] };

/// Reads a head.
#[inline]
pub(super) fn head(reader: &mut Reader<'_, '_>) -> (Kind, u64) {
    let Some(first) = reader.peek() else { return (Kind::Rare, 0) };
    let short = |reader: &mut Reader<'_, '_>, kind, mask: u8| {
        reader.advance(1);
        (kind, u64::from(first & mask))
    };
    match first {
        0x00..=0x7f => short(reader, Kind::Unsigned, 0x7f),
        0x80..=0x8f => short(reader, Kind::Map, 15),
        0x90..=0x9f => short(reader, Kind::Array, 15),
        0xa0..=0xbf => short(reader, Kind::Text, 31),
        NIL => short(reader, Kind::Null, 0),
        0xc2 | 0xc3 => short(reader, Kind::Bool, 1),
        0xc4 => reader.number::<1>(Kind::Bytes),
        0xc5 => reader.number::<2>(Kind::Bytes),
        0xc6 => reader.number::<4>(Kind::Bytes),
        FLOAT32 => reader.single(),
        FLOAT64 => reader.number::<8>(Kind::Float),
        0xcc => reader.number::<1>(Kind::Unsigned),
        0xcd => reader.number::<2>(Kind::Unsigned),
        0xce => reader.number::<4>(Kind::Unsigned),
        0xcf => reader.number::<8>(Kind::Unsigned),
        0xd0 => signed::<1>(reader),
        0xd1 => signed::<2>(reader),
        0xd2 => signed::<4>(reader),
        0xd3 => signed::<8>(reader),
        0xd4 if reader.rest().starts_with(UNDEFINED) => {
            reader.advance(UNDEFINED.len());
            (Kind::Undefined, 0)
        }
        0xd9 => reader.number::<1>(Kind::Text),
        0xda => reader.number::<2>(Kind::Text),
        0xdb => reader.number::<4>(Kind::Text),
        0xdc => reader.number::<2>(Kind::Array),
        0xdd => reader.number::<4>(Kind::Array),
        0xde => reader.number::<2>(Kind::Map),
        0xdf => reader.number::<4>(Kind::Map),
        0xe0..=0xff => {
            reader.advance(1);
            Kind::signed(i64::from(first.cast_signed()))
        }
        0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => (Kind::Rare, 0),
    }
}

/// An integer of `N` bytes behind its head.
fn signed<const N: usize>(reader: &mut Reader<'_, '_>) -> (Kind, u64) {
    let unused = 64 - 8 * N as u32;
    match reader.number::<N>(Kind::Unsigned) {
        (Kind::Unsigned, bits) => Kind::signed((bits << unused).cast_signed() >> unused),
        rare => rare,
    }
}

/// Reads a token that has no common head: an extension. What else has none is cut off.
pub(super) fn token<'de, 'b>(reader: &mut Reader<'de, 'b>) -> Result<Token<'de, 'b>, Fault> {
    let length = match reader.byte()? {
        0xc1 => return Err(Fault::new("the byte 0xc1 has no place in MessagePack")),
        0xc7 => u64::from(reader.byte()?),
        0xc8 => u64::from(u16::from_be_bytes(reader.array()?)),
        0xc9 => u64::from(u32::from_be_bytes(reader.array()?)),
        head @ 0xd4..=0xd8 => 1 << (head - 0xd4),
        _ => return Err(ends_early()),
    };
    extension(reader, length)
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

/// Heads of things with a length, for writing: the short form's bits and limit, then the heads for lengths of 8, 16 and 32 bits.
pub(super) struct Lengths {
    short: u8,
    limit: u64,
    long: [Option<u8>; 3],
}

pub(super) const TEXT: Lengths =
    Lengths { short: 0xa0, limit: 32, long: [Some(0xd9), Some(0xda), Some(0xdb)] };
pub(super) const BYTES: Lengths = Lengths { short: 0, limit: 0, long: [Some(0xc4), Some(0xc5), Some(0xc6)] };
pub(super) const ARRAY: Lengths = Lengths { short: 0x90, limit: 16, long: [None, Some(0xdc), Some(0xdd)] };
pub(super) const MAP: Lengths = Lengths { short: 0x80, limit: 16, long: [None, Some(0xde), Some(0xdf)] };

/// Writes a head in its shortest form.
///
/// # Errors
/// When the length has more than 32 bits.
pub(super) fn write_head(head: &Lengths, length: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
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
