//! The readable part of an envelope. Nothing in it is authentic before the commitment has been compared.

use tidegate_protocol::MemberId;
use tidegate_protocol::limits;

use super::open::OpenError;
use crate::keys::KeyName;

const MAGIC: &[u8; 4] = b"TGE1";
const KNOWN_FLAGS: u8 = Header::RAW;

/// HKDF-SHA256, AES-256-GCM in STREAM chunks of 64 KiB, zstd, Padmé.
pub(crate) const SUITE_1: u8 = 1;

/// Length of the header, commitment included, in bytes.
pub const HEADER_BYTES: usize = COMMITTED_BYTES + 32;
/// Length of the header before the commitment, in bytes.
const COMMITTED_BYTES: usize = 67;

/// What an envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// One version of a record.
    Record,
    /// An attachment's content.
    Attachment,
    /// Many small objects in one.
    Pack,
    /// One sync's changes of one device.
    Segment,
    /// A whole state of a space.
    Checkpoint,
    /// A space's sync-manifest.
    Doorbell,
    /// A device file.
    Device,
    /// A body in the local database.
    Local,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] =
        [Self::Record, Self::Attachment, Self::Pack, Self::Segment, Self::Checkpoint, Self::Doorbell, Self::Device, Self::Local];

    /// Its byte in the header.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Record => 1,
            Self::Attachment => 2,
            Self::Pack => 3,
            Self::Segment => 4,
            Self::Checkpoint => 5,
            Self::Doorbell => 6,
            Self::Device => 7,
            Self::Local => 8,
        }
    }

    /// The kind of a header's byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }

    /// Its name, which is also the type in the label of signed documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Attachment => "attachment",
            Self::Pack => "pack",
            Self::Segment => "segment",
            Self::Checkpoint => "checkpoint",
            Self::Doorbell => "doorbell",
            Self::Device => "device",
            Self::Local => "local",
        }
    }

    /// The longest content in bytes, before compression and padding.
    #[must_use]
    pub const fn max_content_bytes(self) -> u64 {
        const KIB: u64 = 1024;
        const MIB: u64 = 1024 * KIB;
        match self {
            Self::Record => 16 * MIB,
            Self::Attachment => 10_000 * 16 * MIB,
            Self::Pack => 4 * MIB,
            Self::Segment => 8 * MIB,
            Self::Checkpoint | Self::Local => 64 * MIB,
            Self::Doorbell => 256 * KIB,
            Self::Device => 16 * KIB,
        }
    }

    /// The longest envelope in bytes that is stored, or `None` where the content's cap is the only one.
    #[must_use]
    pub const fn max_sealed_bytes(self) -> Option<u64> {
        match self {
            Self::Record => Some(limits::MAX_RECORD_BYTES),
            Self::Pack => Some(limits::MAX_PACK_BYTES),
            Self::Segment => Some(limits::MAX_SEGMENT_BYTES),
            Self::Checkpoint => Some(limits::MAX_CHECKPOINT_BYTES),
            Self::Doorbell => Some(limits::MAX_DOORBELL_BYTES),
            Self::Device => Some(limits::MAX_KEY_FILE_BYTES),
            Self::Attachment | Self::Local => None,
        }
    }

    /// From which length on, in bytes, it is worth trying to compress a content of this kind. What stays on the device is
    /// written far more often than it is moved: for a change of the usual length zstd would take most of the time of sealing.
    #[must_use]
    pub(crate) const fn compressed_from(self) -> usize {
        if matches!(self, Self::Local) { 1_024 } else { 0 }
    }

    /// Whether contents of this kind may be compressed. Attachments are not: they are streamed, mostly compressed already,
    /// and the length must be known before the first byte is read.
    #[must_use]
    pub const fn may_compress(self) -> bool {
        !matches!(self, Self::Attachment)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The header of an envelope, as it can be read without any key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the envelope says that it holds.
    pub kind: Kind,
    /// Flag bits, all of them known ones.
    pub flags: u8,
    /// The key that sealed it.
    pub key: KeyName,
    /// Random bytes that make the object key unique.
    pub salt: [u8; 32],
    /// What the key, header and context must derive to.
    pub(crate) commitment: [u8; 32],
}

impl Header {
    /// Flag: the content stands as it is, not compressed.
    pub const RAW: u8 = 0b1;

    /// Reads the header of an envelope.
    ///
    /// # Errors
    /// [`OpenError::NotAnEnvelope`], `UnknownVersion`, `UnknownKind`, `UnknownFlags`, `UnknownSuite` or `Truncated`.
    pub fn parse(sealed: &[u8]) -> Result<Self, OpenError> {
        let (magic, rest) = sealed.split_first_chunk::<4>().ok_or(OpenError::NotAnEnvelope)?;
        if &magic[..3] != b"TGE" {
            return Err(OpenError::NotAnEnvelope);
        }
        if magic != MAGIC {
            return Err(OpenError::UnknownVersion { version: magic[3] });
        }
        let mut fields = Fields(rest);
        let [kind, flags, suite] = fields.take::<3>()?;
        let kind = Kind::from_byte(kind).ok_or(OpenError::UnknownKind { kind })?;
        if flags & !KNOWN_FLAGS != 0 || (flags & Self::RAW == 0 && !kind.may_compress()) {
            return Err(OpenError::UnknownFlags { flags });
        }
        if suite != SUITE_1 {
            return Err(OpenError::UnknownSuite { suite });
        }
        let member = MemberId::from_bytes(fields.take()?);
        let epoch = u32::from_be_bytes(fields.take()?);
        let key = KeyName { member, epoch, digest: fields.take()? };
        Ok(Self { kind, flags, key, salt: fields.take()?, commitment: fields.take()? })
    }

    /// The bytes that the commitment covers.
    pub(crate) fn committed_bytes(&self) -> [u8; COMMITTED_BYTES] {
        let mut bytes = [0; COMMITTED_BYTES];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4..7].copy_from_slice(&[self.kind.byte(), self.flags, SUITE_1]);
        bytes[7..23].copy_from_slice(self.key.member.as_bytes());
        bytes[23..27].copy_from_slice(&self.key.epoch.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.key.digest);
        bytes[35..].copy_from_slice(&self.salt);
        bytes
    }

    pub(crate) const fn is_raw(&self) -> bool {
        self.flags & Self::RAW != 0
    }
}

/// Takes fixed-length fields off the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], OpenError> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(OpenError::Truncated)?;
        self.0 = rest;
        Ok(*field)
    }
}
