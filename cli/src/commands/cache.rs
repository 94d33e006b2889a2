//! `cache`: what attachments take on this device. What waits to be sent always stays.

use serde::Serialize;
use tidegate_sync_client::Evicted;

use super::Context;
use crate::arguments::CacheArguments;
use crate::failure::Failure;
use crate::style::{count, size};

#[derive(Serialize)]
struct CacheDocument {
    attachments: u64,
    bytes: u64,
    limit_bytes: u64,
    evicted: EvictedDocument,
}

#[derive(Serialize)]
struct EvictedDocument {
    attachments: u64,
    bytes: u64,
}

pub(super) fn run(context: &Context, arguments: &CacheArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let mut evicted = arguments.limit.map(|limit| client.set_cache_limit(limit)).transpose()?.unwrap_or_default();
    if arguments.clear {
        let Evicted { attachments, bytes } = client.clear_cache()?;
        evicted = Evicted { attachments: evicted.attachments + attachments, bytes: evicted.bytes + bytes };
    }
    let usage = client.cache_usage()?;
    let document = CacheDocument {
        attachments: usage.attachments,
        bytes: usage.bytes,
        limit_bytes: usage.limit,
        evicted: EvictedDocument { attachments: evicted.attachments, bytes: evicted.bytes },
    };
    context.output.result(&document, |style| {
        let mut text =
            format!("{} here, {} of {}\n", count(usage.attachments, "attachment"), size(usage.bytes), size(usage.limit));
        if evicted.attachments > 0 {
            let gone =
                format!("{} removed, {}; get fetches them again", count(evicted.attachments, "attachment"), size(evicted.bytes));
            text.push_str(&format!("{}\n", style.dim(gone)));
        }
        text
    })
}
