//! One account, the callers that may want something of it, its objects, and how they ask.

use tidegate_broker::presign::policy::{SignedConditions, authorize};
use tidegate_broker::presign::request::ObjectRequest;
use tidegate_broker::presign::upload_id::UploadIds;
use tidegate_protocol::account::{user_id, uuid_of_hash};
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::presign::{PresignItem, Refusal};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::scope::{AccountScope, Permission, Scopes, Share};
use tidegate_protocol::{
    ChainId, ContentHmac, DeviceId, GrantId, MemberId, ObjectKey, RecordId, Sha256, Space, StateKey, StoreEnvironment,
    TokenHolder, UserId,
};

pub(super) const BODY: &[u8] = b"the exact bytes that go up";
pub(super) const ETAG: &str = "\"e.1-_Z\"";

pub(super) fn owner() -> UserId {
    user_id(BODY)
}

pub(super) fn uuid(last: u8) -> [u8; 16] {
    let mut bytes = [0xc0; 16];
    bytes[15] = last;
    bytes
}

pub(super) fn guest() -> UserId {
    UserId::from_bytes(uuid(1))
}

pub(super) fn owners_device() -> DeviceId {
    DeviceId::from_bytes(uuid(2))
}

pub(super) fn owners_other_device() -> DeviceId {
    DeviceId::from_bytes(uuid(3))
}

pub(super) fn guests_device() -> DeviceId {
    DeviceId::from_bytes(uuid(4))
}

pub(super) fn member() -> MemberId {
    MemberId::from_bytes(uuid(5))
}

pub(super) fn other_member() -> MemberId {
    MemberId::from_bytes(uuid(6))
}

pub(super) fn caller(column: &str) -> Scopes {
    let own = |account| Scopes { user: owner(), device: owners_device(), account, shares: Vec::new() };
    let foreign = |account, permission: Option<Permission>| Scopes {
        user: guest(),
        device: guests_device(),
        account,
        shares: permission.map(|permission| Share { owner: owner(), member: member(), permission }).into_iter().collect(),
    };
    match column {
        "owner" => own(AccountScope::Full),
        "create" => own(AccountScope::Create),
        "bootstrap" => own(AccountScope::Bootstrap),
        "stranger" => foreign(AccountScope::Full, None),
        "reader" => foreign(AccountScope::Full, Some(Permission::Read)),
        "writer" => foreign(AccountScope::Full, Some(Permission::ReadWrite)),
        "unproven" => foreign(AccountScope::Bootstrap, Some(Permission::ReadWrite)),
        unknown => panic!("no caller {unknown}"),
    }
}

