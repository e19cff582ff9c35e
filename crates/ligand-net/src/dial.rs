//! From a server to a connection.

use std::io;

use ligand_wire::Result;
use tokio::{
    io::{AsyncRead, AsyncWrite, split},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::{Address, Server, TlsOptions};

/// The half of a connection that is read.
pub type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// The half of a connection that is written.
pub type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Opens connections to servers, encrypted where their scheme says so.
#[derive(Clone)]
pub struct Dialer {
    tls: Option<TlsConnector>,
}

impl Dialer {
    /// Reads the certificates when a server needs them.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names option and file.
    pub fn new(address: &Address, servers: &[Server], tls: &TlsOptions) -> Result<Self> {
        tls.check(address, servers)?;
        let encrypted = servers.iter().any(|server| server.tls);
        Ok(Self { tls: encrypted.then(|| tls.connector(address.bus)).transpose()? })
    }

    /// Connects. Small packets leave at once.
    ///
    /// # Errors
    /// When nobody listens there, or TLS fails.
    pub async fn dial(&self, server: &Server) -> io::Result<(Reader, Writer)> {
        let stream = connect(server).await?;
        if server.tls {
            return self.encrypt(server, stream).await;
        }
        let (reader, writer) = stream.into_split();
        Ok((Box::new(reader), Box::new(writer)))
    }

    /// As [`Dialer::dial`], with something between the socket and TLS.
    ///
    /// # Errors
    /// As [`Dialer::dial`].
    pub async fn dial_through<S>(
        &self,
        server: &Server,
        wrap: impl FnOnce(TcpStream) -> S,
    ) -> io::Result<(Reader, Writer)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let stream = wrap(connect(server).await?);
        if server.tls {
            return self.encrypt(server, stream).await;
        }
        let (reader, writer) = split(stream);
        Ok((Box::new(reader), Box::new(writer)))
    }

    async fn encrypt<S>(&self, server: &Server, stream: S) -> io::Result<(Reader, Writer)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Some(tls) = &self.tls else { return Err(io::Error::other("there are no certificates")) };
        let name = ServerName::try_from(server.host.clone())
            .map_err(|_| io::Error::other("the host is no name of a certificate"))?;
        let (reader, writer) = split(tls.connect(name, stream).await?);
        Ok((Box::new(reader), Box::new(writer)))
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").field("tls", &self.tls.is_some()).finish()
    }
}

async fn connect(server: &Server) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((server.host.as_str(), server.port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
