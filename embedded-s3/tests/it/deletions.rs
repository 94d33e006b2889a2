//! Deletions of many keys in one request.

use tidegate_embedded_s3::{AccessKey, Action, Clock, Rule};
use tidegate_sigv4::Method;

use crate::server::{Answer, S3Client, SECRET, Server, sha256};

async fn delete(client: &S3Client, objects: &str) -> Answer {
    let xml = document(objects);
    client.send(Method::Post, "", &[("delete", "")], &[("content-md5", &md5(xml.as_bytes()))], xml.as_bytes()).await
}

fn document(objects: &str) -> String {
    format!("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{objects}</Delete>")
}

fn md5(bytes: &[u8]) -> String {
    use base64::Engine as _;
    use s3s::crypto::Checksum as _;
    base64::engine::general_purpose::STANDARD.encode(s3s::crypto::Md5::checksum(bytes))
}

fn named(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect()
}

#[tokio::test]
async fn many_keys_go_at_once_whether_they_are_there_or_not() {
    let server = Server::start().await;
    let client = server.client();
    for key in ["a", "b/c", "stays"] {
        client.put(key, &[1; 100_000]).await.expect(200);
    }
    let answer = delete(&client, &named(&["a", "b/c", "never"])).await.expect(200);
    assert_eq!(answer.elements("Key"), ["a", "b/c", "never"]);
    assert_eq!(answer.elements("Code"), Vec::<String>::new());
    let quiet = delete(&client, &format!("<Quiet>true</Quiet>{}", named(&["x"]))).await.expect(200);
    assert_eq!(quiet.elements("Key"), Vec::<String>::new());
    assert_eq!(client.list(&[]).await.elements("Key"), ["stays"]);
    delete(&client, "").await.expect_error(400, "MalformedXML");
    let thousand: Vec<String> = (0..1001).map(|number| number.to_string()).collect();
    let too_many = named(&thousand.iter().map(String::as_str).collect::<Vec<_>>());
    delete(&client, &too_many).await.expect_error(400, "MalformedXML");
}

#[tokio::test]
async fn a_key_with_another_etag_stays_and_keeps_nothing_else() {
    let server = Server::start().await;
    let client = server.client();
    let etag = client.put("right", b"1").await.expect(200).header("etag").to_owned();
    client.put("wrong", b"2").await.expect(200);
    client.put("any", b"3").await.expect(200);
    let objects = format!(
        "<Object><Key>right</Key><ETag>{etag}</ETag></Object><Object><Key>wrong</Key><ETag>{etag}</ETag></Object>{}",
        named(&["any"])
    );
    let answer = delete(&client, &objects).await.expect(200);
    assert_eq!(answer.elements("Code"), ["PreconditionFailed"]);
    assert_eq!(client.list(&[]).await.elements("Key"), ["wrong"]);
}

#[tokio::test]
async fn keys_outside_of_the_rights_are_refused_by_name() {
    let keys = vec![
        AccessKey::new("family", SECRET, vec![Rule::new([Action::DeleteObject], "users/")]),
        AccessKey::new("reader", SECRET, vec![Rule::new([Action::GetObject], "")]),
    ];
    let server = Server::start_with(keys, Clock::system()).await;
    let admin = server.client();
    for key in ["users/a", "state/a"] {
        admin.put(key, b"1").await.expect(200);
    }
    let answer = delete(&server.client_of("family"), &named(&["users/a", "state/a"])).await.expect(200);
    assert_eq!(answer.elements("Code"), ["AccessDenied"]);
    assert_eq!(admin.list(&[]).await.elements("Key"), ["state/a"]);
    delete(&server.client_of("reader"), &named(&["state/a"])).await.expect_error(403, "AccessDenied");
    let only_refused = delete(&server.client_of("family"), &named(&["state/a"])).await.expect(200);
    assert_eq!(only_refused.elements("Code"), ["AccessDenied"]);
    admin.get("state/a").await.expect(200);
}

#[tokio::test]
async fn a_deletion_comes_with_a_digest_of_its_document_and_is_held_to_it() {
    let server = Server::start().await;
    let client = server.client();
    client.put("a", b"1").await.expect(200);
    let (xml, other) = (document(&named(&["a"])), document(&named(&["b"])));
    let send = async |headers: &[(&str, &str)]| client.send(Method::Post, "", &[("delete", "")], headers, xml.as_bytes()).await;
    send(&[]).await.expect_error(400, "InvalidRequest");
    let (right, wrong) = (md5(xml.as_bytes()), md5(other.as_bytes()));
    send(&[("content-md5", &wrong)]).await.expect_error(400, "BadDigest");
    send(&[("content-md5", "no digest")]).await.expect_error(400, "BadDigest");
    send(&[("content-md5", &right), ("x-amz-checksum-sha256", &sha256(other.as_bytes()))]).await.expect_error(400, "BadDigest");
    send(&[("x-amz-checksum-crc32", "AAAAAA==")]).await.expect_error(400, "BadDigest");
    client.get("a").await.expect(200);
    // Whose signature is wrong is told that and nothing of the document.
    let stranger = S3Client::new(&server.base, "admin", "a-wrong-secret", "us-east-1");
    let refused = stranger.send(Method::Post, "", &[("delete", "")], &[("content-md5", &wrong)], xml.as_bytes()).await;
    refused.expect_error(403, "SignatureDoesNotMatch");
    send(&[("x-amz-checksum-sha256", &sha256(xml.as_bytes()))]).await.expect(200);
    client.get("a").await.expect(404);
}

#[tokio::test]
async fn every_document_is_held_to_its_md5() {
    let server = Server::start().await;
    let client = server.client();
    let upload = crate::uploads::create(&client, "a").await;
    crate::uploads::put_part(&client, "a", &upload, 1, b"1").await.expect(200);
    let xml = crate::uploads::completion(&[(1, b"1")]);
    let wrong = md5(b"another");
    crate::uploads::complete(&client, "a", &upload, &xml, &[("content-md5", &wrong)]).await.expect_error(400, "BadDigest");
    client.get("a").await.expect(404);
    crate::uploads::complete(&client, "a", &upload, &xml, &[("content-md5", &md5(xml.as_bytes()))]).await.expect(200);
    let cors = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    let put =
        async |digest: &str| client.send(Method::Put, "", &[("cors", "")], &[("content-md5", digest)], cors.as_bytes()).await;
    put(&wrong).await.expect_error(400, "BadDigest");
    client.send(Method::Get, "", &[("cors", "")], &[], b"").await.expect_error(404, "NoSuchCORSConfiguration");
    put(&md5(cors.as_bytes())).await.expect(200);
}
