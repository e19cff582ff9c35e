//! Length-prefixed frames over one connection, with a number to find the caller.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ligand_bench::{Failure, packets::USER};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader, BufWriter},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

use super::{MESSAGE, callee_port, pending::Pending};
use crate::{
    load::{self, Load},
    role,
};

/// Number of a frame that asks for a stream; its body is the number of bytes.
const STREAM: u64 = u64::MAX;

const BUFFER: usize = 64 * 1024;

type Frame = (u64, Bytes);

/// Reads a frame: length, number, body.
async fn frame(stream: &mut (impl AsyncReadExt + Unpin)) -> Result<Frame, Failure> {
    let len = stream.read_u32().await?;
    let number = stream.read_u64().await?;
    let mut body = vec![0; usize::try_from(len)?];
    stream.read_exact(&mut body).await?;
    Ok((number, body.into()))
}

/// Writes frames as they come; those that wait already go in one write.
async fn write(stream: impl AsyncWriteExt + Unpin, mut frames: mpsc::Receiver<Frame>) -> Result<(), Failure> {
    let mut stream = BufWriter::with_capacity(BUFFER, stream);
    while let Some(mut frame) = frames.recv().await {
        loop {
            stream.write_u32(u32::try_from(frame.1.len())?).await?;
            stream.write_u64(frame.0).await?;
            stream.write_all(&frame.1).await?;
            match frames.try_recv() {
                Ok(next) => frame = next,
                Err(_) => break,
            }
        }
        stream.flush().await?;
    }
    Ok(())
}

pub(super) async fn serve(bus: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", callee_port(bus)?)).await?;
    role::serving(async {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (input, output) = stream.into_split();
        // Few enough for a stream: the window is what the sockets hold.
        let (frames, queue) = mpsc::channel(128);
        let mut writer = JoinSet::new();
        writer.spawn(write(output, queue));
        let mut input = BufReader::with_capacity(BUFFER, input);
        while let Ok((number, body)) = frame(&mut input).await {
            if number != STREAM {
                frames.send((number, body)).await?;
                continue;
            }
            let (message, mut rest) = (Bytes::from_static(&[0; MESSAGE]), str::from_utf8(&body)?.parse()?);
            while rest > 0 {
                let len = MESSAGE.min(rest);
                frames.send((STREAM, message.slice(..len))).await?;
                rest -= len;
            }
        }
        drop(frames);
        writer.join_next().await.ok_or("the writer is gone")??
    })
    .await
}

async fn connect(bus: &str) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", callee_port(bus)?)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

pub(super) async fn load(bus: &str, time: Duration) -> Result<Load, Failure> {
    let (input, output) = connect(bus).await?.into_split();
    let (frames, queue) = mpsc::channel(1024);
    let mut halves = JoinSet::new();
    halves.spawn(async move { drop(write(output, queue).await) });
    let pending = Pending::default();
    let answered = pending.clone();
    halves.spawn(async move {
        let mut input = BufReader::with_capacity(BUFFER, input);
        while let Ok((number, body)) = frame(&mut input).await {
            answered.answered(number, body.len());
        }
    });
    load::run(time, move || {
        let (frames, pending) = (frames.clone(), pending.clone());
        async move {
            let (number, answer) = pending.call();
            frames.send((number, Bytes::from_static(USER.as_bytes()))).await?;
            answer.wait().await
        }
    })
    .await
}

pub(super) async fn read(bus: &str, bytes: u64) -> Result<f64, Failure> {
    let (input, mut output) = connect(bus).await?.into_split();
    let mut input = BufReader::with_capacity(BUFFER, input);
    role::until_go().await?;
    let start = Instant::now();
    let size = bytes.to_string();
    output.write_u32(u32::try_from(size.len())?).await?;
    output.write_u64(STREAM).await?;
    output.write_all(size.as_bytes()).await?;
    let mut got = 0;
    while got < bytes {
        got += frame(&mut input).await?.1.len() as u64;
    }
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    Ok(bytes as f64 / start.elapsed().as_secs_f64())
}
