//! `init`: a new account, with this device as its first.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use tidegate_protocol::{DeviceId, UserId};
use tidegate_sync_client::{Created, Options, SyncClient};

use super::Context;
use crate::arguments::InitArguments;
use crate::failure::Failure;
use crate::input::is_dash;
use crate::save::SecretFile;
use crate::style::{Style, shown};
use crate::{access, home, recovery};

#[derive(Serialize)]
struct InitDocument {
    user_id: UserId,
    device_id: DeviceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_code: Option<String>,
}

pub(super) async fn run(context: &Context, arguments: &InitArguments) -> Result<(), Failure> {
    let access = access::resolve(&arguments.access, context.output)?;
    let name = arguments.access.device_name.clone().unwrap_or_else(home::default_device_name);
    // The file is made first: a name that is taken, or a folder that can't be written, must stop this before an account exists.
    let path = arguments.recovery_file.as_deref().filter(|path| !is_dash(path));
    let mut file = path.map(SecretFile::create).transpose()?;

    let created = SyncClient::create_account(&context.home, access, &name, Options::default()).await;
    let Created { client, recovery_code } = match created {
        Ok(created) => created,
        Err(error) => {
            file.map(SecretFile::discard);
            return Err(error.into());
        }
    };

    let code = recovery_code.expose_secret();
    if let Some(written) = file.as_mut().map(|file| file.write(code)) {
        if let Err(failure) = written {
            // The code exists nowhere else: better on a screen than lost.
            context.output.warn(&format!("the recovery code could not be written to the file; it is: {code}"));
            return Err(failure.after("the account was created, but its recovery code could not be saved"));
        }
    }
    let shows_code = file.is_none();
    let document = InitDocument {
        user_id: client.user_id(),
        device_id: client.device_id(),
        recovery_code: shows_code.then(|| code.to_owned()),
    };
    context.output.result(&document, |style| {
        let place = file.as_ref().map_or_else(|| code_shown(code, style), |file| code_saved(file, style));
        format!(
            "{} account {} is created, and {} is its first device\n\n{place}\nNext: {}\n",
            style.good("✓"),
            style.bold(client.user_id()),
            style.bold(shown(&name)),
            style.code("tidegate member add NAME"),
        )
    })
}

fn code_shown(code: &str, style: Style) -> String {
    format!(
        "{}\n\n{}\n{}\n{}\n",
        style.bold("Your recovery code"),
        recovery::grid(code, style),
        "  Write it down on paper, now: it is shown this once and kept nowhere. It lets further devices in,",
        "  and it is the only way back if all of them are lost. Whoever has it, and an invite or the store's keys, can read everything.",
    )
}

fn code_saved(file: &SecretFile, style: Style) -> String {
    let path = crate::input::display(file.path());
    format!(
        "  The recovery code is in {} (readable by you alone) and is not shown.\n{}\n",
        style.bold(path),
        "  Keep it off this device: it lets further devices in, and it is the only way back if all of them are lost.",
    )
}
