//! What a person can do about an error.

use tidegate_protocol::problem::ProblemCode;
use tidegate_tandem::source::Class as SourceClass;

use super::{Class, Error};

impl Error {
    /// What a person can do about it, in one sentence.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::HomeUnwritable { .. } => "choose another folder with --home, or give yourself the right to write to this one",
            Self::HomeUnreadable { .. } => "give yourself the right to read this file",
            Self::HomeBusy { .. } => "wait until the other process is done, or stop it; nothing is lost",
            Self::NotEnrolled { .. } => "run 'tidegate init' to create an account or 'tidegate join' to join one",
            Self::AlreadyEnrolled { .. } => "use this account, or choose another folder with --home",
            Self::EnrolmentDiffers { .. } => {
                "repeat the set-up with the settings of the first try, or choose another folder with --home"
            }
            Self::DiskFull { .. } => "free some space and try again; nothing that was stored before is lost",
            Self::FileDamaged { .. } => {
                "put the file back from a backup, or join again from an empty folder with the recovery code"
            }
            Self::DatabaseDamaged { .. } => {
                "run 'tidegate rebuild' to make it again from the store; only edits that were never synced are lost"
            }
            Self::DatabaseNewer { .. } => "update Tidegate to the version that wrote it, or run 'tidegate rebuild'",
            Self::Database(_) => "try again; if it happens again, run 'tidegate rebuild' and report it",
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Unavailable { .. } => {
                "check the network and the address, and try again later; nothing is lost"
            }
            Self::NotOurs { .. } => {
                "sign in to the network (a hotel's or café's page may be in the way), then try again; nothing is lost"
            }
            Self::StoreDenied { .. } => {
                "check that the access key is right and may read and write users/ in this bucket; a broker's is its operator's to mend"
            }
            Self::ClockRefused { .. } => "set this device's clock right and try again; nothing is lost",
            Self::StoreRefused { .. } => "check the store's address, region and bucket",
            Self::BucketMissing { .. } => "check the bucket's name, or create it",
            Self::MalformedAnswer { .. } => "check the address; if it is right, try again later",
            Self::AnswerTooLarge { .. } => "the object was not written by Tidegate; find out who else writes to this bucket",
            Self::Problem { code, .. } => problem_help(*code),
            Self::BrokerUrlMismatch { .. } => "use the address that the broker calls itself, or correct its public_url",
            Self::BrokerVersion { .. } => "update Tidegate",
            Self::InvalidSetting { .. } => "correct the setting and try again",
            Self::CredentialsMissing { .. } => "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            Self::SessionMissing => "join again with an invite, a subscription or a login (--oidc), and the recovery code",
            Self::InviteMissing => {
                "log in with --oidc, or ask the broker's operator for an invite and give it with --invite-file, or a transaction with --transaction-file"
            }
            Self::BrokerMissing => {
                "do it with the store's own tools: an account is everything below users/{user id}/ in its bucket"
            }
            Self::NewKeysNeedBroker => {
                "make another access key in the store for your devices, and delete the one that the lost device has"
            }
            Self::NewKeysNotPrepared { .. } => "run 'tidegate account rotate' with the recovery code",
            Self::NewKeysUnsettled => {
                "run 'tidegate account rotate' or 'tidegate join' again, whichever was stopped; edits are kept meanwhile"
            }
            Self::KeysChanged => "stop this program and start it again: it then goes on with the new keys",
            Self::DeletionNotAsked => "run 'tidegate account delete' first; it says what would go and how to go on",
            Self::RecoveryCode(_) => "check the words against what you wrote down",
            Self::RecoveryCodeWrong { .. } => "check that the code is this account's",
            Self::MasterKeys(_) | Self::Genesis(_) | Self::Grant(_) => {
                "the store does not show what this account wrote; do not go on, and find out who else can write to it"
            }
            Self::AccountMissing => "check the bucket and the user id, or create the account with 'tidegate init'",
            Self::SeveralAccounts(_) => "say which account with --user-id",
            Self::AccountIncomplete { .. } => "let the first device finish 'tidegate init', then try again",
            Self::TextLength { .. } | Self::KindReserved(_) => "choose another text",
            Self::RecordTooLarge { .. } => "store it as an attachment",
            Self::AttachmentTooLarge { .. } => "split the file, or make it smaller",
            Self::SourceUnreadable { .. } => "check the path and your right to read it",
            Self::DeviceUnknown(_) => "'tidegate devices' shows the devices; it reads their list from the store",
            Self::OtherDevice(_) => "run the command on that device: each alone can write its own name",
            Self::DeviceFileChanged => "try again",
            Self::TargetUnwritable { .. } => "check the room on its disk, and your right to write it",
            Self::SourceChanged => "wait until nobody writes to it, and try again",
            Self::UploadTooSlow => "sync over a faster connection; the upload begins anew",
            Self::MemberUnknown(_) => {
                "'tidegate member list' shows the members; run 'tidegate sync' if it was added on another device"
            }
            Self::RecordUnknown(_) | Self::AttachmentUnknown(_) => {
                "'tidegate list' shows what there is; run 'tidegate sync' if it was made on another device"
            }
            Self::RecordTwice(_) => "store one version at a time",
            Self::RecordOfOtherMember(_) => "name the member that the record belongs to",
            Self::RecordDeleted(_) => "'tidegate history' shows its versions, and 'tidegate restore' brings one back",
            Self::ChangeUnknown { .. } => "'tidegate history' shows the record's changes",
            Self::ContentMissing { .. } => "sync again; if it stays away, the store has lost or withholds it",
            Self::ContentDamaged { .. } => {
                "the store does not hold what was written; restore the object from a backup of the bucket"
            }
            Self::Login(error) => error.help(),
            Self::Tandem(error) => tandem_help(error.class()),
            Self::MassDelete { .. } => {
                "if that is wanted, run 'tidegate sync --allow-mass-delete'; 'tidegate list --deleted' shows what would go, and \
                 'tidegate restore' brings it back"
            }
            Self::HealthConfirmation { .. } => "give the confirmation that belongs to a batch of 'tidegate health pending'",
            Self::HealthReceiptUnknown { .. } => {
                "confirm a batch with the store and the family member that it was made for; nothing was recorded"
            }
            Self::Engine { class, .. } => engine_help(*class),
            Self::Bug(_) => "please report it, with the command that you ran",
        }
    }
}

