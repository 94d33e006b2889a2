//! Settings of OpenID providers: whose logins open accounts, and how strictly they are verified. Each has a section of its own,
//! `oidc.NAME`.

use std::collections::BTreeSet;

use tidegate_oidc::{Admission, ClaimName, ClaimNames, TokenKind};
use tidegate_protocol::oidc::OidcIssuer;
use time::Duration;
use url::Url;

use super::reader::Reader;

const MAX_NAME_BYTES: usize = 32;

/// What ties a login to the device that it was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoncePolicy {
    /// The nonce, which names the device's key; a token without is refused.
    Required,
    /// The nonce where there is one; a token without belongs to the first device that presents it.
    FirstUse,
}

/// An issuer whose logins open accounts.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// The operator's name for it.
    pub name: String,
    /// Its address, letter by letter.
    pub issuer: String,
    /// Where its keys are, if not where its description says.
    pub jwks_url: Option<Url>,
    /// The public client with which people log in.
    pub client_id: Option<String>,
    /// Clients whose tokens count.
    pub audiences: Vec<String>,
    /// Scopes that clients ask for.
    pub scopes: Vec<String>,
    /// By what its ID tokens are told from others.
    pub kind: TokenKind,
    /// Where it writes what.
    pub claims: ClaimNames,
    /// What ties a login to its device.
    pub nonce: NoncePolicy,
    /// How long ago a token may have been issued.
    pub max_token_age: Duration,
    /// By how much its clock and ours may differ.
    pub clock_skew: Duration,
    /// How long keys count after they were fetched.
    pub keys_max_age: Duration,
    /// How long after a login sessions are renewed.
    pub session_lives: Duration,
    /// Domains and groups that are let in.
    pub admission: Admission,
    /// The only people that are let in, by `sub`.
    pub allowed_subjects: Option<Vec<String>>,
    /// People that are not.
    pub blocked_subjects: Vec<String>,
}

impl OidcSettings {
    /// An issuer and the client whose tokens count, everything else as it is without further settings. It lets in whomever the issuer
    /// knows.
    #[must_use]
    pub fn new(name: impl Into<String>, issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        let client_id = client_id.into();
        Self {
            name: name.into(),
            issuer: issuer.into(),
            jwks_url: None,
            audiences: vec![client_id.clone()],
            client_id: Some(client_id),
            scopes: vec!["openid".to_owned()],
            kind: TokenKind::Any,
            claims: ClaimNames::default(),
            nonce: NoncePolicy::Required,
            max_token_age: Duration::minutes(10),
            clock_skew: Duration::seconds(60),
            keys_max_age: Duration::minutes(10),
            session_lives: Duration::days(30),
            admission: Admission::default(),
            allowed_subjects: None,
            blocked_subjects: Vec::new(),
        }
    }

    /// What clients are told.
    pub(crate) fn described(&self) -> OidcIssuer {
        OidcIssuer {
            name: self.name.clone(),
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            scopes: self.scopes.clone(),
            nonce_required: self.nonce == NoncePolicy::Required,
        }
    }
}

/// What a provider's tokens look like, and where its keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preset {
    None,
    Supabase,
    Auth0,
    Keycloak,
}

impl Reader {
    /// Every issuer; `None` if one cannot be read.
    pub(super) fn oidc(&mut self) -> Option<Vec<OidcSettings>> {
        let read: Vec<Option<OidcSettings>> = self.sections("oidc").iter().map(|name| self.issuer(name)).collect();
        let issuers: Vec<OidcSettings> = read.into_iter().collect::<Option<_>>()?;
        for (index, issuer) in issuers.iter().enumerate() {
            // One issuer, two rules: which of them holds would depend on chance.
            if issuers[..index].iter().any(|earlier| earlier.issuer == issuer.issuer) {
                return self.mistake(&format!("oidc.{}.issuer", issuer.name), "stands in another section already");
            }
        }
        Some(issuers)
    }

