//! The command line's shape: commands and flags, which scripts rely on.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use tidegate_protocol::UserId;
use url::Url;

const ABOUT: &str = "Your family's health data in plain object storage: encrypted, synced, readable by you alone";

const EXIT_CODES: &str = "\
Exit codes: 0 done, 2 wrong usage, 10 invalid input, 11 not allowed, 12 unreachable (try later, nothing is lost),
13 a person must decide first, 14 damaged data, 15 not found, 20 a bug.
New here? `tidegate demo` shows everything in one process, with nothing to set up.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, about = ABOUT, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Folder with this device's keys and database [default: the platform's data folder]
    #[arg(long, global = true, value_name = "DIR", env = "TIDEGATE_HOME", hide_env_values = true)]
    pub(crate) home: Option<PathBuf>,
    /// Print one JSON document, errors included
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print results only: no remarks, no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log what happens to standard error (-vv: more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Never use colour (NO_COLOR does the same)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Draw no progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See it all at work: a store, a broker and two devices in this one process
    #[cfg(feature = "demo")]
    Demo(DemoArguments),
    /// Create an account, with this device as its first
    Init(InitArguments),
    /// Make this a further device of an existing account
    Join(JoinArguments),
    /// Add and list family members
    #[command(subcommand)]
    Member(MemberCommand),
    /// Store files as records, or a new version of one
    Put(PutArguments),
    /// Store files of any kind as attachments
    Attach(AttachArguments),
    /// List records and attachments
    List(ListArguments),
    /// Print or save what a record or an attachment holds
    Get(GetArguments),
    /// Delete a record or an attachment on all devices
    Delete(DeleteArguments),
    /// Show every version of a record
    History(HistoryArguments),
    /// List records that were edited in two places at once
    Conflicts,
    /// Make an earlier or losing version of a record the current one
    Restore(RestoreArguments),
    /// End a conflict: keep one version, or several as records of their own
    Resolve(ResolveArguments),
    /// Send what is new here, fetch what is new elsewhere
    Sync(SyncArguments),
    /// Show this device, what waits to be sent, and when it last synced
    Status,
    /// Find what is wrong between this device, its broker and its store, and say what to do
    Doctor,
    /// List the account's devices, rename this one, retire one
    Devices(DevicesArguments),
    /// New keys for the account, after a device was stolen; or its end, with everything in the store
    #[command(subcommand)]
    Account(AccountCommand),
    /// End this device's session with the broker; keys and content stay
    Logout,
    /// Show or limit the space that attachments take on this device
    Cache(CacheArguments),
    /// Make the local database anew from the store
    Rebuild,
    /// Delete what nothing refers to any more
    Gc(GcArguments),
    /// Say what a month would cost at a store
    Cost(CostArguments),
    /// Read what a Tandem insulin pump recorded
    #[command(subcommand)]
    Tandem(TandemCommand),
    /// Hand samples over to Apple Health, for an app that writes them there
    #[command(subcommand)]
    Health(HealthCommand),
    /// Write samples in the formats of others, or send them to a Nightscout
    Export(ExportArguments),
}

/// What to do about Apple Health.
#[derive(Debug, Subcommand)]
pub(crate) enum HealthCommand {
    /// Show what is to be written, the oldest first; `--json` prints it for the app
    Pending(HealthPendingArguments),
    /// Record what was written, so that it is not handed over again
    Confirm(HealthConfirmArguments),
    /// List the stores of Apple Health that samples were handed over to
    Stores(HealthStoresArguments),
}

