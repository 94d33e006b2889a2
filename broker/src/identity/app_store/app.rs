//! Everything of hosted mode that a process holds.

use std::sync::Arc;

use super::verify::AppStoreVerifier;
use crate::config::AppStoreSettings;
use crate::metrics::Metrics;

/// The app that is served, and what verifies its purchases; only where hosted mode is configured.
pub(crate) struct AppStore {
    pub(crate) verifier: AppStoreVerifier,
    pub(crate) settings: AppStoreSettings,
}

impl AppStore {
    pub(crate) fn new(settings: &AppStoreSettings, metrics: &Arc<Metrics>) -> Self {
        Self { verifier: AppStoreVerifier::new(settings, metrics), settings: settings.clone() }
    }
}