    fn issuer(&mut self, name: &str) -> Option<OidcSettings> {
        let at = |setting: &str| format!("oidc.{name}.{setting}");
        let fits = (1..=MAX_NAME_BYTES).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'));
        if !fits {
            return self.mistake(&at("issuer"), "the section's name must have 1 to 32 characters of a-z, 0-9, - and _");
        }
        let preset = self.preset(&at("preset"));
        let issuer = preset.and_then(|preset| self.issuer_url(&at("issuer"), preset));
        let jwks_url = self.jwks_url(&at("jwks_url"), preset, issuer.as_deref());
        let client_id = self.text(&at("client_id"));
        let (audiences, scopes) = (self.list(&at("audiences")), self.list(&at("scopes")));
        let claims = self.claim_names(name);
        let nonce = self.nonce_policy(&at("nonce"), preset);
        let is_supabase = preset == Some(Preset::Supabase);
        let max_token_age = self.number(&at("max_token_age_seconds"), if is_supabase { 3_600 } else { 600 });
        let clock_skew = self.number(&at("clock_skew_seconds"), 60);
        let keys_max_age = self.number(&at("keys_max_age_seconds"), 600);
        let session_days = self.number(&at("session_days"), 30);
        let domains =
            self.names(&at("allowed_email_domains")).map(|domains| domains.iter().map(|d| d.to_ascii_lowercase()).collect());
        let groups = self.names(&at("allowed_groups"));
        let allowed_subjects: Option<BTreeSet<String>> = self.names(&at("allowed_subjects"));
        let blocked_subjects = self.list(&at("blocked_subjects"));
        let is_open = self.flag(&at("allow_everyone"));
        self.refuse_unsaid(name, is_open, domains.is_some() || groups.is_some() || allowed_subjects.is_some());
        if client_id.is_none() && !is_supabase {
            return self.mistake(&at("client_id"), "is missing: the public client with which people log in");
        }
        let preset = preset?;
        let audiences = match (audiences.is_empty(), preset, &client_id) {
            (false, _, _) => audiences,
            (true, Preset::Supabase, _) => vec!["authenticated".to_owned()],
            (true, Preset::None | Preset::Auth0 | Preset::Keycloak, client) => client.iter().cloned().collect(),
        };
        let email_scope = domains.is_some().then(|| "email".to_owned());
        let scopes =
            if scopes.is_empty() { [Some("openid".to_owned()), email_scope].into_iter().flatten().collect() } else { scopes };
        if !scopes.iter().any(|scope| scope == "openid") {
            return self.mistake(&at("scopes"), "must hold openid");
        }
        Some(OidcSettings {
            name: name.to_owned(),
            issuer: issuer?,
            jwks_url: jwks_url?,
            client_id,
            audiences,
            scopes,
            kind: preset.kind(),
            claims: claims?,
            nonce: nonce?,
            max_token_age: Duration::seconds(max_token_age?),
            clock_skew: Duration::seconds(clock_skew?),
            keys_max_age: Duration::seconds(keys_max_age?),
            session_lives: Duration::days(session_days?),
            admission: Admission { domains, groups },
            allowed_subjects: allowed_subjects.map(|subjects| subjects.into_iter().collect()),
            blocked_subjects,
        })
    }

    /// Whom the issuer knows is its own affair, and often everybody who signs up: that all of them may come has to be said.
    fn refuse_unsaid(&mut self, name: &str, is_open: bool, is_listed: bool) {
        let setting = format!("oidc.{name}.allow_everyone");
        if is_open && is_listed {
            self.mistake::<()>(&setting, "contradicts the list of who may come");
        }
        if !is_open && !is_listed {
            let message = "must be true, or one of allowed_email_domains, allowed_groups and allowed_subjects given: without a list \
                everybody who can sign up with the issuer comes in";
            self.mistake::<()>(&setting, message);
        }
    }

