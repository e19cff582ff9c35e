//! Length-prefixed frames over one connection, with a number to find the caller.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader, BufWriter},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
};

use crate::load::{self, Load, Result, USER};

fn port(bus: &str) -> Result<u16> {
    Ok(bus.rsplit(',').next().ok_or("no port")?.parse()?)
}

/// Reads a frame: length, number, body.
async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> Result<(u64, Vec<u8>)> {
    let len = stream.read_u32().await?;
    let number = stream.read_u64().await?;
    let mut body = vec![0; usize::try_from(len)?];
    stream.read_exact(&mut body).await?;
    Ok((number, body))
}

/// Writes frames as they come; those that wait already go in one write.
async fn write(stream: impl AsyncWriteExt + Unpin, mut frames: mpsc::Receiver<(u64, Vec<u8>)>) -> Result<()> {
    let mut stream = BufWriter::with_capacity(64 * 1024, stream);
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

pub(crate) async fn serve(bus: &str) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port(bus)?)).await?;
    println!("ready");
    let answers = async {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (input, output) = stream.into_split();
        let (frames, queue) = mpsc::channel(1024);
        let writer = tokio::spawn(write(output, queue));
        let mut input = BufReader::with_capacity(64 * 1024, input);
        while let Ok(frame) = read(&mut input).await {
            if frames.send(frame).await.is_err() {
                break;
            }
        }
        drop(frames);
        writer.await?
    };
    tokio::select! {
        result = answers => result,
        () = crate::servers::until_closed() => Ok(()),
    }
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Vec<u8>>>>>;

pub(crate) async fn load(bus: &str, time: Duration) -> Result<Load> {
    let stream = TcpStream::connect(("127.0.0.1", port(bus)?)).await?;
    stream.set_nodelay(true)?;
    let (input, output) = stream.into_split();
    let (frames, queue) = mpsc::channel(1024);
    tokio::spawn(write(output, queue));
    let waiting: Waiting = Arc::default();
    let answered = waiting.clone();
    tokio::spawn(async move {
        let mut input = BufReader::with_capacity(64 * 1024, input);
        while let Ok((number, body)) = read(&mut input).await {
            let waiting = answered.lock().ok().and_then(|mut waiting| waiting.remove(&number));
            if let Some(waiting) = waiting {
                let _ = waiting.send(body);
            }
        }
    });
    let next = Arc::new(AtomicU64::new(0));
    load::run(time, move || {
        let (frames, waiting, next) = (frames.clone(), waiting.clone(), next.clone());
        async move {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let (sender, answer) = oneshot::channel();
            if let Ok(mut waiting) = waiting.lock() {
                waiting.insert(number, sender);
            }
            frames.send((number, USER.as_bytes().to_vec())).await?;
            assert!(answer.await?.len() == USER.len());
            Ok(())
        }
    })
    .await
}
