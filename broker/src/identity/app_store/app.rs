//! Everything of hosted mode that a process holds.

use super::verify::AppStoreVerifier;
use crate::config::AppStoreSettings;

/// The app that is served, and what verifies its purchases; only where hosted mode is configured.
pub(crate) struct AppStore {
    pub(crate) verifier: AppStoreVerifier,
    pub(crate) settings: AppStoreSettings,
}

impl AppStore {
    pub(crate) fn new(settings: &AppStoreSettings) -> Self {
        Self { verifier: AppStoreVerifier::new(settings), settings: settings.clone() }
    }
}
