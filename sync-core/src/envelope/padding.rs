//! Padmé padding: lengths rounded so that they leak at most O(log log n) bits, at a cost of at most 12 %
//! (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PoPETs 2019, section 4).

/// The padded length for a length in bytes; padding a padded length again changes nothing.
#[must_use]
pub const fn padded_len(len: u64) -> u64 {
    if len < 2 {
        return len;
    }
    let exponent = u64::BITS - 1 - len.leading_zeros();
    let kept_bits = u32::BITS - exponent.leading_zeros();
    // Lengths of 2 and 3 keep all their bits.
    let zeroed_bits = exponent.saturating_sub(kept_bits);
    let mask = (1 << zeroed_bits) - 1;
    len.saturating_add(mask) & !mask
}
