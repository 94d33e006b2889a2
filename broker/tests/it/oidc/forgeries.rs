//! Tokens that must open nothing, each for its own reason, and after all of them the bucket is as empty as before.

use serde_json::{Value, json};
use tidegate_broker::config::OidcSettings;
use tidegate_oidc::TokenKind;
use tidegate_testkit::oidc::{SigningKey, StandInIssuer, jwt};

use super::{CLIENT, Login, merged, open};
use crate::device::Account;

#[tokio::test]
async fn every_forgery_is_refused_by_its_own_rule() {
    for key in [SigningKey::rs256("first"), SigningKey::es256("first"), SigningKey::eddsa("first")] {
        let login = Login::on(key.clone(), |_| {}, |_| {}).await;
        let device = login.world.device().await;
        let right = login.claims(&device, "ada");
        let (alg, now) = (key.alg(), login.now());
        let with = |more: Value| key.token(&merged(right.clone(), &more));
        let header = |more: Value| key.token_with(&merged(json!({ "alg": alg, "typ": "JWT", "kid": "first" }), &more), &right);
        let stranger = SigningKey::es256("first");
        let genuine = key.token(&right);
        let (signed, signature) = genuine.rsplit_once('.').unwrap();
        let (head, payload) = signed.split_once('.').unwrap();
        let other_payload = {
            let token = with(json!({ "sub": "bob" }));
            token.split('.').nth(1).unwrap().to_owned()
        };
        let cut = jwt(&json!({ "alg": alg, "typ": "JWT", "kid": "first" }), &right, |message| {
            let mut signature = key.sign(message);
            signature.pop();
            signature
        });
        let jwk_of_stranger = merged(stranger.jwk(), &json!({ "kid": "first" }));
        let forgeries = [
            // The algorithm is the key's, never the token's.
            ("none", jwt(&json!({ "alg": "none", "kid": "first" }), &right, |_| Vec::new()), "id-token-algorithm"),
            ("none in capitals", jwt(&json!({ "alg": "NONE", "kid": "first" }), &right, |_| Vec::new()), "id-token-algorithm"),
            (
                "hmac by the public key",
                jwt(&json!({ "alg": "HS256", "kid": "first" }), &right, |m| key.mac_by_public_key(m)),
                "id-token-algorithm",
            ),
            ("RS384", header(json!({ "alg": "RS384" })), "id-token-algorithm"),
            (
                "another key's algorithm",
                header(json!({ "alg": if alg == "RS256" { "ES256" } else { "RS256" } })),
                "id-token-algorithm",
            ),
            ("no algorithm", header(json!({ "alg": null })), "id-token-malformed"),
            ("an algorithm that is a list", header(json!({ "alg": [alg] })), "id-token-malformed"),
            // Keys come from the issuer's set alone.
            (
                "a stranger's key under the name",
                stranger.token_with(&json!({ "alg": alg, "kid": "first" }), &right),
                "id-token-signature",
            ),
            (
                "a stranger's key in the header",
                stranger.token_with(&json!({ "alg": alg, "kid": "first", "jwk": jwk_of_stranger }), &right),
                "id-token-signature",
            ),
            (
                "a stranger's keys by jku",
                stranger.token_with(&json!({ "alg": alg, "kid": "first", "jku": "http://127.0.0.1:1/jwks" }), &right),
                "id-token-signature",
            ),
            (
                "a stranger's chain by x5u",
                stranger.token_with(&json!({ "alg": alg, "kid": "first", "x5u": "http://127.0.0.1:1/x", "x5c": ["AA"] }), &right),
                "id-token-signature",
            ),
            ("an unknown name", header(json!({ "kid": "second" })), "id-token-key"),
            ("a name that is a path", header(json!({ "kid": "../../../../dev/null" })), "id-token-key"),
            ("a name that is SQL", header(json!({ "kid": "first' OR '1'='1" })), "id-token-key"),
            ("an empty name", header(json!({ "kid": "" })), "id-token-key"),
            ("a name that is a number", header(json!({ "kid": 1 })), "id-token-malformed"),
            ("a name of a kilobyte", header(json!({ "kid": "k".repeat(1_000) })), "id-token-malformed"),
            // Headers that change what is read.
            ("crit", header(json!({ "crit": ["exp"] })), "id-token-claims"),
            ("an empty crit", header(json!({ "crit": [] })), "id-token-claims"),
            ("an unencoded payload", header(json!({ "b64": false })), "id-token-claims"),
            ("an access token", header(json!({ "typ": "at+jwt" })), "id-token-claims"),
            ("a logout token", header(json!({ "typ": "logout+jwt" })), "id-token-claims"),
            // The text.
            ("nothing", String::new(), "id-token-malformed"),
            ("two segments", signed.to_owned(), "id-token-malformed"),
            ("five segments", format!("{genuine}.AA.AA"), "id-token-malformed"),
            ("no signature", format!("{signed}."), "id-token-signature"),
            ("a cut signature", cut, "id-token-signature"),
            ("a signature of zeros", format!("{signed}.{}", "A".repeat(86)), "id-token-signature"),
            ("another payload", format!("{head}.{other_payload}.{signature}"), "id-token-signature"),
            ("padding", format!("{head}.{payload}=.{signature}"), "id-token-malformed"),
            ("a payload that is a list", key.token(&json!([1])), "id-token-malformed"),
            ("huge", with(json!({ "more": "x".repeat(17 * 1024) })), "id-token-malformed"),
            // Who issued it, and to whom.
            ("another issuer", with(json!({ "iss": "https://evil.example.org" })), "id-token-issuer"),
            ("the issuer with a slash", with(json!({ "iss": format!("{}/", login.issuer.url) })), "id-token-issuer"),
            ("no issuer", with(json!({ "iss": null })), "id-token-issuer"),
            ("a list of issuers", with(json!({ "iss": [login.issuer.url] })), "id-token-issuer"),
            ("another audience", with(json!({ "aud": "another-app" })), "id-token-audience"),
            ("no audience", with(json!({ "aud": null })), "id-token-claims"),
            ("no audience in the list", with(json!({ "aud": [] })), "id-token-audience"),
            ("an audience beside ours and no azp", with(json!({ "aud": [CLIENT, "another-app"] })), "id-token-audience"),
            (
                "given to another client",
                with(json!({ "aud": [CLIENT, "another-app"], "azp": "another-app" })),
                "id-token-audience",
            ),
            ("another azp", with(json!({ "azp": "another-app" })), "id-token-audience"),
            ("an azp that is a number", with(json!({ "azp": 1 })), "id-token-claims"),
            ("an audience that is a number", with(json!({ "aud": [CLIENT, 1] })), "id-token-claims"),
            // When.
            ("ended", with(json!({ "iat": now - 400, "exp": now - 61 })), "id-token-expired"),
            ("no end", with(json!({ "exp": null })), "id-token-claims"),
            ("an end that is text", with(json!({ "exp": "2099-01-01" })), "id-token-claims"),
            ("an end beyond time", with(json!({ "exp": 1e300 })), "id-token-claims"),
            ("issued tomorrow", with(json!({ "iat": now + 86_400, "exp": now + 90_000 })), "id-token-not-yet-valid"),
            ("valid tomorrow", with(json!({ "nbf": now + 86_400 })), "id-token-not-yet-valid"),
            ("issued an hour ago", with(json!({ "iat": now - 3_600 })), "id-token-expired"),
            ("never issued", with(json!({ "iat": null })), "id-token-claims"),
            // For whom.
            ("no subject", with(json!({ "sub": null })), "id-token-claims"),
            ("an empty subject", with(json!({ "sub": "" })), "id-token-claims"),
            ("a subject that is a number", with(json!({ "sub": 17 })), "id-token-claims"),
            ("a long subject", with(json!({ "sub": "s".repeat(256) })), "id-token-claims"),
            ("a subject with a line end", with(json!({ "sub": "ada\n" })), "id-token-claims"),
            // The login of another device, or of none.
            ("no nonce", with(json!({ "nonce": null })), "id-token-nonce"),
            ("another nonce", with(json!({ "nonce": "n-0S6_WzA2Mj" })), "id-token-nonce"),
            ("an empty nonce", with(json!({ "nonce": "" })), "id-token-nonce"),
            ("a nonce that is a list", with(json!({ "nonce": [right["nonce"]] })), "id-token-claims"),
        ];
        let account = Account::new(1);
        for (what, token, code) in forgeries {
            for account in [Some(&account), None] {
                assert_eq!(open(&device, &token, account).await.code(), code, "{alg}: {what}");
            }
        }
        assert!(login.is_untouched(), "{alg}");
        // The device did nothing wrong with the key that it has: the right token still opens.
        assert_eq!(open(&device, &genuine, Some(&account)).await.code(), "ok", "{alg}");
    }
}

