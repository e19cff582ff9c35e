//! Names of parameters: two spellings of one name, and what was probably meant. Everything here also runs while a
//! program is compiled.

use std::fmt;

/// Whether two texts are spellings of one name: as written in Rust and as on the wire, `book_id` and `bookId`.
///
/// ```
/// assert!(ligand_alias::same("book_id", "bookId"));
/// assert!(!ligand_alias::same("bookid", "bookId") && !ligand_alias::same("_id", "id"));
/// ```
pub const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (mut i, mut j) = (0, 0);
    loop {
        let (one, after) = camel(a, i);
        let (other, behind) = camel(b, j);
        if one != other {
            return false;
        }
        if one == 0 {
            return true;
        }
        (i, j) = (after, behind);
    }
}

/// The byte at `at` as `camelCase` has it, and where the next one begins; 0 at the end.
const fn camel(text: &[u8], mut at: usize) -> (u8, usize) {
    // Underscores at the beginning are a part of the name.
    let start = at == 0 || text[at - 1] == b'_' && all_underscores(text, at);
    let mut upper = false;
    while !start && at < text.len() && text[at] == b'_' {
        upper = true;
        at += 1;
    }
    if at >= text.len() {
        return (0, at);
    }
    let byte = if upper { text[at].to_ascii_uppercase() } else { text[at] };
    (byte, at + 1)
}

const fn all_underscores(text: &[u8], end: usize) -> bool {
    let mut index = 0;
    while index < end {
        if text[index] != b'_' {
            return false;
        }
        index += 1;
    }
    true
}

/// Position of the name that `name` is or is another spelling of; what is written exactly so comes first.
///
/// ```
/// assert_eq!(ligand_alias::pick("book_id", &["title", "bookId"]), Some(1));
/// ```
pub const fn pick(name: &str, known: &[&str]) -> Option<usize> {
    let mut found = None;
    let mut index = 0;
    while index < known.len() {
        if equal(name, known[index]) {
            return Some(index);
        }
        if found.is_none() && same(name, known[index]) {
            found = Some(index);
        }
        index += 1;
    }
    found
}

/// Whether two texts are the same, where the compiler must know.
pub const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// What is wrong with the parameter `name` of the path in `alias` when the action takes `known`; `None` when it is one of
/// them.
pub const fn unknown(alias: &str, name: &str, known: &[&str]) -> Option<Text> {
    if pick(name, known).is_some() {
        return None;
    }
    let mut text = Text::new();
    text.push("'").push(alias).push("': ':").push(name).push("' is no parameter of the action");
    if known.is_empty() {
        text.push(", which takes none; give it one of this name, or leave ':").push(name).push("' out");
        return Some(text);
    }
    if let Some(index) = nearest(name, known) {
        text.push("; did you mean ':").push(known[index]).push("'?");
    } else {
        text.push("; add it, or write one that is there.");
    }
    text.push(" It takes: ");
    let mut index = 0;
    while index < known.len() {
        if index > 0 {
            text.push(", ");
        }
        if index == MOST_LISTED {
            text.push("..");
            break;
        }
        text.push(known[index]);
        index += 1;
    }
    Some(text)
}

const MOST_LISTED: usize = 12;

/// Letters of a name that may be wrong.
const MOST_WRONG: usize = 3;

/// Names longer than this are not compared.
const LONGEST: usize = 32;

/// Position of the name that is so close that it was probably meant: a letter in three may be wrong, at most three.
///
/// ```
/// assert_eq!(ligand_alias::nearest("requst", &["timeout", "request"]), Some(1));
/// assert_eq!(ligand_alias::nearest("host", &["port"]), None);
/// ```
pub const fn nearest(name: &str, known: &[&str]) -> Option<usize> {
    let mut best = None;
    let mut least = MOST_WRONG + 1;
    let mut index = 0;
    while index < known.len() {
        let (a, b) = (name.as_bytes(), known[index].as_bytes());
        if a.len() <= LONGEST && b.len() <= LONGEST {
            let distance = distance(a, b);
            let longer = if a.len() > b.len() { a.len() } else { b.len() };
            let most = if longer < 6 { 1 } else { longer / 3 };
            if distance < least && distance <= most && distance < longer {
                (least, best) = (distance, Some(index));
            }
        }
        index += 1;
    }
    best
}

