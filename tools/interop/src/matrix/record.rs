//! What earlier runs of the command have done, in a file: the whole matrix takes hours, and may be run in parts.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    sync::Mutex,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Options, Report, Run};

/// A file with a line for each cluster that is done.
#[derive(Debug)]
pub(super) struct Record {
    done: HashMap<String, Line>,
    file: Mutex<File>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    cluster: String,
    passed: usize,
    skipped: usize,
    failed: usize,
    seconds: f64,
}

impl Record {
    /// Reads what is there, and makes the file when it is not.
    ///
    /// # Errors
    /// The file cannot be read or written, or is another one.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.map_err(|error| format!("{name} cannot be read: {error}"))?,
        };
        let mut done = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let line: Line = serde_json::from_str(line)
                .map_err(|error| format!("line {} of {name} is none of this command: {error}", number + 1))?;
            done.insert(line.cluster.clone(), line);
        }
        let file = File::options().create(true).append(true).open(path);
        let file = file.map_err(|error| format!("{name} cannot be written: {error}"))?;
        Ok(Self { done, file: Mutex::new(file) })
    }

    /// The earlier report of a cluster of which everything passed. What failed is run again.
    pub(super) fn of(&self, run: &Run, options: &Options) -> Option<Report> {
        let line = self.done.get(&key(run, options)).filter(|line| line.failed == 0)?;
        let took = Duration::try_from_secs_f64(line.seconds).unwrap_or_default();
        Some(Report {
            run: run.clone(),
            passed: line.passed,
            skipped: line.skipped,
            failed: Vec::new(),
            took,
        })
    }

    /// Notes a cluster that is done.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn note(&self, report: &Report, options: &Options) -> Result<(), String> {
        let line = Line {
            cluster: key(&report.run, options),
            passed: report.passed,
            skipped: report.skipped,
            failed: report.failed.len(),
            seconds: report.took.as_secs_f64(),
        };
        let text = serde_json::to_string(&line).map_err(|error| error.to_string())?;
        let mut file = self.file.lock().map_err(|error| error.to_string())?;
        writeln!(file, "{text}").map_err(|error| format!("the record cannot be written: {error}"))
    }
}

/// The cluster and what is done with it: other scenarios are another thing.
fn key(run: &Run, options: &Options) -> String {
    let workers: Vec<_> = run.workers.iter().map(|worker| worker.name()).collect();
    let scenarios: Vec<_> = run.scenarios(options).iter().map(|scenario| scenario.name).collect();
    [
        run.transporter.name(),
        run.serializer.name(),
        run.stage.name(),
        run.supervisor.name(),
        &workers.join(","),
        &scenarios.join(","),
    ]
    .join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passed_is_not_run_again_and_what_failed_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let options = Options::read(["--transporter", "nats,tcp"].map(String::from)).unwrap().unwrap();
        let runs = options.runs();
        let report = |run: &Run, failed| Report {
            run: run.clone(),
            passed: 3,
            skipped: 1,
            failed,
            took: Duration::from_secs(2),
        };
        let record = Record::open(&path).unwrap();
        record.note(&report(&runs[0], Vec::new()), &options).unwrap();
        record.note(&report(&runs[1], vec![("calls", "why".into())]), &options).unwrap();
        assert!(record.of(&runs[0], &options).is_none(), "it was read before");
        let record = Record::open(&path).unwrap();
        let known = record.of(&runs[0], &options).unwrap();
        assert_eq!((known.passed, known.skipped, known.took), (3, 1, Duration::from_secs(2)));
        assert!(record.of(&runs[1], &options).is_none() && record.of(&runs[2], &options).is_none());
        record.note(&report(&runs[1], Vec::new()), &options).unwrap();
        assert!(Record::open(&path).unwrap().of(&runs[1], &options).is_some(), "the last line counts");
        let fewer =
            Options::read(["--scenario", crate::scenario::ALL[0].name].map(String::from)).unwrap().unwrap();
        assert!(record.of(&runs[0], &fewer).is_none(), "other scenarios are another thing");
    }

    #[test]
    fn another_file_is_no_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "hello\n").unwrap();
        assert!(Record::open(&path).unwrap_err().contains("line 1 of"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "hello\n");
    }
}
