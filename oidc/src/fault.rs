//! Why an ID token is not believed.

/// The rule that an ID token breaks. Messages name rules, never content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenFault {
    /// Not three segments of base64url with JSON in the first two, or too long.
    #[error("the ID token is not a signed JWT of at most 16 KiB")]
    Malformed,
    /// The header demands extensions (RFC 7515, section 4.1.11), or says that it is another kind of token.
    #[error("the ID token's header demands extensions, or says that it is no ID token")]
    Header,
    /// No RS256, ES256 or EdDSA, or not the algorithm of the key that it names.
    #[error("the ID token's algorithm is not that of the issuer's key: RS256, ES256 or EdDSA")]
    Algorithm,
    /// The issuer publishes no such key.
    #[error("the issuer publishes no key of the ID token's key id")]
    UnknownKey,
    /// The signature does not hold.
    #[error("the ID token's signature does not hold")]
    Signature,
    /// A claim is missing or of another type.
    #[error("the ID token lacks the claim {0}, or it is not of its type")]
    Claim(&'static str),
    /// By another issuer than its key's.
    #[error("the ID token is of another issuer")]
    Issuer,
    /// For another client (`aud`, `azp`).
    #[error("the ID token was issued to another client")]
    Audience,
    /// Ended.
    #[error("the ID token has ended")]
    Expired,
    /// Issued, or valid, only in the future.
    #[error("the ID token is not valid yet: the clocks of issuer and broker differ")]
    NotYetValid,
    /// Issued too long ago, whenever it ends.
    #[error("the ID token was issued too long ago; log in again")]
    TooOld,
    /// Its nonce is not the one that was asked for, or is missing.
    #[error("the ID token's nonce is not that of this device's login")]
    Nonce,
    /// It says that it is a token for another use, or nobody's.
    #[error("the token is none that identifies a person")]
    Kind,
}
