//! `tandem login`, `tandem logout`

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;
use tidegate_protocol::MemberId;
use tidegate_sync_client::SecretString;
use tidegate_sync_client::tandem::{Login, Service, TandemAccount, TandemSetup};
use zeroize::Zeroizing;

use super::super::Context;
use super::pumps::{PumpDocument, table};
use super::{concentration, strength, zone};
use crate::arguments::TandemLoginArguments;
use crate::failure::Failure;
use crate::style::{count, shown};
use crate::{input, item};

const NAME: &str = "TIDEGATE_TANDEM_USERNAME";
const PASSWORD: &str = "TIDEGATE_TANDEM_PASSWORD";

#[derive(Serialize)]
struct LoginDocument {
    member_id: MemberId,
    region: &'static str,
    zone: String,
    concentration: u16,
    pumps: Vec<PumpDocument>,
}

pub(in crate::commands) async fn login(context: &Context, arguments: &TandemLoginArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let member = item::member(&client, &arguments.member)?;
    let before = client.tandem_accounts()?.into_iter().find(|account| account.member == member.member_id);
    let setup = setup(context, arguments, before.as_ref())?;
    let login = credentials(arguments)?;
    let account = client.tandem_login(member.member_id, &setup, &login, arguments.again).await?;
    drop(login);
    let document = LoginDocument {
        member_id: account.member,
        region: account.setup.region.name(),
        zone: account.setup.zone.name().to_owned(),
        concentration: strength(account.setup.concentration),
        pumps: account.pumps.iter().map(PumpDocument::from).collect(),
    };
    context.output.result(&document, |style| {
        let pumps = count(account.pumps.len(), "pump");
        let done = format!("{} {} is logged in at Tandem Source: {pumps}", style.good("✓"), style.bold(shown(&member.name)));
        format!("{done}\n\n{}\nNext: {}\n", table(&account.pumps, style), style.code("tidegate tandem ingest"))
    })
}

/// What the flags say; what they leave out stays as it was.
fn setup(context: &Context, arguments: &TandemLoginArguments, before: Option<&TandemAccount>) -> Result<TandemSetup, Failure> {
    let zone = match (&arguments.zone, before) {
        (None, Some(before)) => before.setup.zone.clone(),
        (named, _) => zone(context, named.as_deref())?,
    };
    let concentration = match (&arguments.concentration, before) {
        (Some(named), _) => concentration(named),
        (None, before) => before.map(|before| before.setup.concentration).unwrap_or_default(),
    };
    let region = arguments.region.parse().map_err(|error| Failure::bug(format!("{error}")))?;
    let service = |base: &url::Url| Service { base: base.to_string(), client_id: arguments.service_client.clone() };
    Ok(TandemSetup { region, zone, concentration, service: arguments.service.as_ref().map(service) })
}

/// Name and password: from a file, from the environment, or from a person. Never from arguments, which every program on the
/// machine can read.
fn credentials(arguments: &TandemLoginArguments) -> Result<Login, Failure> {
    if let Some(path) = &arguments.credentials_file {
        let text = input::read_secret(path)?;
        let mut lines = text.lines().map(str::trim);
        return match (lines.next(), lines.next(), lines.next()) {
            (Some(name), Some(password), None) if !name.is_empty() && !password.is_empty() => Ok(login_of(name, password)),
            _ => {
                let message = format!("{} does not hold a name and a password", input::display(path));
                Err(Failure::invalid(
                    "tandem-credentials-malformed",
                    message,
                    "write the name in its first line and the password in its second",
                ))
            }
        };
    }
    let from_environment = |name| std::env::var(name).ok().filter(|value| !value.is_empty()).map(Zeroizing::new);
    if let (Some(name), Some(password)) = (from_environment(NAME), from_environment(PASSWORD)) {
        return Ok(login_of(&name, &password));
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "tandem-credentials-missing",
            "no name and password were given, and there is no terminal to ask at",
            format!("pass --credentials-file FILE (`-` reads standard input), or set {NAME} and {PASSWORD}"),
        ));
    }
    ask().map_err(|error| {
        let message = format!("name and password could not be read from the terminal: {error}");
        Failure::invalid("prompt-failed", message, "pass --credentials-file FILE")
    })
}

fn ask() -> io::Result<Login> {
    let mut name = Zeroizing::new(String::new());
    write!(io::stderr(), "Name at Tandem Source (mostly an e-mail address): ")?;
    io::stdin().read_line(&mut name)?;
    let password = Zeroizing::new(rpassword::prompt_password("Password (not shown as you type): ")?);
    Ok(login_of(name.trim(), &password))
}

fn login_of(name: &str, password: &str) -> Login {
    Login::new(name, SecretString::from(password))
}

#[derive(Serialize)]
struct LogoutDocument {
    member_id: MemberId,
    forgotten: bool,
}

pub(in crate::commands) async fn logout(context: &Context, member: &str) -> Result<(), Failure> {
    let client = context.open()?;
    let member = item::member(&client, member)?;
    let forgotten = client.tandem_logout(member.member_id).await?;
    context.output.result(&LogoutDocument { member_id: member.member_id, forgotten }, |style| {
        let name = style.bold(shown(&member.name));
        if forgotten {
            format!("{} the login of {name} is forgotten; samples stay\n", style.good("✓"))
        } else {
            format!("{name} was not logged in\n")
        }
    })
}
