//! A program whose process group ends with its handle, and with this process however that ends.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

/// Waits until this process has ended, which closes the input, and cleans up in its place. What a test keeps in a static ends
/// that way.
const WATCH: &str = r#"read -r end; kill -9 "-$1"; rm -rf "$2""#;

/// A running program. Its group is its own: RabbitMQ is a shell that starts other processes.
#[derive(Debug)]
pub(crate) struct Guard {
    program: Child,
    watch: Child,
}

/// What to run.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

impl Guard {
    /// Starts a program in a folder, where `server.log` gets what it prints. The folder goes when this process ends.
    ///
    /// # Errors
    /// There is no such program, there is no `sh`, or the folder cannot be written.
    pub(crate) fn start(program: &Program, folder: &Path) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(log(folder))?;
        let mut command = Command::new(&program.name);
        command.args(&program.arguments).current_dir(folder).process_group(0);
        command.envs(program.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut program = command.spawn()?;
        let mut watch = Command::new("sh");
        watch.args(["-c", WATCH, "watch", &program.id().to_string()]).arg(folder);
        watch.current_dir("/").process_group(0).stdin(Stdio::piped()).stderr(Stdio::null());
        match watch.spawn() {
            Ok(watch) => Ok(Self { program, watch }),
            Err(error) => {
                // Nobody would end it otherwise.
                let _ = program.kill();
                let _ = program.wait();
                Err(error)
            }
        }
    }

    /// How it ended, when it has.
    pub(crate) fn ended(&mut self) -> Option<End> {
        self.program.try_wait().ok().flatten().map(End)
    }

    /// Sends the group a signal.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn signal(&self, name: &str) -> io::Result<()> {
        // The shell's own: not every machine has the program.
        let mut kill = Command::new("sh");
        kill.args(["-c", &format!("kill -{name} -{}", self.program.id())]).stderr(Stdio::null());
        if kill.status()?.success() { Ok(()) } else { Err(io::Error::other(format!("kill -{name} failed"))) }
    }
}

impl Drop for Guard {
    #[allow(clippy::disallowed_methods, reason = "a drop cannot wait otherwise, and a second at most")]
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.signal("KILL");
        let _ = self.program.kill();
        let _ = self.program.wait();
        // Others of the group may take a moment, and hold the port so long. Where nobody buries them they seem to stay.
        for _ in 0..200 {
            if self.signal("0").is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.watch.kill();
        let _ = self.watch.wait();
    }
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct End(ExitStatus);

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.signal() {
            Some(signal) => write!(f, "ended by signal {signal}"),
            None => write!(f, "ended with {}", self.0),
        }
    }
}

/// Where the program's output goes.
pub(crate) fn log(folder: &Path) -> PathBuf {
    folder.join("server.log")
}
