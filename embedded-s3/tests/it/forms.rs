//! Uploads by a form that its policy signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tidegate_embedded_s3::{AccessKey, Action, Clock, Rule};
use tidegate_sigv4::Method;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use crate::server::{ADMIN, Answer, SECRET, Server};

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A form as it is posted; the policy covers every field, and a file of at most 20 bytes.
struct Form {
    key: String,
    access_key: String,
    region: String,
    lives: Duration,
    more: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    signature: Option<String>,
}

impl Form {
    fn of(key: &str) -> Self {
        let (access_key, region) = (ADMIN.to_owned(), "us-east-1".to_owned());
        Self {
            key: key.to_owned(),
            access_key,
            region,
            lives: Duration::minutes(5),
            more: vec![],
            headers: vec![],
            signature: None,
        }
    }

    async fn post(self, server: &Server, file: &[u8]) -> Answer {
        let now = OffsetDateTime::now_utc();
        let date = now.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap();
        let day = &date[..8];
        let credential = format!("{}/{day}/{}/s3/aws4_request", self.access_key, self.region);
        let expiration =
            (now + self.lives).format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z")).unwrap();
        let policy = format!(
            r#"{{"expiration":"{expiration}","conditions":[{{"bucket":"family"}},["starts-with","$key","users/"],
            ["content-length-range",0,20],{{"x-amz-algorithm":"AWS4-HMAC-SHA256"}},{{"x-amz-credential":"{credential}"}},{{"x-amz-date":"{date}"}}]}}"#
        );
        let policy = STANDARD.encode(policy);
        let day_key = hmac(format!("AWS4{SECRET}").as_bytes(), day);
        let key = hmac(&hmac(&hmac(&day_key, &self.region), "s3"), "aws4_request");
        let signature = self.signature.unwrap_or_else(|| hex::encode(hmac(&key, &policy)));
        let mut fields = vec![
            ("key".to_owned(), self.key),
            ("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential".to_owned(), credential),
            ("x-amz-date".to_owned(), date.clone()),
            ("policy".to_owned(), policy),
            ("x-amz-signature".to_owned(), signature),
        ];
        fields.extend(self.more);
        let mut headers = vec![("content-type".to_owned(), "multipart/form-data; boundary=limit".to_owned())];
        headers.extend(self.headers);
        server.client().raw(Method::Post, &format!("{}/family", server.base), &headers, &body(&fields, file)).await
    }
}

fn body(fields: &[(String, String)], file: &[u8]) -> Vec<u8> {
    let mut body = String::new();
    for (name, value) in fields {
        body.push_str(&format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    body.push_str("--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n");
    [body.as_bytes(), file, b"\r\n--limit--\r\n"].concat()
}

#[tokio::test]
async fn a_form_that_keeps_to_its_signed_policy_is_stored() {
    let server = Server::start().await;
    Form::of("users/a").post(&server, b"tiny").await.expect(204);
    assert_eq!(server.client().get("users/a").await.expect(200).body, b"tiny");
    Form::of("users/empty").post(&server, b"").await.expect(204);
    assert_eq!(server.client().get("users/empty").await.expect(200).body, b"");
}

#[tokio::test]
async fn a_form_that_does_not_is_refused_and_stores_nothing() {
    let server = Server::start().await;
    let form = |change: fn(&mut Form)| {
        let mut form = Form::of("users/a");
        change(&mut form);
        form
    };
    form(|_| ()).post(&server, &[1; 21]).await.expect_error(400, "EntityTooLarge");
    form(|form| form.key = "state/a".to_owned()).post(&server, b"1").await.expect_error(400, "InvalidPolicyDocument");
    form(|form| form.lives = Duration::minutes(-1)).post(&server, b"1").await.expect_error(403, "AccessDenied");
    form(|form| form.more = vec![("x-amz-meta-a".to_owned(), "1".to_owned())]).post(&server, b"1").await.expect(403);
    form(|form| form.signature = Some("0".repeat(64))).post(&server, b"1").await.expect_error(403, "SignatureDoesNotMatch");
    form(|form| form.region = "eu-west-1".to_owned()).post(&server, b"1").await.expect_error(400, "AuthorizationHeaderMalformed");
    form(|form| form.access_key = "nobody".to_owned()).post(&server, b"1").await.expect_error(403, "InvalidAccessKeyId");
    form(|form| form.headers = vec![("x-amz-acl".to_owned(), "private".to_owned())])
        .post(&server, b"1")
        .await
        .expect_error(403, "AccessDenied");
    form(|form| form.headers = vec![("authorization".to_owned(), "AWS4-HMAC-SHA256 x".to_owned())])
        .post(&server, b"1")
        .await
        .expect_error(403, "AccessDenied");
    assert!(server.store.objects("family").unwrap().is_empty());
}

#[tokio::test]
async fn forms_without_a_signature_or_with_an_old_one_are_refused() {
    let server = Server::start().await;
    let headers = [("content-type", "multipart/form-data; boundary=limit")];
    let url = format!("{}/family", server.base);
    let key = ("key".to_owned(), "users/a".to_owned());
    server
        .client()
        .raw(Method::Post, &url, &headers, &body(std::slice::from_ref(&key), b"1"))
        .await
        .expect_error(403, "AccessDenied");
    let expiration = (OffsetDateTime::now_utc() + Duration::minutes(5))
        .format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z"))
        .unwrap();
    let policy = STANDARD.encode(format!(r#"{{"expiration":"{expiration}","conditions":[["starts-with","$key",""]]}}"#));
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(policy.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let old = [
        key,
        ("awsaccesskeyid".to_owned(), ADMIN.to_owned()),
        ("policy".to_owned(), policy),
        ("signature".to_owned(), signature),
    ];
    let refused = server.client().raw(Method::Post, &url, &headers, &body(&old, b"1")).await.expect_error(403, "AccessDenied");
    assert!(refused.text().contains("version 2"), "{}", refused.text());
    server.client().raw(Method::Put, &url, &headers, b"--limit--\r\n").await.expect_error(403, "AccessDenied");
    assert!(server.store.objects("family").unwrap().is_empty());
}

#[tokio::test]
async fn a_form_stores_only_where_its_access_key_may_write() {
    let keys = vec![
        AccessKey::new("writer", SECRET, vec![Rule::new([Action::PutObject], "users/")]),
        AccessKey::new("narrow", SECRET, vec![Rule::new([Action::PutObject], "users/b/")]),
        AccessKey::new("reader", SECRET, vec![Rule::new([Action::GetObject], "users/")]),
    ];
    let server = Server::start_with(keys, Clock::system()).await;
    for (access_key, status) in [("writer", 204), ("narrow", 403), ("reader", 403)] {
        let form = Form { access_key: access_key.to_owned(), ..Form::of("users/a") };
        form.post(&server, b"1").await.expect(status);
    }
}
