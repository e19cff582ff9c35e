//! Compression with zlib, in the wire form of Moleculer's `Compression`: a flag byte, then the packet as it is (0) or
//! compressed (1).

use std::{io::Read, str::FromStr};

use bytes::Bytes;
use flate2::{Compression as Level, bufread, read};
use ligand_transport::Transmit;
use ligand_wire::{Error, Result, packet::PacketKind};

use crate::invalid;

const PLAIN: u8 = 0;
const COMPRESSED: u8 = 1;

/// The form of compressed packets. The wire does not tell it: all nodes use the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// zlib, RFC 1950.
    #[default]
    Deflate,
    /// The bare stream, RFC 1951.
    DeflateRaw,
    /// gzip, RFC 1952.
    Gzip,
}

impl FromStr for Method {
    type Err = Error;

    /// `deflate`, `deflateRaw` (or `deflate_raw`) or `gzip`.
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "deflate" => Ok(Self::Deflate),
            "deflateRaw" | "deflate_raw" => Ok(Self::DeflateRaw),
            "gzip" => Ok(Self::Gzip),
            _ => Err(Error::broker_options(
                "this compression method is not known; use 'deflate', 'deflateRaw' or 'gzip'",
            )),
        }
    }
}

/// Compresses packets. All nodes of the cluster need it, with the same method.
#[derive(Clone, Debug)]
pub struct Compression {
    method: Method,
    threshold: usize,
    max_size: usize,
}

impl Compression {
    /// Compresses with this method.
    pub fn new(method: Method) -> Self {
        Self { method, threshold: 1024, max_size: 64 * 1024 * 1024 }
    }

    /// Compresses in the zlib form: what Moleculer does unless told otherwise.
    pub fn deflate() -> Self {
        Self::new(Method::Deflate)
    }

    /// Compresses without a frame.
    pub fn deflate_raw() -> Self {
        Self::new(Method::DeflateRaw)
    }

    /// Compresses in the gzip form.
    pub fn gzip() -> Self {
        Self::new(Method::Gzip)
    }

    /// Packets of fewer bytes stay as they are; 0 = compress all. Default: 1024.
    #[must_use]
    pub fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// Received packets that become longer than this are refused. Default: 64 MiB.
    #[must_use]
    pub fn max_size(mut self, bytes: usize) -> Self {
        self.max_size = bytes;
        self
    }

    fn inflate(&self, kind: PacketKind, body: &[u8]) -> Result<Bytes> {
        let limit = self.max_size as u64 + 1;
        let mut plain = Vec::with_capacity(body.len().saturating_mul(4).min(self.max_size));
        let read = match self.method {
            Method::Deflate => bufread::ZlibDecoder::new(body).take(limit).read_to_end(&mut plain),
            Method::DeflateRaw => bufread::DeflateDecoder::new(body).take(limit).read_to_end(&mut plain),
            Method::Gzip => bufread::MultiGzDecoder::new(body).take(limit).read_to_end(&mut plain),
        };
        read.map_err(|error| {
            invalid(kind, format_args!("it is not compressed with {:?}", self.method)).with_internal(error)
        })?;
        if plain.len() > self.max_size {
            return Err(invalid(
                kind,
                format_args!("uncompressed it is longer than {} bytes, the limit", self.max_size),
            ));
        }
        Ok(plain.into())
    }
}

impl Transmit for Compression {
    fn name(&self) -> &'static str {
        "compression"
    }

    fn send(&self, _: PacketKind, body: Bytes) -> Result<Bytes> {
        if body.len() < self.threshold {
            let mut plain = Vec::with_capacity(body.len() + 1);
            plain.push(PLAIN);
            plain.extend_from_slice(&body);
            return Ok(plain.into());
        }
        let mut out = Vec::with_capacity(body.len() / 2 + 64);
        out.push(COMPRESSED);
        let level = Level::default();
        match self.method {
            Method::Deflate => read::ZlibEncoder::new(&body[..], level).read_to_end(&mut out)?,
            Method::DeflateRaw => read::DeflateEncoder::new(&body[..], level).read_to_end(&mut out)?,
            Method::Gzip => read::GzEncoder::new(&body[..], level).read_to_end(&mut out)?,
        };
        Ok(out.into())
    }

    fn receive(&self, kind: PacketKind, body: Bytes) -> Result<Bytes> {
        match body.first() {
            None => Err(invalid(kind, "it is empty, without the flag of compression")),
            Some(&PLAIN) => Ok(body.slice(1..)),
            Some(_) => self.inflate(kind, &body[1..]),
        }
    }
}
