//! `join`: a further device of an existing account.

use serde::Serialize;
use tidegate_protocol::{DeviceId, UserId};
use tidegate_sync_client::{Options, SyncClient};

use super::Context;
use crate::arguments::JoinArguments;
use crate::failure::Failure;
use crate::style::shown;
use crate::{access, input, recovery};

#[derive(Serialize)]
struct JoinDocument {
    user_id: UserId,
    device_id: DeviceId,
}

pub(super) async fn run(context: &Context, arguments: &JoinArguments) -> Result<(), Failure> {
    let invite_from_input = arguments.access.invite_file.as_deref().is_some_and(input::is_dash);
    if invite_from_input && arguments.recovery_file.as_deref().is_some_and(input::is_dash) {
        return Err(Failure::usage("standard-input-twice", "standard input (`-`) was named twice", "name it once"));
    }
    let enrolment = access::resolve(&arguments.access, context.output)?;
    let name = enrolment.device_name.clone();
    let code = recovery::read(arguments.recovery_file.as_deref())?;
    let client = SyncClient::join(&context.home, enrolment, &code, arguments.user_id, Options::default()).await?;
    let document = JoinDocument { user_id: client.user_id(), device_id: client.device_id() };
    context.output.result(&document, |style| {
        format!(
            "{} {} is a device of account {} now\n\nNext: {}\n",
            style.good("✓"),
            style.bold(shown(&name)),
            style.bold(document.user_id),
            style.code("tidegate sync"),
        )
    })
}
