//! Errors of the broker's HTTP API: RFC 9457 problem documents with a stable code.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a client should do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemClass {
    /// Try again later, after `Retry-After` where it is given.
    Retry,
    /// Get a fresh nonce, token or session, then try again.
    Reauthenticate,
    /// The world has moved on: read, decide, try again.
    Conflict,
    /// The request itself is wrong; repeating it will not help.
    Invalid,
    /// Not allowed; repeating it will not help.
    Denied,
}

impl ProblemClass {
    /// Every class.
    pub const ALL: [Self; 5] = [Self::Retry, Self::Reauthenticate, Self::Conflict, Self::Invalid, Self::Denied];

    /// The class in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Reauthenticate => "re-authenticate",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Denied => "denied",
        }
    }

    /// What an app should do about a problem of this class.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Retry => {
                "Send the same request again with a new proof: after `Retry-After` where it is given, else after a pause that doubles each time, with jitter. \
                 Tell the person only if it lasts."
            }
            Self::Reauthenticate => {
                "Take the `DPoP-Nonce` of this very reply, make a new proof and send the request again, once; if that is refused too, renew the session; if that \
                 is refused, sign in again. No person is needed before the last step."
            }
            Self::Conflict => {
                "Read what stands in the store now, decide anew, and make a new request. The same one will be refused again."
            }
            Self::Invalid => {
                "Do not repeat it: the request itself is wrong, by a mistake in the app or a version that is too old. Report the code."
            }
            Self::Denied => "Do not repeat it: show the person what the code means, and what they can do where it says so.",
        }
    }
}

macro_rules! problem_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:literal, $class:ident;)*) => {
        /// Stable code of a problem. Codes are never reused; new ones may appear, and an unknown one is read as
        /// [`ProblemCode::Unknown`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ProblemCode {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)*
            /// A code that this version does not know.
            #[serde(rename = "unknown", other)]
            Unknown,
        }

        impl ProblemCode {
            /// Every code that this version can send.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as it stands in JSON.
            #[must_use]
            pub const fn as_str(&self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                    Self::Unknown => "unknown",
                }
            }

            /// The HTTP status that it comes with.
            #[must_use]
            pub const fn status(&self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                    Self::Unknown => 500,
                }
            }

            /// What it means, in a sentence or two.
            #[must_use]
            pub const fn meaning(&self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)*
                    Self::Unknown => "A code that this version does not know.",
                }
            }

            /// What a client should do.
            #[must_use]
            pub const fn class(&self) -> ProblemClass {
                match self {
                    $(Self::$name => ProblemClass::$class,)*
                    Self::Unknown => ProblemClass::Retry,
                }
            }
        }
    };
}

