//! `POST /v1/account/rotate`: a stolen device is shut out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::account::ProofPurpose;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::keys_statement::KeysStatement;
use tidegate_protocol::session::SessionReply;
use tidegate_protocol::{ObjectKey, Sha256};
use time::Duration;

use crate::device::{Account, Device, Reply};
use crate::store_proxy::{StoreProxy, Trouble};
use crate::world::World;

/// Keys of a generation from 1 on.
pub(crate) struct Next {
    pub(crate) account: Account,
    recovery: SigningKey,
    statement: KeysStatement,
}

impl Next {
    /// Keys made of `seed` that follow on `previous`, by the word of `signer`.
    fn after(account: &Account, signer: &SigningKey, previous: &[u8], generation: u32, seed: u8) -> Self {
        let recovery = SigningKey::from_bytes(&[seed ^ 0x80; 32]);
        let account = account.with_key(seed);
        let mut statement = KeysStatement {
            user: account.user(),
            generation,
            previous: Sha256::of(previous),
            recovery_public_key: recovery.verifying_key().to_bytes(),
            account_ed25519_public_key: account.key.verifying_key().to_bytes(),
            account_xwing_public_key: Box::new([seed; 1216]),
            signature: [0; 64],
        };
        statement.signature = signer.sign(&statement.message()).to_bytes();
        Self { account, recovery, statement }
    }

    /// Those that follow on a genesis.
    pub(crate) fn first(account: &Account, seed: u8) -> Self {
        Self::after(account, &account.recovery(), &account.genesis, 1, seed)
    }

    fn bytes(&self) -> Vec<u8> {
        self.statement.to_bytes()
    }

    /// What a client stores before it asks.
    pub(crate) async fn store(&self, device: &Device, token: &str) {
        let (user, generation) = (self.account.user(), self.statement.generation);
        let key = ObjectKey::PublicKeys { user, generation, digest: Sha256::of(&self.bytes()).digest() };
        assert_eq!(device.put(token, &key, &self.bytes()).await.status, 200);
        let key = ObjectKey::MasterKeys { user, generation, digest: Sha256::of(b"wrapped anew").digest() };
        let status = device.put(token, &key, b"wrapped anew").await.status;
        assert!(matches!(status, 200 | 412), "{status}");
    }

    fn body(&self, device: &Device, renewal: &str) -> Value {
        let (thumbprint, nonce) = (device.thumbprint(), &device.nonce);
        json!({
            "renewalToken": renewal,
            "statement": URL_SAFE_NO_PAD.encode(self.bytes()),
            "account": self.account.proof_for(ProofPurpose::ReplaceKeys, &device.broker, &thumbprint, nonce),
        })
    }

    pub(crate) async fn rotate(&self, device: &Device, renewal: &str) -> Reply {
        post(device, renewal, &self.body(device, renewal)).await
    }
}

async fn post(device: &Device, renewal: &str, body: &Value) -> Reply {
    let body = serde_json::to_vec(body).unwrap();
    let proof = device.proof("POST", "/v1/account/rotate", &body, Some(renewal));
    device.call_with("POST", "/v1/account/rotate", body, None, &device.sign(&proof)).await
}

fn renewal(session: &SessionReply) -> &str {
    session.renewal_token.as_deref().unwrap()
}

async fn can_presign(device: &Device, token: &str) -> String {
    let body = json!({ "items": [{ "method": "GET", "key": "nonsense" }] });
    device.call("POST", "/v1/presign", &body, Some(token)).await.code()
}

#[tokio::test]
async fn a_stolen_device_is_shut_out_by_new_keys() {
    for profile in [StoreProfile::ATOMIC, StoreProfile::IGNORING] {
        let world = World::with(|options: &mut DevOptions| options.profile = profile.clone()).await;
        let account = Account::new(1);
        let invite = world.invite_for(3);
        let stolen = world.device().await;
        let thiefs = stolen.create_account(&invite, &account).await;
        let owner = world.device().await;
        let owners = owner.session(&invite, Some(&account)).await.session();

        let next = Next::first(&account, 2);
        next.store(&owner, &owners.access_token).await;
        let renewed = next.rotate(&owner, renewal(&owners)).await.session();
        assert_eq!((renewed.user_id, renewed.device_id), (owners.user_id, owners.device_id));
        assert_eq!(can_presign(&owner, &renewed.access_token).await, "ok");

        // It holds the old account key, its tokens, and the invite.
        assert_eq!(can_presign(&stolen, &thiefs.access_token).await, "session-ended");
        assert_eq!(stolen.renew(renewal(&thiefs)).await.code(), "account-keys-replaced");
        assert_eq!(stolen.session(&invite, Some(&account)).await.code(), "account-keys-replaced");
        assert_eq!(owner.renew(renewal(&owners)).await.code(), "account-keys-replaced");
        // Nor does it replace the keys once more: it has no recovery key.
        let by_thief = Next::after(&account, &account.recovery(), &account.genesis, 1, 9);
        assert_eq!(by_thief.rotate(&stolen, renewal(&thiefs)).await.code(), "account-keys-replaced");

        // Whoever has the new keys comes in.
        assert_eq!(owner.renew(renewal(&renewed)).await.code(), "ok", "{profile:?}");
        let another = world.device().await;
        assert_eq!(another.session(&invite, Some(&next.account)).await.session().user_id, account.user());
    }
}

