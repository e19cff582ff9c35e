//! Files that are written by a thread of their own, so that nobody waits for the disk.

use std::{
    fmt, fs,
    path::Path,
    sync::mpsc::{SyncSender, sync_channel},
    thread::{Builder, JoinHandle},
    time::{SystemTime, UNIX_EPOCH},
};

use ligand_wire::{Error, Result};
use serde::Serialize as _;
use serde_json::{Serializer, Value, ser::PrettyFormatter};

/// Files that may wait; more are left out.
const QUEUE: usize = 1000;

/// Longest name of a file, without time and extension.
const NAME: usize = 150;

/// A folder that files are added to. What waits is written before it is dropped.
pub(super) struct Folder {
    files: Option<SyncSender<(String, String)>>,
    writer: Option<JoinHandle<()>>,
}

impl Folder {
    /// Makes `<path>/<node>`.
    pub(super) fn open(path: &Path, node_id: &str) -> Result<Self> {
        let folder = path.join(plain(node_id));
        let failed = |error: std::io::Error| {
            Error::broker_options(format!("the folder '{}' cannot be written: {error}", folder.display()))
        };
        fs::create_dir_all(&folder).map_err(failed)?;
        let (files, queue) = sync_channel::<(String, String)>(QUEUE);
        let target = folder.clone();
        let writer = Builder::new()
            .name("debug-files".into())
            .spawn(move || {
                for (name, text) in queue {
                    if let Err(error) = fs::write(target.join(&name), pretty(text)) {
                        tracing::warn!("debug file '{name}' is not written: {error}");
                    }
                }
            })
            .map_err(failed)?;
        Ok(Self { files: Some(files), writer: Some(writer) })
    }

    /// Adds `<milliseconds>-<name>.json` with this text; JSON is laid out for reading.
    pub(super) fn write(&self, name: fmt::Arguments<'_>, text: String) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let name = format!("{now}-{}.json", plain(&name.to_string()));
        if let Some(Err(_)) = self.files.as_ref().map(|files| files.try_send((name, text))) {
            tracing::warn!("a debug file is left out: {QUEUE} wait for the disk already");
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.files = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Folder")
    }
}

/// A name without anything that leads out of the folder: names of nodes and actions come from outside.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_$.".contains(c) { c } else { '_' };
    let name: String = name.chars().take(NAME).map(plain).collect();
    match &*name {
        "" | "." | ".." => "_".into(),
        _ => name,
    }
}

fn pretty(text: String) -> Vec<u8> {
    let Ok(value) = serde_json::from_str::<Value>(&text) else { return text.into() };
    let mut out = Vec::new();
    let laid_out =
        value.serialize(&mut Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(b"    ")));
    if laid_out.is_ok() { out } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_stay_inside() {
        for (name, plain) in [
            ("v1.posts.find", "v1.posts.find"),
            ("$node.list", "$node.list"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("..", "_"),
            ("", "_"),
            ("a\0b\nä", "a_b__"),
        ] {
            assert_eq!(super::plain(name), plain);
        }
        assert_eq!(super::plain(&"x".repeat(1000)).len(), NAME);
    }

    #[test]
    fn everything_is_written_before_it_is_dropped() {
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::open(path.path(), "../node").unwrap();
        for n in 0..100 {
            folder.write(format_args!("file-{n}"), r#"{"a":1}"#.into());
        }
        drop(folder);
        let files: Vec<_> =
            fs::read_dir(path.path().join(".._node")).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 100);
        assert_eq!(fs::read_to_string(&files[0]).unwrap(), "{\n    \"a\": 1\n}");
    }
}
