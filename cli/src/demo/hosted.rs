//! The hosted half of the demo: the subscription ends, is renewed and is refunded, and access follows.

use serde::Serialize;
use tidegate_sync_client::{ListFilter, NewRecord, Source};
use time::Duration;

use super::device::Device;
use super::shop::Shop;
use crate::failure::Failure;

/// What the broker said at each turn: a stable code, or `ok`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Subscription {
    after_expiry: &'static str,
    after_renewal: &'static str,
    after_refund: &'static str,
    /// Whether the records can still be read on the device when access has ended.
    local_records_readable: bool,
}

impl Subscription {
    pub(crate) fn is_as_it_should(&self) -> bool {
        let codes = [self.after_expiry, self.after_renewal, self.after_refund];
        codes == ["subscription-expired", "ok", "subscription-refunded"] && self.local_records_readable
    }
}

/// Plays it on a device that is signed in.
pub(crate) async fn play(
    shop: &Shop,
    broker: &str,
    device: &Device,
    step: &impl Fn(&str, String) -> Result<(), Failure>,
) -> Result<Subscription, Failure> {
    shop.clock().advance(Shop::FIRST_PERIOD);
    let after_expiry = edit_and_sync(device).await?;
    step("the subscription ends", format!("a sync is refused: {after_expiry}"))?;

    device.client.sign_in(&shop.sell_renewal()).await?;
    let after_renewal = edit_and_sync(device).await?;
    step("the App Store renews it", format!("A shows the new transaction and syncs: {after_renewal}"))?;

    shop.refund(broker).await?;
    step("the App Store refunds it", "its notification reaches the broker".to_owned())?;
    // Beyond the life of the access token that is out.
    shop.clock().advance(Duration::minutes(16));
    let after_refund = edit_and_sync(device).await?;
    let listed = device.client.list(&ListFilter::default())?;
    let local_records_readable = !listed.records.is_empty();
    step("access has ended", format!("a sync is refused: {after_refund}; A still reads its {} records", listed.records.len()))?;
    Ok(Subscription { after_expiry, after_renewal, after_refund, local_records_readable })
}

/// What the sync of an edit comes to: one without could do with a signed URL that is still out.
async fn edit_and_sync(device: &Device) -> Result<&'static str, Failure> {
    let listed = device.client.list(&ListFilter::default())?.records;
    let first = listed.first().ok_or_else(|| Failure::bug("the demo's device lists no record, though one was stored"))?;
    let note = NewRecord::new(first.member_id, Source::Bytes(b"Renew the subscription.".to_vec()));
    device.client.put(note.title("subscription.md").kind("note"))?;
    Ok(match device.client.sync(&|_progress| {}).await {
        Ok(_) => "ok",
        Err(error) => error.code(),
    })
}
