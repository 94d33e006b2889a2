//! What STS answers: a little XML.

use secrecy::SecretString;
use tidegate_protocol::wire::timestamp;
use tidegate_store_probe::xml::elements;

use super::issuer::Issued;

/// The credentials of an `AssumeRoleResponse`; `None` if one of their four parts is missing.
pub(super) fn credentials_of(xml: &str) -> Option<Issued> {
    let mut values = [const { None }; 4];
    for (name, value) in texts(xml)? {
        let place = match name.as_str() {
            "AccessKeyId" => 0,
            "SecretAccessKey" => 1,
            "SessionToken" => 2,
            "Expiration" => 3,
            _ => continue,
        };
        // A second one would leave open which is meant.
        if values[place].replace(value).is_some_and(|_: String| true) {
            return None;
        }
    }
    let [Some(access_key_id), Some(secret), Some(token), Some(expiration)] = values else { return None };
    Some(Issued {
        access_key_id,
        secret_access_key: SecretString::from(secret),
        session_token: SecretString::from(token),
        expires_at: timestamp::parse(&expiration).ok()?,
    })
}

/// Code and message of an `ErrorResponse`.
pub(super) fn error_of(xml: &str) -> Option<(String, String)> {
    let texts = texts(xml)?;
    let find = |wanted: &str| texts.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let plain = |text: String| text.chars().filter(|c| !c.is_control()).take(200).collect();
    Some((find("Code").map(plain)?, find("Message").map(plain).unwrap_or_default()))
}

/// Name and text of every element, wherever it stands.
fn texts(xml: &str) -> Option<Vec<(String, String)>> {
    let mut texts = Vec::new();
    elements(xml.as_bytes(), |path, text| {
        texts.extend(path.last().map(|name| (name.clone(), text.to_owned())));
        true
    })?;
    Some(texts)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use time::macros::datetime;

    use super::*;

    const REPLY: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/reader/x</Arn><AssumeRoleId>AROA:x</AssumeRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>a/b+c&amp;&#x3D;</SecretAccessKey>
<SessionToken>token==</SessionToken><Expiration>2026-11-21T10:15:00Z</Expiration></Credentials>
</AssumeRoleResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>"#;

    #[test]
    fn credentials_are_read_with_their_end() {
        let issued = credentials_of(REPLY).unwrap();
        assert_eq!(issued.access_key_id, "ASIA1");
        assert_eq!(issued.secret_access_key.expose_secret(), "a/b+c&=");
        assert_eq!(issued.session_token.expose_secret(), "token==");
        assert_eq!(issued.expires_at, datetime!(2026-11-21 10:15 UTC));
        assert_eq!(format!("{issued:?}"), "Issued { expires_at: 2026-11-21 10:15:00.0 +00:00:00, .. }");
    }

    #[test]
    fn a_reply_without_one_of_its_parts_or_with_two_is_none() {
        for name in ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"] {
            assert!(credentials_of(&REPLY.replace(name, "Other")).is_none(), "{name}");
        }
        assert!(credentials_of(&REPLY.replace("<RequestId>r</RequestId>", "<SessionToken>t</SessionToken>")).is_none());
        assert!(credentials_of(&REPLY.replace("2026-11-21T10:15:00Z", "soon")).is_none());
        assert!(credentials_of("").is_none());
        assert!(credentials_of("{}").is_none());
    }

    #[test]
    fn an_error_has_code_and_message() {
        let xml = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no\u{7}pe</Message></Error></ErrorResponse>";
        assert_eq!(error_of(xml), Some(("AccessDenied".to_owned(), "nope".to_owned())));
        assert_eq!(error_of("<html></html>"), None);
    }
}
