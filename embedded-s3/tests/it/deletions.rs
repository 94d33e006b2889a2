//! Deletions of many keys in one request.

use tidegate_embedded_s3::{AccessKey, Action, Clock, Rule};
use tidegate_sigv4::Method;

use crate::server::{Answer, S3Client, SECRET, Server};

async fn delete(client: &S3Client, objects: &str) -> Answer {
    let xml = format!("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{objects}</Delete>");
    client.send(Method::Post, "", &[("delete", "")], &[], xml.as_bytes()).await
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
