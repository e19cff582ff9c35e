//! Walks over a JSON text without building anything.

use std::borrow::Cow;

/// What is wrong, without the content.
type Result<T, E = &'static str> = std::result::Result<T, E>;

/// Deeper values are refused, as `serde_json` does.
const MAX_DEPTH: u32 = 127;

const CUT_OFF: &str = "cut off";

/// A place in a JSON text.
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// Steps over `byte` when it is the next one.
    #[inline]
    pub(super) fn skip_if(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Steps over `byte`.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<()> {
        match self.peek() {
            Some(next) if next == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(otherwise),
            None => Err(CUT_OFF),
        }
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { Err("something follows the packet") }
    }

    /// The next value, which must be a text, decoded.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>> {
        self.peek();
        let start = self.at;
        let escaped = self.skip_text()?;
        let quoted = &self.text[start..self.at];
        if escaped {
            return serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| "a bad escape in a text");
        }
        Ok(Cow::Borrowed(&quoted[1..quoted.len() - 1]))
    }

    /// The next value as it is written. Brackets, commas and colons are where they belong, texts end; whether
    /// a number is one shows when somebody decodes it.
    pub(super) fn value(&mut self) -> Result<&'a str> {
        let start = match self.peek() {
            Some(b'{' | b'[') => {
                let start = self.at;
                self.skip_nested()?;
                start
            }
            _ => {
                let start = self.at;
                self.skip_scalar()?;
                start
            }
        };
        Ok(&self.text[start..self.at])
    }

    /// Steps over the object or array that begins here.
    fn skip_nested(&mut self) -> Result<()> {
        // One bit for each open bracket: 1 for an object.
        let (mut objects, mut depth) = (0_u128, 0_u32);
        loop {
            let mut first = false;
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    if depth == MAX_DEPTH {
                        return Err("nested too deep");
                    }
                    depth += 1;
                    objects = objects << 1 | u128::from(bracket == b'{');
                    self.at += 1;
                    first = true;
                }
                _ => self.skip_scalar()?,
            }
            // A value has ended or a bracket was opened: on to the next value.
            loop {
                let in_object = objects & 1 == 1;
                if self.skip_if(if in_object { b'}' } else { b']' }) {
                    depth -= 1;
                    objects >>= 1;
                    first = false;
                    if depth == 0 {
                        return Ok(());
                    }
                    continue;
                }
                if !first {
                    self.expect(b',', "no comma between two values")?;
                }
                if in_object {
                    self.peek();
                    self.skip_text()?;
                    self.expect(b':', "no colon after a key")?;
                }
                break;
            }
        }
    }

    /// Steps over the text, number or word that begins here.
    fn skip_scalar(&mut self) -> Result<()> {
        match self.byte() {
            Some(b'"') => self.skip_text().map(drop),
            Some(_) => self.skip_literal(),
            None => Err(CUT_OFF),
        }
    }

    /// Steps over the text that begins here; whether it holds escapes.
    fn skip_text(&mut self) -> Result<bool> {
        let raw = self.text.as_bytes();
        if raw.get(self.at) != Some(&b'"') {
            return Err(if self.at >= raw.len() { CUT_OFF } else { "no text where one must be" });
        }
        let mut at = self.at + 1 + plain_length(&raw[self.at + 1..]);
        let mut escaped = false;
        loop {
            match raw.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += 2;
                    at += plain_length(raw.get(at..).unwrap_or_default());
                }
                Some(_) => return Err("a control character in a text"),
                None => return Err(CUT_OFF),
            }
        }
        self.at = at + 1;
        Ok(escaped)
    }

    /// Steps over `true`, `false`, `null` or what looks like a number.
    fn skip_literal(&mut self) -> Result<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-' | b'+' | b'.' | b'E'))
            .unwrap_or(rest.len());
        let known = match rest[..length].first() {
            Some(b'-' | b'0'..=b'9') => true,
            _ => matches!(&rest[..length], b"true" | b"false" | b"null"),
        };
        self.at += length;
        if known { Ok(()) } else { Err("no value where one must be") }
    }
}

/// How many bytes stand before the first quote, backslash or control character.
#[inline]
fn plain_length(raw: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let less = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let mut at = 0;
    while let Some(word) = raw[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let quote = less(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = less(word ^ (ONES * u64::from(b'\\')), 1);
        let hits = (quote | backslash | less(word, 0x20)) & HIGH;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    at + raw[at..].iter().position(special).unwrap_or(raw.len() - at)
}