#[tokio::test]
async fn a_header_that_says_a_thing_twice_is_refused() {
    let login = Login::new().await;
    let device = login.world.device().await;
    let claims = login.claims(&device, "ada").to_string();
    for header in [
        r#"{"alg":"none","alg":"ES256","kid":"first"}"#,
        r#"{"alg":"ES256","kid":"first","kid":"second"}"#,
        r#"{"alg":"ES256","kid":"first","crit":null,"crit":["x"]}"#,
    ] {
        use base64::Engine as _;
        let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(header), encode(&claims));
        let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(login.key.sign(signed.as_bytes()));
        let reply = open(&device, &format!("{signed}.{signature}"), None).await;
        assert_eq!(reply.code(), "id-token-malformed", "{header}");
    }
}

#[tokio::test]
async fn tokens_of_one_issuer_do_not_pass_for_anothers() {
    let key = SigningKey::es256("first");
    let other = StandInIssuer::start(std::slice::from_ref(&key)).await;
    let elsewhere = OidcSettings::new("elsewhere", &other.url, CLIENT);
    let login = Login::on(SigningKey::es256("first"), |_| {}, |dev| dev.oidc.push(elsewhere)).await;
    let device = login.world.device().await;
    // Signed by the other issuer's key, in the name of the first one.
    let token = key.token(&login.claims(&device, "ada"));
    assert_eq!(open(&device, &token, None).await.code(), "id-token-signature");
    // The same subject of both is two people.
    login.create(&device, "ada", &Account::new(1), &Value::Null).await.session();
    let elsewhere = key.token(&merged(login.claims(&device, "ada"), &json!({ "iss": other.url })));
    assert_eq!(open(&device, &elsewhere, None).await.code(), "account-not-found");
}

