//! Families: one pays, and each member has an account of their own.

use serde_json::{Value, json};

use super::shop::{Shop, create_account, link, open};
use crate::device::Account;

fn member(number: u32) -> Value {
    json!({
        "inAppOwnershipType": "FAMILY_SHARED",
        "transactionId": format!("20000000000010{number:02}"),
        "originalTransactionId": format!("20000000000010{number:02}"),
        "appTransactionId": format!("7040000000000010{number:02}"),
    })
}

#[tokio::test]
async fn a_family_of_five_has_five_accounts() {
    let shop = Shop::open().await;
    let payer = Account::new(1);
    create_account(&shop.device().await, &shop.sell(json!({})), &payer).await;
    for number in 2..=5_u8 {
        let (device, account) = (shop.device().await, Account::new(number));
        let jws = shop.sell(member(number.into()));
        assert_eq!(open(&device, &jws, None, None).await.code(), "account-not-found");
        let session = create_account(&device, &jws, &account).await;
        assert_eq!(session.user_id, account.user());
        assert_eq!(open(&device, &jws, Some(&payer), None).await.code(), "already-linked");
        assert_eq!(device.renew(&session.renewal_token.unwrap()).await.code(), "ok");
    }
}

#[tokio::test]
async fn a_family_member_never_reaches_the_payers_account() {
    let shop = Shop::open().await;
    let payer = Account::new(1);
    create_account(&shop.device().await, &shop.sell(json!({})), &payer).await;
    let device = shop.device().await;
    // Even where the purchase is named by the payer's own transaction.
    let mut claimed = member(2);
    claimed["originalTransactionId"] = "2000000000000001".into();
    assert_eq!(open(&device, &shop.sell(claimed.clone()), None, None).await.code(), "account-not-found");
    // And without a name of its own, a member is nobody.
    claimed["appTransactionId"] = Value::Null;
    assert_eq!(open(&device, &shop.sell(claimed), None, None).await.code(), "app-transaction-id-missing");
}

#[tokio::test]
async fn one_member_does_not_take_anothers_account() {
    let shop = Shop::open().await;
    let (two, three) = (Account::new(2), Account::new(3));
    let device = shop.device().await;
    create_account(&device, &shop.sell(member(2)), &two).await;
    let thief = shop.device().await;
    let create = open(&thief, &shop.sell(member(3)), Some(&three), None).await.session();
    thief.put_account_objects(&create.access_token, &three).await;
    assert_eq!(link(&thief, &create).await.session().user_id, three.user());
    assert_eq!(open(&thief, &shop.sell(member(2)), Some(&three), None).await.code(), "already-linked");
}

#[tokio::test]
async fn families_are_refused_where_that_is_set() {
    let shop = Shop::with(|_, settings| settings.entitlement.family_sharing = false).await;
    let device = shop.device().await;
    assert_eq!(open(&device, &shop.sell(member(2)), Some(&Account::new(2)), None).await.code(), "subscription-family-shared");
    // A kind of ownership that is not known yet is not taken for a payer's.
    let lent = json!({ "inAppOwnershipType": "LENT", "transactionId": "9", "originalTransactionId": "9" });
    assert_eq!(open(&device, &shop.sell(lent), Some(&Account::new(2)), None).await.code(), "subscription-family-shared");
    assert_eq!(open(&device, &shop.sell(json!({})), Some(&Account::new(1)), None).await.code(), "ok");
}