const fn tandem_help(class: SourceClass) -> &'static str {
    match class {
        SourceClass::Retry | SourceClass::Unreachable => "try again later; nothing is lost",
        SourceClass::Locked { .. } | SourceClass::RateLimited { .. } => {
            "wait until then: more attempts would lock the account for longer; nothing is lost"
        }
        SourceClass::Credentials => "check name, password and region, and run 'tidegate tandem login'",
        SourceClass::Changed => {
            "update Tidegate; if there is no newer version, report this with the message above: it holds no personal data"
        }
        SourceClass::Blocked => "log in once at the service's own page in a browser, and check this device's clock and network",
    }
}

const fn engine_help(class: Class) -> &'static str {
    match class {
        Class::Retry => "try again later; nothing is lost",
        Class::Reauthenticate => "sign in again",
        Class::Conflict => "sync, look at the result, and try again",
        Class::Corrupt => "'tidegate status' names what was found; the rest goes on",
        Class::Invalid => "correct the input and try again",
        Class::Denied => "ask the account's owner",
        Class::NotFound => "sync, and check the id",
        Class::Decide => "look at what would happen, and say so if it is wanted",
        Class::Bug => "please report it, with the command that you ran",
    }
}

fn problem_help(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::InviteUsedUp => "every device slot of this invite is taken: ask the broker's operator for a new invite",
        ProblemCode::InviteExpired | ProblemCode::InviteRevoked | ProblemCode::InviteInvalid => {
            "ask the broker's operator for a new invite"
        }
        ProblemCode::AccountNotFound => {
            "this invite, subscription or login opens no account yet: run 'tidegate init' on the first device"
        }
        ProblemCode::AlreadyLinked => {
            "whoever holds this invite, subscription or login already has an account: run 'tidegate join' with its recovery code; if that and all devices are lost, 'tidegate init --reset'"
        }
        ProblemCode::AccountProofInvalid => "this invite, subscription or login belongs to another account than this device",
        ProblemCode::AccountDeleted => "this account is being deleted, for all its devices; the copy on this device stays",
        ProblemCode::AccountKeysReplaced => {
            "the account has a new recovery code: run 'tidegate join' with it on this device, with an invite, a subscription or a login; nothing is lost"
        }
        ProblemCode::ConfirmationInvalid => "run 'tidegate account delete' again",
        ProblemCode::StatementInvalid | ProblemCode::StatementConflict => "read the account's keys again, then decide",
        ProblemCode::ResetNotNeeded => "sign in: nothing has to be reset",
        ProblemCode::ResetPending => "a reset was begun from another folder: go on from that one, or wait until it lapses",
        ProblemCode::ResetCancelled => {
            "somebody has the account that you want to leave; join it with its recovery code, or ask again in a week"
        }
        ProblemCode::ResetNotOffered => "ask the broker's operator for another invite, and begin a new account with that",
        ProblemCode::IdentityNotOffered => "this broker does not take this way in: ask its operator for an invite",
        ProblemCode::AccountIncomplete => "run 'tidegate init' again: it goes on where it stopped",
        ProblemCode::SessionEnded | ProblemCode::RenewalExpired => {
            "the session has ended: join again, with an invite, the subscription's current transaction or a login; local data is kept"
        }
        ProblemCode::RenewalReused => {
            "somebody used a renewal token of this device again, perhaps a copy of its folder: if you made none, revoke this device \
             ('tidegate devices retire') and join anew; else join again. Local data is kept"
        }
        ProblemCode::IdTokenExpired | ProblemCode::LoginExpired | ProblemCode::IdTokenReplayed => {
            "log in again on this device: run 'tidegate join --oidc'; local data is kept"
        }
        ProblemCode::IdTokenNonce => {
            "log in on this very device, by --login browser if the provider drops the nonce of logins by device code"
        }
        ProblemCode::IdentityNotAllowed | ProblemCode::IdentityRevoked => {
            "ask the broker's operator to let this login in; local data is kept"
        }
        ProblemCode::IdTokenMalformed
        | ProblemCode::IdTokenIssuer
        | ProblemCode::IdTokenAlgorithm
        | ProblemCode::IdTokenKey
        | ProblemCode::IdTokenSignature
        | ProblemCode::IdTokenAudience
        | ProblemCode::IdTokenClaims => {
            "this is no ID token that the broker takes: log in with the issuer and the client that it names, or ask its operator"
        }
        ProblemCode::IdTokenNotYetValid => "the clocks of broker and issuer differ: tell the broker's operator",
        ProblemCode::IssuerUnavailable => "the login's provider does not answer the broker: try again later; nothing is lost",
        ProblemCode::SubscriptionExpired => {
            "renew the subscription in the App Store, then join again with its new transaction; local data is kept"
        }
        ProblemCode::SubscriptionBillingRetry => {
            "check the payment method in the App Store; once it is charged, join again. Local data is kept"
        }
        ProblemCode::SubscriptionRefunded | ProblemCode::SubscriptionRevoked => {
            "subscribe again in the App Store, then join again with the new transaction; local data is kept"
        }
        ProblemCode::SubscriptionUpgraded | ProblemCode::SubscriptionUnknown | ProblemCode::TransactionTooOld => {
            "let the app fetch the current transaction from the App Store and join again with that"
        }
        ProblemCode::SubscriptionProduct | ProblemCode::SubscriptionProductType => {
            "this purchase does not include the service: check which subscription it is of"
        }
        ProblemCode::SubscriptionFamilyShared => "this broker takes no shared subscriptions: subscribe oneself",
        ProblemCode::TransactionFromFuture => "the broker's clock is behind the App Store's: tell its operator",
        ProblemCode::AppTransactionIdMissing => "update the device's system and the app, then send a fresh transaction",
        ProblemCode::AppAccountTokenMismatch => {
            "the subscription was bought for another account: use that account's recovery code with 'tidegate join'"
        }
        ProblemCode::DeviceVerificationRequired | ProblemCode::DeviceVerificationMismatch => {
            "take the transaction from the device that uses it, together with that device's deviceVerificationId"
        }
        ProblemCode::EnvironmentMismatch => "an account of sandbox purchases and one of real ones are two: make a new one",
        ProblemCode::DeviceRevoked => "this device was shut out: join again from another folder if that was a mistake",
        ProblemCode::RateLimited | ProblemCode::DailyLimit | ProblemCode::Overloaded => "wait, and try again; nothing is lost",
        ProblemCode::PartsMismatch | ProblemCode::UploadGone => "sync again: the upload goes on, or begins anew",
        ProblemCode::StoreUnavailable
        | ProblemCode::Draining
        | ProblemCode::Timeout
        | ProblemCode::Internal
        | ProblemCode::StateConflict => "try again later; nothing is lost. The broker's log names the cause",
        ProblemCode::TandemCredentialsRefused => "check name, password and region (us or eu) of the Tandem account",
        ProblemCode::TandemLocked | ProblemCode::TandemSyncLimit | ProblemCode::TandemUnavailable => {
            "wait for as long as the broker says, and try again"
        }
        ProblemCode::AppStoreRevocationUnknown => "try again later: Apple does not answer",
        ProblemCode::AppStoreJwsMalformed
        | ProblemCode::AppStoreJwsTooLarge
        | ProblemCode::AppStoreHeaderDuplicate
        | ProblemCode::AppStoreHeaderCritical
        | ProblemCode::AppStoreAlgorithm
        | ProblemCode::AppStoreChainLength
        | ProblemCode::AppStoreChainOrder
        | ProblemCode::AppStoreRootUntrusted
        | ProblemCode::AppStoreCertificateMalformed
        | ProblemCode::AppStoreLeafKey
        | ProblemCode::AppStoreSignatureLength
        | ProblemCode::AppStoreSignatureDer
        | ProblemCode::AppStoreSignatureZero
        | ProblemCode::AppStoreSignatureInvalid
        | ProblemCode::AppStoreLeafMarker
        | ProblemCode::AppStoreIntermediateMarker
        | ProblemCode::AppStoreLeafIsAuthority
        | ProblemCode::AppStoreIntermediateNotAuthority
        | ProblemCode::AppStoreLeafUsage
        | ProblemCode::AppStoreIntermediateUsage
        | ProblemCode::AppStoreCertificateExpired
        | ProblemCode::AppStoreCertificateNotYetValid
        | ProblemCode::AppStoreChainInvalid
        | ProblemCode::AppStoreCertificateRevoked
        | ProblemCode::AppStoreUnsigned
        | ProblemCode::AppStorePayloadInvalid
        | ProblemCode::AppStoreWrongBundle
        | ProblemCode::AppStoreWrongApp
        | ProblemCode::AppStoreWrongEnvironment
        | ProblemCode::AppStoreNestedMismatch => {
            "this is not a purchase that the broker accepts: restore purchases in the app, or ask the broker's operator"
        }
        ProblemCode::InvalidJson
        | ProblemCode::LogDrainSignatureInvalid
        | ProblemCode::InvalidRequest
        | ProblemCode::BatchSize
        | ProblemCode::BodyTooLarge
        | ProblemCode::UrlTooLong
        | ProblemCode::UnsupportedMediaType
        | ProblemCode::NotFound
        | ProblemCode::MethodNotAllowed
        | ProblemCode::KeyInvalid
        | ProblemCode::MethodInvalid
        | ProblemCode::DeleteNotSigned
        | ProblemCode::LengthMissing
        | ProblemCode::TooLarge
        | ProblemCode::Sha256Missing
        | ProblemCode::DigestMismatch
        | ProblemCode::ConditionInvalid
        | ProblemCode::UploadIdInvalid
        | ProblemCode::PartNumberInvalid
        | ProblemCode::PartLengthInvalid
        | ProblemCode::TooSmall
        | ProblemCode::CredentialsPrefixInvalid
        | ProblemCode::CredentialsNotAvailable
        | ProblemCode::ListPrefixInvalid
        | ProblemCode::ListParameterInvalid
        | ProblemCode::Unknown => "update Tidegate and the broker to versions that fit each other",
        ProblemCode::ProofMissing
        | ProblemCode::ProofInvalid
        | ProblemCode::UseDpopNonce
        | ProblemCode::ProofReplayed
        | ProblemCode::TokenMissing
        | ProblemCode::TokenInvalid
        | ProblemCode::TokenExpired
        | ProblemCode::RenewFirst => "try again; if it stays, check that the address is the broker's public URL and join again",
        ProblemCode::ScopeInsufficient | ProblemCode::NotAllowed | ProblemCode::Protected | ProblemCode::TooYoung => {
            "this is not allowed to this device"
        }
    }
}
