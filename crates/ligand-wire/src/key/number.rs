//! Numbers as JavaScript's `String(number)` prints them.

use std::fmt::{LowerExp, Write};

/// The shortest decimal digits that read back as the same number, laid out by the rules of ECMAScript.
pub(super) fn write_f64(value: f64, out: &mut String) {
    write_float(value, value.is_nan(), value.is_infinite(), value == 0.0, value < 0.0, out);
}

/// An `f32` prints its own shortest digits, like the JSON text a peer would have read.
pub(super) fn write_f32(value: f32, out: &mut String) {
    write_float(value, value.is_nan(), value.is_infinite(), value == 0.0, value < 0.0, out);
}

fn write_float(
    value: impl LowerExp,
    nan: bool,
    infinite: bool,
    zero: bool,
    negative: bool,
    out: &mut String,
) {
    if nan {
        return out.push_str("NaN");
    }
    if zero {
        return out.push('0');
    }
    if negative {
        out.push('-');
    }
    if infinite {
        return out.push_str("Infinity");
    }

    // `{:e}` gives `d.ddde-7`: the shortest digits and their exponent.
    let mut scientific = Scientific::default();
    let _ = write!(scientific, "{value:e}");
    let (digits, exponent) = scientific.parts();
    let count = digits.len() as i32;
    // The value is 0.digits × 10^point.
    let point = exponent + 1;

    if (1..=21).contains(&point) {
        if count <= point {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', (point - count) as usize));
        } else {
            let (whole, fraction) = digits.split_at(point as usize);
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
    } else if (-5..=0).contains(&point) {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', -point as usize));
        out.push_str(digits);
    } else {
        let (first, rest) = digits.split_at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        out.push('e');
        out.push(if exponent < 0 { '-' } else { '+' });
        let _ = write!(out, "{}", exponent.unsigned_abs());
    }
}

/// A small text on the stack: sign, at most 17 digits, and an exponent of at most 4 characters.
#[derive(Default)]
struct Scientific {
    digits: [u8; 24],
    count: usize,
    exponent: i32,
    exponent_negative: bool,
    in_exponent: bool,
}

impl Scientific {
    fn parts(&self) -> (&str, i32) {
        let digits = std::str::from_utf8(&self.digits[..self.count]).unwrap_or("0");
        (digits, if self.exponent_negative { -self.exponent } else { self.exponent })
    }
}

impl Write for Scientific {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            match byte {
                b'e' => self.in_exponent = true,
                b'-' if self.in_exponent => self.exponent_negative = true,
                b'0'..=b'9' if self.in_exponent => {
                    self.exponent = self.exponent * 10 + i32::from(byte - b'0');
                }
                b'0'..=b'9' => {
                    *self.digits.get_mut(self.count).ok_or(std::fmt::Error)? = byte;
                    self.count += 1;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