    fn preset(&mut self, name: &str) -> Option<Preset> {
        match self.text(name).as_deref() {
            None | Some("none") => Some(Preset::None),
            Some("supabase") => Some(Preset::Supabase),
            Some("auth0") => Some(Preset::Auth0),
            Some("keycloak") => Some(Preset::Keycloak),
            Some(_) => self.mistake(name, "must be supabase, auth0, keycloak or none"),
        }
    }

    /// Issuers are compared letter by letter: a preset knows how its provider writes them.
    fn issuer_url(&mut self, name: &str, preset: Preset) -> Option<String> {
        let text = self.required(name)?;
        let url = self.https_url(name, &text)?;
        let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        if !is_bare {
            return self.mistake(name, "must be a URL without user, query and fragment");
        }
        let trimmed = text.trim_end_matches('/');
        match preset {
            Preset::None => Some(text),
            Preset::Auth0 => Some(format!("{trimmed}/")),
            Preset::Supabase if url.path() == "/" => Some(format!("{trimmed}/auth/v1")),
            Preset::Supabase => Some(trimmed.to_owned()),
            Preset::Keycloak if url.path().contains("/realms/") => Some(trimmed.to_owned()),
            Preset::Keycloak => self.mistake(name, "must name the realm, such as https://id.example.org/realms/home"),
        }
    }

    #[expect(clippy::option_option, reason = "outside: whether it could be read; inside: whether it is given")]
    fn jwks_url(&mut self, name: &str, preset: Option<Preset>, issuer: Option<&str>) -> Option<Option<Url>> {
        if let Some(text) = self.text(name) {
            return self.https_url(name, &text).map(Some);
        }
        match (preset?, issuer) {
            (Preset::Supabase, Some(issuer)) => Some(Url::parse(&format!("{issuer}/.well-known/jwks.json")).ok()),
            (Preset::Supabase | Preset::None | Preset::Auth0 | Preset::Keycloak, _) => Some(None),
        }
    }

    fn claim_names(&mut self, name: &str) -> Option<ClaimNames> {
        let usual = ClaimNames::default();
        let subject = self.claim_name(&format!("oidc.{name}.subject_claim"), usual.subject);
        let email = self.claim_name(&format!("oidc.{name}.email_claim"), usual.email);
        let email_verified = self.claim_name(&format!("oidc.{name}.email_verified_claim"), usual.email_verified);
        let groups = self.claim_name(&format!("oidc.{name}.groups_claim"), usual.groups);
        Some(ClaimNames { subject: subject?, email: email?, email_verified: email_verified?, groups: groups? })
    }

    fn claim_name(&mut self, name: &str, usual: ClaimName) -> Option<ClaimName> {
        let Some(text) = self.text(name) else { return Some(usual) };
        match text.parse() {
            Ok(claim) => Some(claim),
            Err(error) => self.mistake(name, &error.to_string()),
        }
    }

    fn nonce_policy(&mut self, name: &str, preset: Option<Preset>) -> Option<NoncePolicy> {
        match self.text(name).as_deref() {
            // What Supabase signs for people who are signed in has none.
            None if preset == Some(Preset::Supabase) => Some(NoncePolicy::FirstUse),
            None | Some("required") => Some(NoncePolicy::Required),
            Some("first-use") => Some(NoncePolicy::FirstUse),
            Some(_) => self.mistake(name, "must be required or first-use"),
        }
    }

    /// A list that is not given is none; one that is given and empty would let nobody in.
    fn names(&mut self, name: &str) -> Option<BTreeSet<String>> {
        if !self.is_given(name) {
            return None;
        }
        let names: BTreeSet<String> = self.list(name).into_iter().filter(|entry| !entry.is_empty()).collect();
        if names.is_empty() {
            return self.mistake(name, "is empty, so that nobody could come in");
        }
        Some(names)
    }
}

impl Preset {
    const fn kind(self) -> TokenKind {
        match self {
            Self::None | Self::Auth0 => TokenKind::Any,
            Self::Supabase => TokenKind::Supabase,
            Self::Keycloak => TokenKind::Keycloak,
        }
    }
}
