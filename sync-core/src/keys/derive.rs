//! HKDF-SHA256 (RFC 5869) with a label for each purpose, so that no two purposes ever share a key.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Derives `N` bytes (at most 8,160) for the purpose that `label` names.
pub(crate) fn derive<const N: usize>(secret: &[u8], salt: Option<&[u8]>, label: &str) -> Zeroizing<[u8; N]> {
    let mut out = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(salt, secret)
        .expand(label.as_bytes(), out.as_mut_slice())
        .expect("every key here is shorter than 255 hashes");
    out
}
