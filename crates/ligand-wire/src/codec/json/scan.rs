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

    /// Steps over the key `name` with its colon and with the bracket or comma before it, when they are next and as close
    /// together as programs write them.
    #[inline]
    pub(super) fn skip_key(&mut self, before: u8, name: &str) -> bool {
        let rest = self.rest();
        let is_next = match rest.get(..name.len() + 4) {
            Some([first, b'"', key @ .., b'"', b':']) => *first == before && key == name.as_bytes(),
            _ => false,
        };
        if is_next {
            self.at += name.len() + 4;
        }
        is_next
    }

    /// Steps over `word` when it is the next value and its end can be seen at once.
    #[inline]
    pub(super) fn skip_word(&mut self, word: &[u8]) -> bool {
        let is_next = matches!(self.rest().strip_prefix(word), Some([b',' | b'}' | b']', ..]));
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    /// Steps over `{}` when it is next.
    #[inline]
    pub(super) fn skip_empty_object(&mut self) -> bool {
        let is_next = self.rest().starts_with(b"{}");
        if is_next {
            self.at += 2;
        }
        is_next
    }

    /// Steps over a whole number of few digits, when that is the next value and its end can be seen at once.
    #[inline]
    pub(super) fn small_number(&mut self) -> Option<u32> {
        let mut number = 0;
        for (count, byte) in self.rest().iter().enumerate().take(9) {
            match byte {
                b'0'..=b'9' => number = number * 10 + u32::from(byte - b'0'),
                b',' | b'}' | b']' if count > 0 => {
                    self.at += count;
                    return Some(number);
                }
                _ => return None,
            }
        }
        None
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { Err("something follows the packet") }
    }

    /// The next value, which must be a text, decoded.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>> {
        self.peek();
        let start = self.at;
        let (end, escaped) = skip_text(self.text.as_bytes(), start)?;
        self.at = end;
        if escaped {
            let quoted = &self.text[start..end];
            return serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| "a bad escape in a text");
        }
        Ok(Cow::Borrowed(&self.text[start + 1..end - 1]))
    }

    /// The next value as it is written. Brackets, commas and colons are where they belong, texts end; whether
    /// a number is one shows when somebody decodes it.
    pub(super) fn value(&mut self) -> Result<&'a str> {
        let is_nested = matches!(self.peek(), Some(b'{' | b'['));
        let start = self.at;
        let raw = self.text.as_bytes();
        self.at = if is_nested { skip_nested(raw, start)? } else { skip_scalar(raw, start)? };
        Ok(&self.text[start..self.at])
    }
}

/// Where the next byte is that is no white space.
#[inline]
fn skip_space(raw: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = raw.get(at) {
        at += 1;
    }
    at
}

/// Behind the object or array that begins here.
fn skip_nested(raw: &[u8], mut at: usize) -> Result<usize> {
    // One bit for each open bracket: 1 for an object.
    let (mut objects, mut depth) = (0_u128, 0_u32);
    loop {
        // A value begins.
        at = skip_space(raw, at);
        match raw.get(at) {
            Some(b'"') => at = skip_text(raw, at)?.0,
            Some(bracket @ (b'{' | b'[')) => {
                if depth == MAX_DEPTH {
                    return Err("nested too deep");
                }
                depth += 1;
                let in_object = *bracket == b'{';
                objects = objects << 1 | u128::from(in_object);
                at = skip_space(raw, at + 1);
                match (raw.get(at), in_object) {
                    // The end is seen to below.
                    (Some(b'}'), true) | (Some(b']'), false) => {}
                    (_, true) => {
                        at = skip_key(raw, at)?;
                        continue;
                    }
                    (_, false) => continue,
                }
            }
            _ => at = skip_scalar(raw, at)?,
        }
        // A value has ended, or an empty object or array was opened: on to the next value.
        loop {
            let in_object = objects & 1 == 1;
            at = skip_space(raw, at);
            match (raw.get(at), in_object) {
                (Some(b','), true) => {
                    at = skip_key(raw, skip_space(raw, at + 1))?;
                    break;
                }
                (Some(b','), false) => {
                    at += 1;
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    at += 1;
                    depth -= 1;
                    objects >>= 1;
                    if depth == 0 {
                        return Ok(at);
                    }
                }
                (Some(_), _) => return Err("no comma between two values"),
                (None, _) => return Err(CUT_OFF),
            }
        }
    }
}

/// Behind the key that begins here and its colon.
#[inline]
fn skip_key(raw: &[u8], at: usize) -> Result<usize> {
    let at = skip_space(raw, skip_text(raw, at)?.0);
    match raw.get(at) {
        Some(b':') => Ok(at + 1),
        Some(_) => Err("no colon after a key"),
        None => Err(CUT_OFF),
    }
}

/// Behind the text, number or word that begins here.
fn skip_scalar(raw: &[u8], at: usize) -> Result<usize> {
    match raw.get(at) {
        Some(b'"') => skip_text(raw, at).map(|(end, _)| end),
        Some(_) => skip_literal(raw, at),
        None => Err(CUT_OFF),
    }
}

/// Behind the text that begins here; and whether it holds escapes.
#[inline]
fn skip_text(raw: &[u8], start: usize) -> Result<(usize, bool)> {
    match raw.get(start) {
        Some(b'"') => {}
        Some(_) => return Err("no text where one must be"),
        None => return Err(CUT_OFF),
    }
    let mut at = plain_end(raw, start + 1);
    let mut escaped = false;
    loop {
        match raw.get(at) {
            Some(b'"') => return Ok((at + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = plain_end(raw, at + 2);
            }
            Some(_) => return Err("a control character in a text"),
            None => return Err(CUT_OFF),
        }
    }
}

/// Behind `true`, `false`, `null` or what looks like a number.
fn skip_literal(raw: &[u8], at: usize) -> Result<usize> {
    let rest = raw.get(at..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-' | b'+' | b'.' | b'E'))
        .unwrap_or(rest.len());
    let known = match rest.first() {
        Some(b'-' | b'0'..=b'9') => true,
        _ => matches!(&rest[..length], b"true" | b"false" | b"null"),
    };
    if known { Ok(at + length) } else { Err("no value where one must be") }
}

/// Where, from `at` on, the first quote, backslash or control character is, or the end.
#[inline]
pub(in crate::codec) fn plain_end(raw: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let less = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    while let Some(word) = raw.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        let quote = less(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = less(word ^ (ONES * u64::from(b'\\')), 1);
        let hits = (quote | backslash | less(word, 0x20)) & HIGH;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = raw.get(at)
        && !matches!(byte, b'"' | b'\\' | 0..0x20)
    {
        at += 1;
    }
    at
}
