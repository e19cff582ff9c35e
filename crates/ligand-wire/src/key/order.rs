//! Object entries while they are written, and JavaScript's order of keys.

use std::ops::Range;

/// Writes what stands between entries, and puts them in order when they are not.
///
/// Array-index keys go to the front. Entries that came in no order at all are sorted: the same content shall have
/// the same text each time.
pub(super) struct Entries {
    start: usize,
    any: bool,
    /// The entries came in no order.
    unsorted: bool,
    /// The entries that may have to be moved, in the order met: of ordinary objects only those with an index.
    moving: Vec<(Option<u32>, Range<usize>)>,
    open: Option<(Option<u32>, usize)>,
    /// Whether some entry is out of JavaScript's order.
    unordered: bool,
    seen_name: bool,
}

impl Entries {
    /// `unsorted`: they come in no order.
    pub(super) fn new(out: &str, unsorted: bool) -> Self {
        let start = out.len();
        Self {
            start,
            any: false,
            unsorted,
            moving: Vec::new(),
            open: None,
            unordered: false,
            seen_name: false,
        }
    }

    /// Whether there is an entry.
    pub(super) const fn any(&self) -> bool {
        self.any
    }

    /// Before a key is written. Returns where its text will start.
    pub(super) fn begin(&mut self, separator: char, out: &mut String) -> usize {
        self.close(out);
        if self.any {
            out.push(separator);
        }
        self.any = true;
        out.len()
    }

    /// The key that begins at `at` was written, as it is.
    pub(super) fn key(&mut self, at: usize, out: &str) {
        let index = array_index(&out[at..]);
        if index.is_some() {
            let last = self.moving.last().and_then(|(last, _)| *last);
            self.unordered |= self.seen_name || last > index;
        } else {
            self.seen_name = true;
        }
        if index.is_some() || self.unsorted {
            self.open = Some((index, at));
        }
    }

    fn close(&mut self, out: &str) {
        if let Some((index, at)) = self.open.take() {
            self.moving.push((index, at..out.len()));
        }
    }

    /// After the last value. Returns whether entries were moved.
    pub(super) fn finish(mut self, separator: char, out: &mut String) -> bool {
        self.close(out);
        if !(self.unordered || self.unsorted && self.moving.len() > 1) {
            return false;
        }
        let mut sorted = self.moving.clone();
        if self.unsorted {
            sorted.sort_by(|(a, a_at), (b, b_at)| {
                let key = |index: &Option<u32>| (index.is_none(), *index);
                key(a).cmp(&key(b)).then_with(|| out[a_at.clone()].cmp(&out[b_at.clone()]))
            });
        } else {
            sorted.sort_by_key(|(index, _)| *index);
        }
        let mut text = String::with_capacity(out.len() - self.start);
        for (_, range) in sorted {
            push_entry(&mut text, separator, &out[range]);
        }
        // What lies between the moved entries, without the separators around it.
        let mut from = self.start;
        let ends =
            self.moving.iter().map(|(_, range)| range.clone()).chain(std::iter::once(out.len()..out.len()));
        for range in ends {
            let between = &out[from..range.start];
            let between =
                if from > self.start { between.strip_prefix(separator).unwrap_or(between) } else { between };
            let between = if range.start < out.len() {
                between.strip_suffix(separator).unwrap_or(between)
            } else {
                between
            };
            if !between.is_empty() {
                push_entry(&mut text, separator, between);
            }
            from = range.end;
        }
        out.truncate(self.start);
        out.push_str(&text);
        true
    }
}

fn push_entry(text: &mut String, separator: char, entry: &str) {
    if !text.is_empty() {
        text.push(separator);
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