/// Letters to change, add, leave out or swap with the next; capitals count as small ones.
const fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before = [0; LONGEST + 1];
    let mut last = [0; LONGEST + 1];
    let mut row = [0; LONGEST + 1];
    let mut j = 0;
    while j <= b.len() {
        last[j] = j;
        j += 1;
    }
    let mut i = 1;
    while i <= a.len() {
        row[0] = i;
        let mut j = 1;
        while j <= b.len() {
            let equal = a[i - 1].eq_ignore_ascii_case(&b[j - 1]);
            let mut least = last[j - 1] + if equal { 0 } else { 1 };
            if last[j] + 1 < least {
                least = last[j] + 1;
            }
            if row[j - 1] + 1 < least {
                least = row[j - 1] + 1;
            }
            let swapped = i > 1
                && j > 1
                && a[i - 1].eq_ignore_ascii_case(&b[j - 2])
                && a[i - 2].eq_ignore_ascii_case(&b[j - 1]);
            if swapped && before[j - 2] + 1 < least {
                least = before[j - 2] + 1;
            }
            row[j] = least;
            j += 1;
        }
        before = last;
        last = row;
        i += 1;
    }
    last[b.len()]
}

/// A text that can be put together while a program is compiled. What does not fit is left out.
#[derive(Clone, Copy)]
pub struct Text {
    bytes: [u8; 512],
    len: usize,
}

impl Text {
    const fn new() -> Self {
        Self { bytes: [0; 512], len: 0 }
    }

    const fn push(&mut self, text: &str) -> &mut Self {
        let text = text.as_bytes();
        if self.len + text.len() <= self.bytes.len() {
            let mut index = 0;
            while index < text.len() {
                self.bytes[self.len + index] = text[index];
                index += 1;
            }
            self.len += text.len();
        }
        self
    }

    /// The text.
    pub const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_a_name_are_one() {
        for (a, b) in
            [("book_id", "bookId"), ("id", "id"), ("a_b_c", "aBC"), ("_id", "_id"), ("type_", "type")]
        {
            assert!(same(a, b) && same(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("bookid", "bookId"),
            ("_id", "id"),
            ("id", "idd"),
            ("book_id", "book"),
            ("__a", "_a"),
            ("", "a"),
        ] {
            assert!(!same(a, b) && !same(b, a), "{a} {b}");
        }
        assert_eq!(pick("book_id", &["bookId", "book_id"]), Some(1));
        assert_eq!(pick("bookId", &["x", "book_id"]), Some(1));
        assert_eq!(pick("y", &["x"]), None);
    }

    #[test]
    fn what_was_probably_meant_is_named() {
        let text = |name, known: &[&str]| unknown("GET /x", name, known).map(|text| text.to_string());
        assert_eq!(text("book_id", &["bookId"]), None);
        assert_eq!(
            text("idd", &["name", "id"]).unwrap(),
            "'GET /x': ':idd' is no parameter of the action; did you mean ':id'? It takes: name, id"
        );
        for (name, known, meant) in [
            ("bookid", "bookId", true),
            ("ttile", "title", true),
            ("id", "no", false),
            ("userId", "id", false),
        ] {
            assert_eq!(text(name, &[known]).unwrap().contains("did you mean"), meant, "{name} {known}");
        }
        assert!(text("id", &[]).unwrap().contains("takes none"));
        let many = text("q", &["aa"; 40]).unwrap();
        assert!(many.ends_with("aa, .."), "{many}");
        let long = "ü".repeat(400);
        assert!(text("q", &[&long]).unwrap().ends_with("It takes: "));
    }

    #[test]
    fn names_are_compared_while_a_program_is_compiled() {
        const TEXT: Option<Text> = unknown("GET /:idd", "idd", &["id"]);
        assert!(TEXT.unwrap().as_str().contains("':id'?"));
    }
}
