//! Keys that are likely, so that most of them are recognised by one comparison.

/// The names that the keys of a map are likely to be, and which comes next when they are in their usual order.
#[derive(Debug)]
pub(crate) struct Names {
    known: &'static [&'static str],
    next: usize,
}

impl Names {
    pub(crate) const fn of(known: &'static [&'static str]) -> Self {
        Self { known, next: 0 }
    }

    /// The name that is expected next.
    #[inline]
    pub(crate) fn expected(&self) -> Option<&'static str> {
        self.known.get(self.next).copied()
    }

    /// The expected name has come.
    #[inline]
    pub(crate) const fn advance(&mut self) {
        self.next += 1;
    }

    /// The name that is equal to `key`: a text already, where `key` might be none.
    #[inline]
    pub(crate) fn find(&mut self, key: &[u8]) -> Option<&'static str> {
        match self.expected() {
            Some(name) if name.as_bytes() == key => {
                self.advance();
                Some(name)
            }
            _ => self.search(key),
        }
    }

    fn search(&mut self, key: &[u8]) -> Option<&'static str> {
        let (before, after) = self.known.split_at_checked(self.next).unwrap_or((self.known, &[]));
        let at = |names: &[&str]| names.iter().position(|name| name.as_bytes() == key);
        let found = at(after).map(|index| self.next + index).or_else(|| at(before))?;
        self.next = found + 1;
        self.known.get(found).copied()
    }
}