#[tokio::test]
async fn access_tokens_of_the_old_keys_end_at_other_replicas_within_a_minute() {
    let world = World::new().await;
    let account = Account::new(1);
    let invite = world.invite_for(2);
    let stolen = world.device().await;
    let thiefs = stolen.create_account(&invite, &account).await;
    let mut owner = world.device().await;
    let owners = owner.session(&invite, Some(&account)).await.session();
    let next = Next::first(&account, 2);
    next.store(&owner, &owners.access_token).await;
    next.rotate(&owner, renewal(&owners)).await.session();
    // A broker that was not told: it reads what the bucket says.
    world.clock.advance(Duration::seconds(61));
    let world = world.restart().await;
    owner.fresh_nonce().await;
    let mut stolen = stolen;
    stolen.fresh_nonce().await;
    assert_eq!(can_presign(&stolen, &thiefs.access_token).await, "session-ended");
    assert_eq!(can_presign(&owner, &owners.access_token).await, "session-ended");
    drop(world);
}

#[tokio::test]
async fn a_lost_reply_is_asked_for_again_and_a_second_replacement_follows_on_the_first() {
    let world = World::new().await;
    let account = Account::new(1);
    let (device, session) = world.enrolled().await;
    let first = Next::first(&account, 2);
    first.store(&device, &session.access_token).await;
    first.rotate(&device, renewal(&session)).await.session();
    // The client has nothing but its old tokens.
    let again = first.rotate(&device, renewal(&session)).await.session();

    let second = Next::after(&account, &first.recovery, &first.bytes(), 2, 3);
    second.store(&device, &again.access_token).await;
    let session = second.rotate(&device, renewal(&again)).await.session();
    assert_eq!(can_presign(&device, &session.access_token).await, "ok");
    let invite = world.invite_for(3);
    assert_eq!(device.session(&invite, Some(&account)).await.code(), "account-keys-replaced");
    assert_eq!(device.session(&invite, Some(&first.account)).await.code(), "account-proof-invalid");
    assert_eq!(device.session(&invite, Some(&second.account)).await.code(), "ok");
    // What was replaced does not come back.
    assert_eq!(first.rotate(&device, renewal(&session)).await.code(), "statement-conflict");
}

#[tokio::test]
async fn forged_and_misplaced_statements_are_refused() {
    let world = World::new().await;
    let account = Account::new(1);
    let (device, session) = world.enrolled().await;
    let right = Next::first(&account, 2);
    assert_eq!(right.rotate(&device, renewal(&session)).await.code(), "account-incomplete");
    let (genesis, recovery) = (&account.genesis, account.recovery());
    let cases = [
        ("signed by the account's key", Next::after(&account, &account.key, genesis, 1, 2), "statement-invalid"),
        (
            "signed by its own key",
            Next::after(&account, &SigningKey::from_bytes(&[2 ^ 0x80; 32]), genesis, 1, 2),
            "statement-invalid",
        ),
        ("generation 0", Next::after(&account, &recovery, genesis, 0, 2), "statement-conflict"),
        ("a gap", Next::after(&account, &recovery, genesis, 2, 2), "statement-invalid"),
        ("of another line", Next::after(&account, &recovery, b"another genesis", 1, 2), "statement-conflict"),
        ("the same account key", Next::after(&account, &recovery, genesis, 1, 1), "statement-invalid"),
    ];
    for (what, forged, code) in cases {
        assert_eq!(forged.rotate(&device, renewal(&session)).await.code(), code, "{what}");
    }
    let mut of_another = Next::first(&account, 2);
    of_another.statement.user = Account::new(7).user();
    of_another.statement.signature = recovery.sign(&of_another.statement.message()).to_bytes();
    assert_eq!(of_another.rotate(&device, renewal(&session)).await.code(), "statement-invalid");
    let mut changed = Next::first(&account, 2);
    changed.statement.account_xwing_public_key[7] ^= 1;
    assert_eq!(changed.rotate(&device, renewal(&session)).await.code(), "statement-invalid");
    let mut weak = Next::first(&account, 2);
    weak.statement.recovery_public_key = [0; 32];
    weak.statement.recovery_public_key[0] = 1;
    weak.statement.signature = recovery.sign(&weak.statement.message()).to_bytes();
    assert_eq!(weak.rotate(&device, renewal(&session)).await.code(), "statement-invalid");

    // Proofs by other keys and for other purposes, and tokens of others.
    let mut body = right.body(&device, renewal(&session));
    body["account"] = account.proof_for(ProofPurpose::ReplaceKeys, &device.broker, &device.thumbprint(), &device.nonce);
    assert_eq!(post(&device, renewal(&session), &body).await.code(), "account-proof-invalid");
    body["account"] = right.account.proof(&device.broker, &device.thumbprint(), &device.nonce);
    assert_eq!(post(&device, renewal(&session), &body).await.code(), "account-proof-invalid");
    let other = world.device().await;
    assert_eq!(right.rotate(&other, renewal(&session)).await.code(), "token-invalid");
    assert_eq!(right.rotate(&device, &session.access_token).await.code(), "token-invalid");
    assert!(!world.keys().iter().any(|key| key.starts_with("_tidegate/accounts/") && key.ends_with("/1.json")));
    assert_eq!(can_presign(&device, &session.access_token).await, "ok");
}

