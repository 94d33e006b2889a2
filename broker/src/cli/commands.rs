//! What each command does.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::rand;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::json;
use tidegate_protocol::DeviceId;
use tidegate_protocol::wire::timestamp;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::error::CliError;
use super::output::Output;
use super::{AppStoreCommand, BrokerArguments, Command, ConfigCommand, DeviceCommand, InviteCommand, KeysCommand, OidcCommand};
use crate::app_store::{self, Recovered};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Config};
use crate::identity::oidc::revoke_login as revoke_login_in_store;
use crate::identity::{Invite, InviteRequest, issue_invite};
use crate::reload_request::ReloadRequest;
use crate::serve::Server;
use crate::session::{NewSigningKey, revoke_device as revoke_device_for_good};
use crate::stop_request::StopRequest;
use crate::store::{StoreClient, StoreConfig};
use crate::traces::Traces;
use crate::{openapi, private_file, telemetry};

pub(super) fn run(command: Command, output: &Output) -> Result<(), CliError> {
    match command {
        Command::Serve { config } => serve(&config, output),
        #[cfg(feature = "embedded")]
        Command::Dev { data, listen, xcode_app, xcode_product } => {
            let mut options = crate::dev::DevOptions { listen, ..crate::dev::DevOptions::new(data) };
            options.app_store = xcode_app.map(|app| config::AppStoreSettings::of_xcode(app, xcode_product));
            super::embedded::dev(options, output)
        }
        Command::Health { config } => super::health::health(&config, output),
        #[cfg(feature = "embedded")]
        Command::Store(command) => super::embedded::store(command, output),
        Command::Invite(InviteCommand::Create { broker, user, devices, expires }) => {
            let lives = time::Duration::try_from(expires).unwrap_or(time::Duration::MAX);
            create_invite(&broker, &InviteRequest { user, devices, lives }, output)
        }
        Command::Keys(KeysCommand::Generate { dir, server_id_key_file }) => {
            generate_keys(&dir, server_id_key_file.as_deref(), output)
        }
        Command::Keys(KeysCommand::Rotate(arguments)) => super::rotate::rotate(&arguments, output),
        Command::Config(ConfigCommand::Check { config }) => check_config(&config, output),
        Command::Device(DeviceCommand::Revoke { id, broker }) => revoke_device(&id, &broker, output),
        Command::AppStore(AppStoreCommand::Recover { config, since }) => recover(&config, since, output),
        Command::Oidc(OidcCommand::Revoke { config, issuer, subject }) => revoke_login(&config, &issuer, &subject, output),
        Command::Doctor { config } => super::doctor::run(&config, output),
        Command::Openapi => {
            let document = openapi::api();
            output.result(&document, || serde_json::to_string_pretty(&document).expect("the document always serialises"));
            Ok(())
        }
    }
}

fn serve(file: &Path, output: &Output) -> Result<(), CliError> {
    let config = load(file)?;
    let traces = config.traces.as_ref().map(Traces::begin).transpose().map_err(|error| {
        CliError::invalid("traces-endpoint-invalid", format!("traces cannot be sent: {error}"), "correct traces.endpoint")
    })?;
    telemetry::start_with("info", traces.as_ref());
    let served = block_on(serve_until_stop(file, &config, output));
    if let Some(traces) = traces {
        traces.finish();
    }
    served
}

async fn serve_until_stop(file: &Path, config: &Config, output: &Output) -> Result<(), CliError> {
    let mut stop = StopRequest::catch().map_err(|error| CliError::runtime(&error))?;
    let mut reload = ReloadRequest::catch().map_err(|error| CliError::runtime(&error))?;
    let server = tokio::select! {
        started = Server::start(config) => started?,
        () = stop.received() => return Ok(()),
    };
    let ready = json!({ "ready": true, "broker": server.broker_url, "admin": server.admin_url });
    output.result(&ready, || {
        format!("tidegate-broker serves {} on {}\n  admin   {}", server.broker_url, config.listen, server.admin_url)
    });
    loop {
        tokio::select! {
            () = stop.received() => break,
            () = reload.received() => tokio::select! {
                () = stop.received() => break,
                () = reload_secrets(&server, file) => {}
            },
        }
    }
    // Asked a second time it waits for nobody.
    tokio::select! {
        () = server.shutdown() => {}
        () = stop.received() => {}
    }
    Ok(())
}

