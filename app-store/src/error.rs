//! Why a JWS is not accepted, each reason with its own stable code.

use tidegate_protocol::problem::ProblemCode;

use crate::environment::Environment;

/// One of the two certificates that are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Position {
    /// What signed the JWS.
    Leaf,
    /// What issued the leaf.
    Intermediate,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Leaf => "leaf",
            Self::Intermediate => "intermediate",
        })
    }
}

/// Why a JWS proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// Not three segments of base64url, or a header that is not a JSON object of the right types.
    #[error("the JWS is malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Longer than anything that Apple signs.
    #[error("the JWS is longer than {most} bytes")]
    TooLarge {
        /// Bytes that are read at most.
        most: usize,
    },
    /// The header names a field twice: two readers could read it differently.
    #[error("the JWS header names a field twice")]
    HeaderDuplicate,
    /// The header has `crit`: extensions that must be understood, and none is.
    #[error("the JWS header demands extensions")]
    HeaderCritical,
    /// Not ES256.
    #[error("the JWS is not signed by ES256")]
    Algorithm,
    /// Not exactly leaf, intermediate and root.
    #[error("the chain has {count} certificates in place of three")]
    ChainLength {
        /// How many it has.
        count: usize,
    },
    /// The third certificate is none of the configured roots.
    #[error("the chain ends at no configured root")]
    RootUntrusted,
    /// The certificates do not name one another as issuers, in this order.
    #[error("the certificates do not issue one another in order")]
    ChainOrder,
    /// A certificate cannot be read.
    #[error("the {position} certificate is malformed")]
    CertificateMalformed {
        /// Which.
        position: Position,
    },
    /// The leaf's key is not of P-256.
    #[error("the leaf's key is not of P-256")]
    LeafKey,
    /// The signature has not 64 bytes.
    #[error("the signature has {length} bytes in place of 64")]
    SignatureLength {
        /// How many it has.
        length: usize,
    },
    /// The signature is DER, as in certificates: a JWS has the two numbers side by side.
    #[error("the signature is in DER form")]
    SignatureDer,
    /// One of the signature's two numbers is zero.
    #[error("the signature is zero")]
    SignatureZero,
    /// The leaf did not sign this.
    #[error("the signature does not hold")]
    SignatureInvalid,
    /// Apple's marker is missing (1.2.840.113635.100.6.11.1 on the leaf, 1.2.840.113635.100.6.2.1 on the intermediate).
    #[error("the {position} certificate lacks Apple's marker")]
    MarkerMissing {
        /// On which.
        position: Position,
    },
    /// The leaf calls itself an authority.
    #[error("the leaf certificate calls itself an authority")]
    LeafIsAuthority,
    /// The intermediate is no authority.
    #[error("the intermediate certificate is no authority")]
    IntermediateNotAuthority,
    /// The key may not do what it did: sign data (leaf), sign certificates (intermediate).
    #[error("the {position} certificate's key usage forbids this")]
    KeyUsage {
        /// Whose.
        position: Position,
    },
    /// It has ended.
    #[error("the {position} certificate has expired")]
    CertificateExpired {
        /// Which.
        position: Position,
    },
    /// It has not begun.
    #[error("the {position} certificate is not valid yet")]
    CertificateNotYetValid {
        /// Which.
        position: Position,
    },
    /// The configured root is outside its dates.
    #[error("the root certificate is outside its dates")]
    RootDates,
    /// The certificates' signatures or constraints do not hold.
    #[error("the chain does not hold: {reason}")]
    ChainInvalid {
        /// What the path validation said.
        reason: String,
    },
    /// The authority took it back.
    #[error("the {position} certificate is revoked")]
    CertificateRevoked {
        /// Which.
        position: Position,
    },
    /// Whether it is revoked cannot be said now.
    #[error("whether the certificates are revoked cannot be learned now")]
    RevocationUnknown,
    /// The answer about revocation is about another chain: a bug of the caller.
    #[error("the standing belongs to another chain")]
    StandingOfAnotherChain,
    /// It is not of an environment that is accepted without a signature.
    #[error("only Xcode's environments go without Apple's signature, and only where that is allowed")]
    Unsigned,
}

