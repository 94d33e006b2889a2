//! A store in memory that checks signatures as a real one does, and breaks one promise.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method as HttpMethod, Response, StatusCode};
use percent_encoding::percent_decode_str;
use tidegate_protocol::Sha256;
use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, PayloadHash, Presigner};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpListener;

use crate::store::{BUCKET, SECRET};

/// The promise that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flaw {
    /// Conditions are not looked at.
    IgnoresConditions,
    /// A condition that does not hold is answered by 200, and nothing is written.
    LiesAboutConditions,
    /// Conditions are answered by 501.
    RefusesConditions,
    /// Between looking and writing time passes.
    LooksLongBeforeItWrites,
    /// Conditions are looked at when the head of a request comes, and its body is written when it ends.
    LooksAtTheHead,
    /// Every object has the same ETag.
    OneEtag,
    /// Nothing that is written is kept.
    KeepsNothing,
    /// Frames of a body with a trailer are stored as if they were content.
    StoresFrames,
    /// 304 whatever has changed.
    AlwaysUnchanged,
    /// The key that signs writing may do everything.
    WriteKeyMayDoAll,
    /// An unsigned copy header is obeyed, by the rights of who signed.
    ObeysCopySource,
    /// The same, answered by 403.
    CopiesAndSaysNo,
    /// The same, answered by 403 and done later.
    CopiesLater,
    /// An unsigned force-delete header is obeyed.
    ObeysForceDelete,
    /// An unsigned ACL is obeyed.
    ObeysAcl,
    /// A path with dots reaches what it resolves to, by the signature of another.
    BendsPaths,
    /// Signatures are not looked at.
    IgnoresSignatures,
    /// A signed header that is missing is forgiven.
    ForgivesMissingHeaders,
    /// The hash of a body is not looked at.
    IgnoresChecksums,
    /// Ends of URLs are not looked at.
    IgnoresExpiry,
    /// Without a signature one reads, lists and writes.
    OpenToAll,
    /// What the write key sends is refused.
    RefusesTheWriteKey,
}

#[derive(Debug, Clone)]
struct Object {
    bytes: Vec<u8>,
    etag: String,
    is_open: bool,
}

