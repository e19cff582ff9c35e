//! Field paths as fastest-validator writes them: `items[0].price`, `address['zip-code']`.

use super::error::shortened;

/// One step of a field path.
#[derive(Clone, Copy)]
pub(crate) enum Segment<'a> {
    Key(&'a str),
    /// A key of a map, whose names are data: never quoted in the path.
    Entry(&'a str),
    Index(usize),
}

impl Segment<'_> {
    /// Writes the step after the steps before it.
    pub(crate) fn append(&self, path: &mut String) {
        match self {
            Segment::Index(index) => path.push_str(&format!("[{index}]")),
            Segment::Key(name) | Segment::Entry(name) if path.is_empty() => path.push_str(&shortened(name)),
            Segment::Key(name) | Segment::Entry(name)
                if matches!(self, Segment::Entry(_)) || is_identifier(name) =>
            {
                path.push('.');
                path.push_str(&shortened(name));
            }
            Segment::Key(name) | Segment::Entry(name) => {
                let escaped = shortened(name).replace('\\', "\\\\").replace('\'', "\\'");
                path.push_str(&format!("['{escaped}']"));
            }
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$');
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}
