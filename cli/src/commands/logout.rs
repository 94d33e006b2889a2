//! `logout`: ends this device's session with the broker; keys and content stay.

use serde::Serialize;
use tidegate_sync_client::LoggedOut;

use super::Context;
use crate::failure::Failure;

#[derive(Serialize)]
struct Document {
    session: &'static str,
    tokens_end_within_seconds: Option<u32>,
    urls_end_within_seconds: Option<u32>,
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let (session, ended) = match context.open()?.log_out().await? {
        LoggedOut::Ended(reply) => ("ended", Some(reply)),
        LoggedOut::HadEnded => ("had-ended", None),
        LoggedOut::NoBroker => ("none", None),
    };
    let document = Document {
        session,
        tokens_end_within_seconds: ended.map(|reply| reply.tokens_end_within_seconds),
        urls_end_within_seconds: ended.map(|reply| reply.urls_end_within_seconds),
    };
    if session == "none" {
        context
            .output
            .warn("this account goes straight to its store: there is no session; whoever has the access key has access");
    } else {
        context.output.note("keys and content are still on this device: delete its folder to take them off");
    }
    context.output.result(&document, |style| match session {
        "none" => String::new(),
        _ => format!("{} logged out; 'tidegate join' with an invite or a transaction signs in again\n", style.good("✓")),
    })
}
