//! What a probe hands back.

use tidegate_protocol::capability::StoreProfile;

/// Whether the address that URLs name could be reached from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicEndpoint {
    /// The attacks were made through it.
    Reached,
    /// It does not answer from here, so that they were made through the internal one. What a proxy in front of the public address
    /// adds or takes away was not seen.
    Unreachable {
        /// What the connection failed by.
        reason: String,
    },
}

/// Something that is worth a line to the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The check's name, or the attack's.
    pub check: &'static str,
    /// What was seen, one sentence in lower case.
    pub message: String,
}

/// The outcome of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreReport {
    /// What the policy may rely on, with all findings in it.
    pub profile: StoreProfile,
    /// Through which address the attacks were made.
    pub public_endpoint: PublicEndpoint,
    /// What was seen on the way.
    pub notes: Vec<Note>,
}
