//! Access keys with rights by action and prefix.

use tidegate_embedded_s3::{AccessKey, Action, Clock, Rule};
use tidegate_sigv4::Method;

use crate::server::{SECRET, Server};

async fn server() -> Server {
    let keys = vec![
        AccessKey::new("reader", SECRET, vec![Rule::new([Action::GetObject, Action::ListBucket], "users/")]),
        AccessKey::new("writer", SECRET, vec![Rule::new([Action::PutObject], "users/")]),
        AccessKey::new("nobody", SECRET, vec![]),
    ];
    let server = Server::start_with(keys, Clock::system()).await;
    server.client().put("users/1/a", b"1").await.expect(200);
    server.client().put("state/a", b"2").await.expect(200);
    server
}

#[tokio::test]
async fn a_reader_reads_and_lists_under_its_prefix_only() {
    let server = server().await;
    let reader = server.client_of("reader");
    reader.get("users/1/a").await.expect(200);
    reader.head("users/1/a").await.expect(200);
    reader.list(&[("prefix", "users/")]).await.expect(200);
    reader.list(&[("prefix", "users/1/")]).await.expect(200);
    reader.send(Method::Get, "", &[("prefix", "users/")], &[], b"").await.expect(200);
    for refused in [
        reader.get("state/a").await,
        reader.get("users").await,
        reader.put("users/1/a", b"x").await,
        reader.delete("users/1/a").await,
        reader.list(&[]).await,
        reader.list(&[("prefix", "")]).await,
        reader.list(&[("prefix", "user")]).await,
        reader.list(&[("prefix", "state/")]).await,
        reader.send(Method::Get, "", &[("prefix", "state/")], &[], b"").await,
        reader.send(Method::Get, "", &[], &[], b"").await,
    ] {
        refused.expect_error(403, "AccessDenied");
    }
    reader.head("state/a").await.expect(403);
}

#[tokio::test]
async fn a_writer_writes_and_cannot_read_copy_or_delete() {
    let server = server().await;
    let writer = server.client_of("writer");
    writer.put("users/1/b", b"1").await.expect(200);
    for refused in [
        writer.get("users/1/b").await,
        writer.delete("users/1/b").await,
        writer.list(&[("prefix", "users/")]).await,
        writer.put("state/b", b"1").await,
        writer.put_if("users/1/c", b"", &[("x-amz-copy-source", "/family/state/a")]).await,
        writer.send(Method::Put, "users/1/b", &[("acl", "")], &[], b"").await,
        writer.send(Method::Post, "state/b", &[("uploads", "")], &[], b"").await,
    ] {
        refused.expect_error(403, "AccessDenied");
    }
    writer.send(Method::Head, "", &[], &[], b"").await.expect(403);
}

#[tokio::test]
async fn only_an_administrator_touches_buckets() {
    let server = server().await;
    for key in ["reader", "writer", "nobody"] {
        let client = server.client_of(key);
        client.send(Method::Put, "", &[], &[], b"").await.expect_error(403, "AccessDenied");
        client.send(Method::Delete, "", &[], &[], b"").await.expect_error(403, "AccessDenied");
        client.send(Method::Get, "", &[("policy", "")], &[], b"").await.expect_error(403, "AccessDenied");
        client.send(Method::Get, "", &[("versions", "")], &[], b"").await.expect_error(403, "AccessDenied");
        client.send(Method::Post, "", &[("delete", "")], &[], b"").await.expect_error(403, "AccessDenied");
        client.send(Method::Put, "", &[("cors", "")], &[], b"").await.expect_error(403, "AccessDenied");
        client.send(Method::Get, "", &[("cors", "")], &[], b"").await.expect_error(403, "AccessDenied");
        client.send(Method::Put, "", &[("lifecycle", "")], &[], b"").await.expect_error(403, "AccessDenied");
    }
    server.client_of("nobody").get("users/1/a").await.expect_error(403, "AccessDenied");
}
