//! Decimal numbers as texts: compared and added exactly, however long they are.

use std::{borrow::Cow, cmp::Ordering};

/// A number such as `-12.50` or `1e3`, as the digits that count and the place of the first one.
#[derive(Debug)]
pub(super) struct Decimal<'t> {
    negative: bool,
    /// Before and after the point, without zeros before the first digit and after the last one.
    digits: Cow<'t, str>,
    /// Power of ten of the first digit, plus one. Of no meaning without digits.
    magnitude: i64,
}

impl<'t> Decimal<'t> {
    /// Reads `-?digits(.digits)?(e[+-]?digits)?`; a plus in front is allowed too.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, power(exponent)?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.as_bytes().first()? {
            b'-' => (true, &mantissa[1..]),
            b'+' => (false, &mantissa[1..]),
            _ => (false, mantissa),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !numeric(whole) || !numeric(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let (digits, first) = match (whole.is_empty(), fraction.is_empty()) {
            (false, false) => (Cow::Owned(format!("{whole}{fraction}")), length(whole)),
            (false, true) => (Cow::Borrowed(whole.trim_end_matches('0')), length(whole)),
            (true, _) => {
                let digits = fraction.trim_start_matches('0');
                (Cow::Borrowed(digits), length(digits) - length(fraction))
            }
        };
        Some(Self { negative, digits, magnitude: first.saturating_add(exponent) })
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// An exponent; one that is too long for a number counts as endless.
fn power(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse().unwrap_or(i64::MAX / 2).min(i64::MAX / 2);
    Some(if negative { -size } else { size })
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.sign().cmp(&other.sign());
        if signs.is_ne() || self.sign() == 0 {
            return signs;
        }
        let size = self.magnitude.cmp(&other.magnitude).then_with(|| self.digits.cmp(&other.digits));
        if self.negative { size.reverse() } else { size }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal<'_> {}

/// The sum of two decimal numbers with the longer of their fractions (`1.10 + 1` is `2.10`); `None` when one is
/// none or the sum has more than 38 digits.
pub(crate) fn sum(a: &str, b: &str) -> Option<String> {
    let (a, b) = (Scaled::parse(a)?, Scaled::parse(b)?);
    let scale = a.scale.max(b.scale);
    let value = a.at(scale)?.checked_add(b.at(scale)?)?;
    let scale = usize::try_from(scale).ok()?;
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

/// `value / 10^scale`.
struct Scaled {
    value: i128,
    scale: u32,
}

impl Scaled {
    fn parse(text: &str) -> Option<Self> {
        Decimal::parse(text)?;
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, power(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let value: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = length(fraction).checked_sub(exponent)?;
        match u32::try_from(scale) {
            Ok(scale) if scale <= 38 => Some(Self { value, scale }),
            Ok(_) => None,
            Err(_) => {
                let factor = 10_i128.checked_pow(u32::try_from(scale.checked_neg()?).ok()?)?;
                Some(Self { value: value.checked_mul(factor)?, scale: 0 })
            }
        }
    }

    fn at(&self, scale: u32) -> Option<i128> {
        self.value.checked_mul(10_i128.checked_pow(scale - self.scale)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_order_in_every_notation() {
        let ascending: [&[&str]; 14] = [
            &["-1e400", "-1E+400", "-10e399"],
            &["-79228162514264337593543950336"],
            &["-79228162514264337593543950335", "-79228162514264337593543950335.000"],
            &["-10", "-1e1"],
            &["-9.99"],
            &["-0.0000000000000000000000000001", "-1e-28"],
            &["0", "-0", "0.0", "-0.000", "0e999", "00"],
            &["1e-400"],
            &["0.001", "1e-3", "0.00100"],
            &["1.1", "1.10", "+1.1", "01.1", "11e-1"],
            &["9"],
            &["10", "10.0", "1e1"],
            &["79228162514264337593543950335"],
            &["1e99999999999999999999999", "1e9999999999999999999999"],
        ];
        let parse = |text: &'static str| Decimal::parse(text).unwrap_or_else(|| panic!("{text}"));
        for (rank, texts) in ascending.iter().enumerate() {
            for text in *texts {
                for (other_rank, others) in ascending.iter().enumerate() {
                    for other in *others {
                        assert_eq!(parse(text).cmp(&parse(other)), rank.cmp(&other_rank), "{text} {other}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "-", ".", "1.", ".5", "1,5", "0x1", "1e", "1e+", "e5", "NaN", "inf", " 1", "1 ", "--1", "١"]
        {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn sums_are_exact() {
        for (a, b, expected) in [
            ("1.10", "1", Some("2.10")),
            ("0.1", "0.2", Some("0.3")),
            ("-0.05", "0.05", Some("0.00")),
            ("0", "-0.5", Some("-0.5")),
            ("1e2", "1", Some("101")),
            ("1e-2", "1", Some("1.01")),
            ("79228162514264337593543950335", "0.00000001", Some("79228162514264337593543950335.00000001")),
            ("1e38", "1e38", None),
            ("1e-39", "1", None),
            ("x", "1", None),
        ] {
            assert_eq!(sum(a, b).as_deref(), expected, "{a} {b}");
        }
    }
}
