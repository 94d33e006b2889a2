//! From a space key to the key of one object, and the commitment that ties it to header and context.

use hkdf::Hkdf;
use sha2::Sha256;
use tidegate_protocol::account::lp;
use zeroize::Zeroizing;

use super::chunk::ChunkCipher;
use super::context::ObjectContext;
use super::header::Header;
use crate::keys::SpaceKey;

const LABEL: &[u8] = b"tidegate/envelope/v1";

/// Derives the object's cipher and the commitment. The header's own commitment field takes no part.
///
/// AES-GCM alone does not commit to its key: one ciphertext can be made to open under two. The commitment closes that.
pub(crate) fn derive_object_key(key: &SpaceKey, header: &Header, context: &ObjectContext) -> (ChunkCipher, [u8; 32]) {
    let info = [LABEL.to_vec(), lp(&header.committed_bytes()), lp(&context.aad())].concat();
    let mut derived = Zeroizing::new([0; 64]);
    Hkdf::<Sha256>::new(Some(&header.salt), key.secret()).expand(&info, derived.as_mut_slice()).expect("64 bytes are two hashes");
    let (object_key, commitment) = derived.split_at(32);
    let mut committed = [0; 32];
    committed.copy_from_slice(commitment);
    (ChunkCipher::new(object_key), committed)
}
