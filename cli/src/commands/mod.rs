//! One file a command.

mod account;
mod attach;
mod cache;
mod clock_warning;
mod conflicts;
mod cost;
mod delete;
mod devices;
mod doctor;
mod doubts;
mod export;
mod gc;
mod get;
mod health;
mod history;
mod init;
mod join;
mod list;
mod logout;
mod member;
mod put;
mod reader;
mod rebuild;
mod resolve;
mod restore;
mod rotate;
mod status;
mod sync;
mod tandem;
mod watch;

use std::path::PathBuf;

use tidegate_sync_client::{Options, SyncClient};

use crate::arguments::{AccountCommand, Arguments, Command, DevicesCommand, HealthCommand, MemberCommand, TandemCommand};
#[cfg(feature = "demo")]
use crate::demo;
use crate::failure::Failure;
use crate::home;
use crate::output::Output;

#[cfg(feature = "demo")]
pub(crate) use self::{list::tables, put::kind_of};

/// What every command needs.
pub(crate) struct Context {
    pub(crate) home: PathBuf,
    pub(crate) output: Output,
}

impl Context {
    /// The client of this home, without a word to the network.
    pub(crate) fn open(&self) -> Result<SyncClient, Failure> {
        Ok(SyncClient::open(&self.home, Options::default())?)
    }
}

/// Does what was asked.
pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<(), Failure> {
    let context = Context { home: home::resolve(arguments.global.home.as_deref())?, output };
    match arguments.command {
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => demo::run(&arguments, output).await,
        Command::Init(arguments) => init::run(&context, &arguments).await,
        Command::Join(arguments) => join::run(&context, &arguments).await,
        Command::Member(MemberCommand::Add { name }) => member::add(&context, &name),
        Command::Member(MemberCommand::List) => member::list(&context),
        Command::Put(arguments) => put::run(&context, &arguments),
        Command::Attach(arguments) => attach::run(&context, &arguments),
        Command::List(arguments) => list::run(&context, &arguments),
        Command::Get(arguments) => get::run(&context, &arguments).await,
        Command::Delete(arguments) => delete::run(&context, &arguments),
        Command::History(arguments) => history::run(&context, &arguments),
        Command::Conflicts => conflicts::run(&context),
        Command::Restore(arguments) => restore::run(&context, &arguments).await,
        Command::Resolve(arguments) => resolve::run(&context, &arguments).await,
        Command::Sync(arguments) if arguments.watch => watch::run(&context, &arguments).await,
        Command::Sync(arguments) => sync::run(&context, &arguments).await,
        Command::Status => status::run(&context),
        Command::Doctor => doctor::run(&context).await,
        Command::Devices(arguments) => match arguments.command {
            None => devices::list(&context).await,
            Some(DevicesCommand::Retire { id }) => devices::retire(&context, &id).await,
            Some(DevicesCommand::Rename { id, name }) => devices::rename(&context, &id, &name).await,
        },
        Command::Account(AccountCommand::Rotate(arguments)) => rotate::run(&context, &arguments).await,
        Command::Account(AccountCommand::Delete(arguments)) => account::delete(&context, &arguments).await,
        Command::Logout => logout::run(&context).await,
        Command::Gc(arguments) => gc::run(&context, &arguments).await,
        Command::Cost(arguments) => cost::run(&context, &arguments),
        Command::Cache(arguments) => cache::run(&context, &arguments),
        Command::Rebuild => rebuild::run(&context).await,
        Command::Tandem(TandemCommand::Decode(arguments)) => tandem::decode(&context, &arguments),
        Command::Tandem(TandemCommand::Login(arguments)) => tandem::login(&context, &arguments).await,
        Command::Tandem(TandemCommand::Logout { member }) => tandem::logout(&context, &member).await,
        Command::Tandem(TandemCommand::Status) => tandem::status(&context),
        Command::Tandem(TandemCommand::Ingest(arguments)) => tandem::ingest(&context, &arguments).await,
        Command::Health(HealthCommand::Pending(arguments)) => health::pending(&context, &arguments).await,
        Command::Health(HealthCommand::Confirm(arguments)) => health::confirm(&context, &arguments).await,
        Command::Health(HealthCommand::Stores(arguments)) => health::stores(&context, &arguments).await,
        Command::Export(arguments) => export::run(&context, &arguments).await,
    }
}
