//! `account delete`: everything that the account has in the store goes, in two steps.

use serde::Serialize;
use tidegate_protocol::UserId;
use tidegate_protocol::deletion::DeletionProgress;
use tidegate_protocol::wire::timestamp;
use tidegate_sync_client::{AccountDeletion, Options, SyncClient};
use time::OffsetDateTime;

use super::Context;
use crate::arguments::AccountDeleteArguments;
use crate::failure::Failure;
use crate::moment::minute;

#[derive(Serialize)]
struct Asked {
    user_id: UserId,
    state: &'static str,
    #[serde(with = "timestamp")]
    confirm_by: OffsetDateTime,
}

#[derive(Serialize)]
struct Deleting {
    user_id: UserId,
    state: &'static str,
    #[serde(flatten)]
    progress: Option<Progress>,
}

#[derive(Serialize)]
struct Progress {
    objects_deleted: u64,
    swept: bool,
    #[serde(with = "timestamp")]
    sessions_end_by: OffsetDateTime,
    #[serde(with = "timestamp")]
    urls_end_by: OffsetDateTime,
    #[serde(with = "timestamp")]
    swept_again_at: OffsetDateTime,
}

impl From<&DeletionProgress> for Progress {
    fn from(progress: &DeletionProgress) -> Self {
        let DeletionProgress { objects_deleted, swept, sessions_end_by, urls_end_by, swept_again_at } = *progress;
        Self { objects_deleted, swept, sessions_end_by, urls_end_by, swept_again_at }
    }
}

pub(super) async fn delete(context: &Context, arguments: &AccountDeleteArguments) -> Result<(), Failure> {
    let client = SyncClient::open(&context.home, Options::default())?;
    match arguments.confirm {
        None => ask(context, &client).await,
        Some(user) if user == client.user_id() => confirm(context, &client).await,
        Some(user) => Err(Failure::invalid(
            "other-account",
            format!("this home holds account {}, not {user}", client.user_id()),
            "give --confirm the id that 'tidegate account delete' shows, or choose the other account's folder with --home",
        )),
    }
}

/// The first step: nothing has happened yet.
async fn ask(context: &Context, client: &SyncClient) -> Result<(), Failure> {
    let confirm_by = client.ask_account_deletion().await?;
    let document = Asked { user_id: client.user_id(), state: "confirmation-needed", confirm_by };
    context.output.result(&document, |style| {
        format!(
            "{}\n  Every record, attachment and version of account {} would be deleted from the store, and each of its\n  \
             devices would be signed out. Nobody can bring that back. What the devices hold themselves stays on them.\n\n\
             To go on, before {} (UTC):\n  {}\n",
            style.bold("Nothing is deleted yet."),
            style.bold(document.user_id),
            minute(confirm_by),
            style.code(format!("tidegate account delete --confirm {}", document.user_id)),
        )
    })
}

/// The second step.
async fn confirm(context: &Context, client: &SyncClient) -> Result<(), Failure> {
    let outcome = client.delete_account().await?;
    let progress = match &outcome {
        AccountDeletion::Begun(progress) => Some(Progress::from(progress)),
        AccountDeletion::HadBegun => None,
    };
    let state = match &outcome {
        AccountDeletion::Begun(_) => "deleting",
        AccountDeletion::HadBegun => "had-begun",
    };
    let document = Deleting { user_id: client.user_id(), state, progress };
    context.output.note("this device still holds its copy and its keys: delete its folder to take them off");
    context.output.result(&document, |style| {
        let Some(progress) = &document.progress else {
            return format!("{} the deletion of account {} had begun already\n", style.good("✓"), style.bold(document.user_id));
        };
        let done = if progress.swept {
            format!("all {} objects of account {} are deleted", progress.objects_deleted, style.bold(document.user_id))
        } else {
            format!("account {} is being deleted; the broker goes on by itself", style.bold(document.user_id))
        };
        format!(
            "{} {done}\n  Other devices are signed out by {} (UTC). Until {} a transfer that is under way could still store an\n  \
             object; after {} everything is deleted once more, and nothing remains.\n",
            style.good("✓"),
            minute(progress.sessions_end_by),
            minute(progress.urls_end_by),
            minute(progress.swept_again_at),
        )
    })
}
