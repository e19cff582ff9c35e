//! Files by date and size.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};

use super::Rotation;

const DATE: &str = "{date}";

/// The files that one sink writes, one after the other.
pub(super) struct Files {
    folder: PathBuf,
    name: String,
    pub(super) rotation: Rotation,
    now: fn() -> Timestamp,
    open: Option<Open>,
}

struct Open {
    file: BufWriter<File>,
    day: String,
    path: PathBuf,
    bytes: u64,
}

impl Files {
    pub(super) fn new(folder: PathBuf, name: String) -> Self {
        Self { folder, name, rotation: Rotation::default(), now: Timestamp::now, open: None }
    }

    /// Fills in what does not change, and opens the first file.
    pub(super) fn open(&mut self, node: &str, namespace: &str) -> io::Result<()> {
        let safe = |text: &str| text.replace(['/', '\\', '\0'], "-");
        self.name = self.name.replace("{nodeID}", &safe(node)).replace("{namespace}", &safe(namespace));
        if Path::new(&self.name).components().count() != 1 || self.name.contains(['/', '\\']) {
            let text = "the name of a log file is a name, not a path; its folder is an option of its own";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        fs::create_dir_all(&self.folder)?;
        self.current()?;
        Ok(())
    }

    /// The file that is written to.
    fn path(&self) -> PathBuf {
        self.open.as_ref().map(|open| open.path.clone()).unwrap_or_default()
    }

    fn day(&self) -> String {
        (self.now)().to_zoned(TimeZone::UTC).date().to_string()
    }

    fn current(&mut self) -> io::Result<&mut Open> {
        let day = self.day();
        let changes = self.name.contains(DATE);
        if let Some(open) = &self.open
            && changes
            && open.day != day
        {
            self.close();
        }
        if self.open.is_none() {
            let path = self.folder.join(self.name.replace(DATE, &day));
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            let bytes = file.metadata()?.len();
            self.open = Some(Open { file: BufWriter::new(file), day, path, bytes });
            self.forget_old();
        }
        self.open.as_mut().ok_or_else(|| io::Error::other("no file is open"))
    }

    fn close(&mut self) {
        if let Some(mut open) = self.open.take() {
            let _ = open.file.flush();
        }
    }

    /// Puts the file away under a name with a number.
    fn put_away(&mut self) -> io::Result<()> {
        let path = self.path();
        self.close();
        let number = (1..).find(|number| !numbered(&path, *number).exists()).unwrap_or(1);
        fs::rename(&path, numbered(&path, number))
    }

    /// Takes the oldest files away.
    fn forget_old(&self) {
        if self.rotation.keep == 0 {
            return;
        }
        let (before, after) = self.name.split_once(DATE).unwrap_or((&self.name, ""));
        let current = self.path();
        let own = |name: &str| {
            let Some(rest) = name.strip_prefix(before) else { return false };
            let Some(rest) = self.without_date(rest).and_then(|rest| rest.strip_prefix(after)) else {
                return false;
            };
            rest.is_empty() || rest.strip_prefix('.').is_some_and(|n| n.parse::<u32>().is_ok())
        };
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut old: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.path() != current && entry.file_name().to_str().is_some_and(own))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        old.sort();
        for (_, path) in old.iter().rev().skip(self.rotation.keep) {
            let _ = fs::remove_file(path);
        }
    }

    /// What follows the date in the name of a file.
    fn without_date<'a>(&self, rest: &'a str) -> Option<&'a str> {
        if !self.name.contains(DATE) {
            return Some(rest);
        }
        let date = rest.get(..10)?;
        date.parse::<jiff::civil::Date>().ok().map(|_| &rest[10..])
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

impl Write for Files {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let length = line.len() as u64;
        let open = self.current()?;
        let bytes = open.bytes;
        if bytes > 0 && self.rotation.max_bytes.is_some_and(|most| bytes + length > most) {
            // A folder that takes no new names is no reason to lose lines: the file grows on, and it is tried again
            // after as many bytes.
            if self.put_away().is_err() {
                self.current()?.bytes = 0;
            }
        }
        let open = self.current()?;
        open.file.write_all(line)?;
        open.bytes += length;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.open {
            Some(open) => open.file.flush(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    static NOW: AtomicI64 = AtomicI64::new(0);

    fn now() -> Timestamp {
        Timestamp::from_second(NOW.load(Ordering::Relaxed)).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn every_day_has_a_file_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs");
        let mut files = Files::new(path.clone(), "{nodeID}-{date}.log".into());
        (files.now, files.rotation.keep) = (now, 1);
        files.open("a/b", "").unwrap();
        fs::write(path.join("a-b-yesterday.log"), "not one of ours").unwrap();
        for day in 0..3 {
            NOW.store(day * 86_400, Ordering::Relaxed);
            files.write_all(format!("day {day}\n").as_bytes()).unwrap();
        }
        files.flush().unwrap();
        assert_eq!(names(&path), ["a-b-1970-01-02.log", "a-b-1970-01-03.log", "a-b-yesterday.log"]);
        assert_eq!(fs::read_to_string(path.join("a-b-1970-01-03.log")).unwrap(), "day 2\n");
    }

    #[test]
    fn a_file_that_grows_too_large_is_put_away() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new(folder.path().into(), "error.log".into());
        files.rotation = Rotation { max_bytes: Some(10), keep: 2 };
        files.open("n", "").unwrap();
        for line in ["one one\n", "two two\n", "three\n", "four four four\n", "five\n"] {
            files.write_all(line.as_bytes()).unwrap();
        }
        files.flush().unwrap();
        assert_eq!(names(folder.path()).len(), 3);
        assert_eq!(fs::read_to_string(folder.path().join("error.log")).unwrap(), "five\n");
        // Appended to after a restart.
        let mut again = Files::new(folder.path().into(), "error.log".into());
        again.open("n", "").unwrap();
        again.write_all(b"six\n").unwrap();
        again.flush().unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("error.log")).unwrap(), "five\nsix\n");
    }

    #[test]
    fn a_file_that_cannot_be_put_away_grows_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new(folder.path().into(), "a.log".into());
        files.rotation = Rotation { max_bytes: Some(10), keep: 0 };
        files.open("n", "").unwrap();
        files.write_all(b"123456789\n").unwrap();
        // What is there under the name of the file is not the file any more.
        fs::remove_file(folder.path().join("a.log")).unwrap();
        files.write_all(b"abcdefghi\n").unwrap();
        files.flush().unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("a.log")).unwrap(), "abcdefghi\n");
    }

    #[test]
    fn a_path_is_no_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../a.log", "logs/a.log", "", "/a"] {
            assert!(Files::new(folder.path().into(), name.into()).open("n", "").is_err(), "{name}");
        }
    }
}
