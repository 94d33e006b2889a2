//! Preconditions of reads and writes.

use tidegate_sigv4::Method;

use crate::server::Server;

const OTHER: &str = "\"00000000000000000000000000000000\"";

#[tokio::test]
async fn create_once_refuses_an_existing_key_and_allows_it_after_a_delete() {
    let server = Server::start().await;
    let client = server.client();
    let once = [("if-none-match", "*")];
    client.put_if("a", b"1", &once).await.expect(200);
    client.put_if("a", b"2", &once).await.expect_error(412, "PreconditionFailed");
    assert_eq!(client.get("a").await.body, b"1");
    client.delete("a").await.expect(204);
    client.put_if("a", b"3", &once).await.expect(200);
}

#[tokio::test]
async fn large_bodies_are_held_to_preconditions_too() {
    let server = Server::start().await;
    let client = server.client();
    let large = vec![7; 600_000];
    client.put_if("a", &large, &[("if-none-match", "*")]).await.expect(200);
    client.put_if("a", &large, &[("if-none-match", "*")]).await.expect_error(412, "PreconditionFailed");
    client.put_if("b", &large, &[("if-match", OTHER)]).await.expect_error(404, "NoSuchKey");
    client.put_if("a", &large, &[("if-match", OTHER)]).await.expect_error(412, "PreconditionFailed");
}

#[tokio::test]
async fn compare_and_swap_needs_the_current_etag() {
    let server = Server::start().await;
    let client = server.client();
    let etag = client.put("a", b"1").await.expect(200).header("etag").to_owned();
    client.put_if("a", b"x", &[("if-match", OTHER)]).await.expect_error(412, "PreconditionFailed");
    client.put_if("a", b"2", &[("if-match", &etag)]).await.expect(200);
    client.put_if("a", b"x", &[("if-match", &etag)]).await.expect_error(412, "PreconditionFailed");
    client.put_if("a", b"x", &[("if-match", &format!("W/{etag}"))]).await.expect_error(412, "PreconditionFailed");
    assert_eq!(client.get("a").await.body, b"2");
}

#[tokio::test]
async fn if_match_on_a_missing_key_is_not_found() {
    let server = Server::start().await;
    let client = server.client();
    client.put_if("missing", b"1", &[("if-match", OTHER)]).await.expect_error(404, "NoSuchKey");
    client.get("missing").await.expect(404);
}

#[tokio::test]
async fn conditions_that_we_cannot_decide_are_refused() {
    let server = Server::start().await;
    let client = server.client();
    client.put_if("a", b"1", &[("if-none-match", OTHER)]).await.expect(501);
    client.put_if("a", b"1", &[("if-match", "*")]).await.expect(501);
    client.put_if("a", b"1", &[("if-match", OTHER), ("if-none-match", "*")]).await.expect(501);
    client.get("a").await.expect(404);
}

#[tokio::test]
async fn a_conditional_delete_keeps_what_has_changed() {
    let server = Server::start().await;
    let client = server.client();
    let etag = client.put("a", b"1").await.header("etag").to_owned();
    let delete = async |etag: &str| client.send(Method::Delete, "a", &[], &[("if-match", etag)], b"").await;
    delete(OTHER).await.expect_error(412, "PreconditionFailed");
    assert_eq!(client.get("a").await.expect(200).body, b"1");
    delete(&etag).await.expect(204);
    client.get("a").await.expect(404);
    delete(&etag).await.expect(204);
}

#[tokio::test]
async fn an_unchanged_object_is_304_without_a_body() {
    let server = Server::start().await;
    let client = server.client();
    let etag = client.put("a", b"1").await.header("etag").to_owned();
    let modified = client.get("a").await.header("last-modified").to_owned();
    for condition in [("if-none-match", etag.as_str()), ("if-none-match", "*"), ("if-modified-since", modified.as_str())] {
        for method in [Method::Get, Method::Head] {
            let answer = client.send(method, "a", &[], &[condition], b"").await.expect(304);
            assert_eq!(answer.header("etag"), etag);
            assert!(answer.body.is_empty());
        }
    }
    client.get_if("a", &[("if-none-match", OTHER)]).await.expect(200);
    client.get_if("a", &[("if-none-match", OTHER), ("if-modified-since", &modified)]).await.expect(200);
    client.get_if("a", &[("if-modified-since", "Thu, 01 Jan 2015 00:00:00 GMT")]).await.expect(200);
}

#[tokio::test]
async fn a_read_of_another_version_is_412() {
    let server = Server::start().await;
    let client = server.client();
    let etag = client.put("a", b"1").await.header("etag").to_owned();
    client.get_if("a", &[("if-match", &etag)]).await.expect(200);
    client.get_if("a", &[("if-match", OTHER)]).await.expect_error(412, "PreconditionFailed");
    client.get_if("a", &[("if-unmodified-since", "Thu, 01 Jan 2015 00:00:00 GMT")]).await.expect_error(412, "PreconditionFailed");
}