type Parts = BTreeMap<u32, Vec<u8>>;
/// Status and code.
type Refusal = (u16, &'static str);

#[derive(Debug, Default)]
struct Contents {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, (String, Parts)>,
    counter: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct StandIn {
    pub(crate) base: String,
    flaws: Arc<BTreeSet<Flaw>>,
    contents: Arc<Mutex<Contents>>,
}

#[derive(Debug)]
struct Asked {
    method: HttpMethod,
    key: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
}

impl Asked {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

fn answer(status: u16, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn error(status: u16, code: &str) -> Response<Body> {
    answer(status, format!("<Error><Code>{code}</Code></Error>"))
}

impl StandIn {
    pub(crate) async fn start(flaws: &[Flaw]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let store = Self { base, flaws: Arc::new(flaws.iter().copied().collect()), contents: Arc::default() };
        let router = Router::new().fallback(handle).with_state(store.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        store
    }

    /// Keys of all stored objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.contents().objects.keys().cloned().collect()
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaws.contains(&flaw)
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap()
    }

    fn signer(&self, who: &str) -> Presigner {
        let endpoint = Endpoint::new(&self.base, BUCKET, AddressingStyle::Path).unwrap();
        Presigner::new(Credentials::new(who, SECRET, None), "us-east-1", endpoint)
    }

    /// Who signed; `Ok(None)` if nobody did.
    fn caller(&self, asked: &Asked, body: &[u8]) -> Result<Option<String>, Refusal> {
        let denied = || (403, "AccessDenied");
        let method = match asked.method.as_str() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "PUT" => Method::Put,
            "POST" => Method::Post,
            _ => Method::Delete,
        };
        let (who, names, signed_at) = if let Some(credential) = asked.parameter("X-Amz-Credential") {
            (credential, asked.parameter("X-Amz-SignedHeaders").unwrap_or_default(), asked.parameter("X-Amz-Date"))
        } else if let Some(authorization) = asked.header("authorization") {
            let field = |name: &str| authorization.split(name).nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default();
            (field("Credential="), field("SignedHeaders="), asked.header("x-amz-date"))
        } else {
            return Ok(None);
        };
        let who = who.split('/').next().unwrap_or_default().to_owned();
        if self.has(Flaw::IgnoresSignatures) {
            return Ok(Some(who));
        }
        if self.has(Flaw::BendsPaths) && asked.key.contains("..") {
            return Ok(Some(who));
        }
        let at = signed_at.and_then(read_time).ok_or_else(denied)?;
        let own = ["host", "x-amz-date", "x-amz-content-sha256"];
        let mut headers = Vec::new();
        for name in names.split(';').filter(|name| !own.contains(name)) {
            let values: Vec<_> = asked.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
            match values.as_slice() {
                [] if self.has(Flaw::ForgivesMissingHeaders) => return Ok(Some(who)),
                [value] => headers.push((name, *value)),
                [] | [_, _, ..] => return Err(denied()),
            }
        }
        let query: Vec<(&str, &str)> = asked.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let signer = self.signer(&who);
        let is_right = if let Some(given) = asked.parameter("X-Amz-Signature") {
            let expires: u32 = asked.parameter("X-Amz-Expires").and_then(|text| text.parse().ok()).ok_or_else(denied)?;
            let over = at + time::Duration::seconds(i64::from(expires)) < OffsetDateTime::now_utc();
            if over && !self.has(Flaw::IgnoresExpiry) {
                return Err(denied());
            }
            let query: Vec<_> = query.into_iter().filter(|(name, _)| !name.starts_with("X-Amz-")).collect();
            let url = signer.at(at).presign(method, &asked.key, &query, &headers, expires).map_err(|_| denied())?;
            url.ends_with(given)
        } else {
            let payload = match asked.header("x-amz-content-sha256").unwrap_or_default() {
                "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => PayloadHash::UnsignedWithTrailer,
                _ => PayloadHash::of(body),
            };
            let signed = signer.at(at).sign_headers(method, &asked.key, &query, &headers, payload).map_err(|_| denied())?;
            signed
                .headers
                .iter()
                .any(|(name, value)| name == "authorization" && Some(value.as_str()) == asked.header("authorization"))
        };
        if is_right { Ok(Some(who)) } else { Err((403, "SignatureDoesNotMatch")) }
    }

    fn may(&self, who: Option<&str>, asked: &Asked, reached: &str) -> bool {
        let below_users = reached.starts_with("users/");
        let reads = matches!(asked.method.as_str(), "GET" | "HEAD");
        match who {
            None => {
                self.has(Flaw::OpenToAll) || reads && self.contents().objects.get(&asked.key).is_some_and(|object| object.is_open)
            }
            Some("state") => true,
            Some("write") if self.has(Flaw::RefusesTheWriteKey) => false,
            Some("write") if self.has(Flaw::WriteKeyMayDoAll) => true,
            Some("read") => reads && below_users,
            Some("write") => asked.method == HttpMethod::PUT && below_users,
            Some(_) => false,
        }
    }

    /// Writes into contents that the caller has locked, since before it looked at a condition.
    fn keep(&self, contents: &mut Contents, key: &str, bytes: Vec<u8>, is_open: bool) -> String {
        let etag = if self.has(Flaw::OneEtag) { "\"same\"".to_owned() } else { format!("\"{}\"", Sha256::of(&bytes).digest()) };
        if !self.has(Flaw::KeepsNothing) {
            contents.objects.insert(key.to_owned(), Object { bytes, etag: etag.clone(), is_open });
        }
        etag
    }

    /// The refusal of a write whose condition does not hold.
    fn refusal(&self, holds: bool) -> Option<Response<Body>> {
        if self.has(Flaw::RefusesConditions) {
            return Some(error(501, "NotImplemented"));
        }
        if holds || self.has(Flaw::IgnoresConditions) {
            return None;
        }
        Some(if self.has(Flaw::LiesAboutConditions) { with_etag("\"lie\"") } else { error(412, "PreconditionFailed") })
    }
}

impl Contents {
    /// Whether the condition of a write holds; `None` if there is none.
    fn holds(&self, asked: &Asked) -> Option<bool> {
        let there = self.objects.get(&asked.key);
        if asked.header("if-none-match").is_some() {
            return Some(there.is_none());
        }
        asked.header("if-match").map(|etag| there.is_some_and(|object| object.etag == etag))
    }
}

fn read_time(text: &str) -> Option<OffsetDateTime> {
    let part = |from: usize, to: usize| text.get(from..to);
    let text = format!("{}-{}-{}T{}:{}:{}Z", part(0, 4)?, part(4, 6)?, part(6, 8)?, part(9, 11)?, part(11, 13)?, part(13, 15)?);
    OffsetDateTime::parse(&text, &Rfc3339).ok()
}

async fn handle(State(store): State<StandIn>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let path = parts.uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let query = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let query = query.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(name, value)| (decode(name), decode(value)));
    let mut asked = Asked { method: parts.method, key: decode(key), query: query.collect(), headers: parts.headers };
    if bucket != BUCKET {
        return error(404, "NoSuchBucket");
    }
    let at_head = store.has(Flaw::LooksAtTheHead).then(|| store.contents().holds(&asked)).flatten();
    let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    let who = match store.caller(&asked, &body) {
        Ok(who) => who,
        Err((status, code)) => return error(status, code),
    };
    if asked.key.contains("..") {
        asked.key = asked.key.replace("mine/../", "").replace("mine/file/../../", "").replace("mine//../../", "");
    }
    // What a request reaches: the key, or the listed prefix.
    let reached = if asked.key.is_empty() { asked.parameter("prefix").unwrap_or_default().to_owned() } else { asked.key.clone() };
    if !store.may(who.as_deref(), &asked, &reached) {
        return error(403, "AccessDenied");
    }
    match asked.method.as_str() {
        "GET" | "HEAD" if asked.key.is_empty() => list(&store, &asked),
        "GET" | "HEAD" => get(&store, &asked),
        "PUT" => put(&store, &asked, body, at_head).await,
        "POST" => post(&store, &asked),
        "DELETE" => delete(&store, &asked),
        _ => error(405, "MethodNotAllowed"),
    }
}

fn list(store: &StandIn, asked: &Asked) -> Response<Body> {
    let prefix = asked.parameter("prefix").unwrap_or_default();
    let mut document = String::new();
    let contents = store.contents();
    if asked.parameter("uploads").is_some() {
        for (id, (key, _)) in contents.uploads.iter().filter(|(_, (key, _))| key.starts_with(prefix)) {
            write!(document, "<Upload><Key>{key}</Key><UploadId>{id}</UploadId></Upload>").unwrap();
        }
        return answer(200, format!("<ListMultipartUploadsResult>{document}</ListMultipartUploadsResult>"));
    }
    let most: usize = asked.parameter("max-keys").and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let after = asked.parameter("continuation-token").unwrap_or_default();
    let mut keys = contents.objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after);
    let mut last = String::new();
    for (key, object) in keys.by_ref().take(most) {
        let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap();
        let etag = object.etag.replace('"', "&quot;");
        write!(document, "<Contents><Key>{key}</Key><ETag>{etag}</ETag><LastModified>{now}</LastModified></Contents>").unwrap();
        last.clone_from(key);
    }
    if keys.next().is_some() {
        write!(document, "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>").unwrap();
    }
    answer(200, format!("<ListBucketResult>{document}</ListBucketResult>"))
}

fn get(store: &StandIn, asked: &Asked) -> Response<Body> {
    let contents = store.contents();
    if let Some((_, parts)) = asked.parameter("uploadId").and_then(|id| contents.uploads.get(id)) {
        let sizes: String = parts.values().map(|bytes| format!("<Part><Size>{}</Size></Part>", bytes.len())).collect();
        return answer(200, format!("<ListPartsResult>{sizes}</ListPartsResult>"));
    }
    let Some(object) = contents.objects.get(&asked.key) else { return error(404, "NoSuchKey") };
    let asked_etag = asked.header("if-none-match");
    if asked_etag == Some(&object.etag) || asked_etag.is_some() && store.has(Flaw::AlwaysUnchanged) {
        return answer(304, "");
    }
    let mut response = answer(200, object.bytes.clone());
    response.headers_mut().insert("etag", object.etag.parse().unwrap());
    response
}

async fn put(store: &StandIn, asked: &Asked, body: Vec<u8>, mut looked: Option<bool>) -> Response<Body> {
    let signed = asked.parameter("X-Amz-SignedHeaders").map(str::to_owned).unwrap_or_default();
    let is_presigned = !signed.is_empty();
    let unsigned = |name: &str| is_presigned && asked.headers.contains_key(name) && !signed.split(';').any(|one| one == name);
    if unsigned("x-amz-copy-source") {
        return copy(store, asked);
    }
    if (unsigned("x-amz-acl") || unsigned("x-amz-grant-read")) && !store.has(Flaw::ObeysAcl) {
        return error(403, "AccessDenied");
    }
    let checksum = asked.header("x-amz-checksum-sha256");
    if checksum.is_some_and(|given| given != super::checksum(&body)) && !store.has(Flaw::IgnoresChecksums) {
        return error(400, "BadDigest");
    }
    if let (Some(id), Some(number)) = (asked.parameter("uploadId"), asked.parameter("partNumber")) {
        let etag = format!("\"{}\"", Sha256::of(&body).digest());
        let mut contents = store.contents();
        let Some((_, parts)) = contents.uploads.get_mut(id) else { return error(404, "NoSuchUpload") };
        parts.insert(number.parse().unwrap(), body);
        return with_etag(&etag);
    }
    if store.has(Flaw::LooksLongBeforeItWrites) {
        looked = store.contents().holds(asked);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let is_framed = asked.header("x-amz-content-sha256") == Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    let body = if is_framed && !store.has(Flaw::StoresFrames) { unframed(&body) } else { body };
    // One lock for looking and writing: a store that lets another write in between is not atomic.
    let mut contents = store.contents();
    if let Some(refusal) = looked.or_else(|| contents.holds(asked)).and_then(|holds| store.refusal(holds)) {
        return refusal;
    }
    with_etag(&store.keep(&mut contents, &asked.key, body, unsigned("x-amz-acl") || unsigned("x-amz-grant-read")))
}

fn copy(store: &StandIn, asked: &Asked) -> Response<Body> {
    let obeys = [Flaw::ObeysCopySource, Flaw::CopiesAndSaysNo, Flaw::CopiesLater].into_iter().find(|flaw| store.has(*flaw));
    let source = asked.header("x-amz-copy-source").unwrap_or_default().trim_start_matches('/');
    let source = source.split_once('/').map_or("", |(_, key)| key).to_owned();
    let found = store.contents().objects.get(&source).cloned();
    let (Some(flaw), Some(object), None) = (obeys, found, asked.parameter("uploadId")) else { return error(403, "AccessDenied") };
    let (later, key) = (store.clone(), asked.key.clone());
    if flaw == Flaw::CopiesLater {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            later.keep(&mut later.contents(), &key, object.bytes, false);
        });
        return error(403, "AccessDenied");
    }
    let etag = store.keep(&mut store.contents(), &key, object.bytes, false);
    if flaw == Flaw::CopiesAndSaysNo { error(403, "AccessDenied") } else { with_etag(&etag) }
}