#[tokio::test]
async fn of_two_replacements_that_race_one_stands() {
    for profile in [StoreProfile::ATOMIC, StoreProfile::IGNORING] {
        let world = World::with(|options: &mut DevOptions| options.profile = profile.clone()).await;
        let account = Account::new(1);
        let invite = world.invite_for(2);
        let (one, two) = (world.device().await, world.device().await);
        let ones = one.create_account(&invite, &account).await;
        let twos = two.session(&invite, Some(&account)).await.session();
        let (a, b) = (Next::first(&account, 2), Next::first(&account, 3));
        a.store(&one, &ones.access_token).await;
        b.store(&two, &twos.access_token).await;
        let (first, second) = tokio::join!(a.rotate(&one, renewal(&ones)), b.rotate(&two, renewal(&twos)));
        let won = [first.status, second.status].iter().filter(|status| **status == 200).count();
        assert_eq!(won, 1, "{profile:?}: {} {}", first.code(), second.code());
        let (winner, loser) = if first.status == 200 { (&a, &b) } else { (&b, &a) };
        let device = if first.status == 200 { &one } else { &two };
        assert_eq!(device.session(&invite, Some(&winner.account)).await.code(), "ok");
        assert_eq!(device.session(&invite, Some(&loser.account)).await.code(), "account-proof-invalid");
    }
}

#[tokio::test]
async fn a_broker_that_ends_right_after_the_statement_leaves_the_old_keys_worthless() {
    for trouble in [Trouble::RefusesPut("_tidegate/revocations/"), Trouble::LosesReply("_tidegate/accounts/")] {
        let world = World::new().await;
        let proxy = StoreProxy::start(&world.store_url).await;
        let replica = proxy.replica(world.config()).await;
        let account = Account::new(1);
        let invite = world.invite_for(3);
        let stolen = world.device().await;
        let thiefs = stolen.create_account(&invite, &account).await;
        let mut owner = world.device().await;
        let owners = owner.session(&invite, Some(&account)).await.session();
        let next = Next::first(&account, 2);
        next.store(&owner, &owners.access_token).await;

        proxy.set(Some(trouble.clone()));
        owner.reaches.clone_from(&replica.broker_url);
        assert_eq!(next.rotate(&owner, renewal(&owners)).await.code(), "store-unavailable", "{trouble:?}");
        assert_eq!(stolen.renew(renewal(&thiefs)).await.code(), "account-keys-replaced");
        assert_eq!(stolen.session(&invite, Some(&account)).await.code(), "account-keys-replaced");
        let another = Next::first(&account, 3);
        assert_eq!(another.rotate(&stolen, renewal(&thiefs)).await.code(), "account-keys-replaced");

        // The owner's device asks again, at any replica, with the tokens that it has.
        owner.reaches.clone_from(&owner.broker);
        let renewed = next.rotate(&owner, renewal(&owners)).await.session();
        assert_eq!(can_presign(&stolen, &thiefs.access_token).await, "session-ended");
        assert_eq!(can_presign(&owner, &renewed.access_token).await, "ok");
        replica.shutdown().await;
    }
}

#[tokio::test]
async fn a_store_that_takes_no_statement_leaves_everything_as_it_was() {
    let world = World::new().await;
    let proxy = StoreProxy::start(&world.store_url).await;
    let replica = proxy.replica(world.config()).await;
    let (mut device, session) = world.enrolled().await;
    let next = Next::first(&Account::new(1), 2);
    next.store(&device, &session.access_token).await;
    proxy.set(Some(Trouble::RefusesPut("_tidegate/accounts/")));
    device.reaches.clone_from(&replica.broker_url);
    assert_eq!(next.rotate(&device, renewal(&session)).await.code(), "store-unavailable");
    device.reaches.clone_from(&device.broker);
    assert_eq!(can_presign(&device, &session.access_token).await, "ok");
    assert_eq!(device.renew(renewal(&session)).await.code(), "ok");
    assert_eq!(device.session(&world.invite_for(3), Some(&Account::new(1))).await.code(), "ok");
    replica.shutdown().await;
}
