//! Many frames in one write.

use std::{collections::VecDeque, io, io::IoSlice};

use bytes::{Buf, Bytes, BytesMut};
use ligand_transport::Ticket;

use super::Frame;
use crate::frame;

/// Bodies up to this size are copied together, longer ones are written from where they are.
const COPIED: usize = 4096;

/// A batch is full from here on.
const BYTES: usize = 256 * 1024;

/// Slices of one write.
const SLICES: usize = 64;

/// Frames that are being written.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    parts: VecDeque<Bytes>,
    small: BytesMut,
    /// Where each frame ends, counted from the beginning of the batch, and its ticket.
    ends: VecDeque<(usize, Option<Ticket>)>,
    total: usize,
    written: usize,
}

impl Batch {
    pub(crate) fn push(&mut self, frame: &Frame) {
        if self.ends.is_empty() {
            (self.total, self.written) = (0, 0);
        }
        if frame.body.len() <= COPIED {
            frame::put(&mut self.small, frame.number, &frame.body);
        } else {
            self.small.extend_from_slice(&frame::header(frame.number, frame.body.len()));
            self.parts.push_back(self.small.split().freeze());
            self.parts.push_back(frame.body.clone());
        }
        self.total += frame::HEADER + frame.body.len();
        self.ends.push_back((self.total, frame.ticket));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.total - self.written >= BYTES && !self.is_empty() || self.parts.len() >= SLICES - 1
    }

    /// Writes once, as much as is taken.
    pub(super) fn write(
        &mut self,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if !self.small.is_empty() {
            self.parts.push_back(self.small.split().freeze());
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for (slice, part) in slices.iter_mut().zip(&self.parts) {
            *slice = IoSlice::new(part);
            count += 1;
        }
        let written = write(&slices[..count])?;
        self.advance(written);
        Ok(written)
    }

    /// The beginning of the only frame was written elsewhere.
    pub(super) fn skip(&mut self, written: usize) {
        self.parts.push_back(self.small.split().freeze());
        self.advance(written);
    }

    fn advance(&mut self, mut written: usize) {
        self.written += written;
        while let Some(part) = self.parts.front_mut() {
            if written < part.len() {
                part.advance(written);
                break;
            }
            written -= part.len();
            self.parts.pop_front();
        }
        while self.ends.front().is_some_and(|(end, _)| *end <= self.written) {
            self.ends.pop_front();
        }
    }

    /// Tickets of the frames that did not leave as a whole; and whether there are such frames.
    pub(crate) fn unsent(&mut self) -> (Vec<Ticket>, bool) {
        let any = !self.ends.is_empty();
        (self.ends.drain(..).filter_map(|(_, ticket)| ticket).collect(), any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize, ticket: u64) -> Frame {
        Frame { number: 2, body: vec![7; length].into(), ticket: Some(Ticket(ticket)) }
    }

    #[test]
    fn partly_written_frames_have_not_left() {
        let mut batch = Batch::default();
        let mut expected = BytesMut::new();
        for (index, length) in [10, 9000, 0, 20, 5000, 30].into_iter().enumerate() {
            let frame = frame(length, index as u64);
            frame::put(&mut expected, 2, &frame.body);
            batch.push(&frame);
        }
        let mut out = Vec::new();
        while out.len() < 16 + 9006 + 6 + 25 {
            let n = batch
                .write(|slices| {
                    let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
                    out.extend_from_slice(&all[..all.len().min(1009)]);
                    Ok(all.len().min(1009))
                })
                .unwrap();
            assert_eq!(n, 1009);
        }
        assert_eq!(out, expected[..out.len()]);
        assert_eq!(batch.unsent(), (vec![Ticket(4), Ticket(5)], true));
        assert!(batch.is_empty());
    }
}
