//! A program whose process group ends with its handle, and with this process however that ends.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

/// Runs the program, and ends the group as soon as the standard input is closed: the system does that when this process is
/// killed. The group, since RabbitMQ is a shell that starts other processes. Whoever waits for the guard has waited for the
/// program: its port is free then.
const SCRIPT: &str = r#"
exec 3<&0
"$@" 3<&- & server=$!
echo $server >"$GUARD_PID"
{ read -r end <&3; kill -9 -$$; } & watch=$!
exec 3<&-
wait $server; status=$?
[ $status -eq 137 ] && kill -9 -$$
kill -9 $watch
exit $status
"#;

/// What a shell says of a program that is not there.
const MISSING: i32 = 127;

/// A running program.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    pid: PathBuf,
}

/// What to run.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

impl Guard {
    /// Starts a program in a folder, where `server.log` gets what it prints.
    ///
    /// # Errors
    /// There is no `sh`, or the folder cannot be written.
    pub(crate) fn start(program: &Program, folder: &Path) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(log(folder))?;
        let pid = folder.join("server.pid");
        // That of an earlier run is not this one's.
        let _ = fs::remove_file(&pid);
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "guard"]).arg(&program.name).args(&program.arguments);
        command.envs(program.environment.iter().map(|(name, value)| (name, value)));
        command.env("GUARD_PID", &pid).current_dir(folder).process_group(0);
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        Ok(Self { shell: command.spawn()?, pid })
    }

    /// How it ended, when it has.
    pub(crate) fn ended(&mut self) -> Option<End> {
        let status = self.shell.try_wait().ok().flatten()?;
        Some(if status.code() == Some(MISSING) { End::Missing } else { End::With(status) })
    }

    /// Sends the program, not its group, a signal.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn signal(&self, name: &str) -> io::Result<()> {
        let pid = fs::read_to_string(&self.pid)?;
        let mut kill = Command::new("kill");
        let status = kill.args([&format!("-{name}"), pid.trim()]).stderr(Stdio::null()).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill -{name} failed"))) }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.signal("KILL").is_err() {
            // It has ended already, or has not begun.
            let group = format!("-{}", self.shell.id());
            let _ = Command::new("kill").args(["-9", "--", &group]).stderr(Stdio::null()).status();
        }
        // Waiting closes the input, whereupon the shell would end before the program has.
        let _input = self.shell.stdin.take();
        let _ = self.shell.wait();
    }
}

/// How a program ended.
#[derive(Debug)]
pub(crate) enum End {
    Missing,
    With(ExitStatus),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("is not installed"),
            Self::With(status) => match status.signal() {
                Some(signal) => write!(f, "ended by signal {signal}"),
                None => write!(f, "ended with {status}"),
            },
        }
    }
}

/// Where the program's output goes.
pub(crate) fn log(folder: &Path) -> PathBuf {
    folder.join("server.log")
}
