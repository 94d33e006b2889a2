//! The rules of every bucket, at hand.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::CorsRule;

/// The rules of every bucket that has any: what the index holds, kept in memory, since every answer to a browser asks for them.
#[derive(Debug, Default)]
pub(crate) struct CorsRules(RwLock<HashMap<String, Arc<[CorsRule]>>>);

impl CorsRules {
    /// The rules as the index holds them: bucket, and rules in JSON.
    pub(crate) fn of(settings: &[(String, String)]) -> serde_json::Result<Self> {
        let parse = |(bucket, value): &(String, String)| {
            serde_json::from_str::<Vec<CorsRule>>(value).map(|rules| (bucket.clone(), Arc::from(rules)))
        };
        Ok(Self(RwLock::new(settings.iter().map(parse).collect::<serde_json::Result<_>>()?)))
    }

    pub(crate) fn of_bucket(&self, bucket: &str) -> Option<Arc<[CorsRule]>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned()
    }

    /// Replaces the rules of a bucket; none forgets them.
    pub(crate) fn set(&self, bucket: &str, rules: Option<Vec<CorsRule>>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match rules {
            Some(rules) => all.insert(bucket.to_owned(), Arc::from(rules)),
            None => all.remove(bucket),
        };
    }
}
