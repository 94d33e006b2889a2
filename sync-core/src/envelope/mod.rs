//! The envelope, version 1: how every object with content is sealed before it leaves the device.
//!
//! ```text
//! "TGE1" || kind u8 || flags u8 || suite u8 || member (16) || epoch u32 || key digest (8) || salt (32) || commitment (32)
//! || chunks of AES-256-GCM( true length u64 || content, zstd or raw || zeros up to Padmé )
//! ```
//! HKDF-SHA256 of the space key, with the salt and over the header before the commitment and the object's context, gives the
//! object key and the commitment. The context (whose, which space, kind, id, version) is not stored: who opens an object says
//! what it has to be, and anything else does not open. All integers are big-endian.

mod chunk;
mod compress;
mod context;
mod header;
#[cfg(test)]
mod hostile;
mod object_key;
mod open;
mod packed;
mod padding;
mod seal;
mod signed;
mod stream;

pub use chunk::CHUNK_BYTES;
pub use context::{ObjectContext, ObjectName};
pub use header::{HEADER_BYTES, Header, Kind};
pub use open::{OpenError, open, open_with_key};
pub use padding::padded_len;
pub use seal::{SealError, seal, sealed_len};
pub(crate) use signed::seal_signed_whole;
pub use signed::{AccountDirectory, SignedError, Verified, open_signed, seal_signed};
pub(crate) use signed::{PackedDocument, open_own_signed, open_signed_packed};
pub use stream::{Skipped, StreamOpener, StreamSealer};
