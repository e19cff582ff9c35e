//! Wildcard patterns of event names, cache keys, log modules, metric filters and hooks.
//!
//! `*` stands for any text without a dot, `**` for any text, `?` for exactly one character (a dot too).
//! A pattern is compiled once and classified: most of those met in practice are compared as plain text, and
//! the rest run in time proportional to `text × pattern`, whatever the number of stars.
//!
//! # Difference from the JavaScript implementation
//!
//! The Node.js node turns the less common patterns (with a `?`, or with a star before the end) into a regular
//! expression without escaping anything but a leading `$`, so `a.*.c` there also matches `axb.c`, and
//! `a+?` never matches `a+b`. That is a bug; here every character other than `*` and `?` stands for itself.
//! It also overlooks a dot directly after the text before a trailing star, so `user*` there matches `user.created`.
//!
//! ```
//! use ligand_wire::pattern::Pattern;
//!
//! let pattern = Pattern::new("user.*");
//! assert!(pattern.matches("user.created"));
//! assert!(!pattern.matches("user.address.changed"));
//! ```

use std::{fmt, hash};

/// A compiled wildcard pattern. Equality and hash are those of its text.
///
/// ```
/// use ligand_wire::pattern::Pattern;
/// assert!(Pattern::new("user.*").matches("user.created"));
/// assert!(!Pattern::new("user.*").matches("user.role.changed"));
/// assert!(Pattern::new("user.**").matches("user.role.changed"));
/// ```
#[derive(Clone)]
pub struct Pattern {
    text: Box<str>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// No wildcard.
    Exact,
    /// `prefix**`, where the prefix may be empty.
    Prefix,
    /// `prefix*`, where the prefix may be empty: no dot after the prefix.
    Level,
    /// Anything else.
    Glob(Box<[Token]>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    AnyChar,
    AnyUndotted,
    Anything,
}

impl Pattern {
    /// Compiles `pattern`. Every text is a pattern, so this cannot fail.
    pub fn new(pattern: &str) -> Self {
        Self { text: pattern.into(), kind: Kind::of(pattern) }
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.kind.matches(&self.text, text)
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Compares once, without keeping the compiled pattern. Prefer [`Pattern`] when the pattern is reused.
///
/// ```
/// assert!(ligand_wire::pattern::matches("order.paid", "order.*"));
/// ```
pub fn matches(text: &str, pattern: &str) -> bool {
    Kind::of(pattern).matches(pattern, text)
}

impl Kind {
    fn of(pattern: &str) -> Self {
        let first_star = pattern.find('*');
        match first_star {
            None if !pattern.contains('?') => return Self::Exact,
            Some(at) if !pattern.contains('?') => match &pattern[at..] {
                "**" => return Self::Prefix,
                "*" => return Self::Level,
                _ => {}
            },
            _ => {}
        }
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            let token = match c {
                '*' if chars.next_if_eq(&'*').is_some() => Token::Anything,
                '*' => Token::AnyUndotted,
                '?' => Token::AnyChar,
                c => Token::Char(c),
            };
            // A repeated star says nothing new, and `***` must not cost more than `**`.
            let repeated =
                matches!(token, Token::Anything | Token::AnyUndotted) && tokens.last() == Some(&token);
            if !repeated {
                tokens.push(token);
            }
        }
        Self::Glob(tokens.into())
    }

    fn matches(&self, pattern: &str, text: &str) -> bool {
        match self {
            Self::Exact => pattern == text,
            Self::Prefix => text.starts_with(&pattern[..pattern.len() - 2]),
            Self::Level => {
                text.strip_prefix(&pattern[..pattern.len() - 1]).is_some_and(|rest| !rest.contains('.'))
            }
            Self::Glob(tokens) => glob(tokens, text),
        }
    }
}

/// Follows every way to read the pattern at once: `states[i]` says that the text so far matches the first `i`
/// tokens. No backtracking, so no pattern can make it slow.
fn glob(tokens: &[Token], text: &str) -> bool {
    const ON_STACK: usize = 128;
    let count = tokens.len() + 1;
    let (mut small, mut large);
    let states: &mut [bool] = if count <= ON_STACK {
        small = [false; ON_STACK];
        &mut small[..count]
    } else {
        large = vec![false; count];
        &mut large
    };

    states[0] = true;
    skip_stars(tokens, states);
    for c in text.chars() {
        let mut alive = false;
        // From the end, so that `states[i]` still describes the text before `c` when `states[i + 1]` needs it.
        for i in (0..count).rev() {
            let stays = i < tokens.len()
                && match tokens[i] {
                    Token::Anything => states[i],
                    Token::AnyUndotted => states[i] && c != '.',
                    _ => false,
                };
            let advances = i > 0
                && states[i - 1]
                && match tokens[i - 1] {
                    Token::Char(expected) => expected == c,
                    Token::AnyChar => true,
                    _ => false,
                };
            states[i] = stays || advances;
            alive |= states[i];
        }
        if !alive {
            return false;
        }
        skip_stars(tokens, states);
    }
    states[tokens.len()]
}

/// A star may stand for nothing: being before it is being after it too.
fn skip_stars(tokens: &[Token], states: &mut [bool]) {
    for (i, token) in tokens.iter().enumerate() {
        if states[i] && matches!(token, Token::Anything | Token::AnyUndotted) {
            states[i + 1] = true;
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl hash::Hash for Pattern {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<&str> for Pattern {
    fn from(pattern: &str) -> Self {
        Self::new(pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_all(pattern: &str, yes: &[&str], no: &[&str]) {
        let compiled = Pattern::new(pattern);
        for text in yes {
            assert!(compiled.matches(text), "{pattern} should match {text}");
            assert!(matches(text, pattern));
        }
        for text in no {
            assert!(!compiled.matches(text), "{pattern} should not match {text}");
            assert!(!matches(text, pattern));
        }
    }

    #[test]
    fn plain_text_is_compared() {
        assert_all("user.created", &["user.created"], &["user.create", "user.created.x", "userxcreated", ""]);
        assert_all("$node.connected", &["$node.connected"], &["node.connected"]);
        assert_all("", &[""], &["a"]);
    }

    #[test]
    fn a_trailing_double_star_is_a_prefix() {
        assert_all("user**", &["user", "users.x", "user."], &["use"]);
        assert_all("user.**", &["user.", "user.a.b"], &["user"]);
        assert_all("**", &["", "a", "a.b.c"], &[]);
    }

    #[test]
    fn a_trailing_star_is_one_level() {
        assert_all("user.*", &["user.created", "user."], &["user", "user.a.b", "users.a"]);
        assert_all("user*", &["user", "users"], &["user.a", "use"]);
        assert_all("*", &["", "abc"], &["a.b"]);
    }

    #[test]
    fn stars_in_the_middle() {
        assert_all("a.*.c", &["a.b.c", "a..c"], &["a.b.x.c", "a.c", "axb.c"]);
        assert_all("a.**.c", &["a.b.x.c", "a.b.c"], &["a.c"]);
        assert_all("***", &["", "a", "a.b.c"], &[]);
        assert_all("**.b", &["a.b", "a.a.b", ".b"], &["b", "a.b.c"]);
        assert_all("*.created", &["user.created", ".created"], &["user.a.created", "created"]);
        assert_all("*.*", &["a.b", "."], &["a", "a.b.c"]);
        assert_all("$*.x", &["$node.x"], &["node.x"]);
    }

    #[test]
    fn a_question_mark_is_any_one_character() {
        assert_all("a?c", &["abc", "a.c", "aéc"], &["ac", "abbc"]);
        assert_all("user.?", &["user.1", "user.."], &["user.", "user.12"]);
        // The dot must be found by `?`, so the first star gives way: greedy matching would miss it.
        assert_all("*?.*", &["a..", "ab."], &["."]);
    }

    #[test]
    fn other_characters_stand_for_themselves() {
        assert_all("a+?", &["a+b"], &["aab"]);
        assert_all("(*)?", &["(x)y"], &["xy"]);
        assert_all("[a]?", &["[a]1"], &["a1"]);
    }

    #[test]
    fn many_stars_stay_fast() {
        let pattern = "*a".repeat(200) + "?b**";
        let text = "a".repeat(2_000);
        assert!(!matches(&text, &pattern));
        assert!(matches(&(text + "ab"), &pattern));
        assert!(!matches(&"x.".repeat(5_000), &"**.*?".repeat(40).replace('?', "y")));
    }

    #[test]
    fn equality_is_by_text() {
        assert_eq!(Pattern::new("a.*"), Pattern::from("a.*"));
        assert_ne!(Pattern::new("a.*"), Pattern::new("a.**"));
        assert_eq!(Pattern::new("a.*").as_str(), "a.*");
    }
}
