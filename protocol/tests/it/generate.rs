//! Keys, prefixes and scopes of every kind, and keys that somebody has tampered with.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use tidegate_protocol::scope::{AccountScope, Permission, ScopeClaim, Share};
use tidegate_protocol::{
    ChainId, ContentHmac, DeviceId, Digest, GrantId, ListPrefix, MAX_NUMBER, MemberId, ObjectKey, ReadPrefix, RecordId, Sha256,
    Space, StateKey, StoreEnvironment, TokenHolder, UserId,
};
use uuid::Uuid;

pub(crate) fn user() -> impl Strategy<Value = UserId> {
    any::<[u8; 16]>().prop_map(UserId::from_bytes)
}

pub(crate) fn device() -> impl Strategy<Value = DeviceId> {
    any::<[u8; 16]>().prop_map(DeviceId::from_bytes)
}

pub(crate) fn member() -> impl Strategy<Value = MemberId> {
    any::<[u8; 16]>().prop_map(MemberId::from_bytes)
}

pub(crate) fn space() -> impl Strategy<Value = Space> {
    prop_oneof![user().prop_map(Space::Account), (user(), member()).prop_map(|(user, member)| Space::Member(user, member))]
}

pub(crate) fn sha256() -> impl Strategy<Value = Sha256> {
    any::<[u8; 32]>().prop_map(Sha256::from_bytes)
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 16]>().prop_map(Digest::from_bytes)
}

/// Numbers of every length, so that short and long spellings both come up.
fn number(most: u64) -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(most), 0..=most, 0..1_000_u64.min(most)]
}

fn generation() -> impl Strategy<Value = u32> {
    number(u64::from(u32::MAX)).prop_map(|value| u32::try_from(value).expect("bounded by u32::MAX"))
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(Uuid::from_bytes)
}

/// A key of any kind, each as likely as the others.
pub(crate) fn object_key() -> impl Strategy<Value = ObjectKey> {
    prop_oneof![
        user().prop_map(|user| ObjectKey::Genesis { user }),
        (user(), generation(), digest()).prop_map(|(user, generation, digest)| ObjectKey::PublicKeys {
            user,
            generation,
            digest
        }),
        (user(), generation(), digest()).prop_map(|(user, generation, digest)| ObjectKey::MasterKeys {
            user,
            generation,
            digest
        }),
        (user(), uuid()).prop_map(|(user, grant)| ObjectKey::AccessGrant { user, grant: GrantId::new(grant) }),
        (user(), device()).prop_map(|(user, device)| ObjectKey::DeviceFile { user, device }),
        (space(), device(), any::<u64>(), number(MAX_NUMBER), digest()).prop_map(|(space, device, chain, seq, digest)| {
            ObjectKey::Segment { space, device, chain: ChainId::new(chain), seq, digest }
        }),
        (space(), digest()).prop_map(|(space, digest)| ObjectKey::Checkpoint { space, digest }),
        space().prop_map(|space| ObjectKey::Doorbell { space }),
        (user(), member(), uuid(), number(MAX_NUMBER), digest()).prop_map(|(user, member, record, version, digest)| {
            ObjectKey::Record { user, member, record: RecordId::new(record), version, digest }
        }),
        (user(), member(), any::<[u8; 32]>(), digest()).prop_map(|(user, member, hmac, digest)| {
            ObjectKey::Attachment { user, member, hmac: ContentHmac::from_bytes(hmac), digest }
        }),
        (user(), member(), digest()).prop_map(|(user, member, digest)| ObjectKey::Pack { user, member, digest }),
        state_key().prop_map(ObjectKey::State),
    ]
}

