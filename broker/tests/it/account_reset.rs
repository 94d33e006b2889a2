//! `POST /v1/account/reset`: an identity moves to another account, unless whoever holds the old one is there.

use serde_json::json;
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::account::ProofPurpose;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::session::SessionReply;
use time::Duration;

use crate::account_rotation::Next;
use crate::device::{Account, Device, Reply};
use crate::world::World;

/// A world in which somebody asks for a reset of the account to which the invite leads.
struct Story {
    world: World,
    invite: String,
    old: Account,
    /// A device of the old account.
    owner: Device,
    owners: SessionReply,
    new: Account,
    asker: Device,
}

impl Story {
    async fn begin() -> Self {
        let world = World::new().await;
        let (old, new) = (Account::new(1), Account::new(2));
        let invite = world.invite("anna", 5, Duration::days(300)).unwrap().token;
        let owner = world.device().await;
        let owners = owner.create_account(&invite, &old).await;
        let asker = world.device().await;
        Self { world, invite, old, owner, owners, new, asker }
    }

    /// Asks, with a session as a device without any account's key has it.
    async fn ask(&mut self) -> Reply {
        self.asker.fresh_nonce().await;
        let bootstrap = self.asker.session(&self.invite, None).await.session().access_token;
        ask(&self.asker, &self.new, &bootstrap).await
    }

    /// The same, and stores the new account's first objects.
    async fn ask_and_store(&mut self) -> serde_json::Value {
        let reply = self.ask().await;
        assert_eq!(reply.code(), "ok");
        let reply = reply.json();
        assert_eq!((&reply["state"], &reply["session"]["scope"]), (&"pending".into(), &"create".into()));
        self.asker.put_account_objects(reply["session"]["accessToken"].as_str().unwrap(), &self.new).await;
        reply
    }

    async fn pass(&mut self, time: Duration) {
        self.world.clock.advance(time);
        self.owner.fresh_nonce().await;
        self.asker.fresh_nonce().await;
    }
}

async fn ask(device: &Device, account: &Account, token: &str) -> Reply {
    let proof = account.proof_for(ProofPurpose::ResetAccount, &device.broker, &device.thumbprint(), &device.nonce);
    device.call("POST", "/v1/account/reset", &json!({ "account": proof }), Some(token)).await
}

#[tokio::test]
async fn after_a_week_the_identity_leads_to_the_new_account() {
    let mut story = Story::begin().await;
    let asked = story.ask_and_store().await;
    assert_eq!((&asked["from"], &asked["to"]), (&story.old.user().to_string().into(), &story.new.user().to_string().into()));
    // Until then nothing has changed, however often it is asked for.
    story.pass(Duration::days(6)).await;
    let again = story.ask().await.json();
    assert_eq!((&again["state"], &again["movesAt"]), (&asked["state"], &asked["movesAt"]));
    let device = story.world.device().await;
    assert_eq!(device.session(&story.invite, Some(&story.new)).await.code(), "already-linked");

    story.pass(Duration::hours(25)).await;
    let moved = story.ask().await.json();
    assert_eq!((&moved["state"], &moved["session"]["scope"]), (&"moved".into(), &"full".into()));
    assert_eq!(device_session(&story, &story.new).await, "ok");
    let renewal = moved["session"]["renewalToken"].as_str().unwrap();
    assert_eq!(story.asker.renew(renewal).await.code(), "ok");
    // The old account's way in by this identity is closed; its objects are all there.
    assert_eq!(story.owner.renew(story.owners.renewal_token.as_deref().unwrap()).await.code(), "renewal-expired");
    assert!(story.world.keys().contains(&format!("users/{}/genesis.json", story.old.user())));
}

async fn device_session(story: &Story, account: &Account) -> String {
    let device = story.world.device().await;
    device.session(&story.invite, Some(account)).await.code()
}

