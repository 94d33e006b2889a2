//! What an app asks the relay for. A body that cannot be read is refused without a word of it: it holds a password.

use axum::body::Bytes;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tidegate_protocol::problem::ProblemCode;
use tidegate_tandem::Zone;
use tidegate_tandem::source::{Login, Region};

use crate::problem::Problem;

/// The longest name and password, in bytes.
const MOST_BYTES: usize = 256;
/// The days of a sync that does not say from when.
const USUAL_DAYS: i64 = 7;
/// The longest time that a sync may ask for, in days.
const MOST_DAYS: i64 = 28;

/// The body of `POST /v1/tandem/credentials/validate`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ValidateRequest {
    pub(super) tandem: TandemAccount,
}

/// The body of `POST /v1/sync/tandem`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SyncRequest {
    pub(super) tandem: TandemAccount,
    /// One pump, by its assignment or serial number; without it all of the account's.
    pub(super) device_id: Option<String>,
    /// From when: an instant (RFC 3339), or a day. Without it seven days before the end.
    min_date: Option<String>,
    /// Until when: an instant, or a day, which is included. Without it the present.
    max_date: Option<String>,
    /// Where the wearer lives, such as `Europe/Berlin`. A pump's clock has no zone, and no server's zone is the wearer's.
    time_zone_identifier: Option<String>,
}

/// An account at Tandem.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct TandemAccount {
    username: String,
    #[schema(value_type = String)]
    password: SecretString,
    /// `us` or `eu`, in letters of either case.
    region: String,
}

/// An account at Tandem that can be tried.
pub(super) struct Credentials {
    pub(super) region: Region,
    pub(super) login: Login,
}

/// What a sync is to read.
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) zone: Zone,
    pub(super) rules: TimeZone,
}

/// A body of JSON.
///
/// # Errors
/// If it is not what this route takes.
pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|_| Problem::new(ProblemCode::InvalidJson, "the body is not the JSON of this route"))
}

impl TandemAccount {
    pub(super) fn credentials(self) -> Result<Credentials, Problem> {
        let region = self.region.parse().map_err(|_| invalid("tandem.region must be us or eu"))?;
        let login = Login::new(self.username, self.password);
        let password = secrecy::ExposeSecret::expose_secret(&login.password).len();
        let is_sized = [login.username.len(), password].iter().all(|bytes| (1..=MOST_BYTES).contains(bytes));
        if is_sized {
            Ok(Credentials { region, login })
        } else {
            Err(invalid("tandem.username or tandem.password is empty or too long"))
        }
    }
}

impl SyncRequest {
    pub(super) fn span(&self, now: Timestamp) -> Result<Span, Problem> {
        let name = self.time_zone_identifier.as_deref();
        let name = name.ok_or_else(|| invalid("timeZoneIdentifier is needed: a pump's clock has no zone"))?;
        let unknown = || invalid("timeZoneIdentifier is no time zone of the IANA data");
        let zone = Zone::named(name).map_err(|_| unknown())?;
        let rules = TimeZone::get(name).map_err(|_| unknown())?;
        let until = self.max_date.as_deref().map(|text| instant(text, &rules, true).ok_or_else(|| invalid("maxDate is no time")));
        let until = until.transpose()?.unwrap_or(now).min(now);
        let from = self.min_date.as_deref().map(|text| instant(text, &rules, false).ok_or_else(|| invalid("minDate is no time")));
        let usual = until.saturating_sub(SignedDuration::from_hours(24 * USUAL_DAYS)).unwrap_or(until);
        let from = from.transpose()?.unwrap_or(usual);
        if from >= until || until.duration_since(from) > SignedDuration::from_hours(24 * MOST_DAYS + 1) {
            return Err(invalid("minDate must be before maxDate and the present, by at most 28 days"));
        }
        Ok(Span { from, until, zone, rules })
    }
}

/// An instant, or the beginning or the end of a day.
fn instant(text: &str, zone: &TimeZone, is_end: bool) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let day: Date = text.parse().ok().filter(|_| text.len() == 10)?;
    let day = if is_end { day.tomorrow().ok()? } else { day };
    day.to_zoned(zone.clone()).ok().map(|day| day.timestamp())
}

fn invalid(message: &str) -> Problem {
    Problem::new(ProblemCode::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(min: Option<&str>, max: Option<&str>, zone: Option<&str>) -> Result<(String, String), ProblemCode> {
        let account = TandemAccount { username: "e".to_owned(), password: "p".into(), region: "EU".to_owned() };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let request = SyncRequest {
            tandem: account,
            device_id: None,
            min_date: owned(min),
            max_date: owned(max),
            time_zone_identifier: owned(zone),
        };
        let span = request.span("2026-11-22T10:00:00Z".parse().unwrap()).map_err(|problem| problem.code)?;
        Ok((span.from.to_string(), span.until.to_string()))
    }

    #[test]
    fn a_span_is_seven_days_unless_it_is_said_and_ends_at_the_present() {
        let berlin = Some("Europe/Berlin");
        let texts = |from: &str, until: &str| Ok((from.to_owned(), until.to_owned()));
        assert_eq!(asked(None, None, berlin), texts("2026-11-15T10:00:00Z", "2026-11-22T10:00:00Z"));
        assert_eq!(asked(Some("2026-11-20"), Some("2026-11-20"), berlin), texts("2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z"));
        assert_eq!(
            asked(Some("2026-11-20T01:00:00+01:00"), Some("2027-01-01"), berlin),
            texts("2026-11-20T00:00:00Z", "2026-11-22T10:00:00Z")
        );
        for (min, max, zone) in [
            (None, None, None),
            (None, None, Some("Europe/Nowhere")),
            (Some("2026-10-01"), None, berlin),
            (Some("2026-11-23"), None, berlin),
            (Some("yesterday"), None, berlin),
            (None, Some("0000-00-00"), berlin),
        ] {
            assert_eq!(asked(min, max, zone), Err(ProblemCode::InvalidRequest), "{min:?} {max:?} {zone:?}");
        }
    }

    #[test]
    fn a_body_is_refused_without_a_word_of_it() {
        let body = Bytes::from_static(br#"{"tandem": {"username": "erika", "password": ["planted"], "region": "eu"}}"#);
        let Err(problem) = read::<ValidateRequest>(&body) else { panic!("it was read") };
        assert!(!format!("{problem:?}").contains("planted"));
        for (username, region) in [("", "eu"), ("erika", "ca")] {
            let account = TandemAccount { username: username.to_owned(), password: "planted".into(), region: region.to_owned() };
            assert!(account.credentials().is_err());
        }
    }
}