fn state_key() -> impl Strategy<Value = StateKey> {
    prop_oneof![
        sha256().prop_map(|identity| StateKey::Link { identity }),
        (sha256(), user()).prop_map(|(identity, user)| StateKey::LinkCandidate { identity, user }),
        (user(), generation()).prop_map(|(user, generation)| StateKey::AccountKeys { user, generation }),
        user().prop_map(|user| StateKey::AccountEnvironment { user }),
        (user(), generation(), digest()).prop_map(|(user, generation, digest)| StateKey::AccountKeysCandidate {
            user,
            generation,
            digest
        }),
        (user(), sha256()).prop_map(|(user, identity)| StateKey::AccountLink { user, identity }),
        (user(), uuid(), sha256()).prop_map(|(user, invite, thumbprint)| StateKey::AccountSlot { user, invite, thumbprint }),
        (user(), sha256()).prop_map(|(user, identity)| StateKey::AccountReset { user, identity }),
        user().prop_map(|user| StateKey::AccountDeletion { user }),
        sha256().prop_map(|account| StateKey::AccountGone { account }),
        (uuid(), sha256()).prop_map(|(invite, thumbprint)| StateKey::InviteSlot { invite, thumbprint }),
        uuid().prop_map(|invite| StateKey::InviteRevoked { invite }),
        device().prop_map(|device| StateKey::DeviceRevoked { device }),
        (user(), proptest::option::of(device())).prop_map(|(user, device)| StateKey::SessionsEnded { user, device }),
        (number(MAX_NUMBER), device())
            .prop_map(|(before, device)| StateKey::EndedLately { before, whose: TokenHolder::Device(device) }),
        (number(MAX_NUMBER), user()).prop_map(|(before, user)| StateKey::EndedLately { before, whose: TokenHolder::User(user) }),
        sha256().prop_map(|identity| StateKey::IdentityRevoked { identity }),
        (sha256(), sha256()).prop_map(|(token, thumbprint)| StateKey::IdTokenUse { token, thumbprint }),
        (user(), device()).prop_map(|(user, device)| StateKey::Renewal { user, device }),
        sha256().prop_map(|subscription| StateKey::Entitlement { subscription }),
        uuid().prop_map(|id| StateKey::Notification { id }),
        select(vec![StoreEnvironment::Production, StoreEnvironment::Sandbox])
            .prop_map(|environment| StateKey::Recovery { environment }),
        Just(StateKey::StoreProfile),
        (user(), generation(), uuid()).prop_map(|(user, day, id)| StateKey::Audit { user, day, id }),
    ]
}

pub(crate) fn list_prefix() -> impl Strategy<Value = ListPrefix> {
    prop_oneof![
        user().prop_map(ListPrefix::PublicKeys),
        user().prop_map(ListPrefix::MasterKeys),
        user().prop_map(ListPrefix::AccessGrants),
        user().prop_map(ListPrefix::FamilyMembers),
        space().prop_map(ListPrefix::Devices),
        space().prop_map(ListPrefix::Checkpoints),
        (user(), member()).prop_map(|(user, member)| ListPrefix::Records(user, member)),
        (user(), member()).prop_map(|(user, member)| ListPrefix::Attachments(user, member)),
        (user(), member()).prop_map(|(user, member)| ListPrefix::Packs(user, member)),
    ]
}

pub(crate) fn read_prefix() -> impl Strategy<Value = ReadPrefix> {
    prop_oneof![
        user().prop_map(ReadPrefix::Account),
        (user(), member()).prop_map(|(user, member)| ReadPrefix::Member(user, member)),
        list_prefix().prop_map(ReadPrefix::Folder),
    ]
}

pub(crate) fn scope_claim() -> impl Strategy<Value = ScopeClaim> {
    let account = select(vec![AccountScope::Create, AccountScope::Bootstrap, AccountScope::Full]);
    let share = (user(), member(), select(vec![Permission::Read, Permission::ReadWrite]))
        .prop_map(|(owner, member, permission)| Share { owner, member, permission });
    (account, prop::collection::vec(share, 0..4)).prop_map(|(account, shares)| ScopeClaim { account, shares })
}

/// One act of tampering with a text. Positions are relative, so that they fit any text.
#[derive(Debug, Clone)]
pub(crate) enum Tamper {
    Replace(Index, char),
    Insert(Index, char),
    Delete(Index),
    Truncate(Index),
    Append(String),
    Uppercase(Index),
    SwapSegments(Index, Index),
    RepeatSegment(Index),
    DropSegment(Index),
    ReplaceSegment(Index, String),
}