#[tokio::test]
async fn any_proof_by_the_old_account_cancels_it() {
    let mut story = Story::begin().await;
    story.ask_and_store().await;
    story.pass(Duration::days(3)).await;
    assert_eq!(story.owner.session(&story.invite, Some(&story.old)).await.code(), "ok");
    assert_eq!(story.ask().await.code(), "reset-cancelled");
    story.pass(Duration::days(5)).await;
    assert_eq!(story.ask().await.code(), "reset-cancelled");
    // A week after that it may be asked for again, and its week begins anew.
    story.pass(Duration::days(3)).await;
    let again = story.ask().await.json();
    assert_eq!(again["state"], "pending");
    assert_eq!(device_session(&story, &story.old).await, "ok");
}

#[tokio::test]
async fn a_device_that_goes_on_cancels_it_without_knowing() {
    let mut story = Story::begin().await;
    story.ask_and_store().await;
    story.pass(Duration::days(2)).await;
    // It syncs, and has never heard of a reset.
    assert_eq!(story.owner.renew(story.owners.renewal_token.as_deref().unwrap()).await.code(), "ok");
    story.pass(Duration::days(6)).await;
    assert_eq!(story.ask().await.code(), "reset-cancelled");
    assert_eq!(device_session(&story, &story.old).await, "ok");
}

#[tokio::test]
async fn for_180_days_a_proof_by_the_old_account_takes_the_identity_back() {
    for (days, is_back) in [(179, true), (181, false)] {
        let mut story = Story::begin().await;
        story.ask_and_store().await;
        story.pass(Duration::days(8)).await;
        assert_eq!(story.ask().await.json()["state"], "moved");
        story.pass(Duration::days(days)).await;
        let code = story.owner.session(&story.invite, Some(&story.old)).await.code();
        assert_eq!(code, if is_back { "ok" } else { "already-linked" }, "{days}");
        let (holds, lost) = if is_back { (&story.old, &story.new) } else { (&story.new, &story.old) };
        assert_eq!(device_session(&story, holds).await, "ok");
        assert_eq!(device_session(&story, lost).await, "already-linked");
    }
}

#[tokio::test]
async fn it_takes_an_identity_that_leads_elsewhere_and_a_proof_of_another_account() {
    let mut story = Story::begin().await;
    let bootstrap = story.asker.session(&story.invite, None).await.session().access_token;
    // Full sessions, the account that it leads to, proofs for other purposes and by other keys.
    assert_eq!(ask(&story.owner, &story.new, &story.owners.access_token).await.code(), "scope-insufficient");
    assert_eq!(ask(&story.asker, &story.old, &bootstrap).await.code(), "reset-not-needed");
    let proof = story.new.proof(&story.asker.broker, &story.asker.thumbprint(), &story.asker.nonce);
    let body = json!({ "account": proof });
    assert_eq!(story.asker.call("POST", "/v1/account/reset", &body, Some(&bootstrap)).await.code(), "account-proof-invalid");
    assert_eq!(ask(&story.asker, &story.new.with_key(9), &bootstrap).await.code(), "account-proof-invalid");
    // One at a time; and nothing moves to an account that is not there.
    assert_eq!(story.ask().await.code(), "ok");
    assert_eq!(ask(&story.asker, &Account::new(3), &bootstrap).await.code(), "reset-pending");
    story.pass(Duration::days(8)).await;
    let waits = story.ask().await.json();
    assert_eq!((&waits["state"], &waits["session"]["scope"]), (&"pending".into(), &"create".into()));
    assert_eq!(device_session(&story, &story.old).await, "ok");
}

#[tokio::test]
async fn without_compare_and_swap_no_link_is_moved() {
    let world = World::with(|options: &mut DevOptions| options.profile = StoreProfile::IGNORING).await;
    let invite = world.invite_for(3);
    world.device().await.create_account(&invite, &Account::new(1)).await;
    let asker = world.device().await;
    let bootstrap = asker.session(&invite, None).await.session().access_token;
    assert_eq!(ask(&asker, &Account::new(2), &bootstrap).await.code(), "reset-not-offered");
}

