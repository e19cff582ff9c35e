//! Numbers as JavaScript's `String(number)` prints them.

use std::fmt::Write;

/// The shortest decimal digits that read back as the same number, laid out by the rules of ECMAScript.
///
/// The digits come from the library that prints JSON: the standard library's differ in the last digit when two
/// texts are equally close to the number (JavaScript takes the even one).
pub(crate) fn write_f64(value: f64, out: &mut String) {
    match value {
        value if value.is_nan() => out.push_str("NaN"),
        f64::INFINITY => out.push_str("Infinity"),
        f64::NEG_INFINITY => out.push_str("-Infinity"),
        _ => lay_out(zmij::Buffer::new().format_finite(value), out),
    }
}

/// An `f32` prints its own shortest digits, like the JSON text a peer would have read.
pub(super) fn write_f32(value: f32, out: &mut String) {
    if value.is_finite() {
        lay_out(zmij::Buffer::new().format_finite(value), out);
    } else {
        write_f64(f64::from(value), out);
    }
}

/// Rewrites a decimal number such as `-12.50e-7`.
pub(crate) fn lay_out(text: &str, out: &mut String) {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));

    // The digits, at most 17 of them and at most 21 zeros, without the zeros around them.
    let mut buffer = [0_u8; 48];
    let mut all = 0;
    for (slot, byte) in buffer.iter_mut().zip(whole.bytes().chain(fraction.bytes())) {
        *slot = byte;
        all += 1;
    }
    let Some(first) = buffer[..all].iter().position(|digit| *digit != b'0') else { return out.push('0') };
    let last = buffer[..all].iter().rposition(|digit| *digit != b'0').unwrap_or(first);
    let digits = std::str::from_utf8(&buffer[first..=last]).unwrap_or("0");
    let count = digits.len() as i32;
    // The value is 0.digits × 10^point.
    let point = whole.len() as i32 - first as i32 + exponent;

    if negative {
        out.push('-');
    }
    match point {
        1..=21 if count <= point => {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', (point - count) as usize));
        }
        1..=21 => {
            let (whole, fraction) = digits.split_at(point as usize);
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
        -5..=0 => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', -point as usize));
            out.push_str(digits);
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            let sign = if point > 0 { '+' } else { '-' };
            let _ = write!(out, "{first}{dot}{rest}e{sign}{}", (point - 1).unsigned_abs());
        }
    }
}
