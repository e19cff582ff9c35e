//! Every bound of the HTTP edge, by name.

use std::time::Duration;

/// The bounds of what clients may send and how long they may take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of request line and headers together; more is 431. At least 8192. Default: 32 KiB.
    pub header_bytes: usize,
    /// Number of header lines; more is 431. Default: 100.
    pub headers: usize,
    /// How long the request line and headers may take, and how long an idle connection is kept. Default: 30 s.
    pub header_timeout: Duration,
    /// Bytes of a body unless the route says otherwise; more is 413. Default: 100 kB.
    pub body_bytes: usize,
    /// How long a body that is no upload may take; then 408. Default: 30 s.
    pub body_timeout: Duration,
    /// Bytes of an upload, unless its action or route says otherwise; more is 413. Default: 100 MB.
    pub upload_bytes: usize,
    /// How many bytes of an upload give its client a second of [`Limits::body_timeout`] back: for so long it may keep the
    /// gateway waiting in all, then 408. 0: every byte gives back all of it. Default: 4096.
    pub upload_rate: usize,
    /// How long answers may wait in all for a client that does not read; then its connection is closed. Default: 30 s.
    pub write_timeout: Duration,
    /// How many bytes a client must read to have a second of [`Limits::write_timeout`] given back: one that reads slower
    /// for long is closed, however often it reads a little. 0: every byte gives back all of it. Default: 4096.
    pub write_rate: usize,
    /// Nesting of JSON bodies, at most 127; more is 400. Default: 64.
    pub json_depth: usize,
    /// Parameters of a query string or form; more is 400. Default: 1000.
    pub query_pairs: usize,
    /// Requests at once on one connection of HTTP/2. Default: 100.
    pub streams: u32,
    /// Connections at once; further ones wait, and connections that have carried no request for a second make room for
    /// them. Default: 10 000.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 32 * 1024,
            headers: 100,
            header_timeout: Duration::from_secs(30),
            body_bytes: 100 * 1024,
            body_timeout: Duration::from_secs(30),
            upload_bytes: 100 * 1024 * 1024,
            upload_rate: 4096,
            write_timeout: Duration::from_secs(30),
            write_rate: 4096,
            json_depth: 64,
            query_pairs: 1000,
            streams: 100,
            connections: 10_000,
        }
    }
}
