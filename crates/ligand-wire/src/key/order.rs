//! Object entries while they are written, and JavaScript's order of keys.

use std::ops::Range;

/// Writes `key|value` entries joined with `|`, and moves array-index keys to the front when they are not there.
pub(super) struct Entries {
    start: usize,
    any: bool,
    /// Array-index entries in the order met, kept only to be moved. Empty for ordinary objects.
    indexes: Vec<(u32, Range<usize>)>,
    open: Option<(u32, usize)>,
    /// Whether some entry is out of JavaScript's order.
    unordered: bool,
    seen_name: bool,
}

impl Entries {
    pub(super) fn new(out: &str) -> Self {
        let start = out.len();
        Self { start, any: false, indexes: Vec::new(), open: None, unordered: false, seen_name: false }
    }

    /// Before a key is written. Returns where its text will start.
    pub(super) fn begin(&mut self, out: &mut String) -> usize {
        self.close(out);
        if self.any {
            out.push('|');
        }
        self.any = true;
        out.len()
    }

    /// After a key was written at `at` and before its value.
    pub(super) fn key_written(&mut self, at: usize, out: &mut String) {
        match array_index(&out[at..]) {
            Some(index) => {
                self.unordered |=
                    self.seen_name || self.indexes.last().is_some_and(|(last, _)| *last > index);
                self.open = Some((index, at));
            }
            None => self.seen_name = true,
        }
        out.push('|');
    }

    fn close(&mut self, out: &str) {
        if let Some((index, at)) = self.open.take() {
            self.indexes.push((index, at..out.len()));
        }
    }

    /// After the last value.
    pub(super) fn finish(mut self, out: &mut String) {
        self.close(out);
        if !self.unordered {
            return;
        }
        let mut sorted = self.indexes.clone();
        sorted.sort_by_key(|(index, _)| *index);
        let mut text = String::with_capacity(out.len() - self.start);
        for (_, range) in sorted {
            push_entry(&mut text, &out[range]);
        }
        // What lies between the moved entries, without the separators around it.
        let mut from = self.start;
        let ends =
            self.indexes.iter().map(|(_, range)| range.clone()).chain(std::iter::once(out.len()..out.len()));
        for range in ends {
            let between = &out[from..range.start];
            let between =
                if from > self.start { between.strip_prefix('|').unwrap_or(between) } else { between };
            let between =
                if range.start < out.len() { between.strip_suffix('|').unwrap_or(between) } else { between };
            if !between.is_empty() {
                push_entry(&mut text, between);
            }
            from = range.end;
        }
        out.truncate(self.start);
        out.push_str(&text);
    }
}

fn push_entry(text: &mut String, entry: &str) {
    if !text.is_empty() {
        text.push('|');
    }
    text.push_str(entry);
}

/// The value of a canonical array index: no sign, no leading zero, below 2³² − 1.
fn array_index(key: &str) -> Option<u32> {
    let canonical = key == "0" || (key.starts_with(|c: char| ('1'..='9').contains(&c)) && key.len() <= 10);
    (canonical && key.bytes().all(|b| b.is_ascii_digit()))
        .then(|| key.parse().ok())
        .flatten()
        .filter(|i| *i < u32::MAX)
}
