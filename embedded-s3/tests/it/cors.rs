//! Browsers: what they are told before and with an answer.

use tidegate_embedded_s3::Clock;
use tidegate_sigv4::Method;

use crate::server::{S3Client, Server};

const RULES: &str = "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><CORSRule>\
    <AllowedOrigin>https://app.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>\
    <AllowedHeader>content-type</AllowedHeader><AllowedHeader>x-amz-*</AllowedHeader>\
    <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>300</MaxAgeSeconds></CORSRule></CORSConfiguration>";

async fn put_cors(client: &S3Client, xml: &str) -> crate::server::Answer {
    client.send(Method::Put, "", &[("cors", "")], &[], xml.as_bytes()).await
}

async fn preflight(server: &Server, headers: &[(&str, &str)]) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(reqwest::Method::OPTIONS, format!("{}/family/users/a", server.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_rules_of_the_bucket() {
    let server = Server::start().await;
    let client = server.client();
    let app = ("origin", "https://app.example");
    let put = ("access-control-request-method", "PUT");
    assert_eq!(preflight(&server, &[app, put]).await.status(), 403);
    put_cors(&client, RULES).await.expect(200);
    let answer = preflight(&server, &[app, put, ("access-control-request-headers", "Content-Type, x-amz-checksum-sha256")]).await;
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("access-control-allow-origin"), "https://app.example");
    assert_eq!(header("access-control-allow-methods"), "GET, PUT");
    assert_eq!(header("access-control-allow-headers"), "content-type, x-amz-checksum-sha256");
    assert_eq!(header("access-control-max-age"), "300");
    assert!(header("vary").contains("Origin"));
    for refused in [
        vec![("origin", "https://evil.example"), put],
        vec![app, ("access-control-request-method", "DELETE")],
        vec![app, put, ("access-control-request-headers", "if-none-match")],
    ] {
        let answer = preflight(&server, &refused).await;
        assert_eq!(answer.status(), 403, "{refused:?}");
        assert!(answer.headers().get("access-control-allow-origin").is_none());
    }
    assert_eq!(preflight(&server, &[app]).await.status(), 400);
    client.send(Method::Delete, "", &[("cors", "")], &[], b"").await.expect(204);
    assert_eq!(preflight(&server, &[app, put]).await.status(), 403);
    client.send(Method::Get, "", &[("cors", "")], &[], b"").await.expect_error(404, "NoSuchCORSConfiguration");
}

#[tokio::test]
async fn answers_and_refusals_are_shown_to_an_allowed_origin_alone() {
    let server = Server::start().await;
    let client = server.client();
    put_cors(&client, RULES).await.expect(200);
    client.put("a", b"1").await.expect(200);
    let app = [("origin", "https://app.example")];
    let answer = client.get_if("a", &app).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(answer.header("access-control-expose-headers"), "ETag");
    let anonymous = client.raw(Method::Get, &format!("{}/family/a", server.base), &app, b"").await.expect(403);
    assert_eq!(anonymous.header("access-control-allow-origin"), "https://app.example");
    for quiet in [client.get_if("a", &[("origin", "https://evil.example")]).await, client.get("a").await] {
        assert_eq!(quiet.expect(200).header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn rules_survive_a_restart_and_bad_ones_are_refused() {
    let server = Server::start().await;
    let client = server.client();
    put_cors(&client, RULES).await.expect(200);
    put_cors(&client, &RULES.replace("https://app.example", "https://*.*.example")).await.expect_error(400, "InvalidRequest");
    put_cors(&client, &RULES.replace("<AllowedMethod>GET", "<AllowedMethod>PATCH")).await.expect_error(400, "InvalidRequest");
    let home = server.stop().await.unwrap();
    let server = Server::start_in(home.path(), vec![], Clock::system()).await;
    let told = server.client().send(Method::Get, "", &[("cors", "")], &[], b"").await.expect(200);
    assert_eq!(told.elements("AllowedMethod"), ["GET", "PUT"]);
    let answer = preflight(&server, &[("origin", "https://app.example"), ("access-control-request-method", "GET")]).await;
    assert_eq!(answer.status(), 200);
    server.stop().await;
}
