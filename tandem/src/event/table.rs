//! Every event that this version knows: its code, its name, and each field's meaning, place in a record and name in JSON. This
//! is the one place where a layout is written. Facts: the source code of public clients, see `docs/tandem.md`.

use super::Payload;
use super::bits::{BasalChanges, BolusParts, Features, ReadingChecks, ReadingKinds, SleepSchedules};
use super::choice::{
    AcknowledgedBy, BasalSource, BolusOption, BolusSource, BolusType, Completion, DeliveryStatus, GlucoseEntry, GlucoseSource,
    GlucoseStatus, IobKind, LoopState, ModeAction, SensorType, SuspendReason, UserMode,
};
use super::define::events;
use super::raw::{FieldError, Fields, Raw, Slot, Value, Wire};
use crate::units::{
    BolusId, CarbRatio, Days, Diagnostic, Grams, MgDl, MgDlPerUnit, Milliamperes, Milliseconds, Milliunits, MilliunitsPerHour,
    Millivolts, Minutes, Percent, Prime, PumpDays, PumpSeconds, SensorSeconds, Trend, Units, UnitsPerHour, WholeUnits,
};

events! {
    /// The basal rate changed.
    3 "basal-rate-changed" BasalRateChanged {
        /// The rate from now on.
        commanded: UnitsPerHour = F32 @ 0 "commandedBasalRate",
        /// The rate of the profile.
        base: Option<UnitsPerHour> = F32 @ 4 "baseBasalRate",
        /// The greatest rate allowed.
        most: Option<UnitsPerHour> = F32 @ 8 "maxBasalRate",
        /// Why.
        changes: Option<BasalChanges> = U8 @ 13 "changeType",
        /// The profile.
        profile: Option<u16> = U16 @ 14 "idp",
    }

    /// An alert was raised.
    4 "alert" Alert {
        /// Which, as the vendor numbers them.
        id: u32 = U32 @ 0 "alertId",
        /// Where the pump's software noticed it.
        fault_location: Option<u32> = U32 @ 4 "faultLocatorData",
        /// A diagnostic value.
        first: Option<u32> = U32 @ 8 "param1",
        /// A diagnostic value.
        second: Option<Diagnostic> = F32 @ 12 "param2",
    }

    /// An alarm was raised: delivery may have stopped.
    5 "alarm" Alarm {
        /// Which, as the vendor numbers them.
        id: u32 = U32 @ 0 "alarmId",
        /// Where the pump's software noticed it.
        fault_location: Option<u32> = U32 @ 4 "faultLocatorData",
        /// A diagnostic value.
        first: Option<u32> = U32 @ 8 "param1",
        /// A diagnostic value.
        second: Option<Diagnostic> = F32 @ 12 "param2",
    }

    /// The pump malfunctions.
    6 "malfunction" Malfunction {
        /// Which, as the vendor numbers them.
        id: u32 = U32 @ 0 "malfId",
        /// Where the pump's software noticed it.
        fault_location: Option<u32> = U32 @ 4 "faultLocatorData",
        /// A diagnostic value.
        first: Option<u32> = U32 @ 8 "param1",
        /// A diagnostic value.
        second: Option<Diagnostic> = F32 @ 12 "param2",
    }

    /// Delivery of all insulin was suspended.
    11 "suspended" Suspended {
        /// The pump's state before, as the vendor numbers them.
        state_before: Option<u32> = U32 @ 0 "preSuspendState",
        /// Minutes until the pump reminds the wearer.
        reminder: Option<Minutes> = U8 @ 4 "rpaTimeout",
        /// Why.
        reason: Option<SuspendReason> = U8 @ 5 "suspendReason",
        /// What is left in the cartridge.
        remaining: Option<WholeUnits> = U16 @ 6 "insulinAmount",
    }

    /// Delivery was resumed.
    12 "resumed" Resumed {
        /// The pump's state before, as the vendor numbers them.
        state_before: Option<u32> = U32 @ 0 "preResumeState",
        /// What is left in the cartridge.
        remaining: Option<WholeUnits> = U16 @ 6 "insulinAmount",
    }

    /// The pump's time of day was set.
    13 "time-changed" TimeChanged {
        /// Time of day before.
        before: Milliseconds = U32 @ 0 "timePrior",
        /// Time of day after.
        after: Milliseconds = U32 @ 4 "timeAfter",
        /// A clock that runs on.
        uptime: Option<Milliseconds> = U32 @ 8 "rawRtcTime",
    }

    /// The pump's date was set.
    14 "date-changed" DateChanged {
        /// Date before.
        before: PumpDays = U32 @ 0 "datePrior",
        /// Date after.
        after: PumpDays = U32 @ 4 "dateAfter",
        /// A clock that runs on.
        uptime: Option<Milliseconds> = U32 @ 8 "rawRtcTime",
    }

    /// A blood glucose was entered.
    16 "blood-glucose" BloodGlucose {
        /// How it came into the pump.
        entry: Option<GlucoseEntry> = U8 @ 0 "bgEntryType",
        /// Whether it calibrates the sensor.
        calibrates: Option<bool> = U8 @ 1 "cgmCalibration",
        /// Glucose.
        glucose: MgDl = U16 @ 2 "bg",
        /// Insulin on board.
        iob: Option<Units> = F32 @ 4 "iob",
        /// Correction factor.
        correction_factor: Option<MgDlPerUnit> = U16 @ 8 "isf",
        /// Target.
        target: Option<MgDl> = U16 @ 10 "targetBg",
        /// Where it was entered.
        source: Option<GlucoseSource> = U8 @ 14 "bgSourceType",
        /// How insulin on board was computed.
        iob_kind: Option<IobKind> = U8 @ 15 "selectedIob",
    }

    /// The part of a bolus that is delivered at once has ended, all of it delivered or not.
    20 "bolus-completed" BolusCompleted {
        /// The bolus.
        bolus: BolusId = U16 @ 0 "bolusId",
        /// How it ended.
        completion: Completion = U16 @ 2 "completionStatus",
        /// Insulin on board.
        iob: Option<Units> = F32 @ 4 "iob",
        /// Delivered, of this part alone.
        delivered: Units = F32 @ 8 "insulinDelivered",
        /// Asked for, of this part alone.
        requested: Option<Units> = F32 @ 12 "insulinRequested",
    }

    /// The part of a bolus that is delivered over time has ended, all of it delivered or not.
    21 "extended-bolus-completed" ExtendedBolusCompleted {
        /// The bolus.
        bolus: BolusId = U16 @ 0 "bolusId",
        /// How it ended.
        completion: Completion = U16 @ 2 "completionStatus",
        /// Insulin on board.
        iob: Option<Units> = F32 @ 4 "iob",
        /// Delivered, of this part alone.
        delivered: Units = F32 @ 8 "insulinDelivered",
        /// Asked for, of this part alone.
        requested: Option<Units> = F32 @ 12 "insulinRequested",
    }

    /// An alert was cleared.
    26 "alert-cleared" AlertCleared {
        /// Which, as the vendor numbers them.
        id: u32 = U32 @ 0 "alertId",
        /// Where the pump's software noticed it.
        fault_location: Option<u32> = U32 @ 4 "faultLocatorData",
    }

    /// An alarm was cleared.
    28 "alarm-cleared" AlarmCleared {
        /// Which, as the vendor numbers them.
        id: u32 = U32 @ 0 "alarmId",
    }

    /// A cartridge was filled.
    33 "cartridge-filled" CartridgeFilled {
        /// Insulin in it.
        volume: Option<WholeUnits> = U32 @ 0 "insulinVolume",
        /// The same, as later pumps measure it.
        measured: Option<Units> = F32 @ 4 "v2Volume",
    }

    /// A cable was plugged in.
    36 "usb-connected" UsbConnected {
        /// Current agreed on.
        current: Option<Milliamperes> = F32 @ 0 "negotiatedCurrent",
    }

    /// Carbohydrates were entered; a bolus request repeats them.
    48 "carbohydrates-entered" CarbohydratesEntered {
        /// Carbohydrates.
        carbohydrates: Grams = F32 @ 0 "carbs",
    }

    /// The part of a bolus that is delivered at once has begun.
    55 "bolus-started" BolusStarted {
        /// How insulin on board was computed.
        iob_kind: Option<IobKind> = U8 @ 1 "selectedIob",
        /// The bolus.
        bolus: BolusId = U16 @ 2 "bolusId",
        /// Insulin on board.
        iob: Option<Units> = F32 @ 4 "iob",
        /// Amount of this part.
        size: Option<Units> = F32 @ 8 "bolusSize",
    }

    /// The part of a bolus that is delivered over time has begun.
    59 "extended-bolus-started" ExtendedBolusStarted {
        /// How insulin on board was computed.
        iob_kind: Option<IobKind> = U8 @ 1 "selectedIob",
        /// The bolus.
        bolus: BolusId = U16 @ 2 "bolusId",
        /// Insulin on board.
        iob: Option<Units> = F32 @ 4 "iob",
        /// Amount of this part.
        size: Option<Units> = F32 @ 8 "bolexSize",
    }

    /// The cannula of a new infusion site was filled.
    61 "cannula-filled" CannulaFilled {
        /// Insulin that it took.
        prime: Option<Prime> = F32 @ 0 "primeSize",
        /// How it ended.
        completion: Option<Completion> = U32 @ 4 "completionStatus",
        /// The infusion set, as the vendor numbers them.
        set: Option<u8> = U8 @ 11 "infusionSetType",
    }

    /// The tubing was filled.
    63 "tubing-filled" TubingFilled {
        /// Insulin that it took.
        prime: Option<Prime> = F32 @ 0 "primeSize",
        /// How it ended.
        completion: Option<Completion> = U32 @ 4 "completionStatus",
        /// The motor's position, in counts.
        position: Option<u32> = U32 @ 8 "position",
    }

    /// A bolus was asked for: carbohydrates and glucose.
    64 "bolus-requested-1" BolusRequested1 {
        /// Whether a correction of glucose is in it.
        correction: Option<bool> = U8 @ 0 "correctionBolusIncluded",
        /// What it was asked for by.
        bolus_type: Option<BolusType> = U8 @ 1 "bolusType",
        /// The bolus.
        bolus: BolusId = U16 @ 2 "bolusId",
        /// Glucose; 0: none was entered.
        glucose: Option<MgDl> = U16 @ 4 "bg",
        /// Carbohydrates; 0: none were entered.
        carbohydrates: Option<Grams> = U16 @ 6 "carbAmount",
        /// Insulin on board.
        iob: Option<Units> = F32 @ 8 "iob",
        /// Carbohydrates that a unit covers; 0 where a phone asked.
        carb_ratio: Option<CarbRatio> = U32 @ 12 "carbRatio",
    }

    /// A bolus was asked for: how it is delivered.
    65 "bolus-requested-2" BolusRequested2 {
        /// Share at once.
        at_once: Option<Percent> = U8 @ 0 "standardPercent",
        /// How it is delivered.
        option: Option<BolusOption> = U8 @ 1 "options",
        /// The bolus.
        bolus: BolusId = U16 @ 2 "bolusId",
        /// Time over which the rest is delivered.
        duration: Option<Minutes> = U16 @ 6 "duration",
        /// Target; 0 where a phone asked.
        target: Option<MgDl> = U16 @ 8 "targetBg",
        /// Correction factor; 0 where a phone asked.
        correction_factor: Option<MgDlPerUnit> = U16 @ 10 "isf",
        /// How insulin on board was computed.
        iob_kind: Option<IobKind> = U8 @ 13 "selectedIob",
        /// Whether the wearer declined the correction.
        declined_correction: Option<bool> = U8 @ 14 "declinedCorrection",
        /// Whether the wearer changed the amount.
        overridden: Option<bool> = U8 @ 15 "userOverride",
    }

    /// A bolus was asked for: its amounts.
    66 "bolus-requested-3" BolusRequested3 {
        /// The bolus.
        bolus: BolusId = U16 @ 2 "bolusId",
        /// For carbohydrates.
        food: Option<Units> = F32 @ 4 "foodBolusSize",
        /// For the correction of glucose.
        correction: Option<Units> = F32 @ 8 "correctionBolusSize",
        /// In all, as asked for.
        total: Option<Units> = F32 @ 12 "totalBolusSize",
    }

    /// The basal insulin of the day so far; written about every hour.
    81 "daily-basal" DailyBasal {
        /// Basal insulin since midnight.
        total: Units = F32 @ 0 "dailyTotalBasal",
        /// The rate.
        rate: Option<UnitsPerHour> = F32 @ 4 "lastBasalRate",
        /// Insulin on board.
        iob: Option<Units> = F32 @ 8 "iob",
        /// Tension of the battery.
        battery: Option<Millivolts> = U16 @ 12 "lipoMv",
        /// Charge of the battery.
        charge: Option<Percent> = U8 @ 14 "batteryChargeRawPercent",
        /// Not 0: the day's last, or the battery is being charged.
        last_or_charging: Option<u8> = U8 @ 15 "finalEventForDayOrCharging",
    }

    /// A day began by the pump's clock.
    90 "new-day" NewDay {
        /// The basal rate.
        rate: Option<UnitsPerHour> = F32 @ 0 "commandedBasalRate",
        /// Features of the pump.
        features: Option<Features> = U32 @ 4 "featuresBitmask",
        /// Which features these are.
        feature_index: Option<Features> = U32 @ 8 "featureBitmaskIndex",
    }

    /// A session of a Dexcom G6 sensor began.
    212 "g6-session-started" G6SessionStarted {
        /// The transmitter's clock.
        transmitter_time: Option<SensorSeconds> = U32 @ 0 "currentTransmitterTime",
        /// When the session began, by the transmitter's clock.
        started: Option<SensorSeconds> = U32 @ 4 "sessionStartTime",
        /// How long a session lasts.
        duration: Option<Days> = U8 @ 15 "sessionDuration",
        /// Why, as the maker numbers reasons.
        reason: Option<u8> = U8 @ 14 "sessionStartReason",
    }

    /// A session of a Dexcom G6 sensor was joined.
    213 "g6-session-joined" G6SessionJoined {
        /// The transmitter's clock.
        transmitter_time: Option<SensorSeconds> = U32 @ 0 "currentTransmitterTime",
        /// When the session began, by the transmitter's clock.
        started: Option<SensorSeconds> = U32 @ 4 "sessionStartTime",
        /// How long a session lasts.
        duration: Option<Days> = U8 @ 15 "sessionDuration",
        /// Why, as the maker numbers reasons.
        reason: Option<u8> = U8 @ 14 "sessionJoinReason",
    }

    /// A session of a Dexcom G6 sensor ended.
    214 "g6-session-stopped" G6SessionStopped {
        /// The transmitter's clock.
        transmitter_time: Option<SensorSeconds> = U32 @ 0 "currentTransmitterTime",
        /// When the session began, by the transmitter's clock.
        started: Option<SensorSeconds> = U32 @ 4 "sessionStartTime",
        /// When the session ended, by the transmitter's clock.
        stopped: Option<SensorSeconds> = U32 @ 8 "sessionStopTime",
        /// How long a session lasts.
        duration: Option<Days> = U8 @ 15 "sessionDuration",
        /// Why, as the maker numbers reasons.
        reason: Option<u8> = U8 @ 14 "sessionStopReason",
    }

    /// The mode of use changed.
    229 "mode-changed" ModeChanged {
        /// What was asked.
        action: Option<ModeAction> = U8 @ 1 "requestedAction",
        /// The mode before.
        before: Option<UserMode> = U8 @ 2 "previousUserMode",
        /// The mode from now on.
        after: UserMode = U8 @ 3 "currentUserMode",
        /// Sleep schedules that are active.
        schedules: Option<SleepSchedules> = U8 @ 6 "activeSleepSchedule",
        /// Whether sleep was started on the screen.
        by_screen: Option<bool> = U8 @ 7 "sleepStartedByGui",
        /// How long exercise lasts.
        exercise: Option<Minutes> = U16 @ 8 "exerciseTime",
        /// Whether exercise ends by itself.
        exercise_timed: Option<bool> = U8 @ 10 "exerciseChoice",
        /// Whether exercise ended by itself.
        exercise_timer: Option<bool> = U8 @ 11 "exerciseStoppedByTimer",
        /// Whether eating soon ended by itself.
        eating_soon_timer: Option<bool> = U8 @ 15 "eatingSoonStoppedByTimer",
    }

    /// The state of the control loop changed.
    230 "loop-changed" LoopChanged {
        /// Whether the algorithm has what it computes with.
        calculates: Option<bool> = U8 @ 0 "calculationAvailable",
        /// Whether delivery is suspended.
        suspended: Option<bool> = U8 @ 1 "pumpSuspended",
        /// The state before.
        before: Option<LoopState> = U8 @ 2 "previousPcm",
        /// The state from now on.
        after: LoopState = U8 @ 3 "currentPcm",
        /// Whether the wearer's settings suffice.
        configured: Option<bool> = U8 @ 5 "sufficientClosedLoopParams",
        /// Whether the wearer wants the loop closed.
        wanted: Option<bool> = U8 @ 6 "closedLoopPreferred",
        /// Whether a sensor speaks.
        sensor: Option<bool> = U8 @ 7 "cgmAvailable",
    }

    /// A message of a Dexcom G6 sensor. State 6, 7 or 14 is a valid one.
    256 "g6-reading" G6Reading {
        /// Whether there is a value.
        status: GlucoseStatus = U16 @ 2 "glucoseValueStatus",
        /// What the message is.
        kinds: Option<ReadingKinds> = U8 @ 1 "cgmDataType",
        /// Change of glucose.
        trend: Option<Trend> = I8 @ 0 "rate",
        /// The state of the sensor's algorithm, as its maker numbers them.
        state: Option<u8> = U8 @ 7 "algorithmState",
        /// Strength of the radio signal, in decibel-milliwatts.
        signal_dbm: Option<i8> = I8 @ 6 "rssi",
        /// Glucose.
        glucose: MgDl = U16 @ 4 "currentGlucoseDisplayValue",
        /// When the sensor measured, by the pump's clock.
        measured_at: Option<PumpSeconds> = U32 @ 8 "egvTimeStamp",
        /// What the pump thinks of it.
        checks: Option<ReadingChecks> = U16 @ 14 "egvInfoBitmask",
        /// How many readings ago it was measured.
        interval: Option<u8> = U8 @ 13 "interval",
    }

    /// The basal rate, said again about every five minutes.
    279 "basal-delivery" BasalDelivery {
        /// What set the rate.
        source: Option<BasalSource> = U16 @ 2 "commandedRateSource",
        /// The rate of the profile.
        profile: Option<MilliunitsPerHour> = U16 @ 4 "profileBasalRate",
        /// The rate that is delivered.
        commanded: MilliunitsPerHour = U16 @ 6 "commandedRate",
        /// The temporary rate, if there is one.
        temporary: Option<MilliunitsPerHour> = U16 @ 8 "tempRate",
        /// The algorithm's rate, if it sets one.
        algorithm: Option<MilliunitsPerHour> = U16 @ 10 "algorithmRate",
    }

    /// How far a bolus has come: at its beginning, about every five minutes of its extended part, and at its end.
    280 "bolus-delivery" BolusDelivery {
        /// What it is made of.
        parts: Option<BolusParts> = U8 @ 0 "bolusType",
        /// Whether it goes on.
        status: DeliveryStatus = U8 @ 1 "bolusDeliveryStatus",
        /// The bolus.
        bolus: BolusId = U16 @ 2 "bolusId",
        /// Asked for at once.
        now: Option<Milliunits> = U16 @ 4 "requestedNow",
        /// Counts what a remote control asked for.
        remote: Option<u8> = U8 @ 6 "remoteId",
        /// Where it was started.
        source: Option<BolusSource> = U8 @ 7 "bolusSource",
        /// For the correction of glucose.
        correction: Option<Milliunits> = U16 @ 8 "correction",
        /// Asked for over time.
        later: Option<Milliunits> = U16 @ 10 "requestedLater",
        /// Delivered so far, of both parts.
        delivered: Option<Milliunits> = U16 @ 12 "deliveredTotal",
        /// Time over which the later part is delivered.
        duration: Option<Minutes> = U16 @ 14 "extendedDurationRequested",
    }

    /// Versions of the pump's software.
    307 "versions" Versions {
        /// Part number of the main software.
        main_part: Option<u32> = U32 @ 0 "armPartNumber",
        /// Version of the main software.
        main_version: Option<u32> = U32 @ 4 "armSwVersion",
        /// Part number of the radio's software.
        radio_part: Option<u32> = U32 @ 8 "blePartNumber",
        /// Version of the radio's software.
        radio_version: Option<u32> = U32 @ 12 "bleSwVersion",
    }

    /// The state of the control loop as a day begins.
    313 "daily-status" DailyStatus {
        /// Unit of the weight, as the vendor numbers them.
        weight_unit: Option<u8> = U8 @ 0 "weightUnit",
        /// The sensor.
        sensor: Option<SensorType> = U8 @ 1 "sensorType",
        /// The mode of use.
        mode: Option<UserMode> = U8 @ 2 "usermode",
        /// The state of the loop.
        state: Option<LoopState> = U8 @ 3 "pumpControlState",
        /// Insulin of a day, in units, as the algorithm assumes it.
        daily_insulin: Option<u8> = U8 @ 5 "currentTdIpop",
        /// The wearer's weight.
        weight: Option<u16> = U16 @ 6 "weight",
    }

    /// An alert about glucose or a Dexcom sensor was raised.
    369 "sensor-alert" SensorAlert {
        /// The alert, as the vendor numbers them.
        alert: u8 = U8 @ 3 "dalertId",
        /// The sensor.
        sensor: Option<SensorType> = U8 @ 2 "sensorType",
        /// Where the pump's software noticed it.
        fault_location: Option<u32> = U32 @ 4 "faultLocatorData",
        /// A diagnostic value.
        first: Option<u32> = U32 @ 8 "param1",
        /// A diagnostic value.
        second: Option<Diagnostic> = F32 @ 12 "param2",
    }

    /// An alert about glucose or a Dexcom sensor was cleared.
    370 "sensor-alert-cleared" SensorAlertCleared {
        /// The alert, as the vendor numbers them.
        alert: u8 = U8 @ 3 "dalertId",
        /// The sensor.
        sensor: Option<SensorType> = U8 @ 2 "sensorType",
    }

    /// An alert about glucose or a Dexcom sensor was acknowledged.
    371 "sensor-alert-acknowledged" SensorAlertAcknowledged {
        /// The alert, as the vendor numbers them.
        alert: u8 = U8 @ 3 "dalertId",
        /// The sensor.
        sensor: Option<SensorType> = U8 @ 2 "sensorType",
        /// By whom.
        by: Option<AcknowledgedBy> = U32 @ 4 "ackSource",
    }

    /// A message of a FreeStyle Libre 2 sensor. State 100 is a valid one.
    372 "libre-2-reading" Libre2Reading {
        /// Whether there is a value.
        status: GlucoseStatus = U8 @ 3 "glucoseValueStatus",
        /// What the message is.
        kinds: Option<ReadingKinds> = U8 @ 2 "cgmDataType",
        /// Change of glucose.
        trend: Option<Trend> = I16 @ 0 "rate",
        /// The state of the sensor's algorithm, as its maker numbers them.
        state: Option<u8> = U8 @ 7 "algorithmState",
        /// Strength of the radio signal, in decibel-milliwatts.
        signal_dbm: Option<i8> = I8 @ 6 "rssi",
        /// Glucose.
        glucose: MgDl = U16 @ 4 "currentGlucoseDisplayValue",
        /// When the sensor measured, by the pump's clock.
        measured_at: Option<PumpSeconds> = U32 @ 8 "egvTimeStamp",
        /// What the pump thinks of it.
        checks: Option<ReadingChecks> = U16 @ 14 "egvInfoBitmask",
        /// How many readings ago it was measured.
        interval: Option<u8> = U8 @ 13 "interval",
    }

    /// The pump joined a session of a Dexcom G7 sensor.
    394 "g7-session-joined" G7SessionJoined {
        /// The sensor's clock.
        sensor_time: Option<SensorSeconds> = U32 @ 0 "cgmTimestamp",
        /// Tells this session from others.
        session: Option<u32> = U32 @ 4 "sessionSignature",
    }

    /// A message of a Dexcom G7 sensor. State 32 is a valid one.
    399 "g7-reading" G7Reading {
        /// Whether there is a value.
        status: GlucoseStatus = U16 @ 2 "glucoseValueStatus",
        /// What the message is.
        kinds: Option<ReadingKinds> = U8 @ 1 "cgmDataType",
        /// Change of glucose.
        trend: Option<Trend> = I8 @ 0 "rate",
        /// The state of the sensor's algorithm, as its maker numbers them.
        state: Option<u8> = U8 @ 7 "algorithmState",
        /// Strength of the radio signal, in decibel-milliwatts.
        signal_dbm: Option<i8> = I8 @ 6 "rssi",
        /// Glucose.
        glucose: MgDl = U16 @ 4 "currentGlucoseDisplayValue",
        /// When the sensor measured, by the pump's clock.
        measured_at: Option<PumpSeconds> = U32 @ 8 "egvTimeStamp",
        /// What the pump thinks of it.
        checks: Option<ReadingChecks> = U16 @ 14 "egvInfoBitmask",
        /// How many readings ago it was measured.
        interval: Option<u8> = U8 @ 13 "interval",
    }

    /// A session of a FreeStyle Libre 2 sensor began.
    404 "libre-2-session-started" Libre2SessionStarted {
        /// When the session began, by the sensor's clock.
        started: Option<SensorSeconds> = U32 @ 0 "sessionStartTime",
        /// How long a session lasts.
        duration: Option<Days> = U8 @ 7 "sessionDuration",
    }

    /// A session of a FreeStyle Libre 2 sensor ended.
    405 "libre-2-session-stopped" Libre2SessionStopped {
        /// When the session began, by the sensor's clock.
        started: Option<SensorSeconds> = U32 @ 0 "sessionStartTime",
        /// When the session ended, by the sensor's clock.
        stopped: Option<SensorSeconds> = U32 @ 4 "sessionStopTime",
        /// How long a session lasts.
        duration: Option<Days> = U8 @ 11 "sessionDuration",
        /// Why, as the maker numbers reasons.
        reason: Option<u8> = U8 @ 10 "sessionStopReason",
    }

    /// A session of a FreeStyle Libre 2 sensor was joined.
    406 "libre-2-session-joined" Libre2SessionJoined {
        /// When the session began, by the sensor's clock.
        started: Option<SensorSeconds> = U32 @ 0 "sessionStartTime",
        /// When the pump joined it, by the sensor's clock.
        joined: Option<SensorSeconds> = U32 @ 4 "sessionJoinTime",
        /// How long a session lasts.
        duration: Option<Days> = U8 @ 11 "sessionDuration",
        /// Why, as the maker numbers reasons.
        reason: Option<u8> = U8 @ 10 "sessionJoinReason",
    }

    /// A session of a Dexcom G7 sensor ended.
    447 "g7-session-stopped" G7SessionStopped {
        /// The transmitter's clock.
        transmitter_time: Option<SensorSeconds> = U32 @ 0 "currentTransmitterTime",
        /// When the session began, by the transmitter's clock.
        started: Option<SensorSeconds> = U32 @ 4 "sessionStartTime",
        /// When the session ended, by the transmitter's clock.
        stopped: Option<SensorSeconds> = U32 @ 8 "sessionStopTime",
        /// How long a session lasts.
        duration: Option<Days> = U8 @ 15 "sessionDuration",
        /// Why, as the maker numbers reasons.
        reason: Option<u8> = U8 @ 14 "sessionStopReason",
        /// How the sensor answered, as its maker numbers answers.
        answer: Option<u8> = U8 @ 13 "stopSessionCode",
    }

    /// A session of a FreeStyle Libre 3 sensor was joined.
    477 "libre-3-session-joined" Libre3SessionJoined {
        /// When the session began, by the sensor's clock.
        started: Option<SensorSeconds> = U32 @ 0 "sessionStartTime",
        /// When the pump joined it, by the sensor's clock.
        joined: Option<SensorSeconds> = U32 @ 4 "sessionJoinTime",
        /// How long a session lasts.
        duration: Option<Days> = U8 @ 11 "sessionDuration",
        /// Why, as the maker numbers reasons.
        reason: Option<u8> = U8 @ 10 "sessionJoinReason",
        /// How long a session lasts, in seconds.
        duration_seconds: Option<SensorSeconds> = U32 @ 12 "sessionDurationSecs",
    }

    /// A message of a FreeStyle Libre 3 sensor. State 100 is a valid one.
    480 "libre-3-reading" Libre3Reading {
        /// Whether there is a value.
        status: GlucoseStatus = U8 @ 3 "glucoseValueStatus",
        /// What the message is.
        kinds: Option<ReadingKinds> = U8 @ 2 "cgmDataType",
        /// Change of glucose.
        trend: Option<Trend> = I16 @ 0 "rate",
        /// The state of the sensor's algorithm, as its maker numbers them.
        state: Option<u8> = U8 @ 7 "algorithmState",
        /// Strength of the radio signal, in decibel-milliwatts.
        signal_dbm: Option<i8> = I8 @ 6 "rssi",
        /// Glucose.
        glucose: MgDl = U16 @ 4 "currentGlucoseDisplayValue",
        /// When the sensor measured, by the pump's clock.
        measured_at: Option<PumpSeconds> = U32 @ 8 "egvTimeStamp",
        /// What the pump thinks of it.
        checks: Option<ReadingChecks> = U16 @ 14 "egvInfoBitmask",
        /// How many readings ago it was measured.
        interval: Option<u8> = U8 @ 13 "interval",
    }

    /// A session of a FreeStyle Libre 3 sensor ended.
    486 "libre-3-session-stopped" Libre3SessionStopped {
        /// When the session began, by the sensor's clock.
        started: Option<SensorSeconds> = U32 @ 0 "sessionStartTime",
        /// When the session ended, by the sensor's clock.
        stopped: Option<SensorSeconds> = U32 @ 4 "sessionStopTime",
        /// How long a session lasts.
        duration: Option<Days> = U8 @ 11 "sessionDuration",
        /// Why, as the maker numbers reasons.
        reason: Option<u8> = U8 @ 10 "sessionStopReason",
    }
}
