//! The JSON of version 1, as files: what was once written is read for ever, and written the same.
//!
//! Files are only ever added. With `TIDEGATE_WRITE_GOLDEN=1` missing files, and missing lines of the list of problems, are
//! written; what is there is never touched, so whoever wants to change it has to delete it, and to say why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_protocol::Sha256;
use tidegate_protocol::account::{ProofPurpose, user_id};
use tidegate_protocol::capability::{
    Attack, AttackFinding, AttackOutcome, Capabilities, CorsFinding, ExcessRight, IdentityKind, ListFindings, Precondition,
    StoreFindings, StoreProfile, Support,
};
use tidegate_protocol::credentials::{BucketAddressing, CredentialsReply, CredentialsRequest};
use tidegate_protocol::delete::{DeleteBatch, DeleteOutcome, DeleteReply};
use tidegate_protocol::deletion::{DeleteAccountReply, DeleteAccountRequest, DeletionConfirmation, DeletionProgress};
use tidegate_protocol::device::{DeviceEntry, DeviceStanding, DevicesReply, LogoutRequest, SessionsEndedReply};
use tidegate_protocol::genesis::{ED25519_PUBLIC_KEY_BYTES, Genesis, XWING_PUBLIC_KEY_BYTES};
use tidegate_protocol::keys_statement::KeysStatement;
use tidegate_protocol::multipart::{
    AbortUploadReply, AbortUploadRequest, CompleteUploadReply, CompleteUploadRequest, CreateUploadReply, CreateUploadRequest,
    PART_BYTES, UploadPartsReply, UploadPartsRequest, UploadedPart, UploadedParts,
};
use tidegate_protocol::oidc::{OidcIssuer, OidcSessionRequest};
use tidegate_protocol::presign::{PresignBatch, PresignItem, PresignOutcome, PresignReply, Refusal, SignedUrl};
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::reset::{ResetReply, ResetRequest, ResetState};
use tidegate_protocol::rotation::RotateRequest;
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::session::{AccountProof, LinkRequest, RenewRequest, SelfHostSessionRequest, SessionReply};
use tidegate_protocol::subscription::{
    BearerSessionReply, BillingMode, EntitlementState, EntitlementStatus, InstallationRequest, Retention, ServiceMode,
    StatusReply, SubscriptionSessionRequest,
};
use tidegate_protocol::wire::Base64Url;
use time::macros::datetime;

const WRITE: &str = "TIDEGATE_WRITE_GOLDEN";
const USER: &str = "6f1ed002-ab55-8a3b-8c1d-2f2f8f2b8a01";
const DEVICE: &str = "d3b0a1f2-1c5e-8e6f-9a7b-0c1d2e3f4a5b";
const MEMBER: &str = "0b0e9c54-8f3e-4a55-9d0b-6d3f1c2a7e10";
const DIGEST: &str = "00112233445566778899aabbccddeeff";
const UPLOAD: &str = "70000000.q83vASNFZ4mrze8BI0Vnjw.VXBsb2FkIElE";

/// One file: what it must hold, and what its content reads and writes to.
struct Golden {
    name: &'static str,
    written: String,
    rewrite: fn(&str) -> String,
    reads_as_expected: Box<dyn Fn(&str) -> bool>,
}

fn golden<T>(name: &'static str, value: T) -> Golden
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    Golden {
        name,
        written: pretty(&value),
        rewrite: |text| pretty(&read::<T>(text)),
        reads_as_expected: Box::new(move |text| read::<T>(text) == value),
    }
}

fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("a golden file is read")
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("a reply is written") + "\n"
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1")
}

fn writing() -> bool {
    std::env::var_os(WRITE).is_some()
}

/// The file's content; written first if it is missing and that was asked for.
fn content(name: &str, written: &[u8]) -> Vec<u8> {
    let path = folder().join(name);
    if writing() && !path.exists() {
        fs::write(&path, written).expect("a golden file is written");
    }
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; {WRITE}=1 writes it", path.display()))
}

#[test]
fn golden_files_read_as_expected_and_write_back_byte_for_byte() {
    for golden in all() {
        let text = String::from_utf8(content(golden.name, golden.written.as_bytes())).expect("golden files are UTF-8");
        assert!((golden.reads_as_expected)(&text), "{} reads otherwise", golden.name);
        assert_eq!((golden.rewrite)(&text), text, "{}", golden.name);
        assert_eq!(golden.written, text, "{}", golden.name);
    }
}

