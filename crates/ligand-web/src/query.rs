//! Query strings and forms: repeated keys, `a[]=1`, `a[b]=1`, within bounds.
//!
//! As the qs library of JavaScript reads them: a repeated key makes a list, `a[]` and `a[0]` (up to index 19) make
//! a list, `a[b]` makes an object, five levels deep (what is deeper stays text in the last key), `+` is a space,
//! a malformed escape stays as it is, `a` and `a=` are the empty text. The names `__proto__`, `constructor` and
//! `prototype` are dropped. Every value is a text; the schema of an action converts it.

use std::{borrow::Cow, collections::BTreeMap};

use ligand_core::{Error, Result};
use serde_json::{Map, Value};

use crate::{error, path::hex};

/// How query strings and forms are read; see [`crate::GatewayBuilder::query`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryOptions {
    /// `a=1,2` is a list. Default: it is the text `1,2`.
    pub commas: bool,
    /// `a.b=1` is `a[b]=1`. Default: it is the key `a.b`.
    pub dots: bool,
    /// Levels below the first name; what is deeper stays text in the last key. Default: 5; at most 32.
    pub depth: usize,
    /// Places of a list that a number may name, `a[0]` to `a[19]`; a larger number makes an object. Default: 20.
    pub places: usize,
    /// Parameters beyond [`crate::Limits::query_pairs`] are left out, as moleculer-web does. Default: they are 400.
    pub cut: bool,
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self { commas: false, dots: false, depth: 5, places: 20, cut: false }
    }
}

/// Values are read by recursion.
const MOST_DEEP: usize = 32;

/// Options, and how many parameters there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) most: usize,
    pub(crate) options: QueryOptions,
}

impl From<usize> for Bounds {
    fn from(most: usize) -> Self {
        Self { most, options: QueryOptions::default() }
    }
}

/// Reads a query string or a form with at most `most` parameters.
///
/// ```
/// let query = ligand_web::query::parse("tag[]=tea&tag[]=cup&page[size]=5", 100)?;
/// assert_eq!(query["tag"], serde_json::json!(["tea", "cup"]));
/// assert_eq!(query["page"]["size"], "5");
/// # Ok::<_, ligand_core::Error>(())
/// ```
///
/// # Errors
/// 400 `TOO_MANY_PARAMETERS`.
pub fn parse(text: &str, most: usize) -> Result<Map<String, Value>> {
    read(text, most.into())
}

pub(crate) fn read(text: &str, Bounds { most, options }: Bounds) -> Result<Map<String, Value>> {
    let mut root = Branch::new(options.places);
    for (count, pair) in text.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        if count >= most && options.cut {
            break;
        }
        if count >= most {
            return Err(too_many(most));
        }
        let split = match pair.find("]=") {
            Some(at) => Some(at + 1),
            None => pair.find('='),
        };
        let (key, value) = split.map_or((pair, ""), |at| (&pair[..at], &pair[at + 1..]));
        let key = decode(key);
        let key = if options.dots && key.contains('.') { undotted(&key).into() } else { key };
        if let Some(keys) = keys(&key, options.depth.min(MOST_DEEP)) {
            let value = decode(value);
            let value = match options.commas && value.contains(',') {
                true => value.split(',').collect(),
                false => Value::String(value.into_owned()),
            };
            root.insert(&keys, value);
        }
    }
    Ok(root.entries.into_iter().map(|(key, node)| (key.into_text(), node.finish())).collect())
}

#[cold]
fn too_many(most: usize) -> Error {
    error::bad_request("TOO_MANY_PARAMETERS")
        .with_message(format!("More than {most} parameters in the query or form"))
}

/// Decodes escapes and `+`; a text with a malformed escape keeps all its escapes.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    match decode_escapes(&spaced) {
        Some(decoded) => Cow::Owned(decoded),
        None => Cow::Owned(spaced),
    }
}

fn decode_escapes(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let [high, low, tail @ ..] = rest else { return None };
            out.push(hex(*high)? << 4 | hex(*low)?);
            rest = tail;
        } else {
            out.push(first);
        }
    }
    String::from_utf8(out).ok()
}

/// `a.b[c].d` → `a[b][c][d]`
fn undotted(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 8);
    let mut rest = key;
    while let Some((before, after)) = rest.split_once('.') {
        out.push_str(before);
        let end = after.find(['.', '[']).unwrap_or(after.len());
        match end {
            0 => out.push('.'),
            end => out.push_str(&format!("[{}]", &after[..end])),
        }
        rest = &after[end..];
    }
    out + rest
}

