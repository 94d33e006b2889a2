//! What opens the first session with a broker: an invite, or a subscription in the App Store.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tidegate_protocol::session::{AccountProof, SelfHostSessionRequest};
use tidegate_protocol::subscription::SubscriptionSessionRequest;
use uuid::Uuid;

use super::call::json;

/// What a person brings to a broker.
#[derive(Debug, Clone)]
pub enum Ticket {
    /// An invite of a self-hosted broker.
    Invite(SecretString),
    /// A subscription in the App Store.
    Purchase(Purchase),
}

/// A StoreKit 2 transaction, as it is presented to a broker.
#[derive(Debug, Clone)]
pub struct Purchase {
    /// `jwsRepresentation` of the transaction.
    pub signed_transaction_info: SecretString,
    /// `AppStore.deviceVerificationID` of the device that got the transaction.
    pub device_verification_id: Option<Uuid>,
}

impl From<SecretString> for Ticket {
    fn from(invite: SecretString) -> Self {
        Self::Invite(invite)
    }
}

impl Purchase {
    /// Reads what an app writes out: the transaction alone, or a JSON object with `signedTransactionInfo` and, where the
    /// transaction was made for one device, its `deviceVerificationId`. `None` if the text is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Written {
            signed_transaction_info: String,
            #[serde(default)]
            device_verification_id: Option<Uuid>,
        }
        let text = text.trim();
        if text.starts_with('{') {
            let written: Written = serde_json::from_str(text).ok()?;
            let device_verification_id = written.device_verification_id;
            return Self::of(&written.signed_transaction_info).map(|purchase| Self { device_verification_id, ..purchase });
        }
        Self::of(text)
    }

    /// Three parts with points between them; the broker says what is wrong with more.
    fn of(jws: &str) -> Option<Self> {
        let has_three_parts = jws.split('.').count() == 3 && jws.split('.').all(|part| !part.is_empty());
        let is_plain = jws.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        let signed_transaction_info = SecretString::from(jws);
        (has_three_parts && is_plain).then_some(Self { signed_transaction_info, device_verification_id: None })
    }
}

impl Ticket {
    /// The route that takes it.
    pub(super) const fn path(&self) -> &'static str {
        match self {
            Self::Invite(_) => "/v1/self-host/session",
            Self::Purchase(_) => "/v1/subscription/session",
        }
    }

    /// The request, with or without the account's proof.
    pub(super) fn body(&self, account: Option<AccountProof>) -> Vec<u8> {
        match self {
            Self::Invite(invite) => json(&SelfHostSessionRequest { invite: invite.expose_secret().to_owned(), account }),
            Self::Purchase(purchase) => json(&SubscriptionSessionRequest {
                signed_transaction_info: purchase.signed_transaction_info.expose_secret().to_owned(),
                installation_id: None,
                device_verification_id: purchase.device_verification_id,
                account,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_read_alone_or_with_its_device() {
        let alone = Purchase::parse(" aa.bb.cc-_ \n").unwrap();
        assert_eq!(alone.signed_transaction_info.expose_secret(), "aa.bb.cc-_");
        assert_eq!(alone.device_verification_id, None);
        let id = "6f1c2d3e-0000-4000-8000-000000000001";
        let with = Purchase::parse(&format!(r#"{{"signedTransactionInfo":"aa.bb.cc","deviceVerificationId":"{id}"}}"#)).unwrap();
        assert_eq!(with.device_verification_id, Some(id.parse().unwrap()));
        for nonsense in ["", "aa.bb", "aa..cc", "aa.bb.cc.dd", "aa.b b.cc", "{}", r#"{"signedTransactionInfo":"x"}"#] {
            assert!(Purchase::parse(nonsense).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn a_ticket_is_not_shown() {
        let purchase = Purchase::parse("aa.bb.cc").unwrap();
        let shown = format!("{:?} {:?}", Ticket::Purchase(purchase), Ticket::from(SecretString::from("aa.bb.cc")));
        assert!(!shown.contains("aa.bb"), "{shown}");
    }
}