/// Whatever is wrong with the new ones, the old ones go on: nobody who serves is ended by a slip of the pen.
async fn reload_secrets(server: &Server, file: &Path) {
    let config = match config::load(file, environment()) {
        Ok(config) => config,
        Err(error) => {
            for mistake in &error.mistakes {
                tracing::error!(%mistake, "the configuration cannot be read again; the old secrets go on");
            }
            return;
        }
    };
    match server.reload(&config).await {
        Ok(()) => tracing::info!("the secrets were read again"),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "the new secrets cannot be used; the old ones go on");
        }
    }
}

fn create_invite(broker: &BrokerArguments, request: &InviteRequest, output: &Output) -> Result<(), CliError> {
    let now = SystemClock.now();
    let invite = match (&broker.config, &broker.data) {
        (Some(file), _) => {
            let Config { signing_keys, public_url, .. } = load(file)?;
            issue_invite(&signing_keys, &public_url, request, now)?
        }
        (None, Some(data)) => invite_from_data(data, request, now)?,
        (None, None) => return Err(neither()),
    };
    let expires_at = timestamp::format(invite.expires_at).unwrap_or_default();
    let document = json!({ "invite": invite.token, "link": invite.link, "expires_at": expires_at });
    output.result(&document, || describe(&invite, request, &expires_at));
    Ok(())
}