#[tokio::test]
async fn what_is_signed_for_another_use_is_no_login() {
    let keycloak = Login::with(|settings| settings.kind = TokenKind::Keycloak).await;
    let device = keycloak.world.device().await;
    for (kind, code) in
        [(json!("ID"), "account-not-found"), (json!("Bearer"), "id-token-claims"), (Value::Null, "id-token-claims")]
    {
        let token = keycloak.token(&device, "ada", &json!({ "typ": kind, "azp": CLIENT }));
        assert_eq!(open(&device, &token, None).await.code(), code, "{kind}");
    }
    let supabase = Login::with(|settings| settings.kind = TokenKind::Supabase).await;
    let device = supabase.world.device().await;
    for (claims, code) in [
        (json!({ "role": "authenticated", "is_anonymous": false }), "account-not-found"),
        (json!({ "role": "authenticated" }), "account-not-found"),
        (json!({ "role": "authenticated", "is_anonymous": true }), "id-token-claims"),
        (json!({ "role": "anon" }), "id-token-claims"),
        (json!({ "role": "service_role" }), "id-token-claims"),
        (json!({ "role": "authenticated", "client_id": "another-app" }), "id-token-claims"),
    ] {
        assert_eq!(open(&device, &supabase.token(&device, "ada", &claims), None).await.code(), code, "{claims}");
    }
}