/// The object of the owner's account that a row of a table means, named after [`BODY`] where a name is a hash.
pub(super) fn object(row: &str, own_device: DeviceId) -> ObjectKey {
    let (user, sha256) = (owner(), Sha256::of(BODY));
    let digest = sha256.digest();
    let in_space = |space: Space, kind: &str| match kind {
        "own segment" => ObjectKey::Segment { space, device: own_device, chain: ChainId::new(7), seq: 9, digest },
        "other segment" => ObjectKey::Segment { space, device: owners_other_device(), chain: ChainId::new(7), seq: 9, digest },
        "checkpoint" => ObjectKey::Checkpoint { space, digest },
        "sync-manifest" => ObjectKey::Doorbell { space },
        kind => {
            let member = space.member().expect("only a member's space has it");
            match kind {
                "record" => ObjectKey::Record { user, member, record: RecordId::from_bytes(uuid(7)), version: 6, digest },
                "attachment" => ObjectKey::Attachment { user, member, hmac: ContentHmac::from_bytes([8; 32]), digest },
                "pack" => ObjectKey::Pack { user, member, digest },
                unknown => panic!("no object {unknown}"),
            }
        }
    };
    match row {
        "genesis" => ObjectKey::Genesis { user },
        "public-keys" => ObjectKey::PublicKeys { user, generation: 1, digest },
        "master-keys" => ObjectKey::MasterKeys { user, generation: 0, digest },
        "access-grant" => ObjectKey::AccessGrant { user, grant: GrantId::new(uuid_of_hash(&sha256)) },
        "own device file" => ObjectKey::DeviceFile { user, device: own_device },
        "another device file" => ObjectKey::DeviceFile { user, device: owners_other_device() },
        "state link" => ObjectKey::State(StateKey::Link { identity: sha256 }),
        "state link candidate" => ObjectKey::State(StateKey::LinkCandidate { identity: sha256, user }),
        "state account keys" => ObjectKey::State(StateKey::AccountKeys { user, generation: 1 }),
        "state environment" => ObjectKey::State(StateKey::AccountEnvironment { user }),
        "state invite slot" => {
            ObjectKey::State(StateKey::InviteSlot { invite: RecordId::from_bytes(uuid(7)).as_uuid(), thumbprint: sha256 })
        }
        "state invite revoked" => ObjectKey::State(StateKey::InviteRevoked { invite: RecordId::from_bytes(uuid(7)).as_uuid() }),
        "state device revoked" => ObjectKey::State(StateKey::DeviceRevoked { device: own_device }),
        "state identity revoked" => ObjectKey::State(StateKey::IdentityRevoked { identity: sha256 }),
        "state id token use" => ObjectKey::State(StateKey::IdTokenUse { token: sha256, thumbprint: sha256 }),
        "state renewal" => ObjectKey::State(StateKey::Renewal { user, device: own_device }),
        "state account keys first" => {
            ObjectKey::State(StateKey::AccountKeysCandidate { user, generation: 1, digest: sha256.digest() })
        }
        "state account link" => ObjectKey::State(StateKey::AccountLink { user, identity: sha256 }),
        "state account slot" => {
            ObjectKey::State(StateKey::AccountSlot { user, invite: RecordId::from_bytes(uuid(7)).as_uuid(), thumbprint: sha256 })
        }
        "state account reset" => ObjectKey::State(StateKey::AccountReset { user, identity: sha256 }),
        "state account deletion" => ObjectKey::State(StateKey::AccountDeletion { user }),
        "state account gone" => ObjectKey::State(StateKey::AccountGone { account: sha256 }),
        "state sessions ended" => ObjectKey::State(StateKey::SessionsEnded { user, device: None }),
        "state ended lately" => ObjectKey::State(StateKey::EndedLately { before: 1_763_717_400, whose: TokenHolder::User(user) }),
        "state store profile" => ObjectKey::State(StateKey::StoreProfile),
        "state entitlement" => ObjectKey::State(StateKey::Entitlement { subscription: sha256 }),
        "state notification" => ObjectKey::State(StateKey::Notification { id: RecordId::from_bytes(uuid(7)).as_uuid() }),
        "state recovery" => ObjectKey::State(StateKey::Recovery { environment: StoreEnvironment::Sandbox }),
        "state audit" => ObjectKey::State(StateKey::Audit { user, day: 20_000, id: RecordId::from_bytes(uuid(7)).as_uuid() }),
        row => match row.split_once(' ') {
            Some(("account", kind)) => in_space(Space::Account(user), kind),
            Some(("fm", kind)) => in_space(Space::Member(user, member()), kind),
            Some(("other", rest)) => in_space(Space::Member(user, other_member()), rest.strip_prefix("fm ").expect("other fm")),
            Some(_) | None => panic!("no object {row}"),
        },
    }
}

pub(super) fn folder(row: &str) -> String {
    let user = owner();
    let (fm, other) = (member(), other_member());
    match row {
        "account devices" => format!("users/{user}/devices/"),
        "account checkpoints" => format!("users/{user}/checkpoints/"),
        row => match (row.strip_prefix("fm "), row.strip_prefix("other fm ")) {
            (Some(kind), _) => format!("users/{user}/family-members/{fm}/{kind}/"),
            (None, Some(kind)) => format!("users/{user}/family-members/{other}/{kind}/"),
            (None, None) => format!("users/{user}/{row}/"),
        },
    }
}

pub(super) fn uploads() -> UploadIds {
    UploadIds::new(&[7; 32])
}

pub(super) fn item(method: &str, key: impl ToString) -> PresignItem {
    PresignItem { method: method.to_owned(), key: key.to_string(), ..PresignItem::default() }
}

pub(super) fn put(key: impl ToString) -> PresignItem {
    PresignItem { length: Some(BODY.len() as u64), sha256: Some(Sha256::of(BODY).to_string()), ..item("PUT", key) }
}

/// The decision, for items that do not outlive it.
pub(super) fn decide(scopes: &Scopes, item: &PresignItem, profile: &StoreProfile) -> Result<SignedConditions<'static>, Refusal> {
    let signed = authorize(scopes, ObjectRequest::parse(item, &uploads())?, profile)?;
    let SignedConditions { method, key, query, headers, credential, signed_bytes } = signed;
    Ok(SignedConditions { method, key: key.into_owned().into(), query, headers, credential, signed_bytes })
}

pub(super) fn code(result: Result<SignedConditions<'_>, Refusal>) -> ProblemCode {
    result.expect_err("expected a refusal").code
}

pub(super) fn parse_code(item: &PresignItem) -> ProblemCode {
    ObjectRequest::parse(item, &uploads()).expect_err("expected a refusal").code
}
