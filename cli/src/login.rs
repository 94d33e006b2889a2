//! `--oidc`: shows a person where to log in, and waits.

use serde::Serialize;
use tidegate_sync_client::{DevicePrompt, Login, LoginFlow, LoginPurpose, Options, Remote, SyncClient, Ticket};

use crate::arguments::{AccessArguments, LoginWay};
use crate::commands::Context;
use crate::failure::Failure;
use crate::output::Output;

/// What a program needs that shows it to a person in its own way: one line of JSON on standard error, with `--json`.
#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "login")]
enum PromptDocument<'a> {
    Device {
        verification_uri: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        verification_uri_complete: Option<&'a str>,
        user_code: &'a str,
        expires_in: u64,
    },
    Browser {
        authorization_uri: &'a str,
    },
}

/// Logs a person in for this home's device.
pub(crate) async fn log_in(
    context: &Context,
    arguments: &AccessArguments,
    remote: &Remote,
    device_name: &str,
    purpose: LoginPurpose,
) -> Result<Ticket, Failure> {
    let login = begin(context, arguments, remote, device_name, purpose).await?;
    let flow = match arguments.login {
        Some(LoginWay::Device) => LoginFlow::DeviceCode,
        Some(LoginWay::Browser) => LoginFlow::Browser,
        None => login.flow()?,
    };
    let output = context.output;
    let ticket = match flow {
        LoginFlow::DeviceCode => login.by_device_code(|prompt| show_code(output, prompt)).await?,
        LoginFlow::Browser => login.by_browser(|url| show_address(output, url.as_str())).await?,
    };
    Ok(ticket)
}

/// A device that has an account already only wants a new session.
async fn begin(
    context: &Context,
    arguments: &AccessArguments,
    remote: &Remote,
    device_name: &str,
    purpose: LoginPurpose,
) -> Result<Login, Failure> {
    let (options, issuer) = (Options::default(), arguments.issuer.as_deref());
    if purpose == LoginPurpose::Join
        && let Ok(client) = SyncClient::open(&context.home, Options::default())
        && client.remote() == remote
    {
        return Ok(client.begin_login_again(issuer).await?);
    }
    Ok(SyncClient::begin_login(&context.home, remote.clone(), device_name, purpose, issuer, &options).await?)
}

fn show_code(output: Output, prompt: &DevicePrompt) {
    let document = PromptDocument::Device {
        verification_uri: prompt.verification_uri.as_str(),
        verification_uri_complete: prompt.verification_uri_complete.as_ref().map(|url| url.as_str()),
        user_code: &prompt.user_code,
        expires_in: prompt.expires_in,
    };
    let minutes = prompt.expires_in.div_ceil(60);
    let direct = prompt.verification_uri_complete.as_ref().map(|url| format!("\nOr open {url}")).unwrap_or_default();
    let text = format!(
        "Open {} in any browser and type in the code\n\n  {}\n{direct}\nWaiting for the login, {minutes} minutes at most ...",
        prompt.verification_uri, prompt.user_code
    );
    output.ask(&document, &text);
}

fn show_address(output: Output, url: &str) {
    let document = PromptDocument::Browser { authorization_uri: url };
    output.ask(&document, &format!("Open this address in a browser on this machine:\n\n  {url}\n\nWaiting for the login ..."));
}
