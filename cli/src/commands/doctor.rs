//! `doctor`: what is wrong between this device, its broker and its store, and what to do about it.

use std::fs;

use serde::Serialize;
use tidegate_sync_client::transport::Peer;
use tidegate_sync_client::{Class as ClientClass, Error, Remote, Status as ClientStatus, SyncClient};

use super::Context;
use super::clock_warning::clock_warning;
use crate::failure::{Class, Failure, with_causes};
use crate::style::{Style, count, shown};

/// Every check, in the order in which they are told.
const CHECKS: [&str; 8] = ["home", "keys", "broker", "session", "store", "account", "clock", "history"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Ok,
    Warning,
    Failed,
    Skipped,
}

#[derive(Debug, Serialize)]
struct Check {
    id: &'static str,
    status: Status,
    cause: Option<String>,
    fix: Option<String>,
}

#[derive(Debug, Serialize)]
struct Diagnosis {
    checks: Vec<Check>,
}

impl Check {
    const fn ok(id: &'static str) -> Self {
        Self { id, status: Status::Ok, cause: None, fix: None }
    }

    fn skipped(id: &'static str, cause: &str) -> Self {
        Self { id, status: Status::Skipped, cause: Some(cause.to_owned()), fix: None }
    }

    fn found(id: &'static str, status: Status, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id, status, cause: Some(cause.into()), fix: Some(fix.into()) }
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let mut checks = Vec::new();
    let class = match context.open() {
        Ok(client) => {
            checks.push(Check::ok("home"));
            checks.push(keys(context));
            let class = ask(&client, &mut checks).await;
            match client.status() {
                Ok(status) => {
                    checks.extend([clock(&status, &checks), history(&status)]);
                    class
                }
                Err(error) => {
                    checks.push(Check::found("history", Status::Failed, with_causes(&error), error.help()));
                    class.or(Some(Class::Damaged))
                }
            }
        }
        Err(Failure::Named(named)) => {
            checks.push(Check::found("home", Status::Failed, named.message.clone(), named.help.to_string()));
            Some(named.class)
        }
        Err(failure) => return Err(failure),
    };
    for id in CHECKS {
        if !checks.iter().any(|check| check.id == id) {
            checks.push(Check::skipped(id, "something before it failed"));
        }
    }
    checks.sort_by_key(|check| CHECKS.iter().position(|id| *id == check.id));
    let has_failed = checks.iter().any(|check| check.status == Status::Failed);
    let diagnosis = Diagnosis { checks };
    context.output.result(&diagnosis, |style| lines(&diagnosis, style))?;
    if has_failed { Err(Failure::Told(class.unwrap_or(Class::Invalid))) } else { Ok(()) }
}

/// Asks broker and store, each step of a sync once. The class of what failed.
async fn ask(client: &SyncClient, checks: &mut Vec<Check>) -> Option<Class> {
    match client.check_broker().await {
        Ok(true) => checks.push(Check::ok("broker")),
        Ok(false) => {
            checks.push(Check::skipped("broker", "this device reaches its store without one"));
            checks.push(Check::skipped("session", "this device signs with an access key of its own"));
        }
        Err(error) => return Some(failed(checks, "broker", &error)),
    }
    let is_direct = matches!(client.remote(), Remote::Direct { .. });
    match client.check_store().await {
        Ok(is_there) => {
            if !is_direct {
                checks.push(Check::ok("session"));
            }
            checks.push(Check::ok("store"));
            if is_there {
                checks.push(Check::ok("account"));
                return None;
            }
            let cause = format!("the store has no account {}: it is another bucket, or it was emptied", client.user_id());
            let fix = "lead broker or --s3 to the bucket that has it, or restore it from a backup";
            checks.push(Check::found("account", Status::Failed, cause, fix));
            Some(Class::Missing)
        }
        Err(error) => Some(failed(checks, of(&error, is_direct), &error)),
    }
}

/// Which check an error of a sync's steps belongs to.
fn of(error: &Error, is_direct: bool) -> &'static str {
    if matches!(error, Error::ClockRefused { .. }) {
        return "clock";
    }
    if let Error::Unreachable { peer, .. }
    | Error::TimedOut { peer, .. }
    | Error::Unavailable { peer, .. }
    | Error::NotOurs { peer, .. }
    | Error::MalformedAnswer { peer, .. } = error
    {
        return match peer {
            Peer::Store => "store",
            Peer::Broker => "broker",
        };
    }
    let is_refused = matches!(error.class(), ClientClass::Reauthenticate | ClientClass::Denied);
    if !is_direct && is_refused && !matches!(error, Error::StoreDenied { .. }) { "session" } else { "store" }
}