problem_codes! {
    /// The body is not the JSON that this route takes.
    InvalidJson = "invalid-json", 400, Invalid;
    /// A header, path or parameter is malformed.
    InvalidRequest = "invalid-request", 400, Invalid;
    /// A batch holds no item or more than 1,000.
    BatchSize = "batch-size", 400, Invalid;
    /// The body is larger than this route takes.
    BodyTooLarge = "body-too-large", 413, Invalid;
    /// Path and query are longer than any object key.
    UrlTooLong = "url-too-long", 414, Invalid;
    /// The body is not `application/json`.
    UnsupportedMediaType = "unsupported-media-type", 415, Invalid;
    /// No such route or object.
    NotFound = "not-found", 404, Invalid;
    /// The route exists, with other methods.
    MethodNotAllowed = "method-not-allowed", 405, Invalid;

    /// The call carries no DPoP proof.
    ProofMissing = "proof-missing", 401, Reauthenticate;
    /// The DPoP proof does not fit the request or its key.
    ProofInvalid = "proof-invalid", 401, Reauthenticate;
    /// The proof's nonce is missing or stale; the `DPoP-Nonce` header has a fresh one.
    UseDpopNonce = "use-dpop-nonce", 401, Reauthenticate;
    /// The proof was used before.
    ProofReplayed = "proof-replayed", 401, Reauthenticate;
    /// The call carries no access token.
    TokenMissing = "token-missing", 401, Reauthenticate;
    /// The token is not one of this broker's, or not for this key.
    TokenInvalid = "token-invalid", 401, Reauthenticate;
    /// The token has ended: renew the session.
    TokenExpired = "token-expired", 401, Reauthenticate;
    /// The session was ended: by logging out, or because the account's sessions were. Renew it; where that is refused alike, sign in again.
    SessionEnded = "session-ended", 401, Reauthenticate;
    /// A renewal token that had been replaced was used again, so two hold the device's key: its session has ended. Sign in again.
    RenewalReused = "renewal-reused", 401, Reauthenticate;
    /// The renewal token has ended or was replaced: sign in again.
    RenewalExpired = "renewal-expired", 403, Denied;
    /// The device was revoked.
    DeviceRevoked = "device-revoked", 403, Denied;
    /// The token's scope does not reach this route.
    ScopeInsufficient = "scope-insufficient", 403, Denied;

    /// The invite is not one of this broker's.
    InviteInvalid = "invite-invalid", 403, Denied;
    /// The invite has ended: ask for a new one.
    InviteExpired = "invite-expired", 403, Denied;
    /// The invite was revoked.
    InviteRevoked = "invite-revoked", 403, Denied;
    /// Every device slot of the invite is taken.
    InviteUsedUp = "invite-used-up", 403, Denied;
    /// The identity opens no account yet, and no genesis was sent.
    AccountNotFound = "account-not-found", 403, Denied;
    /// The proof of the account's key does not hold.
    AccountProofInvalid = "account-proof-invalid", 403, Denied;
    /// The identity already opens another account: join that one.
    AlreadyLinked = "already-linked", 409, Conflict;
    /// The account's first objects are not in the store yet.
    AccountIncomplete = "account-incomplete", 409, Conflict;
    /// The account is being deleted.
    AccountDeleted = "account-deleted", 403, Denied;
    /// The confirmation of a deletion is not one of this broker's for this device, or has ended: ask for another.
    ConfirmationInvalid = "confirmation-invalid", 403, Denied;
    /// The account's keys were replaced since: open the new ones with the new recovery code.
    AccountKeysReplaced = "account-keys-replaced", 403, Denied;
    /// The statement that is to replace the account's keys does not hold.
    StatementInvalid = "statement-invalid", 400, Invalid;
    /// Other keys took the account's keys' place first: read them, then decide.
    StatementConflict = "statement-conflict", 409, Conflict;
    /// The identity leads to this account already: there is nothing to reset.
    ResetNotNeeded = "reset-not-needed", 409, Conflict;
    /// A reset to another account is under way.
    ResetPending = "reset-pending", 409, Conflict;
    /// Whoever holds the account has cancelled the reset.
    ResetCancelled = "reset-cancelled", 403, Denied;
    /// This broker's store has no compare-and-swap, without which no link is moved.
    ResetNotOffered = "reset-not-offered", 404, Invalid;
    /// This broker does not take this way in.
    IdentityNotOffered = "identity-not-offered", 404, Invalid;

    /// The ID token is not a signed JWT of at most 16 KiB.
    IdTokenMalformed = "id-token-malformed", 400, Invalid;
    /// The ID token is of an issuer that this broker does not know.
    IdTokenIssuer = "id-token-issuer", 403, Denied;
    /// The ID token's algorithm is not that of the issuer's key: RS256, ES256 or EdDSA.
    IdTokenAlgorithm = "id-token-algorithm", 403, Denied;
    /// The issuer publishes no key of the ID token's key id.
    IdTokenKey = "id-token-key", 403, Denied;
    /// The ID token's signature does not hold.
    IdTokenSignature = "id-token-signature", 403, Denied;
    /// The ID token was issued to another client (`aud`, `azp`).
    IdTokenAudience = "id-token-audience", 403, Denied;
    /// The ID token has ended, or was issued too long ago: log in again.
    IdTokenExpired = "id-token-expired", 403, Denied;
    /// The ID token was issued in the future.
    IdTokenNotYetValid = "id-token-not-yet-valid", 403, Denied;
    /// The ID token's nonce is not that of this device's login.
    IdTokenNonce = "id-token-nonce", 403, Denied;
    /// Another device has presented this ID token before.
    IdTokenReplayed = "id-token-replayed", 403, Denied;
    /// The ID token lacks a claim, or is a token for another use.
    IdTokenClaims = "id-token-claims", 403, Denied;
    /// The operator's lists do not let this login in.
    IdentityNotAllowed = "identity-not-allowed", 403, Denied;
    /// The operator has shut this login out.
    IdentityRevoked = "identity-revoked", 403, Denied;
    /// The login behind the session is too long ago: log in again.
    LoginExpired = "login-expired", 403, Denied;
    /// The OpenID provider does not answer.
    IssuerUnavailable = "issuer-unavailable", 503, Retry;

    /// The product does not include this service.
    SubscriptionProduct = "subscription-product", 403, Denied;
    /// The product is neither a subscription nor bought for good.
    SubscriptionProductType = "subscription-product-type", 403, Denied;
    /// The subscription has ended: renew it, then send the new transaction.
    SubscriptionExpired = "subscription-expired", 403, Denied;
    /// The subscription's charge failed and its grace is over: check the payment method in the App Store.
    SubscriptionBillingRetry = "subscription-billing-retry", 403, Denied;
    /// The purchase was refunded.
    SubscriptionRefunded = "subscription-refunded", 403, Denied;
    /// What a family shared is shared no longer.
    SubscriptionRevoked = "subscription-revoked", 403, Denied;
    /// The customer has moved up to another product: send that one's transaction.
    SubscriptionUpgraded = "subscription-upgraded", 403, Denied;
    /// Nothing is known of the subscription behind this session: sign in again with a transaction.
    SubscriptionUnknown = "subscription-unknown", 403, Denied;
    /// This broker does not accept what somebody else in the family pays.
    SubscriptionFamilyShared = "subscription-family-shared", 403, Denied;
    /// The transaction was signed too long ago: ask StoreKit for a fresh one.
    TransactionTooOld = "transaction-too-old", 403, Denied;
    /// The transaction was signed in the future.
    TransactionFromFuture = "transaction-from-future", 403, Denied;
    /// The transaction lacks `appTransactionId`, without which one family member cannot be told from another.
    AppTransactionIdMissing = "app-transaction-id-missing", 403, Denied;
    /// The transaction's `appAccountToken` belongs to another account.
    AppAccountTokenMismatch = "app-account-token-mismatch", 403, Denied;
    /// The transaction was given to one device, and the request does not show that it comes from it.
    DeviceVerificationRequired = "device-verification-required", 403, Denied;
    /// The transaction was given to another device.
    DeviceVerificationMismatch = "device-verification-mismatch", 403, Denied;
    /// The account belongs to the App Store's other environment: sandbox purchases open no account of real ones.
    EnvironmentMismatch = "environment-mismatch", 403, Denied;

    /// The object key is malformed.
    KeyInvalid = "key-invalid", 400, Invalid;
    /// The method is none of GET, HEAD, PUT, LIST.
    MethodInvalid = "method-invalid", 400, Invalid;
    /// DELETE is never signed: `POST /v1/delete` deletes.
    DeleteNotSigned = "delete-not-signed", 403, Denied;
    /// The policy does not grant this.
    NotAllowed = "not-allowed", 403, Denied;
    /// A PUT needs its exact length.
    LengthMissing = "length-missing", 400, Invalid;
    /// The object is larger than its kind may be.
    TooLarge = "too-large", 413, Invalid;
    /// A PUT needs the SHA-256 of its bytes.
    Sha256Missing = "sha256-missing", 400, Invalid;
    /// The SHA-256 does not begin with the digest in the key, or the genesis does not hash to the user id.
    DigestMismatch = "digest-mismatch", 400, Invalid;
    /// The condition is malformed, or has no place on this object.
    ConditionInvalid = "condition-invalid", 400, Invalid;
    /// This prefix is not listed for anyone.
    ListPrefixInvalid = "list-prefix-invalid", 400, Invalid;
    /// A parameter of LIST is out of range.
    ListParameterInvalid = "list-parameter-invalid", 400, Invalid;
    /// Temporary credentials reach whole accounts, members or folders, and this prefix is none.
    CredentialsPrefixInvalid = "credentials-prefix-invalid", 400, Invalid;
    /// This broker's store makes no temporary credentials: ask for URLs.
    CredentialsNotAvailable = "credentials-not-available", 404, Invalid;
    /// The upload id is not one that this broker gave for this key.
    UploadIdInvalid = "upload-id-invalid", 400, Invalid;
    /// The object has no part of this number.
    PartNumberInvalid = "part-number-invalid", 400, Invalid;
    /// The part has another length than the object's length implies.
    PartLengthInvalid = "part-length-invalid", 400, Invalid;
    /// The object is too small for an upload in parts: one PUT takes it.
    TooSmall = "too-small", 400, Invalid;
    /// The store lacks a part, or has another one: list the parts, upload what is missing, complete again.
    PartsMismatch = "parts-mismatch", 409, Conflict;
    /// There is no such upload any more, and no such object: begin anew.
    UploadGone = "upload-gone", 409, Conflict;
    /// The object is too young to be deleted.
    TooYoung = "too-young", 409, Conflict;
    /// This kind of object is never deleted.
    Protected = "protected", 403, Denied;
    /// Less than a minute of signing is left: renew the session first.
    RenewFirst = "renew-first", 401, Reauthenticate;
    /// The account's bytes or deletions of the day are used up.
    DailyLimit = "daily-limit", 429, Retry;
    /// Too many requests.
    RateLimited = "rate-limited", 429, Retry;

    /// What the App Store signed is not a JWS: three segments of base64url and a header.
    AppStoreJwsMalformed = "app-store-jws-malformed", 400, Invalid;
    /// The JWS is longer than anything that Apple signs.
    AppStoreJwsTooLarge = "app-store-jws-too-large", 413, Invalid;
    /// The JWS header names a field twice.
    AppStoreHeaderDuplicate = "app-store-header-duplicate", 400, Invalid;
    /// The JWS header demands extensions (`crit`).
    AppStoreHeaderCritical = "app-store-header-critical", 400, Invalid;
    /// The JWS is not signed by ES256.
    AppStoreAlgorithm = "app-store-algorithm", 403, Denied;
    /// The JWS has not exactly three certificates.
    AppStoreChainLength = "app-store-chain-length", 403, Denied;
    /// The certificates do not issue one another in order.
    AppStoreChainOrder = "app-store-chain-order", 403, Denied;
    /// The chain ends at no configured root.
    AppStoreRootUntrusted = "app-store-root-untrusted", 403, Denied;
    /// A certificate cannot be read.
    AppStoreCertificateMalformed = "app-store-certificate-malformed", 400, Invalid;
    /// The leaf's key is not of P-256.
    AppStoreLeafKey = "app-store-leaf-key", 403, Denied;
    /// The signature has not 64 bytes.
    AppStoreSignatureLength = "app-store-signature-length", 400, Invalid;
    /// The signature is in DER form.
    AppStoreSignatureDer = "app-store-signature-der", 400, Invalid;
    /// The signature is zero.
    AppStoreSignatureZero = "app-store-signature-zero", 403, Denied;
    /// The signature does not hold.
    AppStoreSignatureInvalid = "app-store-signature-invalid", 403, Denied;
    /// The leaf certificate lacks Apple's marker.
    AppStoreLeafMarker = "app-store-leaf-marker", 403, Denied;
    /// The intermediate certificate lacks Apple's marker.
    AppStoreIntermediateMarker = "app-store-intermediate-marker", 403, Denied;
    /// The leaf certificate calls itself an authority.
    AppStoreLeafIsAuthority = "app-store-leaf-is-authority", 403, Denied;
    /// The intermediate certificate is no authority.
    AppStoreIntermediateNotAuthority = "app-store-intermediate-not-authority", 403, Denied;
    /// The leaf's key may not sign data.
    AppStoreLeafUsage = "app-store-leaf-usage", 403, Denied;
    /// The intermediate's key may not sign certificates.
    AppStoreIntermediateUsage = "app-store-intermediate-usage", 403, Denied;
    /// A certificate has expired.
    AppStoreCertificateExpired = "app-store-certificate-expired", 403, Denied;
    /// A certificate is not valid yet.
    AppStoreCertificateNotYetValid = "app-store-certificate-not-yet-valid", 403, Denied;
    /// The certificates' signatures or constraints do not hold.
    AppStoreChainInvalid = "app-store-chain-invalid", 403, Denied;
    /// A certificate was revoked.
    AppStoreCertificateRevoked = "app-store-certificate-revoked", 403, Denied;
    /// Whether a certificate was revoked cannot be learned now.
    AppStoreRevocationUnknown = "app-store-revocation-unknown", 503, Retry;
    /// What Xcode signs is not accepted here.
    AppStoreUnsigned = "app-store-unsigned", 403, Denied;
    /// The payload is not of the kind that belongs here, or lacks a field.
    AppStorePayloadInvalid = "app-store-payload-invalid", 400, Invalid;
    /// The payload is of another app.
    AppStoreWrongBundle = "app-store-wrong-bundle", 403, Denied;
    /// The payload names another app's number.
    AppStoreWrongApp = "app-store-wrong-app", 403, Denied;
    /// The payload is of an environment that is not accepted here.
    AppStoreWrongEnvironment = "app-store-wrong-environment", 403, Denied;
    /// What is nested in a notification does not belong to it.
    AppStoreNestedMismatch = "app-store-nested-mismatch", 403, Denied;

    /// Tandem refuses the credentials.
    TandemCredentialsRefused = "tandem-credentials-refused", 403, Denied;
    /// Tandem has locked the account, or would after one more attempt.
    TandemLocked = "tandem-locked", 429, Retry;
    /// The syncs of the hour are used up.
    TandemSyncLimit = "tandem-sync-limit", 429, Retry;
    /// Tandem does not answer, or not as it did.
    TandemUnavailable = "tandem-unavailable", 503, Retry;

    /// The log entries are not signed with the shared secret.
    LogDrainSignatureInvalid = "log-drain-signature-invalid", 403, Denied;
    /// Somebody else changed the same state: try again.
    StateConflict = "state-conflict", 409, Retry;
    /// The store does not answer or answers with an error.
    StoreUnavailable = "store-unavailable", 503, Retry;
    /// The broker is at its limits.
    Overloaded = "overloaded", 503, Retry;
    /// This process is about to end: ask another replica.
    Draining = "draining", 503, Retry;
    /// The request took too long.
    Timeout = "timeout", 503, Retry;
    /// A bug or a broken part; the correlation id finds it in the log.
    Internal = "internal", 500, Retry;
}

/// The codes as they stand in JSON: a derived schema sees the names of the variants through the macro, not of the codes.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ProblemCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
        let codes = Self::ALL.iter().map(Self::as_str);
        let object: Object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Stable code of a problem. Codes are never reused; new ones may appear."))
            .enum_values(Some(codes))
            .build();
        object.into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ProblemCode {
    fn name() -> std::borrow::Cow<'static, str> {
        "ProblemCode".into()
    }
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error reply, `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProblemDocument {
    /// `urn:tidegate:problem:{code}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: ProblemCode,
    /// One sentence for people; it may change.
    pub message: String,
    /// Finds this request in the broker's log.
    pub correlation_id: String,
}

impl ProblemDocument {
    /// The document for this code, message and request.
    #[must_use]
    pub fn new(code: ProblemCode, message: impl Into<String>, correlation_id: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:tidegate:problem:{code}"),
            status: code.status(),
            code,
            message: message.into(),
            correlation_id: correlation_id.into(),
        }
    }
}
