//! `GET /v1/devices`, `DELETE /v1/devices/{device}` and `POST /v1/session/logout`: which devices have sessions, and how they end.
//!
//! Devices' names are sealed in their own files; the broker knows ids and times alone.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::key::DeviceId;
use crate::wire::timestamp;

/// Most devices that one reply names: those whose sessions were renewed last.
pub const MAX_LISTED_DEVICES: usize = 100;

/// Whether a device can renew its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DeviceStanding {
    /// It can.
    Active,
    /// Its session was ended: it may sign in again.
    Ended,
    /// It did not renew its session in time: it may sign in again.
    Expired,
    /// It was revoked for good.
    Revoked,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A device that has or had a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeviceEntry {
    /// The device.
    pub device_id: DeviceId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When it signed in last.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: OffsetDateTime,
    /// When its renewal token was last replaced: renewals of the day after leave no trace. On a store that cannot replace by
    /// compare-and-swap, when it signed in.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_renewed_at: OffsetDateTime,
    /// Whether it can renew its session.
    pub standing: DeviceStanding,
}

/// Reply of `GET /v1/devices`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DevicesReply {
    /// The devices, the one renewed last first; at most [`MAX_LISTED_DEVICES`].
    pub devices: Vec<DeviceEntry>,
    /// Whether the account has more.
    pub more: bool,
}

/// Body of `POST /v1/session/logout`: ends the caller's own session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogoutRequest {}

/// Reply where sessions were ended: how long what is out already goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionsEndedReply {
    /// Seconds within which every replica refuses the access tokens.
    pub tokens_end_within_seconds: u32,
    /// Seconds within which URLs that were signed for them have ended.
    pub urls_end_within_seconds: u32,
}