/// Characters that a key holds, and those that mean something to a store, a proxy, a shell or a terminal.
fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        select("0123456789abcdefvz./-_".chars().collect::<Vec<_>>()),
        select("ABCXZ*?%$~+ &=#\\:;|<>{}[]()'\"`^@!,\0\n\r\t\u{7f}\u{80}é／．‥\u{202e}\u{feff}".chars().collect::<Vec<_>>()),
    ]
}

fn segment() -> impl Strategy<Value = String> {
    let known = select(vec![
        "",
        ".",
        "..",
        "users",
        "_tidegate",
        "family-members",
        "devices",
        "manifest",
        "records",
        "attachments",
        "packs",
        "checkpoints",
        "access-grants",
        "public-keys",
        "master-keys",
        "genesis.json",
        "sync-manifest.blob",
        "device.blob",
    ]);
    prop_oneof![
        known.prop_map(str::to_owned),
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[0-9]{1,20}\\.[0-9a-f]{30,34}\\.blob",
        "[0-9a-f]{15,17}-[0-9a-f]{15,17}\\.[0-9a-f]{32}\\.blob",
        "[0-9a-fA-F]{31,65}\\.(blob|json)",
    ]
}

pub(crate) fn tampering() -> impl Strategy<Value = Vec<Tamper>> {
    let one = prop_oneof![
        (any::<Index>(), character()).prop_map(|(at, c)| Tamper::Replace(at, c)),
        (any::<Index>(), character()).prop_map(|(at, c)| Tamper::Insert(at, c)),
        any::<Index>().prop_map(Tamper::Delete),
        any::<Index>().prop_map(Tamper::Truncate),
        segment().prop_map(Tamper::Append),
        any::<Index>().prop_map(Tamper::Uppercase),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Tamper::SwapSegments(a, b)),
        any::<Index>().prop_map(Tamper::RepeatSegment),
        any::<Index>().prop_map(Tamper::DropSegment),
        (any::<Index>(), segment()).prop_map(|(at, text)| Tamper::ReplaceSegment(at, text)),
    ];
    prop::collection::vec(one, 1..4)
}

pub(crate) fn tamper(text: &str, acts: &[Tamper]) -> String {
    acts.iter().fold(text.to_owned(), |text, act| tamper_once(&text, act))
}

fn tamper_once(text: &str, act: &Tamper) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let mut segments: Vec<String> = text.split('/').map(str::to_owned).collect();
    let at = |index: &Index, length: usize| index.index(length.max(1));
    match act {
        Tamper::Replace(index, c) => {
            let at = at(index, chars.len());
            if let Some(old) = chars.get_mut(at) {
                *old = *c;
            }
            chars.into_iter().collect()
        }
        Tamper::Insert(index, c) => {
            chars.insert(index.index(chars.len() + 1), *c);
            chars.into_iter().collect()
        }
        Tamper::Delete(index) => {
            if !chars.is_empty() {
                chars.remove(at(index, chars.len()));
            }
            chars.into_iter().collect()
        }
        Tamper::Truncate(index) => chars[..index.index(chars.len() + 1)].iter().collect(),
        Tamper::Append(more) => format!("{text}/{more}"),
        Tamper::Uppercase(index) => {
            let at = at(index, chars.len());
            if let Some(old) = chars.get_mut(at) {
                old.make_ascii_uppercase();
            }
            chars.into_iter().collect()
        }
        Tamper::SwapSegments(a, b) => {
            let (a, b) = (at(a, segments.len()), at(b, segments.len()));
            segments.swap(a, b);
            segments.join("/")
        }
        Tamper::RepeatSegment(index) => {
            let at = at(index, segments.len());
            segments.insert(at, segments[at].clone());
            segments.join("/")
        }
        Tamper::DropSegment(index) => {
            segments.remove(at(index, segments.len()));
            segments.join("/")
        }
        Tamper::ReplaceSegment(index, more) => {
            let at = at(index, segments.len());
            segments[at].clone_from(more);
            segments.join("/")
        }
    }
}