fn failed(checks: &mut Vec<Check>, id: &'static str, error: &Error) -> Class {
    checks.retain(|check| check.id != id);
    checks.push(Check::found(id, Status::Failed, with_causes(error), fix_of(error)));
    crate::client_failure::class(error.class())
}

/// TLS fails by a certificate more often than by anything else, and the error's own help speaks of networks.
fn fix_of(error: &Error) -> String {
    let text = with_causes(error);
    if text.contains("certificate") {
        return "the other side's certificate is not accepted: it must be valid now, name this host and come with its intermediates; a wrong clock on \
            this device looks the same"
            .to_owned();
    }
    if text.contains("InvalidContentType") {
        return "https is spoken to a port that serves plain http: correct the address".to_owned();
    }
    error.help().to_owned()
}

/// Where the master key lies, and who can read it there.
fn keys(context: &Context) -> Check {
    const ID: &str = "keys";
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let path = context.home.join("keys.json");
        let mode = fs::metadata(&path).map(|metadata| metadata.permissions().mode() & 0o777);
        match mode {
            Ok(mode) if mode & 0o077 != 0 => {
                let cause = format!("others on this machine may read {} (mode {mode:o})", path.display());
                return Check::found(ID, Status::Failed, cause, format!("chmod 600 {}", path.display()));
            }
            Ok(_) => {}
            Err(error) => {
                return Check::found(ID, Status::Failed, format!("{}: {error}", path.display()), "check the folder's owner");
            }
        }
    }
    #[cfg(not(unix))]
    drop(fs::metadata(&context.home));
    let cause = "the account's keys lie in a file that this user can read, not in a keychain";
    Check::found(ID, Status::Warning, cause, "keep the disk encrypted, and the home out of backups that others can read")
}

/// The device's clock beside the store's, as far as something answered.
fn clock(status: &ClientStatus, checks: &[Check]) -> Check {
    const ID: &str = "clock";
    if !checks.iter().any(|check| matches!(check.id, "broker" | "store") && check.status == Status::Ok) {
        return Check::skipped(ID, "nothing answered that tells the time");
    }
    clock_warning(status.clock_offset_ms).map_or(Check::ok(ID), |warning| {
        Check::found(ID, Status::Warning, warning, "let the system set its clock by the network")
    })
}

/// What the last sync left open.
fn history(status: &ClientStatus) -> Check {
    const ID: &str = "history";
    let (holes, quarantined) = (status.holes.len() as u64, status.quarantined.len() as u64);
    if holes + quarantined == 0 {
        return Check::ok(ID);
    }
    let cause = format!("{} of other devices missing or damaged", count(holes + quarantined, "part"));
    Check::found(ID, Status::Warning, cause, "see 'tidegate status' and docs/recovery.md")
}

fn lines(diagnosis: &Diagnosis, style: Style) -> String {
    let mut text = String::new();
    for Check { id, status, cause, fix } in &diagnosis.checks {
        let status = match status {
            Status::Ok => "ok".to_owned(),
            Status::Warning => style.warning("warning").to_string(),
            Status::Failed => style.bad("FAILED").to_string(),
            Status::Skipped => style.dim("skipped").to_string(),
        };
        let cause = cause.as_ref().map(|cause| format!(": {}", shown(cause))).unwrap_or_default();
        let fix = fix.as_ref().map(|fix| format!("\n    {} {}", style.dim("fix:"), shown(fix))).unwrap_or_default();
        text.push_str(&format!("  {id:<8} {status}{cause}{fix}\n"));
    }
    text
}
