//! LIST: order, pages, prefixes, encoding.

use tidegate_sigv4::Method;

use crate::server::{S3Client, Server};

/// Every page of a listing: keys and common prefixes in the order they came.
async fn pages(client: &S3Client, query: &[(&str, &str)]) -> Vec<(Vec<String>, Vec<String>)> {
    let mut pages = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut query = query.to_vec();
        query.extend(token.as_deref().map(|token| ("continuation-token", token)));
        let page = client.list(&query).await.expect(200);
        let prefixes = page.elements("CommonPrefixes");
        let prefixes = prefixes.iter().map(|prefix| prefix.replace("<Prefix>", "").replace("</Prefix>", "")).collect();
        pages.push((page.elements("Key"), prefixes));
        token = page.elements("NextContinuationToken").into_iter().next();
        assert_eq!(page.elements("IsTruncated"), [token.is_some().to_string()]);
        if token.is_none() {
            return pages;
        }
    }
}

async fn filled(keys: &[&str]) -> (Server, S3Client) {
    let server = Server::start().await;
    let client = server.client();
    for key in keys {
        client.put(key, key.as_bytes()).await.expect(200);
    }
    (server, client)
}

#[tokio::test]
async fn entries_carry_etag_size_and_time_in_milliseconds() {
    let (_server, client) = filled(&["a"]).await;
    let page = client.list(&[]).await.expect(200);
    assert_eq!(page.elements("Size"), ["1"]);
    assert!(page.elements("ETag")[0].contains("0cc175b9c0f1b6a831c399e269772661"));
    let modified = &page.elements("LastModified")[0];
    assert!(modified.len() == 24 && modified.ends_with('Z'), "{modified}");
    assert_eq!(page.elements("KeyCount"), ["1"]);
}

#[tokio::test]
async fn keys_come_in_byte_order() {
    let (_server, client) = filled(&["a/b", "a", "a.b", "a0", "B", "é", "z", "🚀", "\u{ffff}", "a-b"]).await;
    let listed = client.list(&[]).await.elements("Key");
    let mut sorted = listed.clone();
    sorted.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    assert_eq!(listed, sorted);
    assert_eq!(listed.len(), 10);
}

#[tokio::test]
async fn pages_cover_every_key_once() {
    let names: Vec<String> = (0..25).map(|n| format!("p/{n:03}")).collect();
    let keys: Vec<&str> = names.iter().map(String::as_str).collect();
    let (_server, client) = filled(&keys).await;
    for size in ["1", "7", "25", "26", "1000", "5000"] {
        let listed: Vec<String> = pages(&client, &[("max-keys", size)]).await.into_iter().flat_map(|page| page.0).collect();
        assert_eq!(listed, names, "pages of {size}");
    }
    assert_eq!(pages(&client, &[("max-keys", "25")]).await.len(), 1);
    assert_eq!(client.list(&[("max-keys", "0")]).await.expect(200).elements("Key").len(), 0);
    assert_eq!(client.list(&[("start-after", "p/022")]).await.elements("Key"), ["p/023", "p/024"]);
    client.list(&[("max-keys", "-1")]).await.expect_error(400, "InvalidArgument");
    client.list(&[("continuation-token", "!")]).await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn a_prefix_is_bytes_not_a_directory() {
    let (_server, client) = filled(&["users/1/a", "users/10/a", "users/1", "user"]).await;
    assert_eq!(client.list(&[("prefix", "users/1")]).await.elements("Key"), ["users/1", "users/1/a", "users/10/a"]);
    assert_eq!(client.list(&[("prefix", "users/1/")]).await.elements("Key"), ["users/1/a"]);
    assert_eq!(client.list(&[("prefix", "users/3/")]).await.elements("Key").len(), 0);
}

#[tokio::test]
async fn a_delimiter_rolls_keys_up_page_by_page() {
    let (_server, client) = filled(&["a/1", "a/2", "b", "c/1", "c/2", "c/3", "d", "e//1", "e//2"]).await;
    let whole = pages(&client, &[("delimiter", "/")]).await;
    assert_eq!(whole, [(vec!["b".to_owned(), "d".to_owned()], vec!["a/".to_owned(), "c/".to_owned(), "e/".to_owned()])]);
    let ones = pages(&client, &[("delimiter", "/"), ("max-keys", "1")]).await;
    assert_eq!(ones.len(), 5);
    assert!(ones.iter().all(|(keys, prefixes)| keys.len() + prefixes.len() == 1));
    let inside = pages(&client, &[("delimiter", "/"), ("prefix", "c/")]).await;
    assert_eq!(inside[0].0, ["c/1", "c/2", "c/3"]);
    let double = pages(&client, &[("delimiter", "//")]).await;
    assert_eq!(double[0].1, ["e//"]);
}

#[tokio::test]
async fn url_encoding_makes_every_key_safe_for_xml() {
    let (_server, client) = filled(&["a b+c&d", "x\u{1}y", "日本/語"]).await;
    let page = client.list(&[("encoding-type", "url")]).await.expect(200);
    assert_eq!(page.elements("Key"), ["a%20b%2Bc%26d", "x%01y", "%E6%97%A5%E6%9C%AC/%E8%AA%9E"]);
    assert_eq!(page.elements("EncodingType"), ["url"]);
    client.list(&[("encoding-type", "base64")]).await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn a_deleted_key_is_no_longer_listed() {
    let (_server, client) = filled(&["a", "b"]).await;
    client.send(Method::Delete, "a", &[], &[], b"").await.expect(204);
    assert_eq!(client.list(&[]).await.elements("Key"), ["b"]);
}

#[tokio::test]
async fn the_first_version_pages_by_markers_and_passes_over_what_a_prefix_stands_for() {
    let (_server, client) = filled(&["a", "b/1", "b/2", "c/1", "d"]).await;
    let list = async |query: &[(&str, &str)]| client.send(Method::Get, "", query, &[], b"").await.expect(200);
    let page = list(&[("max-keys", "2"), ("marker", "a")]).await;
    assert_eq!(page.elements("Key"), ["b/1", "b/2"]);
    assert_eq!(page.elements("NextMarker"), Vec::<String>::new());
    let (mut names, mut marker) = (Vec::new(), String::new());
    loop {
        let page = list(&[("max-keys", "1"), ("delimiter", "/"), ("marker", &marker)]).await;
        names.extend(page.elements("Key"));
        names
            .extend(page.elements("CommonPrefixes").iter().map(|prefix| prefix.replace("<Prefix>", "").replace("</Prefix>", "")));
        match page.elements("NextMarker").pop() {
            Some(next) => marker = next,
            None => break,
        }
    }
    assert_eq!(names, ["a", "b/", "c/", "d"]);
}