#[test]
fn the_golden_genesis_still_makes_its_user_id() {
    let genesis = Genesis {
        retention_days: 90,
        recovery_public_key: [0x11; ED25519_PUBLIC_KEY_BYTES],
        account_ed25519_public_key: [0x22; ED25519_PUBLIC_KEY_BYTES],
        account_xwing_public_key: Box::new([0x33; XWING_PUBLIC_KEY_BYTES]),
    };
    let bytes = content(GENESIS, &genesis.to_bytes());
    assert_eq!(genesis.to_bytes(), bytes);
    assert_eq!(Genesis::parse(&bytes).unwrap(), genesis);
    assert_eq!(user_id(&bytes).to_string(), "fae6fe2f-609f-8677-9015-549b71fa29c2");
}

#[test]
fn the_golden_keys_statement_is_read_and_written_the_same() {
    let statement = KeysStatement {
        user: USER.parse().unwrap(),
        generation: 1,
        previous: Sha256::from_bytes([0x44; 32]),
        recovery_public_key: [0x11; ED25519_PUBLIC_KEY_BYTES],
        account_ed25519_public_key: [0x22; ED25519_PUBLIC_KEY_BYTES],
        account_xwing_public_key: Box::new([0x33; XWING_PUBLIC_KEY_BYTES]),
        signature: [0x55; 64],
    };
    let bytes = content(KEYS_STATEMENT, &statement.to_bytes());
    assert_eq!(statement.to_bytes(), bytes);
    assert_eq!(KeysStatement::parse(&bytes).unwrap(), statement);
    assert_eq!(Sha256::of(&statement.message()).to_string(), "749eb40c45e6ce763e8073851116b1b98ff9e887157d92131d7986d4b29c5949");
    let spaced = String::from_utf8(bytes).expect("JSON is UTF-8").replace(':', ": ");
    assert_eq!(KeysStatement::parse(spaced.as_bytes()).unwrap_err().code(), "keys-statement-spelling");
}

/// One problem document a line, in the order in which the codes came to be.
#[test]
fn every_problem_that_was_ever_sent_reads_and_writes_the_same() {
    let line = |code: &ProblemCode| {
        let document = ProblemDocument::new(*code, format!("what went wrong: {code}"), "0199c0de-0000-7000-8000-000000000001");
        (serde_json::to_string(&document).unwrap(), document)
    };
    let written: String = ProblemCode::ALL.iter().map(|code| line(code).0 + "\n").collect();
    let text = String::from_utf8(content(PROBLEMS, written.as_bytes())).unwrap();
    let mut seen = BTreeSet::new();
    for kept in text.lines() {
        let document: ProblemDocument = serde_json::from_str(kept).unwrap();
        assert_ne!(document.code, ProblemCode::Unknown, "a code was dropped: {kept}");
        assert_eq!((kept.to_owned(), document.clone()), line(&document.code));
        seen.insert(document.code);
    }
    let missing: String = ProblemCode::ALL.iter().filter(|code| !seen.contains(code)).map(|code| line(code).0 + "\n").collect();
    if writing() {
        fs::write(folder().join(PROBLEMS), text + &missing).expect("a golden file is written");
    } else {
        assert!(missing.is_empty(), "{PROBLEMS} lacks these lines; {WRITE}=1 appends them:\n{missing}");
    }
}

#[test]
fn every_golden_file_is_read_by_a_test() {
    let known: BTreeSet<String> =
        all().iter().map(|golden| golden.name).chain([GENESIS, KEYS_STATEMENT, PROBLEMS]).map(str::to_owned).collect();
    let stored: BTreeSet<String> = fs::read_dir(folder())
        .expect("the folder of golden files")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("an ASCII name"))
        .collect();
    assert_eq!(stored.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
}

const GENESIS: &str = "genesis.json";
const KEYS_STATEMENT: &str = "account-keys.json";
const PROBLEMS: &str = "problems.ndjson";