/// `a[b][]` → `a`, `b`, ``; `None` for keys that are dropped.
fn keys(key: &str, depth: usize) -> Option<Vec<&str>> {
    let first = key.find('[').unwrap_or(key.len());
    let (mut keys, mut rest) =
        if first == 0 { (Vec::new(), key) } else { (vec![&key[..first]], &key[first..]) };
    let mut levels = 0;
    while let Some(end) = rest.find(']').filter(|_| rest.starts_with('[')) {
        if levels == depth {
            break;
        }
        keys.push(&rest[1..end]);
        rest = &rest[end + 1..];
        levels += 1;
    }
    if !rest.is_empty() && rest.starts_with('[') {
        // Too deep or not closed: the rest is one key as it stands.
        keys.push(rest);
    }
    (!keys.is_empty() && !keys.iter().any(|key| is_dropped(key))).then_some(keys)
}

/// Names that mean something else in JavaScript.
pub(crate) fn is_dropped(name: &str) -> bool {
    matches!(name, "__proto__" | "constructor" | "prototype")
}

/// A key within a list or an object. Numbers sort as numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Index(usize),
    Text(String),
}

impl Key {
    fn into_text(self) -> String {
        match self {
            Self::Index(index) => index.to_string(),
            Self::Text(text) => text,
        }
    }
}

enum Node {
    Leaf(Value),
    Branch(Branch),
}

struct Branch {
    /// Numbers below it are places of a list.
    places: usize,
    entries: BTreeMap<Key, Node>,
    /// Some key is not an index: this is an object.
    object: bool,
    next: usize,
}

impl Branch {
    fn new(places: usize) -> Self {
        Self { places, entries: BTreeMap::new(), object: false, next: 0 }
    }

    fn insert(&mut self, keys: &[&str], value: Value) {
        let Some((first, rest)) = keys.split_first() else { return };
        let key = self.key(first);
        match self.entries.get_mut(&key) {
            None => {
                let node = match rest {
                    [] => Node::Leaf(value),
                    rest => {
                        let mut branch = Self::new(self.places);
                        branch.insert(rest, value);
                        Node::Branch(branch)
                    }
                };
                self.entries.insert(key, node);
            }
            Some(Node::Branch(branch)) if rest.is_empty() => branch.insert(&[""], value),
            Some(Node::Branch(branch)) => branch.insert(rest, value),
            Some(node @ Node::Leaf(_)) => {
                let Node::Leaf(old) = std::mem::replace(node, Node::Leaf(Value::Null)) else { return };
                let mut branch = Self::new(self.places);
                branch.insert(&[""], old);
                branch.insert(if rest.is_empty() { &[""] } else { rest }, value);
                *node = Node::Branch(branch);
            }
        }
    }

    /// Whether a number names a place in the list: one near its start, or one that `a[]` has filled.
    fn is_index(&self, index: usize) -> bool {
        index < self.places || self.entries.contains_key(&Key::Index(index))
    }

    /// The next place of the list whose number is no key of the object.
    fn free(&mut self) -> usize {
        while self.next >= self.places && self.entries.contains_key(&Key::Text(self.next.to_string())) {
            self.next += 1;
        }
        self.next
    }

    fn key(&mut self, text: &str) -> Key {
        let index = match text {
            "" => Some(self.free()),
            text => {
                text.parse().ok().filter(|index: &usize| index.to_string() == text && self.is_index(*index))
            }
        };
        match index {
            Some(index) => {
                self.next = self.next.max(index + 1);
                Key::Index(index)
            }
            None => {
                self.object = true;
                Key::Text(text.to_owned())
            }
        }
    }
}

