//! To which account a transaction may lead: what ties it to an account, and what ties it to the device that presents it.
//!
//! A transaction is signed, but no secret: it stands in logs, in backups, in what an app sends to others. So it counts only
//! together with a proof of the account's key, or on the device to which the App Store gave it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha384};
use uuid::Uuid;

use crate::transaction::Transaction;

/// What is known when a transaction is presented.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The tokens of every account that the customer's names ever led to.
    pub linked: &'a [Uuid],
    /// The token of the account whose key the caller has proven.
    pub proven: Option<Uuid>,
    /// What the caller says `AppStore.deviceVerificationID` is.
    pub device_verification_id: Option<Uuid>,
}

/// Why a transaction may not lead to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotBound {
    /// It was bought for another account.
    #[error("the transaction's appAccountToken belongs to another account")]
    OtherAccount,
    /// It was given to a device, and the caller does not say that it is this one.
    #[error("the transaction was given to one device; send its deviceVerificationId")]
    DeviceUnproven,
    /// It was given to another device.
    #[error("the transaction was given to another device")]
    OtherDevice,
}

impl NotBound {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherAccount => "app-account-token-mismatch",
            Self::DeviceUnproven => "device-verification-required",
            Self::OtherDevice => "device-verification-mismatch",
        }
    }
}

