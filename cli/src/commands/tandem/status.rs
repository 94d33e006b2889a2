//! `tandem status`: who is logged in, and how far each pump was read. No request is made.

use serde::Serialize;
use tidegate_protocol::MemberId;

use super::super::Context;
use super::pumps::{PumpDocument, table};
use super::{name_of, strength};
use crate::failure::Failure;
use crate::style::shown;

#[derive(Serialize)]
struct StatusDocument {
    accounts: Vec<AccountDocument>,
}

#[derive(Serialize)]
struct AccountDocument {
    member_id: MemberId,
    member: String,
    region: &'static str,
    zone: String,
    concentration: u16,
    token_until: Option<String>,
    failed_logins: u32,
    not_before: Option<String>,
    pumps: Vec<PumpDocument>,
}

pub(in crate::commands) fn status(context: &Context) -> Result<(), Failure> {
    let client = context.open()?;
    let accounts = client.tandem_accounts()?;
    let mut documents = Vec::new();
    for account in &accounts {
        documents.push(AccountDocument {
            member_id: account.member,
            member: name_of(&client, account.member)?,
            region: account.setup.region.name(),
            zone: account.setup.zone.name().to_owned(),
            concentration: strength(account.setup.concentration),
            token_until: account.token_until.map(|at| at.to_string()),
            failed_logins: account.failed_logins,
            not_before: account.not_before.map(|at| at.to_string()),
            pumps: account.pumps.iter().map(PumpDocument::from).collect(),
        });
    }
    let document = StatusDocument { accounts: documents };
    context.output.result(&document, |style| {
        if accounts.is_empty() {
            return format!("Nobody is logged in at Tandem Source: {}\n", style.code("tidegate tandem login"));
        }
        let sections = accounts.iter().zip(&document.accounts).map(|(account, told)| {
            let name = style.bold(shown(&told.member));
            let mut text = format!("{name}, region {}, {}, U-{}\n", told.region, told.zone, told.concentration);
            if account.failed_logins > 0 {
                let until = told.not_before.as_deref().map(|until| format!(", none before {until}")).unwrap_or_default();
                text.push_str(&format!(
                    "{} {} failed{until}\n",
                    style.warning("!"),
                    crate::style::count(account.failed_logins as usize, "login")
                ));
            }
            text + &table(&account.pumps, style)
        });
        sections.collect::<Vec<_>>().join("\n")
    })
}