impl Node {
    fn finish(self) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::Branch(branch) if branch.object => {
                let entries = branch.entries.into_iter();
                entries.map(|(key, node)| (key.into_text(), node.finish())).collect::<Map<_, _>>().into()
            }
            Self::Branch(branch) => branch.entries.into_values().map(Self::finish).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        parse(text, 1000).unwrap().into()
    }

    #[test]
    fn reads_what_qs_reads() {
        for (text, expected) in [
            ("", json!({})),
            ("a=1&b=2", json!({"a": "1", "b": "2"})),
            ("a=1&a=2&a=3", json!({"a": ["1", "2", "3"]})),
            ("a[]=1&a[]=2", json!({"a": ["1", "2"]})),
            ("a[]=1", json!({"a": ["1"]})),
            ("a[1]=y&a[0]=x", json!({"a": ["x", "y"]})),
            ("a[b]=1&a[c][d]=2", json!({"a": {"b": "1", "c": {"d": "2"}}})),
            ("a%5Bb%5D=1", json!({"a": {"b": "1"}})),
            ("a[100]=x", json!({"a": {"100": "x"}})),
            ("a[999999999999999999999]=x", json!({"a": {"999999999999999999999": "x"}})),
            ("a[0]=x&a[b]=y", json!({"a": {"0": "x", "b": "y"}})),
            ("a.b=1", json!({"a.b": "1"})),
            ("a=1,2", json!({"a": "1,2"})),
            ("a", json!({"a": ""})),
            ("a=", json!({"a": ""})),
            ("=1&&", json!({})),
            ("?a=1", json!({"?a": "1"})),
            ("x=%&y=%zz&z=%ff", json!({"x": "%", "y": "%zz", "z": "%ff"})),
            ("x=a+b%20c", json!({"x": "a b c"})),
            ("5=x", json!({"5": "x"})),
            ("a[b]=[c]=1", json!({"a": {"b": "[c]=1"}})),
            ("a[b=1", json!({"a": {"[b": "1"}})),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn depth_is_cut_at_five() {
        assert_eq!(
            read("a[b][c][d][e][f][g]=x"),
            json!({"a": {"b": {"c": {"d": {"e": {"f": {"[g]": "x"}}}}}}})
        );
        let deep = format!("a{}=x", "[b]".repeat(10_000));
        assert!(read(&deep)["a"].is_object());
    }

    #[test]
    fn prototype_names_are_dropped_everywhere() {
        let text = "__proto__[x]=1&a[__proto__]=1&constructor=1&a[constructor][prototype]=1&prototype=2&b=1";
        assert_eq!(read(text), json!({"b": "1"}));
    }

    #[test]
    fn numbers_of_long_lists_lose_no_value() {
        let list = vec!["a[]=l"; 26].join("&");
        let long = read(&format!("{list}&a[25]=x"));
        assert_eq!(long["a"].as_array().unwrap().len(), 26);
        assert_eq!(long["a"][25], json!(["l", "x"]));
        let first = read(&format!("a[25]=x&a[26]=y&{list}"));
        assert_eq!(first["a"].as_object().unwrap().len(), 28);
        assert_eq!((&first["a"]["25"], &first["a"]["27"]), (&json!("x"), &json!("l")));
        let last = read(&format!("{list}&a[26]=x&a[b]=y"));
        assert_eq!(
            (&last["a"]["26"], &last["a"]["0"], &last["a"]["b"]),
            (&json!("x"), &json!("l"), &json!("y"))
        );
        // Two keys of one name at the top, too.
        let top = vec!["[]=l"; 22].join("&");
        assert_eq!(read(&format!("21=x&{top}")).as_object().unwrap().len(), 23);
    }

    #[test]
    fn options_are_those_of_the_reference() {
        let options = QueryOptions { commas: true, dots: true, depth: 1, places: 0, cut: true };
        for (text, expected) in [
            ("names=Alice,Bob", json!({"names": ["Alice", "Bob"]})),
            ("a[0]=x&b=1&c=2", json!({"a": {"0": "x"}, "b": "1"})),
            ("a[b][c][d]=1", json!({"a": {"b": {"[c][d]": "1"}}})),
            ("a.b=1&c.=2", json!({"a": {"b": "1"}, "c.": "2"})),
            ("a.__proto__=1", json!({})),
            ("a[]=x&a[]=y", json!({"a": ["x", "y"]})),
        ] {
            assert_eq!(Value::from(read_with(text, options)), expected, "{text}");
        }
        let deep = QueryOptions { dots: true, depth: usize::MAX, ..QueryOptions::default() };
        assert!(read_with(&format!("a{}=x", ".b".repeat(10_000)), deep)["a"].is_object());
        let twenty = |text| read_with(text, QueryOptions::default());
        assert!(twenty("a[19]=x")["a"].is_array() && twenty("a[20]=x")["a"].is_object());
    }

    fn read_with(text: &str, options: QueryOptions) -> Map<String, Value> {
        super::read(text, Bounds { most: 2, options }).unwrap()
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        let text = vec!["a[]=1"; 1001].join("&");
        assert_eq!(parse(&text, 1000).unwrap_err().kind(), "TOO_MANY_PARAMETERS");
        assert_eq!(parse(&text, 1001).unwrap()["a"].as_array().unwrap().len(), 1001);
    }
}
