//! How a family member's account at the vendor is read.

use serde::{Deserialize, Serialize};
use tidegate_tandem::source::{Endpoints, Region};
use tidegate_tandem::{Concentration, Zone};
use url::Url;

use crate::error::Error;

/// How an account is read. Zone and concentration belong to the whole of a pump's log: they stay from the first reading on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TandemSetup {
    /// Where the account is: one of the other region is "wrong password" there.
    pub region: Region,
    /// Where the pump's wearer lives.
    pub zone: Zone,
    /// What is in the cartridge.
    pub concentration: Concentration,
    /// Another place than the vendor's own; for tests.
    pub service: Option<Service>,
}

/// A service that has everything below one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The address.
    pub base: String,
    /// What it calls this program.
    pub client_id: String,
}

/// The same as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct SetupJson {
    region: Region,
    zone: String,
    concentration: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service: Option<Service>,
}

impl TandemSetup {
    /// Where its requests go.
    pub(super) fn endpoints(&self) -> Result<Endpoints, Error> {
        let Some(Service { base, client_id }) = &self.service else { return Ok(Endpoints::of(self.region)) };
        let unusable = || Error::InvalidSetting {
            setting: "address of the service",
            value: base.clone(),
            reason: "it is no address that others can be below".to_owned(),
        };
        Url::parse(base).ok().and_then(|base| Endpoints::below(&base, client_id)).ok_or_else(unusable)
    }

    /// Which setting differs that no reading may change: the samples read before would be others.
    pub(super) fn check_unchanged(&self, before: &Self) -> Result<(), Error> {
        let differs = |setting, value: String, before: String| Error::InvalidSetting {
            setting,
            value,
            reason: format!("the pump's log was read with {before} before, and samples would change their meaning"),
        };
        if self.zone != before.zone {
            return Err(differs("zone", self.zone.name().to_owned(), before.zone.name().to_owned()));
        }
        if self.concentration != before.concentration {
            let name = |concentration| format!("U-{}", strength(concentration));
            return Err(differs("concentration", name(self.concentration), name(before.concentration)));
        }
        Ok(())
    }
}

/// Units a millilitre.
pub(super) const fn strength(concentration: Concentration) -> u16 {
    match concentration {
        Concentration::U100 => 100,
        Concentration::U200 => 200,
        Concentration::U500 => 500,
    }
}

impl From<&TandemSetup> for SetupJson {
    fn from(setup: &TandemSetup) -> Self {
        let TandemSetup { region, zone, concentration, service } = setup;
        Self { region: *region, zone: zone.name().to_owned(), concentration: strength(*concentration), service: service.clone() }
    }
}

impl TryFrom<SetupJson> for TandemSetup {
    type Error = Error;

    fn try_from(json: SetupJson) -> Result<Self, Error> {
        let damaged = |reason: String| Error::DatabaseDamaged { reason };
        let concentration = match json.concentration {
            100 => Concentration::U100,
            200 => Concentration::U200,
            500 => Concentration::U500,
            other => return Err(damaged(format!("no insulin has {other} units a millilitre"))),
        };
        let zone = Zone::named(&json.zone).map_err(|error| damaged(error.to_string()))?;
        Ok(Self { region: json.region, zone, concentration, service: json.service })
    }
}
