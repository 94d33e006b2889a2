//! Why a login opens no session, as problems with their stable codes.

use tidegate_oidc::{IdTokenFault, NotAdmitted};
use tidegate_protocol::problem::ProblemCode;

use crate::problem::Problem;

pub(super) fn not_offered() -> Problem {
    Problem::new(ProblemCode::IdentityNotOffered, "this broker takes no logins of this issuer")
}

pub(super) fn revoked() -> Problem {
    Problem::new(ProblemCode::IdentityRevoked, "this login was shut out by the broker's operator")
}

pub(super) fn not_listed() -> Problem {
    Problem::new(ProblemCode::IdentityNotAllowed, "this login is not among those that this broker lets in")
}

pub(super) fn not_admitted(why: NotAdmitted) -> Problem {
    Problem::new(ProblemCode::IdentityNotAllowed, why.to_string())
}

pub(super) fn not_believed(fault: IdTokenFault) -> Problem {
    let code = match fault {
        IdTokenFault::Malformed => ProblemCode::IdTokenMalformed,
        IdTokenFault::Algorithm => ProblemCode::IdTokenAlgorithm,
        IdTokenFault::UnknownKey => ProblemCode::IdTokenKey,
        IdTokenFault::Signature => ProblemCode::IdTokenSignature,
        IdTokenFault::Issuer => ProblemCode::IdTokenIssuer,
        IdTokenFault::Audience => ProblemCode::IdTokenAudience,
        IdTokenFault::Expired | IdTokenFault::TooOld => ProblemCode::IdTokenExpired,
        IdTokenFault::NotYetValid => ProblemCode::IdTokenNotYetValid,
        IdTokenFault::Nonce => ProblemCode::IdTokenNonce,
        IdTokenFault::Header | IdTokenFault::Claim(_) | IdTokenFault::Kind => ProblemCode::IdTokenClaims,
    };
    Problem::new(code, fault.to_string())
}
