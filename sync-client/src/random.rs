//! Randomness of the operating system.

use getrandom::SysRng;
use rand_core::UnwrapErr;

/// The system's generator; it stops the process where the system has no randomness, for no key may be made then.
pub(crate) const fn system() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// 16 random bytes as 22 characters of base64url: a name that is never drawn twice.
pub(crate) fn token() -> String {
    use base64::Engine as _;
    use rand_core::Rng as _;
    let mut bytes = [0; 16];
    system().fill_bytes(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