#[tokio::test]
async fn a_thiefs_second_reset_takes_nothing_from_the_owners_time() {
    let mut story = Story::begin().await;
    // The thief has another account at hand, by an invite of the thief's own.
    let third = Account::new(3);
    let eva = story.world.invite("eva", 3, Duration::days(300)).unwrap().token;
    story.world.device().await.create_account(&eva, &third).await;
    story.ask_and_store().await;
    story.pass(Duration::days(8)).await;
    assert_eq!(story.ask().await.json()["state"], "moved");
    let mut thief = story.world.device().await;
    for (days, state) in [(1, "pending"), (8, "moved")] {
        story.pass(Duration::days(days)).await;
        thief.fresh_nonce().await;
        let bootstrap = thief.session(&story.invite, None).await.session().access_token;
        assert_eq!(ask(&thief, &third, &bootstrap).await.json()["state"], state);
    }
    assert_eq!(device_session(&story, &third).await, "ok");

    story.pass(Duration::days(90)).await;
    assert_eq!(story.owner.session(&story.invite, Some(&story.old)).await.code(), "ok");
    // Whoever had it meanwhile was led away too, and takes nothing back.
    for account in [&story.new, &third] {
        assert_eq!(device_session(&story, account).await, "already-linked");
    }
    assert_eq!(device_session(&story, &story.old).await, "ok");
}

#[tokio::test]
async fn a_proof_by_keys_that_were_replaced_cancels_nothing_and_takes_nothing_back() {
    let mut story = Story::begin().await;
    let next = Next::first(&story.old, 4);
    next.store(&story.owner, &story.owners.access_token).await;
    let owners = next.rotate(&story.owner, story.owners.renewal_token.as_deref().unwrap()).await.session();
    // The new account's objects are there: the store takes no URL that is signed for days ahead.
    let eva = story.world.invite("eva", 3, Duration::days(300)).unwrap().token;
    story.world.device().await.create_account(&eva, &story.new).await;
    story.pass(Duration::days(1)).await;
    assert_eq!(story.ask().await.json()["state"], "pending");
    story.pass(Duration::days(1)).await;
    assert_eq!(device_session(&story, &story.old).await, "account-keys-replaced");
    assert_eq!(story.owner.renew(story.owners.renewal_token.as_deref().unwrap()).await.code(), "account-keys-replaced");
    assert_eq!(story.ask().await.json()["state"], "pending");
    story.pass(Duration::days(7)).await;
    assert_eq!(story.ask().await.json()["state"], "moved");
    assert_eq!(device_session(&story, &story.old).await, "account-keys-replaced");
    assert_eq!(device_session(&story, &story.new).await, "ok");
    // The new keys do.
    assert_eq!(story.owner.renew(owners.renewal_token.as_deref().unwrap()).await.code(), "renewal-expired");
    assert_eq!(device_session(&story, &next.account).await, "ok");
    assert_eq!(device_session(&story, &story.new).await, "already-linked");
}

#[tokio::test]
async fn one_that_nobody_comes_back_for_keeps_nobody_else_from_asking() {
    let mut story = Story::begin().await;
    story.ask_and_store().await;
    story.pass(Duration::days(36)).await;
    let other = Account::new(3);
    let bootstrap = story.asker.session(&story.invite, None).await.session().access_token;
    assert_eq!(ask(&story.asker, &other, &bootstrap).await.code(), "reset-pending");
    story.pass(Duration::days(2)).await;
    let bootstrap = story.asker.session(&story.invite, None).await.session().access_token;
    assert_eq!(ask(&story.asker, &other, &bootstrap).await.json()["state"], "pending");
    assert_eq!(story.ask().await.code(), "reset-pending");
}