impl JwsError {
    /// The stable code that the broker answers with.
    #[must_use]
    pub const fn code(&self) -> ProblemCode {
        match self {
            Self::Malformed { .. } => ProblemCode::AppStoreJwsMalformed,
            Self::TooLarge { .. } => ProblemCode::AppStoreJwsTooLarge,
            Self::HeaderDuplicate => ProblemCode::AppStoreHeaderDuplicate,
            Self::HeaderCritical => ProblemCode::AppStoreHeaderCritical,
            Self::Algorithm => ProblemCode::AppStoreAlgorithm,
            Self::ChainLength { .. } => ProblemCode::AppStoreChainLength,
            Self::RootUntrusted | Self::RootDates => ProblemCode::AppStoreRootUntrusted,
            Self::ChainOrder => ProblemCode::AppStoreChainOrder,
            Self::CertificateMalformed { .. } => ProblemCode::AppStoreCertificateMalformed,
            Self::LeafKey => ProblemCode::AppStoreLeafKey,
            Self::SignatureLength { .. } => ProblemCode::AppStoreSignatureLength,
            Self::SignatureDer => ProblemCode::AppStoreSignatureDer,
            Self::SignatureZero => ProblemCode::AppStoreSignatureZero,
            Self::SignatureInvalid => ProblemCode::AppStoreSignatureInvalid,
            Self::MarkerMissing { position: Position::Leaf } => ProblemCode::AppStoreLeafMarker,
            Self::MarkerMissing { position: Position::Intermediate } => ProblemCode::AppStoreIntermediateMarker,
            Self::LeafIsAuthority => ProblemCode::AppStoreLeafIsAuthority,
            Self::IntermediateNotAuthority => ProblemCode::AppStoreIntermediateNotAuthority,
            Self::KeyUsage { position: Position::Leaf } => ProblemCode::AppStoreLeafUsage,
            Self::KeyUsage { position: Position::Intermediate } => ProblemCode::AppStoreIntermediateUsage,
            Self::CertificateExpired { .. } => ProblemCode::AppStoreCertificateExpired,
            Self::CertificateNotYetValid { .. } => ProblemCode::AppStoreCertificateNotYetValid,
            Self::ChainInvalid { .. } => ProblemCode::AppStoreChainInvalid,
            Self::CertificateRevoked { .. } => ProblemCode::AppStoreCertificateRevoked,
            Self::RevocationUnknown => ProblemCode::AppStoreRevocationUnknown,
            Self::StandingOfAnotherChain => ProblemCode::Internal,
            Self::Unsigned => ProblemCode::AppStoreUnsigned,
        }
    }
}

/// Why a payload that Apple signed is not for this broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The payload is not of the kind that belongs here, or lacks a field.
    #[error("the payload is no {expected}: {reason}")]
    Payload {
        /// What belongs here.
        expected: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Another app's.
    #[error("the payload is of another app")]
    Bundle,
    /// Another app's, by its number.
    #[error("the payload names another app's number")]
    AppAppleId,
    /// From an environment that is not accepted here.
    #[error("the environment {environment} is not accepted here")]
    Environment {
        /// Which.
        environment: Environment,
    },
    /// What is nested is about something else than what nests it.
    #[error("the nested payload does not belong to the notification: {reason}")]
    Nested {
        /// What differs.
        reason: &'static str,
    },
}

impl Refusal {
    /// The stable code that the broker answers with.
    #[must_use]
    pub const fn code(&self) -> ProblemCode {
        match self {
            Self::Payload { .. } => ProblemCode::AppStorePayloadInvalid,
            Self::Bundle => ProblemCode::AppStoreWrongBundle,
            Self::AppAppleId => ProblemCode::AppStoreWrongApp,
            Self::Environment { .. } => ProblemCode::AppStoreWrongEnvironment,
            Self::Nested { .. } => ProblemCode::AppStoreNestedMismatch,
        }
    }
}