/// Checks what ties the transaction to an account and to a device.
///
/// - A device verification id that is sent must fit, whether it was needed or not.
/// - An `appAccountToken` must be that of an account to which the customer's names lead or once led; before they lead anywhere, that
///   of the account whose key is proven.
/// - Where it has none, the first link needs the device: else whoever finds a transaction first has it.
/// - Where no account's key is proven, the device is needed too: else a transaction from a log would show whose account it opens.
///
/// # Errors
/// What does not fit.
pub fn bind(transaction: &Transaction, presented: &Presented<'_>) -> Result<(), NotBound> {
    let device = device_standing(transaction, presented.device_verification_id);
    if device == DeviceStanding::Other {
        return Err(NotBound::OtherDevice);
    }
    let is_linked = !presented.linked.is_empty();
    if let Some(token) = transaction.app_account_token {
        let is_of_the_account = if is_linked { presented.linked.contains(&token) } else { presented.proven == Some(token) };
        if !is_of_the_account {
            return Err(NotBound::OtherAccount);
        }
    }
    let is_tied_by_the_account = presented.proven.is_some() && (is_linked || transaction.app_account_token.is_some());
    if !is_tied_by_the_account && device == DeviceStanding::Unproven {
        return Err(NotBound::DeviceUnproven);
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DeviceStanding {
    /// The transaction names no device: it came from Apple's servers and not from StoreKit.
    Unnamed,
    /// It is this device.
    This,
    /// It is another one.
    Other,
    /// The caller has not said which device it is.
    Unproven,
}

fn device_standing(transaction: &Transaction, id: Option<Uuid>) -> DeviceStanding {
    match (&transaction.device_verification, transaction.device_verification_nonce, id) {
        (None, None, _) => DeviceStanding::Unnamed,
        (Some(expected), Some(nonce), Some(id)) => {
            let is_this = STANDARD.decode(expected).is_ok_and(|expected| expected == device_verification(nonce, id));
            if is_this { DeviceStanding::This } else { DeviceStanding::Other }
        }
        // Half of it proves nothing and is nothing that StoreKit makes.
        (_, _, Some(_)) => DeviceStanding::Other,
        (_, _, None) => DeviceStanding::Unproven,
    }
}

/// What StoreKit signs as `deviceVerification`, before base64: SHA-384 over the nonce and the device verification id, both as
/// lower-case text (Apple: `Transaction.deviceVerification`).
#[must_use]
pub fn device_verification(nonce: Uuid, device_verification_id: Uuid) -> [u8; 48] {
    let text = format!("{}{}", nonce.as_hyphenated(), device_verification_id.as_hyphenated());
    Sha384::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NONCE: Uuid = Uuid::from_u128(0x6F1C_2D3E_0000_4000_8000_0000_0000_0001);
    const DEVICE: Uuid = Uuid::from_u128(0xA0B1_C2D3_0000_4000_8000_0000_0000_0002);
    const OWN: Uuid = Uuid::from_u128(0x8000_8000_0000_0000_0001);
    const OTHER: Uuid = Uuid::from_u128(0x8000_8000_0000_0000_0002);

    fn transaction(token: Option<Uuid>, names_device: bool) -> Transaction {
        let read = json!({
            "transactionId": "12", "originalTransactionId": "10", "bundleId": "org.example.health",
            "productId": "org.example.health.monthly", "type": "Auto-Renewable Subscription",
            "purchaseDate": 0, "signedDate": 0, "environment": "Production",
        });
        let read: Transaction = serde_json::from_value(read).unwrap();
        Transaction {
            app_account_token: token,
            device_verification: names_device.then(|| STANDARD.encode(device_verification(NONCE, DEVICE))),
            device_verification_nonce: names_device.then_some(NONCE),
            ..read
        }
    }

    fn outcome(transaction: &Transaction, linked: &[Uuid], proven: Option<Uuid>, device: Option<Uuid>) -> &'static str {
        let presented = Presented { linked, proven, device_verification_id: device };
        bind(transaction, &presented).map_or_else(|error| error.code(), |()| "ok")
    }

    const MISMATCH: &str = "app-account-token-mismatch";
    const REQUIRED: &str = "device-verification-required";
    const ELSEWHERE: &str = "device-verification-mismatch";

    /// Apple gives no test vector; this one is of Python's hashlib.
    #[test]
    fn the_device_verification_is_a_sha_384_over_lower_case_text() {
        let expected = "2S8qDOn5iMKm2vDmcTDic65LKy8cOx9gPmsAyQDBtrs9ynAg2g/IH9Ts/xdQ8aJ7";
        assert_eq!(STANDARD.encode(device_verification(NONCE, DEVICE)), expected);
    }

    #[test]
    fn every_way_to_present_a_transaction_has_its_answer() {
        let none: &[Uuid] = &[];
        type Case = (Option<Uuid>, bool, &'static [Uuid], Option<Uuid>, Option<Uuid>, &'static str);
        let cases: &[Case] = &[
            // A first link by an appAccountToken: the account's key is enough, another's is not, and none is not.
            (Some(OWN), true, none, Some(OWN), None, "ok"),
            (Some(OWN), false, none, Some(OWN), None, "ok"),
            (Some(OWN), true, none, Some(OTHER), None, MISMATCH),
            (Some(OWN), true, none, Some(OTHER), Some(DEVICE), MISMATCH),
            (Some(OWN), true, none, None, Some(DEVICE), MISMATCH),
            // A first link without one: the device, where the transaction names one.
            (None, true, none, Some(OWN), None, REQUIRED),
            (None, true, none, Some(OWN), Some(OTHER), ELSEWHERE),
            (None, true, none, Some(OWN), Some(DEVICE), "ok"),
            (None, false, none, Some(OWN), None, "ok"),
            // A linked customer with the account's key.
            (None, true, &[OWN], Some(OWN), None, "ok"),
            (Some(OWN), true, &[OWN], Some(OWN), None, "ok"),
            (Some(OTHER), true, &[OWN], Some(OWN), None, MISMATCH),
            (Some(OTHER), true, &[OTHER, OWN], Some(OWN), None, "ok"),
            // A linked customer without it, on a new device: the transaction has to be this device's own.
            (None, true, &[OWN], None, None, REQUIRED),
            (Some(OWN), true, &[OWN], None, None, REQUIRED),
            (Some(OWN), true, &[OWN], None, Some(OTHER), ELSEWHERE),
            (Some(OWN), true, &[OWN], None, Some(DEVICE), "ok"),
            (Some(OTHER), true, &[OWN], None, Some(DEVICE), MISMATCH),
            (None, false, &[OWN], None, None, "ok"),
            // What is sent must fit, needed or not; where the transaction names no device there is nothing to fit.
            (Some(OWN), true, &[OWN], Some(OWN), Some(OTHER), ELSEWHERE),
            (Some(OWN), false, &[OWN], Some(OWN), Some(OTHER), "ok"),
        ];
        for (token, names_device, linked, proven, device, expected) in cases {
            let transaction = transaction(*token, *names_device);
            let found = outcome(&transaction, linked, *proven, *device);
            assert_eq!(found, *expected, "{token:?} {names_device} {linked:?} {proven:?} {device:?}");
        }
    }

    #[test]
    fn half_a_device_verification_proves_nothing() {
        let whole = transaction(None, true);
        let without_nonce = Transaction { device_verification_nonce: None, ..whole.clone() };
        let without_hash = Transaction { device_verification: None, ..whole.clone() };
        let not_base64 = Transaction { device_verification: Some("*".to_owned()), ..whole };
        for half in [without_nonce, without_hash, not_base64] {
            assert_eq!(outcome(&half, &[], Some(OWN), Some(DEVICE)), ELSEWHERE);
            assert_eq!(outcome(&half, &[], Some(OWN), None), REQUIRED);
        }
    }
}
