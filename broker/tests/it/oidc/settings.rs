//! The sections `oidc.NAME` of the configuration.

use tidegate_broker::config::{NoncePolicy, OidcSettings};
use tidegate_oidc::TokenKind;
use time::Duration;

use crate::config::Folder;

fn read(section: &str) -> Result<Vec<OidcSettings>, String> {
    read_with(section, &[])
}

fn read_with(section: &str, environment: &[(&str, &str)]) -> Result<Vec<OidcSettings>, String> {
    let folder = Folder::new();
    let config = folder.load(&format!("{}\n{section}", folder.toml()), environment);
    config.map(|config| config.oidc).map_err(|error| error.to_string())
}

#[test]
fn an_issuer_is_read_with_its_defaults() {
    assert!(read("").unwrap().is_empty());
    let section = "[oidc.home]\nissuer = \"https://id.example.org/\"\nclient_id = \"tidegate\"\nallow_everyone = true\n";
    let [home] = read(section).unwrap().try_into().unwrap();
    let expected = OidcSettings::new("home", "https://id.example.org/", "tidegate");
    assert_eq!(format!("{home:?}"), format!("{expected:?}"));
}

#[test]
fn presets_know_how_their_providers_write_themselves() {
    let section = r#"
[oidc.a]
preset = "supabase"
issuer = "https://project.supabase.co"
allow_everyone = true
[oidc.b]
preset = "auth0"
issuer = "https://tenant.eu.auth0.com"
client_id = "abc"
allowed_email_domains = ["Example.org"]
groups_claim = "https://example.org/groups"
[oidc.c]
preset = "keycloak"
issuer = "https://id.example.org/realms/home/"
client_id = "tidegate"
audiences = ["tidegate", "app"]
allowed_groups = ["family"]
session_days = 7
"#;
    let [supabase, auth0, keycloak] = read(section).unwrap().try_into().unwrap();
    assert_eq!(supabase.issuer, "https://project.supabase.co/auth/v1");
    assert_eq!(supabase.jwks_url.unwrap().as_str(), "https://project.supabase.co/auth/v1/.well-known/jwks.json");
    assert_eq!((supabase.kind, supabase.nonce, supabase.client_id), (TokenKind::Supabase, NoncePolicy::FirstUse, None));
    assert_eq!((supabase.audiences, supabase.max_token_age), (vec!["authenticated".to_owned()], Duration::HOUR));
    assert_eq!(
        (auth0.issuer.as_str(), auth0.kind, auth0.nonce),
        ("https://tenant.eu.auth0.com/", TokenKind::Any, NoncePolicy::Required)
    );
    assert_eq!((auth0.scopes, auth0.audiences), (vec!["openid".to_owned(), "email".to_owned()], vec!["abc".to_owned()]));
    assert!(auth0.admission.domains.unwrap().contains("example.org"));
    assert_eq!((keycloak.issuer.as_str(), keycloak.kind), ("https://id.example.org/realms/home", TokenKind::Keycloak));
    assert_eq!((keycloak.audiences.len(), keycloak.session_lives), (2, Duration::days(7)));
}

#[test]
fn the_environment_names_issuers_too() {
    let environment = [
        ("TIDEGATE_OIDC__WORK__ISSUER", "https://id.example.org"),
        ("TIDEGATE_OIDC__WORK__CLIENT_ID", "tidegate"),
        ("TIDEGATE_OIDC__WORK__ALLOWED_GROUPS", "family,staff"),
    ];
    let [work] = read_with("", &environment).unwrap().try_into().unwrap();
    assert_eq!((work.name.as_str(), work.admission.groups.unwrap().len()), ("work", 2));
}

#[test]
fn every_mistake_of_a_section_is_told() {
    let section = |more: &str| {
        format!("[oidc.home]\nissuer = \"https://id.example.org\"\nclient_id = \"x\"\nallow_everyone = true\n{more}")
    };
    for (section, mistake) in [
        (section("isuer = \"x\""), "oidc.home.isuer: there is no such setting"),
        (section("preset = \"okta\""), "oidc.home.preset: must be"),
        (section("nonce = \"optional\""), "oidc.home.nonce: must be"),
        (section("clock_skew_seconds = 900"), "oidc.home.clock_skew_seconds: must be a whole number"),
        (section("session_days = 0"), "oidc.home.session_days"),
        (section("scopes = [\"email\"]"), "oidc.home.scopes: must hold openid"),
        (section("subject_claim = \"\""), "oidc.home.subject_claim"),
        (section("allowed_groups = [\"x\"]"), "oidc.home.allow_everyone: contradicts"),
        (section("jwks_url = \"http://id.example.org/keys\""), "oidc.home.jwks_url: must be https"),
        (section("preset = \"keycloak\""), "oidc.home.issuer: must name the realm"),
        (section("").replace("allow_everyone = true\n", ""), "oidc.home.allow_everyone: must be true, or one of"),
        (section("").replace("allow_everyone = true\n", "allowed_subjects = []\n"), "oidc.home.allowed_subjects: is empty"),
        (section("").replace("client_id = \"x\"\n", ""), "oidc.home.client_id: is missing"),
        (section("").replace("issuer = \"https://id.example.org\"\n", ""), "oidc.home.issuer: is missing"),
        (section("").replace("https://id.example.org", "http://id.example.org"), "oidc.home.issuer: must be https"),
        (
            section("").replace("https://id.example.org", "https://user:word@id.example.org"),
            "oidc.home.issuer: must be a URL without",
        ),
        (section("").replace("oidc.home", "oidc.\"Home Office\""), "the section's name must have"),
        (
            format!("{}{}", section(""), section("").replace("oidc.home", "oidc.work")),
            "oidc.work.issuer: stands in another section",
        ),
    ] {
        let error = read(&section).unwrap_err();
        assert!(error.contains(mistake), "{mistake}\n{error}");
    }
}