#[derive(Debug, Args)]
pub(crate) struct HealthPendingArguments {
    /// Family member, by name or id [default: the only one]
    #[arg(long, value_name = "MEMBER")]
    pub(crate) member: Option<String>,
    /// Name of the Apple Health that it is for: the same one after a new installation [default: this device's id]
    #[arg(long, value_name = "NAME")]
    pub(crate) store: Option<String>,
    /// Days of the past that a store gets at first
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    pub(crate) days: u16,
    /// Most samples of a batch
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) limit: usize,
    /// Glucose too, which the sensor's own app writes as a rule
    #[arg(long)]
    pub(crate) glucose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HealthConfirmArguments {
    /// What the app wrote, as JSON (`-`: standard input)
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct HealthStoresArguments {
    /// Family member, by name or id [default: the only one]
    #[arg(long, value_name = "MEMBER")]
    pub(crate) member: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Format to write
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: ExportFormat,
    /// Family member, by name or id [default: the only one]
    #[arg(long, value_name = "MEMBER")]
    pub(crate) member: Option<String>,
    /// Only from this day on, by the pump's clock
    #[arg(long, value_name = "DATE")]
    pub(crate) since: Option<String>,
    /// Only up to this day, and including it
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<String>,
    /// Write to this file (`-`: standard output); needed with --json
    #[arg(short, long, value_name = "FILE", conflicts_with = "to")]
    pub(crate) output: Option<PathBuf>,
    /// Version of Nightscout's API to write documents for [default: v3]
    #[arg(long, value_name = "API")]
    pub(crate) api: Option<NightscoutApi>,
    /// Send to the Nightscout at this address
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    /// File that holds the Nightscout's API_SECRET (`-`: standard input), for API v1
    #[arg(long, value_name = "FILE", requires = "to", conflicts_with = "access_token_file")]
    pub(crate) api_secret_file: Option<PathBuf>,
    /// File that holds an access token of the Nightscout (`-`: standard input), for API v3
    #[arg(long, value_name = "FILE", requires = "to")]
    pub(crate) access_token_file: Option<PathBuf>,
}

/// A format of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Documents of Nightscout, one a line
    Nightscout,
    /// A table
    Csv,
    /// A bundle of FHIR R4 Observations
    Fhir,
    /// An array in the shape of Tidepool's data model
    Json,
    /// An array of what Apple Health can take
    AppleHealth,
}

/// A version of Nightscout's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NightscoutApi {
    /// The first
    V1,
    /// The one that goes by identifiers
    V3,
}

/// What to do about insulin pumps.
#[derive(Debug, Subcommand)]
pub(crate) enum TandemCommand {
    /// Show the events of an archive and what they come to; no account is needed
    Decode(TandemDecodeArguments),
    /// Log a family member in at Tandem Source; name and password stay on this device, encrypted
    Login(TandemLoginArguments),
    /// Forget a family member's login, and how far the pumps were read; samples stay
    Logout {
        /// Family member, by name or id
        #[arg(long, value_name = "MEMBER")]
        member: String,
    },
    /// Show who is logged in, and how far each pump was read
    Status,
    /// Read what is new in the pumps' logs into this account
    Ingest(TandemIngestArguments),
}

#[derive(Debug, Args)]
pub(crate) struct TandemLoginArguments {
    /// Where the account is; in the other region it looks like a wrong password
    #[arg(long, value_name = "REGION", value_parser = ["us", "eu"])]
    pub(crate) region: String,
    /// Family member who wears the pump, by name or id
    #[arg(long, value_name = "MEMBER")]
    pub(crate) member: String,
    /// Where the pump's wearer lives, for example Europe/Berlin [default: as before, else this machine's zone]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// Strength of the insulin in units a millilitre [default: as before, else 100]
    #[arg(long, value_name = "STRENGTH", value_parser = ["100", "200", "500"])]
    pub(crate) concentration: Option<String>,
    /// File with the name in its first line and the password in its second (`-`: standard input) [default: TIDEGATE_TANDEM_USERNAME
    /// and TIDEGATE_TANDEM_PASSWORD, else asked for]
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials_file: Option<PathBuf>,
    /// Try a name and password once more that were refused before: they are right, and something else was wrong
    #[arg(long)]
    pub(crate) again: bool,
    /// Another place of the service, with everything below it
    #[arg(long, value_name = "URL", hide = true)]
    pub(crate) service: Option<Url>,
    /// What that place calls this program
    #[arg(long, value_name = "NAME", hide = true, default_value = "tidegate")]
    pub(crate) service_client: String,
}

#[derive(Debug, Args)]
pub(crate) struct TandemIngestArguments {
    /// Only this family member's pumps, by name or id
    #[arg(long, value_name = "MEMBER")]
    pub(crate) member: Option<String>,
    /// First day to read, such as 2026-01-31 [default: a week at first, then what is new]
    #[arg(long, value_name = "DATE")]
    pub(crate) since: Option<jiff::civil::Date>,
    /// Go on reading; end with Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
    /// Minutes between two looks
    #[arg(long, value_name = "MINUTES", requires = "watch", default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=1_440))]
    pub(crate) every: u64,
}

