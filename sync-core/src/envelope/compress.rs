//! zstd (RFC 8878), where it pays, and its limits on the way back.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};

use super::open::OpenError;

const LEVEL: i32 = 3;
const PROBE_LEVEL: i32 = 1;
/// The largest window that a reader must be able to hold, in bytes.
const MAX_WINDOW: u64 = 8 * 1024 * 1024;
/// Below this nothing is gained.
const MIN_BYTES: usize = 64;
/// From this length on a sample is tried first.
const PROBE_FROM: usize = 64 * 1024;
const SAMPLE_BYTES: usize = 4 * 1024;

thread_local! {
    /// One compressor a thread: making one costs more than compressing a record of 1 KiB. It keeps nothing of a content that
    /// shows in the next frame.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    /// The same on the way back.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A compressor grows with what it compresses and stays so: for contents longer than this, in bytes, one is made and let go.
const KEPT_FOR: usize = 256 * 1024;

/// The content as one zstd frame, or `None` where that would not be shorter.
pub(crate) fn compress(content: &[u8]) -> Option<Vec<u8>> {
    if content.len() < MIN_BYTES || !looks_compressible(content) {
        return None;
    }
    let frame = if content.len() > KEPT_FOR { Compressor::new(LEVEL).ok()?.compress(content).ok()? } else { frame_of(content)? };
    (frame.len() < content.len()).then_some(frame)
}

fn frame_of(content: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL).ok()?),
        };
        compressor.compress(content).ok()
    })
}

/// Compresses pieces from the start, the middle and the end: photos and PDFs are told from text at a hundredth of the cost.
fn looks_compressible(content: &[u8]) -> bool {
    if content.len() < PROBE_FROM {
        return true;
    }
    let Ok(mut compressor) = Compressor::new(PROBE_LEVEL) else { return false };
    let middle = content.len() / 2;
    let starts = [0, middle, content.len() - SAMPLE_BYTES];
    let sample: Vec<u8> = starts.iter().flat_map(|start| &content[*start..*start + SAMPLE_BYTES]).copied().collect();
    // A saving of less than one part in 32 would vanish in the padding.
    compressor.compress(&sample).is_ok_and(|frame| frame.len() < sample.len() - sample.len() / 32)
}

/// Reads the one frame at the start of `stored`, whose content must be exactly `true_len` bytes (already held against the
/// kind's cap). Returns the content and the length of the frame.
///
/// Nothing is allocated for a frame that does not itself claim `true_len`, so neither a small frame that expands without end
/// nor a lying header costs more than the cap.
pub(crate) fn decompress(stored: &[u8], true_len: usize) -> Result<(Vec<u8>, usize), OpenError> {
    let frame = frame_at_start(stored, true_len)?;
    let mut content = Vec::with_capacity(true_len);
    let written = read_frame(frame, &mut content).map_err(|_| OpenError::BadCompression)?;
    if written != true_len {
        return Err(OpenError::LengthMismatch);
    }
    Ok((content, frame.len()))
}

/// The one frame at the start of `stored`, if it claims to hold `true_len` bytes and asks for no more memory than it may.
pub(crate) fn frame_at_start(stored: &[u8], true_len: usize) -> Result<&[u8], OpenError> {
    let window = window_size(stored).ok_or(OpenError::BadCompression)?;
    if window > MAX_WINDOW {
        return Err(OpenError::WindowTooLarge { window });
    }
    let claimed = get_frame_content_size(stored).ok().flatten().ok_or(OpenError::BadCompression)?;
    if claimed != true_len as u64 {
        return Err(OpenError::LengthMismatch);
    }
    let frame_len = find_frame_compressed_size(stored).map_err(|_| OpenError::BadCompression)?;
    stored.get(..frame_len).ok_or(OpenError::BadCompression)
}

/// Reads a frame piece by piece.
pub(crate) fn unpacking(frame: &[u8]) -> std::io::Result<zstd::Decoder<'static, &[u8]>> {
    Ok(zstd::Decoder::with_buffer(frame)?.single_frame())
}

fn read_frame(frame: &[u8], content: &mut Vec<u8>) -> std::io::Result<usize> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress_to_buffer(frame, content)
    })
}

/// The window that a frame's header asks for, in bytes (RFC 8878, section 3.1.1.1); `None` where it is no such header.
fn window_size(frame: &[u8]) -> Option<u64> {
    let (magic, rest) = frame.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*magic) != 0xfd2f_b528 {
        return None;
    }
    let descriptor = *rest.first()?;
    let single_segment = descriptor & 0b0010_0000 != 0;
    if single_segment {
        // The window is the whole content.
        return get_frame_content_size(frame).ok().flatten();
    }
    let window = *rest.get(1)?;
    let base = 1_u64 << (10 + (window >> 3));
    Some(base + base / 8 * u64::from(window & 0b111))
}
