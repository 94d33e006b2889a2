//! The settings of temporary credentials.

use url::{Host, Url};

use super::reader::Reader;
use crate::store::{Addressing, StoreConfig};

const SOURCE: &str = "store.temporary_credentials";
const ENDPOINT: &str = "store.sts_endpoint";
const ROLE: &str = "store.sts_role_arn";
const R2_DOMAIN: &str = "r2.cloudflarestorage.com";

/// Who makes temporary credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// The store's token service: AssumeRole with a session policy.
    Sts(StsSettings),
    /// The broker, from the `read` credential, as R2 verifies them.
    R2(R2Settings),
}

/// Where and how AssumeRole is called, by the `read` credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StsSettings {
    /// The service's address, without a path.
    pub endpoint: Url,
    /// The region that its signature names.
    pub region: String,
    /// The role; MinIO takes none.
    pub role_arn: Option<String>,
    /// Whether the store knows `aws:CurrentTime`: the policy then ends the credentials with the session.
    pub bounds_time: bool,
}

/// What R2's credentials name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct R2Settings {
    /// The Cloudflare account.
    pub account_id: String,
    /// The host at which they are good.
    pub host: String,
}

impl Reader {
    /// `None` inside if this broker makes none.
    #[expect(clippy::option_option, reason = "outside: whether it could be read; inside: whether it is wanted")]
    pub(super) fn temporary_credentials(&mut self, store: Option<&StoreConfig>) -> Option<Option<CredentialSource>> {
        match self.text(SOURCE).as_deref() {
            None | Some("none") => self.refuse_without_sts().map(|()| None),
            Some("sts") => self.sts(store).map(|settings| Some(CredentialSource::Sts(settings))),
            Some("r2") => {
                self.refuse_without_sts()?;
                self.r2(store).map(|settings| Some(CredentialSource::R2(settings)))
            }
            Some(_) => self.mistake(SOURCE, "must be none, sts or r2"),
        }
    }

    /// Whoever names a role expects that it is taken.
    fn refuse_without_sts(&mut self) -> Option<()> {
        let given = [ENDPOINT, ROLE, "store.sts_region", "store.sts_bounds_time"].into_iter().find(|name| self.is_given(name));
        match given {
            Some(name) => self.mistake(name, &format!("has a meaning with {SOURCE} = \"sts\" alone")),
            None => Some(()),
        }
    }

    fn sts(&mut self, store: Option<&StoreConfig>) -> Option<StsSettings> {
        let role_arn = match self.text(ROLE) {
            Some(arn) if is_role_arn(&arn) => Some(Some(arn)),
            Some(_) => self.mistake(ROLE, "is no role's ARN, such as arn:aws:iam::123456789012:role/tidegate-read"),
            None => Some(None),
        };
        let bounds_time = !self.is_given("store.sts_bounds_time") || self.flag("store.sts_bounds_time");
        let region = self.text("store.sts_region");
        let store = store?;
        let text = self.text(ENDPOINT).unwrap_or_else(|| store.endpoint_internal.clone());
        let endpoint = match Url::parse(&text) {
            Ok(url) if is_bare(&url) => url,
            Ok(_) | Err(_) => {
                return self.mistake(ENDPOINT, "must be an http or https URL without user, path, query and fragment");
            }
        };
        Some(StsSettings { endpoint, region: region.unwrap_or_else(|| store.region.clone()), role_arn: role_arn?, bounds_time })
    }

    fn r2(&mut self, store: Option<&StoreConfig>) -> Option<R2Settings> {
        let store = store?;
        if store.read.session_token.is_some() {
            return self.mistake(SOURCE, "r2 needs a lasting store.read key: it signs the credentials");
        }
        if store.addressing == Addressing::VirtualHost {
            return self.mistake(SOURCE, "r2 needs store.addressing = \"path\": the credentials name the host");
        }
        let host = Url::parse(&store.endpoint_public).ok().and_then(|url| match url.host() {
            Some(Host::Domain(domain)) => Some(domain.to_owned()),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => None,
        });
        let account = host.as_deref().and_then(r2_account);
        match (account, &host) {
            (Some(account), Some(host)) => Some(R2Settings { account_id: account.to_owned(), host: host.clone() }),
            (_, _) => self.mistake(SOURCE, &format!("r2 needs store.endpoint_public to be https://{{account id}}.{R2_DOMAIN}")),
        }
    }
}

fn is_bare(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
}

/// `arn:{partition}:iam::{account}:role/{name}`, of characters that mean nothing in a policy or a form.
fn is_role_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/_+=,.@-".contains(&byte));
    is_plain
        && matches!(parts.as_slice(), ["arn", partition, "iam", "", _, role] if !partition.is_empty() && role.starts_with("role/"))
}

/// The account in `{account}.r2.cloudflarestorage.com` or `{account}.{jurisdiction}.r2.cloudflarestorage.com`.
fn r2_account(host: &str) -> Option<&str> {
    let labels = host.strip_suffix(R2_DOMAIN)?.strip_suffix('.')?;
    let account = labels.split('.').next()?;
    let is_account = account.len() == 32 && account.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_account && labels.split('.').count() <= 2).then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_the_first_label_of_an_r2_host() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(r2_account(&format!("{id}.r2.cloudflarestorage.com")), Some(id));
        assert_eq!(r2_account(&format!("{id}.eu.r2.cloudflarestorage.com")), Some(id));
        for host in ["r2.cloudflarestorage.com", "store.example", "x.r2.cloudflarestorage.com"] {
            assert_eq!(r2_account(host), None, "{host}");
        }
        assert_eq!(r2_account(&format!("{id}.r2.cloudflarestorage.com.evil.example")), None);
        assert_eq!(r2_account(&format!("{id}r2.cloudflarestorage.com")), None);
    }

    #[test]
    fn a_role_is_named_by_an_arn_without_wildcards() {
        assert!(is_role_arn("arn:aws:iam::123456789012:role/tidegate-read"));
        assert!(is_role_arn("arn:aws-cn:iam::123456789012:role/path/tidegate"));
        for arn in ["", "reader", "arn:aws:iam::123456789012:user/x", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/a&Action=b"] {
            assert!(!is_role_arn(arn), "{arn}");
        }
    }
}
