//! Servers and the callee's processes.

use std::{net::TcpListener, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
};

use crate::load::Result;

/// A running bus.
pub(crate) struct Bus {
    pub(crate) url: String,
    _server: Option<Child>,
    _folder: tempfile::TempDir,
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts the server of a transport on a free port.
pub(crate) async fn start(transport: &str) -> Result<Bus> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let number = port.to_string();
    let mut command = match transport {
        "nats" => {
            let mut command = Command::new("nats-server");
            command.args(["-a", "127.0.0.1", "-p", &number]);
            command
        }
        "tcp" => {
            let url = format!("tcp://{port},{}", free_port()?);
            return Ok(Bus { url, _server: None, _folder: folder });
        }
        other => return Err(format!("unknown transport '{other}'").into()),
    };
    command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = command.kill_on_drop(true).spawn().map_err(|error| format!("{transport}: {error}"))?;
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return Ok(Bus {
                url: format!("{transport}://127.0.0.1:{port}"),
                _server: Some(server),
                _folder: folder,
            });
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Err(format!("the server of {transport} did not start").into())
}

/// Starts this program as a callee and waits until it is ready; it ends with the handle.
pub(crate) async fn role(role: &str, bus: &str) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--role", role, "--bus", bus]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn()?;
    let stdout = child.stdout.take().ok_or("the callee has no output")?;
    let line = BufReader::new(stdout).lines().next_line().await?;
    match line.as_deref() {
        Some("ready") => Ok(child),
        other => Err(format!("the callee '{role}' said {other:?}").into()),
    }
}

/// Ends when the parent is gone.
pub(crate) async fn until_closed() {
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}