fn post(store: &StandIn, asked: &Asked) -> Response<Body> {
    let mut contents = store.contents();
    if asked.parameter("uploads").is_some() {
        contents.counter += 1;
        let id = format!("upload-{}", contents.counter);
        contents.uploads.insert(id.clone(), (asked.key.clone(), Parts::new()));
        return answer(200, format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"));
    }
    let id = asked.parameter("uploadId").unwrap_or_default().to_owned();
    let is_there = contents.objects.contains_key(&asked.key);
    if asked.header("if-none-match").is_some() && is_there && !store.has(Flaw::IgnoresConditions) {
        return error(412, "PreconditionFailed");
    }
    let Some((key, parts)) = contents.uploads.remove(&id) else { return error(404, "NoSuchUpload") };
    let bytes: Vec<u8> = parts.into_values().flatten().collect();
    let etag = format!("\"{}-1\"", Sha256::of(&bytes).digest());
    contents.objects.insert(key, Object { bytes, etag, is_open: false });
    answer(200, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")
}

fn delete(store: &StandIn, asked: &Asked) -> Response<Body> {
    if store.has(Flaw::ObeysForceDelete) && asked.headers.contains_key("x-minio-force-delete") {
        let prefix = format!("{}/", asked.key.trim_end_matches('/'));
        store.contents().objects.retain(|key, _| !key.starts_with(&prefix));
        return answer(204, "");
    }
    let mut contents = store.contents();
    if contents.holds(asked) == Some(false) && !store.has(Flaw::IgnoresConditions) {
        return error(412, "PreconditionFailed");
    }
    match asked.parameter("uploadId") {
        Some(id) => drop(contents.uploads.remove(id)),
        None => drop(contents.objects.remove(&asked.key)),
    }
    answer(204, "")
}

fn with_etag(etag: &str) -> Response<Body> {
    let mut response = answer(200, "");
    response.headers_mut().insert("etag", etag.parse().unwrap());
    response
}

/// The content of a body in one frame.
fn unframed(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body).into_owned();
    let (length, rest) = text.split_once("\r\n").unwrap();
    rest.as_bytes()[..usize::from_str_radix(length, 16).unwrap()].to_vec()
}