fn all() -> Vec<Golden> {
    vec![
        golden("capabilities.json", capabilities()),
        golden(
            "store-profiles.json",
            vec![
                StoreProfile::ATOMIC,
                StoreProfile::IGNORING,
                StoreProfile::unprobed(Precondition::NotAtomic, Precondition::Refused),
            ],
        ),
        golden("store-profile-probed.json", probed_profile()),
        golden("self-host-session-request.json", SelfHostSessionRequest { invite: "tgi1.invite".to_owned(), account: None }),
        golden(
            "self-host-session-request-with-proof.json",
            SelfHostSessionRequest { invite: "tgi1.invite".to_owned(), account: Some(account_proof()) },
        ),
        golden("capabilities-hosted.json", hosted_capabilities()),
        golden(
            "capabilities-oidc.json",
            Capabilities {
                identities: vec![IdentityKind::SelfHost, IdentityKind::Oidc],
                oidc: vec![
                    OidcIssuer {
                        name: "home".to_owned(),
                        issuer: "https://id.example.org/realms/home".to_owned(),
                        client_id: Some("tidegate".to_owned()),
                        scopes: vec!["openid".to_owned(), "email".to_owned()],
                        nonce_required: true,
                    },
                    OidcIssuer {
                        name: "app".to_owned(),
                        issuer: "https://project.supabase.co/auth/v1".to_owned(),
                        client_id: None,
                        scopes: vec!["openid".to_owned()],
                        nonce_required: false,
                    },
                ],
                ..capabilities()
            },
        ),
        golden(
            "oidc-session-request.json",
            OidcSessionRequest {
                id_token: "header.claims.signature".to_owned(),
                nonce_salt: Some(Base64Url(vec![7; 16])),
                account: Some(account_proof()),
            },
        ),
        golden(
            "oidc-session-request-without-nonce.json",
            OidcSessionRequest { id_token: "header.claims.signature".to_owned(), nonce_salt: None, account: None },
        ),
        golden("capabilities-relay.json", Capabilities { tandem_relay: true, ..hosted_capabilities() }),
        golden("subscription-session-request.json", subscription_request()),
        golden(
            "subscription-session-request-with-proof.json",
            SubscriptionSessionRequest {
                installation_id: Some("6F1C2D3E-0000-4000-8000-000000000001".to_owned()),
                device_verification_id: Some("7f1c2d3e-0000-4000-8000-000000000002".parse().expect("a UUID")),
                account: Some(account_proof()),
                ..subscription_request()
            },
        ),
        golden("session-reply-hosted.json", hosted_session()),
        golden("status-reply.json", status()),
        golden("status-reply-refunded.json", refunded()),
        golden(
            "installation-request.json",
            InstallationRequest { installation_id: "6F1C2D3E-0000-4000-8000-000000000001".to_owned() },
        ),
        golden(
            "bearer-session-reply.json",
            BearerSessionReply {
                access_token: "header.payload.signature".to_owned(),
                expires_at: datetime!(2026-11-21 09:45 UTC),
                entitlement_active: true,
                service_mode: ServiceMode::Hosted,
            },
        ),
        golden("link-request.json", LinkRequest {}),
        golden("logout-request.json", LogoutRequest {}),
        golden("sessions-ended-reply.json", SessionsEndedReply { tokens_end_within_seconds: 60, urls_end_within_seconds: 960 }),
        golden("devices-reply.json", devices_reply()),
        golden("renew-request.json", RenewRequest { renewal_token: "header.payload.signature".to_owned() }),
        golden(
            "delete-account-request.json",
            DeleteAccountRequest { account: proof_for(ProofPurpose::DeleteAccount), confirmation: None },
        ),
        golden(
            "delete-account-request-confirmed.json",
            DeleteAccountRequest {
                account: proof_for(ProofPurpose::DeleteAccount),
                confirmation: Some("header.payload.signature".to_owned()),
            },
        ),
        golden(
            "delete-account-reply-confirmation.json",
            DeleteAccountReply::ConfirmationNeeded(DeletionConfirmation {
                confirmation: "header.payload.signature".to_owned(),
                confirm_by: datetime!(2026-11-21 09:40 UTC),
            }),
        ),
        golden(
            "delete-account-reply.json",
            DeleteAccountReply::Deleting(DeletionProgress {
                objects_deleted: 1_234,
                swept: true,
                sessions_end_by: datetime!(2026-11-21 09:31 UTC),
                urls_end_by: datetime!(2026-11-21 09:46 UTC),
                swept_again_at: datetime!(2026-11-21 09:47:30 UTC),
            }),
        ),
        golden(
            "rotate-request.json",
            RotateRequest {
                renewal_token: "header.payload.signature".to_owned(),
                statement: Base64Url(br#"{"format":"tidegate/account-keys/v1"}"#.to_vec()),
                account: proof_for(ProofPurpose::ReplaceKeys),
            },
        ),
        golden("reset-request.json", ResetRequest { account: proof_for(ProofPurpose::ResetAccount) }),
        golden(
            "reset-reply.json",
            ResetReply {
                state: ResetState::Pending,
                from: USER.parse().expect("a user id"),
                to: MEMBER.parse().expect("a user id"),
                moves_at: datetime!(2026-11-28 09:30 UTC),
                returnable_until: datetime!(2027-05-27 09:30 UTC),
                session: access_only(AccountScope::Create),
            },
        ),
        golden("session-reply-full.json", full_session()),
        golden("session-reply-create.json", access_only(AccountScope::Create)),
        golden("session-reply-bootstrap.json", access_only(AccountScope::Bootstrap)),
        golden("presign-batch.json", presign_batch()),
        golden("presign-reply.json", presign_reply()),
        golden("presign-batch-parts.json", presign_batch_parts()),
        golden(
            "multipart-create-request.json",
            CreateUploadRequest { key: attachment_key(), length: 70_000_000, sha256: DIGEST.repeat(2) },
        ),
        golden(
            "multipart-create-reply.json",
            CreateUploadReply { upload_id: UPLOAD.to_owned(), part_bytes: PART_BYTES, part_count: 5 },
        ),
        golden(
            "multipart-parts-request.json",
            UploadPartsRequest { key: attachment_key(), upload_id: UPLOAD.to_owned(), after: None },
        ),
        golden(
            "multipart-parts-request-page.json",
            UploadPartsRequest { key: attachment_key(), upload_id: UPLOAD.to_owned(), after: Some(1_000) },
        ),
        golden("multipart-parts-reply-open.json", UploadPartsReply::Open(uploaded_parts())),
        golden("multipart-parts-reply-stored.json", UploadPartsReply::Stored),
        golden(
            "multipart-complete-request.json",
            CompleteUploadRequest { key: attachment_key(), upload_id: UPLOAD.to_owned(), parts: vec![DIGEST.repeat(2); 5] },
        ),
        golden("multipart-complete-reply.json", CompleteUploadReply { length: 70_000_000 }),
        golden("multipart-abort-request.json", AbortUploadRequest { key: attachment_key(), upload_id: UPLOAD.to_owned() }),
        golden("multipart-abort-replies.json", vec![AbortUploadReply::Aborted, AbortUploadReply::Absent]),
        golden(
            "credentials-request.json",
            CredentialsRequest { prefixes: vec![format!("users/{USER}/family-members/{MEMBER}/")] },
        ),
        golden(
            "credentials-reply.json",
            CredentialsReply {
                access_key_id: "ASIAEXAMPLE".to_owned(),
                secret_access_key: "secret".to_owned(),
                session_token: "token".to_owned(),
                endpoint: "https://s3.example.org".to_owned(),
                region: "us-east-1".to_owned(),
                bucket: "family".to_owned(),
                addressing: BucketAddressing::Path,
                prefixes: vec![format!("users/{USER}/family-members/{MEMBER}/")],
                can_list: true,
                expires_at: datetime!(2026-11-21 09:45 UTC),
                renew_after: datetime!(2026-11-21 09:44 UTC),
            },
        ),
        golden("delete-batch.json", DeleteBatch { keys: vec![record_key(), format!("users/{USER}/checkpoints/{DIGEST}.blob")] }),
        golden(
            "delete-reply.json",
            DeleteReply {
                results: vec![
                    DeleteOutcome::Deleted,
                    DeleteOutcome::Absent,
                    DeleteOutcome::Refused(Refusal {
                        code: ProblemCode::TooYoung,
                        message: "the object is younger than 7 days".to_owned(),
                    }),
                ],
            },
        ),
    ]
}

fn record_key() -> String {
    format!("users/{USER}/family-members/{MEMBER}/records/{DEVICE}.v6.{DIGEST}.blob")
}

fn attachment_key() -> String {
    format!("users/{USER}/family-members/{MEMBER}/attachments/{DIGEST}{DIGEST}/data.{DIGEST}.blob")
}

fn presign_batch_parts() -> PresignBatch {
    let part = |number, length| PresignItem {
        method: "PUT".to_owned(),
        key: attachment_key(),
        length: Some(length),
        sha256: Some(DIGEST.repeat(2)),
        upload_id: Some(UPLOAD.to_owned()),
        part_number: Some(number),
        ..PresignItem::default()
    };
    PresignBatch { items: vec![part(1, PART_BYTES), part(5, 2_891_136)] }
}

fn uploaded_parts() -> UploadedParts {
    let sha256 = Some(DIGEST.repeat(2).parse().expect("a SHA-256"));
    UploadedParts {
        parts: vec![
            UploadedPart { number: 1, length: PART_BYTES, sha256 },
            UploadedPart { number: 2, length: PART_BYTES, sha256: None },
        ],
        next: Some(2),
    }
}

fn probed_profile() -> StoreProfile {
    let outcome = |index: usize| match index {
        0 => AttackOutcome::Succeeded,
        1 => AttackOutcome::SilentlyIgnored,
        2 => AttackOutcome::Inconclusive,
        _ => AttackOutcome::Refused,
    };
    let attacks = Attack::ALL.iter().enumerate().map(|(index, name)| AttackFinding { name: *name, outcome: outcome(index) });
    let findings = StoreFindings {
        probe_version: 1,
        probed_at: datetime!(2026-11-21 09:30 UTC),
        clock_offset_ms: -1_250,
        conditional_delete: Precondition::Ignored,
        conditional_complete: Precondition::NotAtomic,
        conditional_get: Support::Works,
        multipart: Support::Refused,
        crc32_trailers: Support::Broken,
        sts: Support::Unknown,
        list: ListFindings { consistent: true, etags: false, ordered: true, pages: true, exact_prefix: true },
        normalises_keys: true,
        cors: vec![CorsFinding { origin: "https://app.example".to_owned(), allowed: true }],
        attacks: attacks.collect(),
        excess_rights: vec![ExcessRight::WriteKeyReads, ExcessRight::ReadKeyDeletes],
    };
    StoreProfile { findings: Some(Box::new(findings)), ..StoreProfile::ATOMIC }
}

fn capabilities() -> Capabilities {
    Capabilities {
        api_version: 1,
        broker_version: "0.1.0".to_owned(),
        public_url: "https://tidegate.example".to_owned(),
        identities: vec![IdentityKind::SelfHost],
        store: StoreProfile::ATOMIC,
        max_batch: 1_000,
        url_seconds: 900,
        revocation_seconds: 60,
        service_mode: None,
        billing_mode: None,
        tandem_credential_storage: None,
        tandem_data_retention: None,
        tandem_relay: false,
        oidc: Vec::new(),
    }
}

fn hosted_capabilities() -> Capabilities {
    Capabilities {
        identities: vec![IdentityKind::SelfHost, IdentityKind::AppStore],
        service_mode: Some(ServiceMode::Hosted),
        billing_mode: Some(BillingMode::AppStore),
        tandem_credential_storage: Some(Retention::None),
        tandem_data_retention: Some(Retention::None),
        ..capabilities()
    }
}

fn subscription_request() -> SubscriptionSessionRequest {
    SubscriptionSessionRequest {
        signed_transaction_info: "header.transaction.signature".to_owned(),
        installation_id: None,
        device_verification_id: None,
        account: None,
    }
}

fn status() -> StatusReply {
    StatusReply {
        entitlement_active: true,
        service_mode: ServiceMode::Hosted,
        tandem_credential_storage: Retention::None,
        tandem_data_retention: Retention::None,
        user_id: Some(USER.parse().expect("a user id")),
        entitlement: Some(EntitlementStatus {
            product_id: "org.example.health.monthly".to_owned(),
            environment: "Production".to_owned(),
            family_shared: false,
            state: EntitlementState::Active,
            until: Some(datetime!(2026-12-21 09:30 UTC)),
            auto_renews: Some(true),
            code: None,
        }),
    }
}

fn refunded() -> StatusReply {
    let entitlement = EntitlementStatus {
        family_shared: true,
        state: EntitlementState::Refunded,
        until: Some(datetime!(2026-11-21 09:30 UTC)),
        auto_renews: None,
        code: Some(ProblemCode::SubscriptionRefunded),
        ..status().entitlement.expect("it is there")
    };
    StatusReply { entitlement_active: false, entitlement: Some(entitlement), ..status() }
}

fn account_proof() -> AccountProof {
    AccountProof {
        genesis: Base64Url(br#"{"format":"tidegate/genesis/v1"}"#.to_vec()),
        purpose: ProofPurpose::Session,
        signature: Base64Url((0xc0..=0xff).collect()),
    }
}

fn proof_for(purpose: ProofPurpose) -> AccountProof {
    AccountProof { purpose, ..account_proof() }
}

fn full_session() -> SessionReply {
    SessionReply {
        user_id: USER.parse().expect("a user id"),
        device_id: DEVICE.parse().expect("a device id"),
        scope: AccountScope::Full,
        access_token: "header.payload.signature".to_owned(),
        access_expires_at: datetime!(2026-11-21 09:45 UTC),
        renewal_token: Some("header.renewal.signature".to_owned()),
        renewal_expires_at: Some(datetime!(2026-12-21 09:30:00.5 UTC)),
        expires_at: None,
        entitlement_active: None,
        service_mode: None,
        capabilities: capabilities(),
    }
}

fn hosted_session() -> SessionReply {
    SessionReply {
        expires_at: Some(datetime!(2026-11-21 09:45 UTC)),
        entitlement_active: Some(true),
        service_mode: Some(ServiceMode::Hosted),
        capabilities: hosted_capabilities(),
        ..full_session()
    }
}

fn access_only(scope: AccountScope) -> SessionReply {
    SessionReply { scope, renewal_token: None, renewal_expires_at: None, ..full_session() }
}

fn presign_batch() -> PresignBatch {
    let item = |method: &str, key: String| PresignItem { method: method.to_owned(), key, ..PresignItem::default() };
    let put = |key| PresignItem { length: Some(1_234), sha256: Some(DIGEST.repeat(2)), ..item("PUT", key) };
    let doorbell = format!("users/{USER}/sync-manifest.blob");
    PresignBatch {
        items: vec![
            item("GET", format!("users/{USER}/genesis.json")),
            item("HEAD", record_key()),
            put(record_key()),
            PresignItem { if_match: Some("\"d41d8cd98f00b204e9800998ecf8427e\"".to_owned()), ..put(doorbell.clone()) },
            PresignItem { create_only: true, ..put(doorbell) },
            item("LIST", format!("users/{USER}/devices/")),
            PresignItem {
                max_keys: Some(100),
                continuation_token: Some("1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J=".to_owned()),
                ..item("LIST", format!("users/{USER}/family-members/{MEMBER}/records/"))
            },
        ],
    }
}

fn presign_reply() -> PresignReply {
    let headers = BTreeMap::from([
        ("content-length".to_owned(), "1234".to_owned()),
        ("content-type".to_owned(), "application/octet-stream".to_owned()),
        ("if-none-match".to_owned(), "*".to_owned()),
        ("x-amz-checksum-sha256".to_owned(), "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=".to_owned()),
    ]);
    let signed = SignedUrl {
        method: "PUT".to_owned(),
        url: format!("https://store.example/bucket/{}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00", record_key()),
        headers,
        expires_at: datetime!(2026-11-21 09:45 UTC),
        renew_after: datetime!(2026-11-21 09:40:30.25 UTC),
    };
    let refused = Refusal { code: ProblemCode::NotAllowed, message: "this session may not do that to this object".to_owned() };
    PresignReply { results: vec![PresignOutcome::Signed(signed), PresignOutcome::Refused(refused)] }
}

fn devices_reply() -> DevicesReply {
    let standings = [DeviceStanding::Active, DeviceStanding::Ended, DeviceStanding::Expired, DeviceStanding::Revoked];
    let entry = |(number, standing): (u8, DeviceStanding)| DeviceEntry {
        device_id: format!("00000000-0000-8000-8000-00000000000{number}").parse().expect("a device id"),
        current: standing == DeviceStanding::Active,
        since: datetime!(2026-11-01 09:30 UTC),
        last_renewed_at: datetime!(2026-11-21 09:30 UTC),
        standing,
    };
    DevicesReply { devices: (1..).zip(standings).map(entry).collect(), more: false }
}
