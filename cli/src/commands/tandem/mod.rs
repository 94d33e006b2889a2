//! What concerns insulin pumps: archives, logins at the vendor, reading logs.

mod decode;
mod ingest;
mod login;
mod pumps;
mod status;

use tidegate_sync_client::SyncClient;
use tidegate_tandem::{Concentration, Zone};

use super::Context;
use crate::failure::Failure;

pub(super) use decode::decode;
pub(super) use ingest::ingest;
pub(super) use login::{login, logout};
pub(super) use status::status;

/// The wearer's zone; this machine's, if none is named.
fn zone(context: &Context, named: Option<&str>) -> Result<Zone, Failure> {
    if let Some(named) = named {
        let help = "name a zone of the IANA data, for example Europe/Berlin or America/New_York";
        return Zone::named(named).map_err(|error| Failure::invalid("zone-unknown", error.to_string(), help));
    }
    let of_machine = iana_time_zone::get_timezone().ok().and_then(|name| Zone::named(&name).ok());
    if let Some(zone) = of_machine {
        context.output.note(&format!("times are read as those of {}; --zone names another zone", zone.name()));
        return Ok(zone);
    }
    context.output.warn("this machine's time zone is not known: times are read as UTC; --zone names the wearer's");
    Zone::named("UTC").map_err(|error| Failure::bug(error.to_string()))
}

/// Units a millilitre; the parser lets no others through.
fn concentration(strength: &str) -> Concentration {
    match strength {
        "200" => Concentration::U200,
        "500" => Concentration::U500,
        _ => Concentration::U100,
    }
}

/// The same in words.
const fn strength(concentration: Concentration) -> u16 {
    match concentration {
        Concentration::U100 => 100,
        Concentration::U200 => 200,
        Concentration::U500 => 500,
    }
}

/// What a family member is called; the id, if the member is not here any more.
fn name_of(client: &SyncClient, member: tidegate_protocol::MemberId) -> Result<String, Failure> {
    let members = client.members()?;
    let found = members.into_iter().find(|known| known.member_id == member);
    Ok(found.map_or_else(|| member.to_string(), |known| known.name))
}
