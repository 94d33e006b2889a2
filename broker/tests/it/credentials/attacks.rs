//! Everything that a holder of temporary credentials may try, with requests that it signs itself.

use serde_json::{Value, json};
use tidegate_protocol::session::SessionReply;
use tidegate_protocol::{ObjectKey, Sha256, Space};
use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, PayloadHash, Presigner};
use time::OffsetDateTime;

use crate::device::{Device, Reply, send};

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A holder of temporary credentials.
pub(super) struct Holder {
    signer: Presigner,
    bucket: String,
}

impl Holder {
    pub(super) fn new(reply: &Value) -> Self {
        let text = |name: &str| reply[name].as_str().unwrap().to_owned();
        let credentials = Credentials::new(text("accessKeyId"), text("secretAccessKey"), Some(text("sessionToken")));
        let endpoint = Endpoint::new(&text("endpoint"), &text("bucket"), AddressingStyle::Path).unwrap();
        Self { signer: Presigner::new(credentials, text("region"), endpoint), bucket: text("bucket") }
    }

    pub(super) async fn call(
        &self,
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let signed =
            self.signer.at(OffsetDateTime::now_utc()).sign_headers(method, key, query, headers, PayloadHash::of(body)).unwrap();
        let mut all: Vec<(&str, &str)> = headers.to_vec();
        all.extend(signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        send(method.as_str().parse().unwrap(), &signed.url, &all, body.to_vec()).await
    }

    pub(super) async fn get(&self, key: &str) -> Reply {
        self.call(Method::Get, key, &[], &[], b"").await
    }

    pub(super) async fn list(&self, query: &[(&str, &str)], headers: &[(&str, &str)]) -> Reply {
        self.call(Method::Get, "", query, headers, b"").await
    }
}

pub(super) async fn credentials_for(device: &Device, session: &SessionReply, prefix: &str) -> Value {
    let body = json!({ "prefixes": [prefix] });
    let reply = device.call("POST", "/v1/credentials", &body, Some(&session.access_token)).await;
    assert_eq!(reply.code(), "ok", "{}", String::from_utf8_lossy(&reply.body));
    reply.json()
}

/// Writes a doorbell into the account by a signed URL; its key.
pub(super) async fn doorbell(device: &Device, session: &SessionReply, body: &[u8]) -> String {
    let key = ObjectKey::Doorbell { space: Space::Account(session.user_id) };
    assert_eq!(device.put(&session.access_token, &key, body).await.status, 200);
    key.to_string()
}

/// Two accounts, and credentials of the first: they read it and, where they say so, list it; everything else is refused. Whether
/// they list is the answer.
pub(super) async fn assert_reads_its_prefix_and_does_nothing_else(
    first: (&Device, &SessionReply),
    second: (&Device, &SessionReply),
) -> bool {
    let (user, other) = (first.1.user_id.to_string(), second.1.user_id.to_string());
    let (own, foreign) =
        (doorbell(first.0, first.1, b"own sealed bytes").await, doorbell(second.0, second.1, b"foreign bytes").await);
    let prefix = format!("users/{user}/");
    let credentials = credentials_for(first.0, first.1, &prefix).await;
    let (holder, can_list) = (Holder::new(&credentials), credentials["canList"] == true);

    let reply = holder.get(&own).await;
    assert_eq!(
        (reply.status, reply.body.as_slice()),
        (200, b"own sealed bytes".as_slice()),
        "{}",
        String::from_utf8_lossy(&reply.body)
    );
    let listed = holder.list(&[("list-type", "2"), ("prefix", &prefix)], &[]).await;
    assert_eq!(listed.status, if can_list { 200 } else { 403 }, "{}", String::from_utf8_lossy(&listed.body));
    let listed = String::from_utf8(listed.body).unwrap();
    assert!(listed.contains(&own) == can_list && !listed.contains(&other), "{listed}");

    cannot_read_elsewhere(&holder, &user, &other, &foreign).await;
    cannot_list_elsewhere(&holder, &user, &other).await;
    cannot_write(&holder, &own, &foreign).await;
    assert_eq!(holder.get(&own).await.body, b"own sealed bytes", "what was there is still there");

    let folder = Holder::new(&credentials_for(first.0, first.1, &format!("{prefix}master-keys/")).await);
    assert_eq!(folder.get(&own).await.status, 403, "a folder's credentials reach that folder");
    let listed = folder.list(&[("list-type", "2"), ("prefix", &format!("{prefix}master-keys/"))], &[]).await;
    assert_eq!(listed.status, if can_list { 200 } else { 403 });
    can_list
}

async fn cannot_read_elsewhere(holder: &Holder, user: &str, other: &str, foreign: &str) {
    let half = &user[..user.len() - 1];
    for key in [
        foreign.to_owned(),
        format!("users/{other}/genesis.json"),
        format!("users/{half}/genesis.json"),
        format!("users/{user}x/genesis.json"),
        format!("users/{user}"),
        "_tidegate/store-profile.json".to_owned(),
        format!("users/{user}/../{other}/genesis.json"),
        format!("users/{user}/./../{other}/genesis.json"),
        format!("users/{user}/%2e%2e/{other}/genesis.json"),
        format!("users/{user}//../../users/{other}/genesis.json"),
        format!("users/{user}/..\\..\\{other}\\genesis.json"),
    ] {
        let reply = holder.get(&key).await;
        assert!(reply.status >= 400, "GET {key}: {}", reply.status);
        let text = String::from_utf8_lossy(&reply.body);
        assert!(!text.contains("foreign bytes"), "GET {key}: {text}");
        assert!(holder.call(Method::Head, &key, &[], &[], b"").await.status >= 400, "HEAD {key}");
    }
    for query in [("versions", ""), ("acl", ""), ("tagging", ""), ("torrent", ""), ("attributes", "")] {
        let reply = holder.call(Method::Get, foreign, &[query], &[], b"").await;
        assert!(reply.status >= 400, "GET {foreign}?{}: {}", query.0, reply.status);
    }
}

async fn cannot_list_elsewhere(holder: &Holder, user: &str, other: &str) {
    let (own, foreign) = (format!("users/{user}/"), format!("users/{other}/"));
    let open = format!("users/{user}");
    let around = format!("users/{user}/../{other}/");
    let queries: [&[(&str, &str)]; 16] = [
        &[("list-type", "2")],
        &[("list-type", "2"), ("prefix", "")],
        &[("list-type", "2"), ("prefix", "users/")],
        &[("list-type", "2"), ("prefix", &foreign)],
        &[("list-type", "2"), ("prefix", &open)],
        &[("list-type", "2"), ("prefix", "_tidegate/")],
        &[("list-type", "2"), ("prefix", &around)],
        &[("list-type", "2"), ("prefix", &own), ("prefix", &foreign)],
        &[("list-type", "2"), ("prefix", &foreign), ("prefix", &own)],
        &[("list-type", "2"), ("prefix", &own), ("start-after", &foreign)],
        &[("prefix", &foreign)],
        &[("versions", ""), ("prefix", &foreign)],
        &[("uploads", ""), ("prefix", &foreign)],
        &[("list-type", "2"), ("delimiter", "/")],
        // MinIO takes these for s3:prefix, and the same name as a header, too.
        &[("list-type", "2"), ("Prefix", &own), ("prefix", &foreign)],
        &[("list-type", "2"), ("Prefix", &own)],
    ];
    let headers: [&[(&str, &str)]; 2] = [&[], &[("prefix", &own)]];
    for (query, headers) in queries.into_iter().flat_map(|query| headers.map(|headers| (query, headers))) {
        let reply = holder.list(query, headers).await;
        let text = String::from_utf8_lossy(&reply.body);
        // Some of these are answered, with what lies under the prefix: the other account is in no answer but as the echo of a question.
        let names_foreign_key = text.contains(&format!("<Key>users/{other}")) || text.contains("<Key>_tidegate");
        assert!(
            !names_foreign_key && !text.contains(&format!("<CommonPrefixes><Prefix>users/{other}")),
            "LIST {query:?} {headers:?}: {text}"
        );
    }
}

async fn cannot_write(holder: &Holder, own: &str, foreign: &str) {
    let checksum = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(Sha256::of(b"x").as_bytes())
    };
    let source = format!("/{}/{own}", holder.bucket);
    let attempts: [(Method, &str, Pairs<'_>, Pairs<'_>); 12] = [
        (Method::Put, own, &[], &[]),
        (Method::Put, own, &[], &[("x-amz-checksum-sha256", &checksum)]),
        (Method::Put, own, &[], &[("x-amz-copy-source", &source)]),
        (Method::Put, foreign, &[], &[]),
        (Method::Put, own, &[("tagging", "")], &[]),
        (Method::Put, own, &[("acl", "")], &[("x-amz-acl", "public-read")]),
        (Method::Post, own, &[("uploads", "")], &[]),
        (Method::Put, own, &[("partNumber", "1"), ("uploadId", "x")], &[]),
        (Method::Delete, own, &[], &[]),
        (Method::Delete, own, &[], &[("x-minio-force-delete", "true")]),
        (Method::Put, "", &[("policy", "")], &[]),
        (Method::Delete, "", &[], &[]),
    ];
    for (method, key, query, headers) in attempts {
        let reply = holder.call(method, key, query, headers, b"x").await;
        // A malformed body may be refused before the key: what is stored decides, below.
        assert!(reply.status >= 400, "{method} {key} {query:?} {headers:?}: {}", reply.status);
    }
    let many = format!("<Delete><Object><Key>{own}</Key></Object></Delete>");
    let md5 = ("x-amz-checksum-sha256", {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(Sha256::of(many.as_bytes()).as_bytes())
    });
    let reply = holder.call(Method::Post, "", &[("delete", "")], &[(md5.0, &md5.1)], many.as_bytes()).await;
    assert!(!String::from_utf8_lossy(&reply.body).contains("<Deleted>"), "{}", String::from_utf8_lossy(&reply.body));
}
