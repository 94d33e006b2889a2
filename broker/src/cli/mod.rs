//! The operator's command line: what is said on it, and how it ends.

mod commands;
mod doctor;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
mod health;
mod output;
mod rotate;
#[cfg(feature = "embedded")]
mod store_keys;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use error::CliError;
use output::Output;

/// Runs a Tidegate broker.
#[derive(Debug, Parser)]
#[command(name = "tidegate-broker", version, about, disable_help_subcommand = true)]
struct Arguments {
    /// Print JSON on standard output, and nothing else there.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service.
    Serve {
        /// The configuration file; TIDEGATE_* variables override it.
        #[arg(long, env = "TIDEGATE_CONFIG")]
        config: PathBuf,
    },
    /// Run broker and embedded store in one process, on this machine alone, with nothing to configure.
    #[cfg(feature = "embedded")]
    Dev {
        /// Where keys and objects live.
        #[arg(long, default_value = "tidegate-data")]
        data: PathBuf,
        /// Loopback address and port of the broker; port 0 takes a free one.
        #[arg(long, default_value_t = crate::dev::DEFAULT_LISTEN)]
        listen: std::net::SocketAddr,
        /// Open accounts by what StoreKit testing in Xcode signs for this app, taken at its word: anybody can make that.
        #[arg(long, value_name = "BUNDLE_ID", requires = "xcode_product")]
        xcode_app: Option<String>,
        /// A product of that app whose purchase opens a session; may be repeated.
        #[arg(long, value_name = "PRODUCT_ID", requires = "xcode_app")]
        xcode_product: Vec<String>,
    },
    /// Ask the broker that runs by this configuration whether it and its store answer: for the health check of a container.
    Health {
        /// The configuration file; TIDEGATE_* variables override it.
        #[arg(long, env = "TIDEGATE_CONFIG")]
        config: PathBuf,
    },
    /// The embedded S3 server alone.
    #[cfg(feature = "embedded")]
    #[command(subcommand)]
    Store(StoreCommand),
    /// Invites for people.
    #[command(subcommand)]
    Invite(InviteCommand),
    /// Keys of the broker.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Devices of users.
    #[command(subcommand)]
    Device(DeviceCommand),
    /// App Store subscriptions.
    #[command(subcommand)]
    AppStore(AppStoreCommand),
    /// Logins of OpenID providers.
    #[command(subcommand)]
    Oidc(OidcCommand),
    /// Find what is wrong with configuration, addresses, certificates, store and keys, and say what to change.
    Doctor {
        /// The configuration file; TIDEGATE_* variables override it.
        #[arg(long, env = "TIDEGATE_CONFIG")]
        config: PathBuf,
    },
    /// Print the OpenAPI document of the HTTP API.
    Openapi,
}

#[cfg(feature = "embedded")]
#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Serve a folder as an S3 store.
    Serve {
        /// Where objects live.
        #[arg(long)]
        data: PathBuf,
        /// Address and port.
        #[arg(long)]
        listen: std::net::SocketAddr,
        /// Access key id of its administrator.
        #[arg(long, requires = "secret_key_file", required_unless_present = "keys_file")]
        access_key: Option<String>,
        /// File with the secret of that key.
        #[arg(long, requires = "access_key")]
        secret_key_file: Option<PathBuf>,
        /// TOML file with more access keys and what each may do under which prefix (docs/embedded-store.md).
        #[arg(long)]
        keys_file: Option<PathBuf>,
        /// A bucket to make.
        #[arg(long)]
        bucket: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum InviteCommand {
    /// Make an invite: a token, a link and a QR code.
    Create {
        #[command(flatten)]
        broker: BrokerArguments,
        /// The user's name with you: invites of one name open one account.
        #[arg(long)]
        user: String,
        /// How many devices it is good for.
        #[arg(long, default_value_t = 3)]
        devices: u32,
        /// How long new devices may come, for example 12h or 7d.
        #[arg(long, default_value = "7d", value_parser = humantime::parse_duration)]
        expires: std::time::Duration,
    },
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a signing key, and the server id key if its file is missing.
    Generate {
        /// Folder of the signing keys (setting signing.keys_dir).
        #[arg(long)]
        dir: PathBuf,
        /// File of the server id key (setting server_id_key_file).
        #[arg(long)]
        server_id_key_file: Option<PathBuf>,
    },
    /// Make the next signing key: published before it signs, while the ones before it verify until their last token has ended.
    Rotate(RotateArguments),
}

#[derive(Debug, clap::Args)]
struct RotateArguments {
    #[command(flatten)]
    broker: BrokerArguments,
    /// When it begins to sign, for example 10m: by then every replica must have read it.
    #[arg(long = "in", default_value = "10m", value_parser = humantime::parse_duration)]
    after: std::time::Duration,
    /// How long the keys before it verify from then on. Invites live up to a year, everything else up to tokens.renewal_days.
    #[arg(long, default_value = "366d", value_parser = humantime::parse_duration)]
    keep: std::time::Duration,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report every mistake of a configuration.
    Check {
        /// The configuration file; TIDEGATE_* variables override it.
        #[arg(long, env = "TIDEGATE_CONFIG")]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum DeviceCommand {
    /// End a device's sessions.
    Revoke {
        /// The device's id.
        id: String,
        #[command(flatten)]
        broker: BrokerArguments,
    },
}

#[derive(Debug, Subcommand)]
enum AppStoreCommand {
    /// Walk Apple's history of notifications and count what was never heard; goes on where it was cut short.
    Recover {
        /// The configuration file; TIDEGATE_* variables override it.
        #[arg(long, env = "TIDEGATE_CONFIG")]
        config: PathBuf,
        /// How far back, for example 36h or 30d; without it from where the last walk ended, or as far as Apple remembers (180 days,
        /// in the sandbox 30).
        #[arg(long, value_parser = humantime::parse_duration)]
        since: Option<std::time::Duration>,
    },
}

#[derive(Debug, Subcommand)]
enum OidcCommand {
    /// Shut a person out: no session is opened or renewed for the login any more.
    Revoke {
        /// The configuration file; TIDEGATE_* variables override it.
        #[arg(long, env = "TIDEGATE_CONFIG")]
        config: PathBuf,
        /// The issuer: its name in the configuration, `oidc.NAME`.
        #[arg(long)]
        issuer: String,
        /// The person's lasting name with the issuer (`sub`).
        #[arg(long)]
        subject: String,
    },
}

/// Which broker is meant.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct BrokerArguments {
    /// The configuration file of the service.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The data folder of a development server.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misuse(&error, wants_json),
    };
    let output = Output::new(arguments.json);
    match commands::run(arguments.command, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is_told {
                output.error(&error);
            }
            ExitCode::from(error.exit)
        }
    }
}

fn misuse(error: &clap::Error, wants_json: bool) -> ExitCode {
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if wants_json && !is_help {
        Output::new(true).error(&CliError::usage(error));
    } else {
        // Nothing is left to do if standard output or error is closed.
        drop(error.print());
    }
    if is_help { ExitCode::SUCCESS } else { ExitCode::from(error::USAGE) }
}