#[derive(Debug, Args)]
pub(crate) struct TandemDecodeArguments {
    /// Answer of Tandem Source in JSON, or records: raw, in base64, or as lines of hex digits (`-`: standard input)
    pub(crate) file: PathBuf,
    /// Where the pump's wearer lives, for example Europe/Berlin [default: this machine's zone]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// Name of the pump in the ids of samples [default: the assignment in the file, else `archive`]
    #[arg(long, value_name = "NAME")]
    pub(crate) pump: Option<String>,
    /// Strength of the insulin in units a millilitre
    #[arg(long, value_name = "STRENGTH", default_value = "100", value_parser = ["100", "200", "500"])]
    pub(crate) concentration: String,
    /// The records come from the pump itself, over Bluetooth
    #[arg(long)]
    pub(crate) bluetooth: bool,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Folder to store: each sub-folder is a family member (default: a small bundled one)
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// Leave both devices' homes and the store in this new or empty folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Play the hosted service: a subscription of a made-up App Store opens the account, ends, is renewed, is refunded
    #[arg(long)]
    pub(crate) hosted: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CacheArguments {
    /// Keep at most so much from now on (such as 500MiB or 4GiB); what was used longest ago goes first
    #[arg(long, value_name = "SIZE", value_parser = crate::style::read_size)]
    pub(crate) limit: Option<u64>,
    /// Take everything away now that can be fetched again
    #[arg(long)]
    pub(crate) clear: bool,
}

/// How the store is reached: through a broker with an invite, or directly with own keys.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("place").args(["broker", "s3"]).required(true))]
pub(crate) struct AccessArguments {
    /// Broker to sign in to
    #[arg(long, value_name = "URL")]
    pub(crate) broker: Option<Url>,
    /// The invite itself; other programs can see it here, so prefer --invite-file or TIDEGATE_INVITE
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["invite_file", "s3"])]
    pub(crate) invite: Option<String>,
    /// File that holds the invite (`-`: standard input; default: the environment's TIDEGATE_INVITE)
    #[arg(long, value_name = "FILE", conflicts_with = "s3")]
    pub(crate) invite_file: Option<PathBuf>,
    /// File with a StoreKit 2 transaction of a subscription: the JWS, or JSON with it and its deviceVerificationId (`-`: standard
    /// input)
    #[arg(long, value_name = "FILE", requires = "broker", conflicts_with_all = ["invite", "invite_file", "s3"])]
    pub(crate) transaction_file: Option<PathBuf>,
    /// Log in with an OpenID provider that the broker trusts
    #[arg(long, requires = "broker", conflicts_with_all = ["invite", "invite_file", "transaction_file", "s3"])]
    pub(crate) oidc: bool,
    /// Provider to log in with, by the broker's name for it or its address, where it trusts several
    #[arg(long, value_name = "ISSUER", requires = "oidc")]
    pub(crate) issuer: Option<String>,
    /// How to log in [default: by a code where provider and broker allow that, else in a browser on this machine]
    #[arg(long, value_name = "WAY", requires = "oidc")]
    pub(crate) login: Option<LoginWay>,
    /// File with an ID token that was got elsewhere: the token, or JSON with it and its nonceSalt (`-`: standard input)
    #[arg(long, value_name = "FILE", requires = "oidc", conflicts_with_all = ["issuer", "login"])]
    pub(crate) id_token_file: Option<PathBuf>,
    /// S3 store to use without a broker; keys come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN
    #[arg(long, value_name = "URL", requires = "bucket")]
    pub(crate) s3: Option<Url>,
    /// The store's bucket
    #[arg(long, value_name = "BUCKET", conflicts_with = "broker")]
    pub(crate) bucket: Option<String>,
    /// The store's region
    #[arg(long, value_name = "REGION", conflicts_with = "broker", default_value = "us-east-1")]
    pub(crate) region: String,
    /// Name the bucket in the host (bucket.host/key) and not in the path (host/bucket/key)
    #[arg(long, conflicts_with = "broker")]
    pub(crate) virtual_host: bool,
    /// Name by which the account's other devices know this one [default: the host's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) device_name: Option<String>,
}