fn describe(invite: &Invite, request: &InviteRequest, expires_at: &str) -> String {
    let InviteRequest { user, devices, .. } = request;
    let code = QrCode::new(&invite.link)
        .map(|code| code.render().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
        .unwrap_or_default();
    format!(
        "Invite for {user}: {devices} device(s), new ones until {expires_at}.\nWhoever has it can open the account's door; hand it over privately.\n\n\
         token\n{}\n\nlink\n{}\n\n{code}",
        invite.token, invite.link
    )
}

fn generate_keys(folder: &Path, server_id_key: Option<&Path>, output: &Output) -> Result<(), CliError> {
    fs::create_dir_all(folder).map_err(|error| CliError::file(folder, &error))?;
    let NewSigningKey { kid, pem } = NewSigningKey::generate(SystemClock.now());
    let file = folder.join(format!("{kid}.pem"));
    private_file::write(&file, pem.as_bytes()).map_err(|error| CliError::file(&file, &error))?;
    // Never replaced: every link between an invite's name and an account hangs on it.
    let new_server_id_key = server_id_key.filter(|path| !path.exists());
    if let Some(path) = new_server_id_key {
        let mut key = Zeroizing::new([0; 32]);
        rand::fill(key.as_mut_slice()).expect("the system has randomness");
        let text = Zeroizing::new(hex::encode(key.as_slice()));
        private_file::write(path, text.as_bytes()).map_err(|error| CliError::file(path, &error))?;
    }
    let document = json!({ "kid": kid, "file": file, "server_id_key_file": new_server_id_key });
    output.result(&document, || {
        let also =
            new_server_id_key.map(|path| format!("\nserver id key {} (keep a backup: it must never change)", path.display()));
        format!("signing key {}{}", file.display(), also.unwrap_or_default())
    });
    Ok(())
}

fn check_config(file: &Path, output: &Output) -> Result<(), CliError> {
    let config = load(file)?;
    output.result(&json!({ "ok": true, "public_url": config.public_url }), || format!("{} is in order", file.display()));
    Ok(())
}

fn revoke_device(id: &str, broker: &BrokerArguments, output: &Output) -> Result<(), CliError> {
    let device: DeviceId = id
        .parse()
        .map_err(|_| CliError::invalid("device-id-invalid", format!("{id:?} is not a device id"), "see tidegate devices"))?;
    let store = match (&broker.config, &broker.data) {
        (Some(file), _) => load(file)?.store,
        (None, Some(data)) => store_from_data(data)?,
        (None, None) => return Err(neither()),
    };
    block_on(async {
        let revoked = revoke_device_for_good(&StoreClient::new(&store), device, SystemClock.now()).await;
        revoked.map(drop).map_err(|error| CliError::store(error.to_string()))
    })?;
    output.result(&json!({ "device_id": device }), || {
        format!("{device} is revoked: within 60 s it gets nothing signed, and URLs that it has end within 15 minutes more")
    });
    Ok(())
}

fn revoke_login(file: &Path, name: &str, subject: &str, output: &Output) -> Result<(), CliError> {
    let config = load(file)?;
    let Some(issuer) = config.oidc.iter().find(|issuer| issuer.name == name) else {
        let help = "the sections oidc.NAME of the configuration say which there are";
        return Err(CliError::invalid("issuer-unknown", format!("the configuration has no issuer {name:?}"), help));
    };
    let identity = block_on(async {
        let written = revoke_login_in_store(&config, &issuer.issuer, subject, SystemClock.now()).await;
        written.map_err(|error| CliError::store(error.to_string()))
    })?;
    output.result(&json!({ "identity": identity }), || {
        format!(
            "{subject} of {name} is shut out: no session is opened or renewed; access tokens that are out end within {} s",
            config.tokens.access_seconds
        )
    });
    Ok(())
}

fn recover(file: &Path, since: Option<std::time::Duration>, output: &Output) -> Result<(), CliError> {
    let config = load(file)?;
    telemetry::start("warn");
    let walks = block_on(async {
        let since = since.map(|since| SystemClock.now() - since);
        app_store::recover(&config, Arc::new(SystemClock), since).await.map_err(CliError::from)
    })?;
    output.result(&json!({ "walks": walks }), || walks.iter().map(describe_walk).collect::<Vec<_>>().join("\n"));
    Ok(())
}

fn describe_walk(walk: &Recovered) -> String {
    let Recovered { environment, bundle_id, from, until, resumed, pages: _, new, known, refused } = walk;
    let day = |at: &OffsetDateTime| timestamp::format(*at).unwrap_or_default();
    let resumed = if *resumed { " (gone on where the last walk was cut short)" } else { "" };
    let refused = refused.iter().map(|(code, count)| format!("\n  refused {count}: {code}")).collect::<String>();
    format!("{bundle_id}, {environment}, {} to {}{resumed}: {new} new, {known} known{refused}", day(from), day(until))
}

pub(super) fn load(file: &Path) -> Result<Config, CliError> {
    Ok(config::load(file, environment())?)
}

/// The variables that are settings.
pub(super) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("TIDEGATE_"))
}

pub(super) fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    // Where there is one processor, threads would only hand work to and fro.
    let mut builder = match std::thread::available_parallelism() {
        Ok(processors) if processors.get() == 1 => tokio::runtime::Builder::new_current_thread(),
        Ok(_) | Err(_) => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.enable_all().build();
    runtime.map_err(|error| CliError::runtime(&error))?.block_on(work)
}

pub(super) fn neither() -> CliError {
    CliError::invalid("no-broker-named", "neither --config nor --data is given", "name the configuration or the data folder")
}

#[cfg(feature = "embedded")]
fn invite_from_data(data: &Path, request: &InviteRequest, now: OffsetDateTime) -> Result<Invite, CliError> {
    Ok(crate::dev::invite_from(data, request, now)?)
}

#[cfg(not(feature = "embedded"))]
fn invite_from_data(_: &Path, _: &InviteRequest, _: OffsetDateTime) -> Result<Invite, CliError> {
    Err(not_embedded())
}

#[cfg(feature = "embedded")]
fn store_from_data(data: &Path) -> Result<StoreConfig, CliError> {
    Ok(crate::dev::store_config_from(data)?)
}

#[cfg(not(feature = "embedded"))]
fn store_from_data(_: &Path) -> Result<StoreConfig, CliError> {
    Err(not_embedded())
}

#[cfg(not(feature = "embedded"))]
pub(super) fn not_embedded() -> CliError {
    CliError::invalid("not-embedded", "this program was built without the embedded store", "use --config")
}
