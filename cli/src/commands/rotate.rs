//! `account rotate`: new keys take the place of the account's, and a stolen device is shut out.

use std::path::Path;

use serde::Serialize;
use tidegate_protocol::{DeviceId, UserId};
use tidegate_sync_client::{Error, Options, SyncClient};

use super::Context;
use crate::arguments::AccountRotateArguments;
use crate::failure::Failure;
use crate::save::SecretFile;
use crate::{input, recovery};

#[derive(Serialize)]
struct RotateDocument {
    user_id: UserId,
    device_id: DeviceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_code: Option<String>,
}

pub(super) async fn run(context: &Context, arguments: &AccountRotateArguments) -> Result<(), Failure> {
    let present = recovery::read(arguments.recovery_file.as_deref())?;
    // The file is made first: a name that is taken, or a folder that can't be written, must stop this before anything counts.
    let path = arguments.new_recovery_file.as_deref().filter(|path| !input::is_dash(path));
    let mut file = path.map(|path| place_for_code(context, path)).transpose()?;
    let code = match SyncClient::prepare_new_keys(&context.home, &present, &Options::default()).await {
        Ok(code) => code.words(),
        Err(error) => {
            if let Some(file) = file {
                file.discard();
            }
            return Err(error.into());
        }
    };
    if let Some(file) = &mut file {
        file.write(&code)?;
    }
    let client = match SyncClient::replace_keys(&context.home, Options::default()).await {
        Ok(client) => client,
        Err(error) => {
            if let Some(file) = &file {
                let path = input::display(file.path());
                context
                    .output
                    .warn(&format!("the code in {path} opens nothing until this command says that the keys are replaced"));
            }
            return Err(error.into());
        }
    };
    let document = RotateDocument {
        user_id: client.user_id(),
        device_id: client.device_id(),
        recovery_code: file.is_none().then(|| code.to_string()),
    };
    context.output.result(&document, |style| {
        let place = recovery::handed_over(&code, file.as_ref(), style);
        format!(
            "{} account {} has new keys, and every other device is signed out\n\n{place}\n  The old recovery code opens nothing any more. On each \
             of your other devices:\n  {}\n",
            style.good("✓"),
            style.bold(document.user_id),
            style.code("tidegate join --broker URL --invite-file FILE --recovery-file NEW"),
        )
    })?;
    // Only now: until the code is written or shown, the same command gives it again.
    client.recovery_code_kept()?;
    if let Err(error) = client.sync(&|_progress| {}).await {
        let reason = error.code();
        context
            .output
            .warn(&format!("what was stored is not written down under the new keys yet ({reason}): run 'tidegate sync'"));
    }
    Ok(())
}

/// A new file; or the one that a run which was stopped has written already, and in full.
fn place_for_code(context: &Context, path: &Path) -> Result<SecretFile, Failure> {
    let client = match SyncClient::open(&context.home, Options::default()) {
        Err(error @ Error::NotEnrolled { .. }) => return Err(error.into()),
        opened => opened.ok(),
    };
    let made = client.map(|client| client.recovery_code()).transpose()?.flatten();
    match made {
        Some(code) if input::read_secret(path).is_ok_and(|held| *held == *code.words()) => Ok(SecretFile::written_before(path)),
        Some(_) | None => SecretFile::create(path),
    }
}
