//! Events that are samples as they are: what the wearer or the pump did that explains the rest.

use std::collections::BTreeMap;

use super::maker::{Maker, Name};
use crate::event::{Body, Event, EventId};
use crate::sample::{Happening, What};

pub(super) fn make(events: &BTreeMap<EventId, Event>, maker: &mut Maker<'_>) {
    for event in events.values().filter(|event| is_worth_knowing(&event.body)) {
        let reading = maker.reading(event);
        let what = Happening { event: event.body.name().to_owned(), fields: event.body.fields() };
        maker.push(&Name { event: event.id, part: "event" }, (reading, reading), 1, What::Event(what));
    }
}

const fn is_worth_knowing(body: &Body) -> bool {
    match body {
        Body::Alert(_)
        | Body::Alarm(_)
        | Body::Malfunction(_)
        | Body::Suspended(_)
        | Body::Resumed(_)
        | Body::TimeChanged(_)
        | Body::DateChanged(_)
        | Body::AlertCleared(_)
        | Body::AlarmCleared(_)
        | Body::CartridgeFilled(_)
        | Body::CannulaFilled(_)
        | Body::TubingFilled(_)
        | Body::G6SessionStarted(_)
        | Body::G6SessionJoined(_)
        | Body::G6SessionStopped(_)
        | Body::ModeChanged(_)
        | Body::LoopChanged(_)
        | Body::SensorAlert(_)
        | Body::SensorAlertCleared(_)
        | Body::SensorAlertAcknowledged(_)
        | Body::G7SessionJoined(_)
        | Body::Libre2SessionStarted(_)
        | Body::Libre2SessionStopped(_)
        | Body::Libre2SessionJoined(_)
        | Body::G7SessionStopped(_)
        | Body::Libre3SessionJoined(_)
        | Body::Libre3SessionStopped(_) => true,
        Body::BasalRateChanged(_)
        | Body::BloodGlucose(_)
        | Body::BolusCompleted(_)
        | Body::ExtendedBolusCompleted(_)
        | Body::UsbConnected(_)
        | Body::CarbohydratesEntered(_)
        | Body::BolusStarted(_)
        | Body::ExtendedBolusStarted(_)
        | Body::BolusRequested1(_)
        | Body::BolusRequested2(_)
        | Body::BolusRequested3(_)
        | Body::DailyBasal(_)
        | Body::NewDay(_)
        | Body::G6Reading(_)
        | Body::BasalDelivery(_)
        | Body::BolusDelivery(_)
        | Body::Versions(_)
        | Body::DailyStatus(_)
        | Body::Libre2Reading(_)
        | Body::G7Reading(_)
        | Body::Libre3Reading(_)
        | Body::Unknown(_)
        | Body::Unread { .. } => false,
    }
}