/// How to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoginWay {
    /// A code that is typed in on any device
    Device,
    /// A browser on this machine
    Browser,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    #[command(flatten)]
    pub(crate) access: AccessArguments,
    /// Write the recovery code to this new file (mode 0600) and do not show it
    #[arg(long, value_name = "FILE")]
    pub(crate) recovery_file: Option<PathBuf>,
    /// Where the invite or subscription has an account whose recovery code and devices are all lost: ask that it lead to a new one, and
    /// a week later, with the same command, complete that
    #[arg(long, conflicts_with = "s3")]
    pub(crate) reset: bool,
}

#[derive(Debug, Args)]
pub(crate) struct JoinArguments {
    #[command(flatten)]
    pub(crate) access: AccessArguments,
    /// File that holds the recovery code (`-`: standard input) [default: ask for it]
    #[arg(long, value_name = "FILE")]
    pub(crate) recovery_file: Option<PathBuf>,
    /// Account to join, where the bucket holds more than one
    #[arg(long, value_name = "UUID", conflicts_with = "broker")]
    pub(crate) user_id: Option<UserId>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// Add a family member
    Add {
        /// The name; only your devices can read it
        name: String,
    },
    /// List family members
    List,
}

#[derive(Debug, Args)]
pub(crate) struct PutArguments {
    /// Files to store (`-`: standard input)
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Family member, by name or id
    #[arg(long, value_name = "MEMBER", required_unless_present = "id")]
    pub(crate) member: Option<String>,
    /// Kind of record, for example note or visit [default: by media type]
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Media type, for example text/plain [default: by the file name's extension]
    #[arg(long, value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    /// Record to which this is a new version; what no flag gives stays as it is
    #[arg(long, value_name = "RECORD")]
    pub(crate) id: Option<String>,
    /// Title [default: the file's name]
    #[arg(long, value_name = "TITLE")]
    pub(crate) title: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AttachArguments {
    /// Files to store (`-`: standard input)
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Family member, by name or id
    #[arg(long, value_name = "MEMBER")]
    pub(crate) member: String,
    /// Record to which the attachment belongs
    #[arg(long, value_name = "ID")]
    pub(crate) record: Option<String>,
    /// Name [default: the file's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only this family member's, by name or id
    #[arg(long, value_name = "MEMBER")]
    pub(crate) member: Option<String>,
    /// Only records of this kind
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Only what has been deleted
    #[arg(long)]
    pub(crate) deleted: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GcArguments {
    /// Say what would be deleted, and delete, move and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GetArguments {
    /// Record or attachment; the first characters of its id do
    pub(crate) id: String,
    /// Save to this file (`-`: standard output); needed with --json
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Version to get, as `history` names it [default: the current one]
    #[arg(long, value_name = "CID")]
    pub(crate) change: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// Record or attachment; the first characters of its id do
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    /// Record; the first characters of its id do
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// Record; the first characters of its id do
    pub(crate) id: String,
    /// Version to restore, as `history` names it
    #[arg(long, value_name = "CID")]
    pub(crate) change: String,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArguments {
    /// Record; the first characters of its id do
    pub(crate) id: String,
    /// Version to keep, as `conflicts` names it; of several the first stays the record, the others become records of their own
    #[arg(long, value_name = "CID", required = true, num_args = 1..)]
    pub(crate) keep: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DevicesArguments {
    #[command(subcommand)]
    pub(crate) command: Option<DevicesCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Put new keys in the place of the account's, so that a stolen device is shut out; it gives a new recovery code
    Rotate(AccountRotateArguments),
    /// Delete the account in two steps: the first says what would go, the second, with --confirm, does it
    Delete(AccountDeleteArguments),
}

#[derive(Debug, Args)]
pub(crate) struct AccountRotateArguments {
    /// File that holds the present recovery code (`-` for standard input); without it you are asked
    #[arg(long, value_name = "FILE")]
    pub(crate) recovery_file: Option<PathBuf>,
    /// Write the new recovery code to this new file instead of showing it
    #[arg(long, value_name = "FILE")]
    pub(crate) new_recovery_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AccountDeleteArguments {
    /// The account's id, as the first step shows it: delete it now, for good
    #[arg(long, value_name = "USER_ID")]
    pub(crate) confirm: Option<UserId>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DevicesCommand {
    /// Mark a device as retired, for all devices to see
    Retire {
        /// Device: its name, its id, or the first characters of it
        id: String,
    },
    /// Give this device another name
    Rename {
        /// This device: its name, its id, or the first characters of it
        id: String,
        /// The new name; only your devices can read it
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SyncArguments {
    /// Go on syncing: at once after an edit here, often while something is going on, seldom when nothing is; end with Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
    /// Most that this device's requests may cost in a month, in US dollars
    #[arg(long, value_name = "USD", requires = "watch", default_value_t = 0.05, value_parser = dollars)]
    pub(crate) budget: f64,
    /// Store whose prices count, as `cost` names it [default: by its address]
    #[arg(long, value_name = "STORE", requires = "watch")]
    pub(crate) store: Option<String>,
    /// List everything, and look again at what was set aside
    #[arg(long, conflicts_with = "watch")]
    pub(crate) full: bool,
    /// Send deletes even if they take more than a fifth of a family member's records
    #[arg(long, conflicts_with = "watch")]
    pub(crate) allow_mass_delete: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CostArguments {
    /// Devices of each user, all of them watching
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) devices: u64,
    /// Edits of each user in a day, over all devices
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=1_000_000))]
    pub(crate) edits_per_day: u64,
    /// Records that each user holds
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(..=100_000_000))]
    pub(crate) records: u64,
    /// Mean size of a record in the store, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    pub(crate) record_bytes: u64,
    /// Family members of each user
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(..=10_000))]
    pub(crate) members: u64,
    /// Users
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) users: u64,
    /// Store, for example r2 or aws-eu-central-1; all that are known are listed where it is none of them
    #[arg(long, value_name = "STORE", default_value = "aws-us-east-1")]
    pub(crate) store: String,
}

/// An amount of money.
fn dollars(text: &str) -> Result<f64, String> {
    let amount: f64 = text.parse().map_err(|_| "give an amount in US dollars, for example 0.05".to_owned())?;
    if (0.0..=1e6).contains(&amount) { Ok(amount) } else { Err("give an amount between 0 and 1000000".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn definitions_hold_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_place_is_required_and_only_one() {
        let parse = |arguments: &[&str]| Arguments::try_parse_from([&["tidegate", "init"], arguments].concat()).is_ok();
        assert!(!parse(&[]));
        assert!(parse(&["--broker", "http://127.0.0.1:1"]));
        assert!(parse(&["--s3", "http://127.0.0.1:1", "--bucket", "b"]));
        assert!(!parse(&["--s3", "http://127.0.0.1:1"]));
        assert!(!parse(&["--s3", "http://127.0.0.1:1", "--bucket", "b", "--broker", "http://127.0.0.1:1"]));
        assert!(!parse(&["--s3", "http://127.0.0.1:1", "--bucket", "b", "--invite", "i"]));
        assert!(!parse(&["--broker", "http://127.0.0.1:1", "--invite", "i", "--invite-file", "f"]));
        assert!(parse(&["--broker", "http://127.0.0.1:1", "--transaction-file", "f"]));
        assert!(!parse(&["--broker", "http://127.0.0.1:1", "--transaction-file", "f", "--invite-file", "f"]));
        assert!(!parse(&["--s3", "http://127.0.0.1:1", "--bucket", "b", "--transaction-file", "f"]));
    }

    #[test]
    fn flags_of_the_other_place_are_refused() {
        let broker = ["tidegate", "join", "--broker", "http://127.0.0.1:1"];
        for more in [
            &["--bucket", "b"][..],
            &["--region", "r"],
            &["--virtual-host"],
            &["--user-id", "00000000-0000-4000-8000-000000000000"],
        ] {
            assert!(Arguments::try_parse_from([&broker, more].concat()).is_err(), "{more:?}");
        }
    }

    #[test]
    fn a_member_is_required_unless_the_record_names_it() {
        let parse = |arguments: &[&str]| Arguments::try_parse_from([&["tidegate", "put", "f"], arguments].concat()).is_ok();
        assert!(!parse(&[]));
        assert!(parse(&["--member", "Ada"]));
        assert!(parse(&["--id", "3f2a"]));
    }
}
