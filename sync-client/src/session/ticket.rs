//! What opens the first session with a broker: an invite, a subscription in the App Store, or a login.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tidegate_protocol::oidc::OidcSessionRequest;
use tidegate_protocol::session::{AccountProof, SelfHostSessionRequest};
use tidegate_protocol::subscription::SubscriptionSessionRequest;
use tidegate_protocol::wire::Base64Url;
use uuid::Uuid;

use super::call::json;

/// What a person brings to a broker.
#[derive(Debug, Clone)]
pub enum Ticket {
    /// An invite of a self-hosted broker.
    Invite(SecretString),
    /// A subscription in the App Store.
    Purchase(Purchase),
    /// A login with an OpenID provider.
    Login(IdToken),
}

/// An ID token, as it is presented to a broker.
#[derive(Debug, Clone)]
pub struct IdToken {
    /// The token.
    pub id_token: SecretString,
    /// The salt of the nonce with which the login was begun for this device; `None` with a token without a nonce.
    pub nonce_salt: Option<Vec<u8>>,
}

impl IdToken {
    /// Reads what an app writes out: the token alone, or a JSON object with `idToken` and the `nonceSalt` of its nonce in base64url.
    /// `None` if the text is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Written {
            id_token: String,
            #[serde(default)]
            nonce_salt: Option<Base64Url>,
        }
        let text = text.trim();
        if text.starts_with('{') {
            let written: Written = serde_json::from_str(text).ok()?;
            let nonce_salt = written.nonce_salt.map(|Base64Url(salt)| salt);
            return compact_jws(&written.id_token).map(|id_token| Self { id_token, nonce_salt });
        }
        compact_jws(text).map(|id_token| Self { id_token, nonce_salt: None })
    }
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

    fn of(jws: &str) -> Option<Self> {
        let signed_transaction_info = compact_jws(jws)?;
        Some(Self { signed_transaction_info, device_verification_id: None })
    }
}

/// Three parts with points between them; the broker says what is wrong with more.
fn compact_jws(jws: &str) -> Option<SecretString> {
    let has_three_parts = jws.split('.').count() == 3 && jws.split('.').all(|part| !part.is_empty());
    let is_plain = jws.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (has_three_parts && is_plain).then(|| SecretString::from(jws))
}

impl Ticket {
    /// The route that takes it.
    pub(super) const fn path(&self) -> &'static str {
        match self {
            Self::Invite(_) => "/v1/self-host/session",
            Self::Purchase(_) => "/v1/subscription/session",
            Self::Login(_) => "/v1/oidc/session",
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
            Self::Login(IdToken { id_token, nonce_salt }) => json(&OidcSessionRequest {
                id_token: id_token.expose_secret().to_owned(),
                nonce_salt: nonce_salt.clone().map(Base64Url),
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
    fn an_id_token_is_read_alone_or_with_the_salt_of_its_nonce() {
        assert_eq!(IdToken::parse(" aa.bb.cc\n").unwrap().nonce_salt, None);
        let with = IdToken::parse(r#"{"idToken":"aa.bb.cc","nonceSalt":"AAEC"}"#).unwrap();
        assert_eq!((with.id_token.expose_secret(), with.nonce_salt), ("aa.bb.cc", Some(vec![0, 1, 2])));
        for nonsense in ["", "aa.bb", "{}", r#"{"idToken":"aa.bb.cc","nonceSalt":"?"}"#, r#"{"idToken":"aa.bb.cc","more":1}"#] {
            assert!(IdToken::parse(nonsense).is_none(), "{nonsense}");
        }
        assert!(!format!("{:?}", Ticket::Login(with_secret())).contains("aa.bb"));
    }

    fn with_secret() -> IdToken {
        IdToken::parse("aa.bb.cc").unwrap()
    }

    #[test]
    fn a_ticket_is_not_shown() {
        let purchase = Purchase::parse("aa.bb.cc").unwrap();
        let shown = format!("{:?} {:?}", Ticket::Purchase(purchase), Ticket::from(SecretString::from("aa.bb.cc")));
        assert!(!shown.contains("aa.bb"), "{shown}");
    }
}
