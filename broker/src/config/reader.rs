//! Reads single settings by their kind and notes what is wrong with them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use url::{Host, Url};

use super::check::Mistake;
use super::file::Leaves;
use super::settings::{Kind, find, nearest};

/// All values that were given, and the mistakes found so far.
pub(super) struct Reader {
    leaves: Leaves,
    mistakes: Vec<Mistake>,
}

impl Reader {
    pub(super) fn new(leaves: Leaves) -> Self {
        Self { leaves, mistakes: Vec::new() }
    }

    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes
    }

    pub(super) fn refuse_unknown(&mut self) {
        let unknown: Vec<_> = self.leaves.iter().filter(|(name, _)| find(name).is_none()).collect();
        let mistakes: Vec<_> = unknown
            .into_iter()
            .map(|(name, leaf)| {
                let suggestion = nearest(name).map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
                Mistake { setting: name.clone(), message: format!("there is no such setting ({}){suggestion}", leaf.origin) }
            })
            .collect();
        self.mistakes.extend(mistakes);
    }

    pub(super) fn address(&mut self, name: &str, default: &str) -> Option<SocketAddr> {
        let text = self.text(name).unwrap_or_else(|| default.to_owned());
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => self.mistake(name, "must be an IP address and a port, such as 127.0.0.1:8080"),
        }
    }

    pub(super) fn read_from<T>(&mut self, name: &str, read: impl FnOnce(&Path) -> Result<T, String>) -> Option<T> {
        let path = PathBuf::from(self.required(name)?);
        match read(&path) {
            Ok(value) => Some(value),
            Err(message) => self.mistake(name, &message),
        }
    }

    pub(super) fn required(&mut self, name: &str) -> Option<String> {
        if !self.leaves.contains_key(name) {
            return self.mistake(name, "is missing");
        }
        self.text(name)
    }

    pub(super) fn is_given(&self, name: &str) -> bool {
        self.leaves.contains_key(name)
    }

    /// The names of the sections below a section: `work` of `oidc.work.issuer`.
    pub(super) fn sections(&self, section: &str) -> BTreeSet<String> {
        let below = self.leaves.keys().filter_map(|name| name.strip_prefix(section)?.strip_prefix('.')?.split_once('.'));
        below.map(|(name, _)| name.to_owned()).collect()
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let leaf = self.leaves.get(name)?;
        match leaf.value.as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            Some(_) | None => self.mistake(name, "must be a text that is not empty"),
        }
    }

    /// What travels to it, tokens among others, is for nobody else: plain http is for this machine alone.
    pub(super) fn https_url(&mut self, name: &str, text: &str) -> Option<Url> {
        let Ok(url) = Url::parse(text) else { return self.mistake(name, "is not a URL") };
        let is_loopback = match url.host() {
            Some(Host::Domain(domain)) => domain == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => Some(url),
            "http" if is_loopback => Some(url),
            _ => self.mistake(name, "must be https; http is for loopback alone"),
        }
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        let Some(leaf) = self.leaves.get(name) else { return false };
        let flag = leaf.value.to_bool().or_else(|| leaf.value.as_str()?.parse().ok());
        flag.unwrap_or_else(|| self.mistake::<()>(name, "must be true or false").is_some())
    }

    pub(super) fn number<T: TryFrom<u64>>(&mut self, name: &str, default: T) -> Option<T> {
        let Some(leaf) = self.leaves.get(name) else { return Some(default) };
        let number = leaf.value.to_i128().and_then(|number| u64::try_from(number).ok());
        let number = number.or_else(|| leaf.value.as_str()?.parse().ok());
        let Some(Kind::Number { least, most }) = find(name).map(|setting| setting.kind) else { return Some(default) };
        let fitting = number.filter(|number| (least..=most).contains(number)).and_then(|number| T::try_from(number).ok());
        if fitting.is_none() {
            return self.mistake(name, &format!("must be a whole number from {least} to {most}"));
        }
        fitting
    }

    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        let Some(leaf) = self.leaves.get(name) else { return Vec::new() };
        let texts = match (leaf.value.as_str(), leaf.value.as_array()) {
            (Some(text), _) => Some(text.split(',').map(|entry| entry.trim().to_owned()).collect()),
            (None, entries) => {
                entries.and_then(|entries| entries.iter().map(|entry| entry.as_str().map(str::to_owned)).collect())
            }
        };
        let texts: Option<Vec<_>> = texts;
        texts.unwrap_or_else(|| {
            self.mistake::<()>(name, "must be a list of texts");
            Vec::new()
        })
    }

    /// Notes a mistake, with its place where the setting was given at all.
    pub(super) fn mistake<T>(&mut self, name: &str, message: &str) -> Option<T> {
        let origin = self.leaves.get(name).map(|leaf| format!(" ({})", leaf.origin)).unwrap_or_default();
        self.mistakes.push(Mistake { setting: name.to_owned(), message: format!("{message}{origin}") });
        None
    }
}
