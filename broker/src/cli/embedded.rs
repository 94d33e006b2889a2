//! The commands that run the embedded store.

use std::io;

use secrecy::ExposeSecret as _;
use serde_json::json;
use tidegate_embedded_s3::{AccessKey, Config as StoreOptions, Store};
use time::Duration;
use tokio::net::TcpListener;

use super::StoreCommand;
use super::commands::block_on;
use super::error::CliError;
use super::output::Output;
use super::store_keys;
use crate::dev::{self, DevOptions};
use crate::serve::ServeError;
use crate::stop_request::StopRequest;
use crate::telemetry;

/// Whom the invite printed at the start is for.
const USER: &str = "dev";
const DEVICES: u32 = 10;
const LIVES: Duration = Duration::days(7);

pub(super) fn dev(options: DevOptions, output: &Output) -> Result<(), CliError> {
    telemetry::start("warn");
    let data = options.data_dir.clone();
    block_on(async {
        let mut stop = StopRequest::catch().map_err(failed)?;
        let server = tokio::select! {
            started = dev::start(options) => started?,
            () = stop.received() => return Ok(()),
        };
        let invite = server.invite(USER, DEVICES, LIVES)?;
        let ready = json!({
            "ready": true,
            "broker": server.broker_url,
            "admin": server.admin_url,
            "store": server.store_url,
            "bucket": server.bucket,
            "invite": invite.token,
        });
        output.result(&ready, || {
            format!(
                "Tidegate for development, on this machine alone; Ctrl-C ends it.\n\n  broker  {}\n  store   {} (bucket {})\n  admin   {}\n  \
                 data    {}\n\nInvite for {DEVICES} devices of the user \"{USER}\", for 7 days:\n\n{}\n\nMore: tidegate-broker invite create --data {} --user NAME",
                server.broker_url,
                server.store_url,
                server.bucket,
                server.admin_url,
                data.display(),
                invite.token,
                data.display(),
            )
        });
        stop.received().await;
        server.shutdown().await;
        Ok(())
    })
}

pub(super) fn store(command: StoreCommand, output: &Output) -> Result<(), CliError> {
    let StoreCommand::Serve { data, listen, access_key, secret_key_file, keys_file, bucket } = command;
    telemetry::start("warn");
    let mut keys = keys_file.map(|file| store_keys::read(&file)).transpose()?.unwrap_or_default();
    if let (Some(id), Some(file)) = (access_key, secret_key_file) {
        keys.push(AccessKey::administrator(id, store_keys::secret_in(&file)?.expose_secret()));
    }
    let store = Store::open(StoreOptions::new(data, keys))?;
    if let Some(bucket) = &bucket {
        let invalid = |error: tidegate_embedded_s3::StoreError| {
            CliError::invalid("bucket-invalid", format!("the bucket cannot be made: {error}"), "choose another name")
        };
        store.create_bucket(bucket).map_err(invalid)?;
    }
    block_on(async {
        let mut stop = StopRequest::catch().map_err(failed)?;
        let bound = TcpListener::bind(listen).await;
        let listener = bound.map_err(|source| ServeError::Bind { setting: "--listen", address: listen, source })?;
        let address = listener.local_addr().map_err(failed)?;
        let ready = json!({ "ready": true, "store": format!("http://{address}"), "bucket": bucket });
        output.result(&ready, || format!("the store serves http://{address}"));
        store.serve(listener, async move { stop.received().await }).await.map_err(failed)
    })
}

fn failed(error: io::Error) -> CliError {
    CliError::runtime(&error)
}
