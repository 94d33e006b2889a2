//! What LIST is good for.

use std::collections::BTreeSet;

use tidegate_protocol::capability::ListFindings;

use super::put_conditions::etag_of;
use crate::error::ProbeError;
use crate::ground::Ground;
use crate::xml::Entry;

/// Names whose order by bytes differs from that by letters, by words and by folders.
/// None is the folder of another: such keys some stores cannot hold, and Tidegate has none.
const NAMES: [&str; 6] = ["a-b", "a.c", "a/b", "a/b-c", "a0", "b_"];
/// Keys of a page.
const PAGE: u32 = 2;
const MOST_PAGES: usize = 10;

pub(crate) async fn list(ground: &Ground) -> Result<ListFindings, ProbeError> {
    let prefix = ground.key("list/");
    let key_of = |name: &str| format!("{prefix}{name}");
    let mut expected = BTreeSet::new();
    let mut consistent = true;
    for name in NAMES {
        ground.plant(&key_of(name), &ground.bytes(name)).await?;
        expected.insert(key_of(name));
        consistent &= names(&ground.list(&prefix).await?) == expected;
    }
    // Begins with the same letters, and lies beside the folder.
    ground.plant(&ground.key("list-sibling"), &ground.bytes("sibling")).await?;
    let entries = ground.list(&prefix).await?;
    let exact_prefix = entries.iter().all(|entry| entry.key.starts_with(&prefix));
    let ordered = entries.is_sorted_by(|a, b| a.key < b.key);
    let etags = has_etags(ground, &entries).await?;
    let pages = in_pages(ground, &prefix, &expected).await?;
    ground.delete(&key_of("a0")).await?;
    expected.remove(&key_of("a0"));
    consistent &= names(&ground.list(&prefix).await?) == expected;
    Ok(ListFindings { consistent, etags, ordered, pages, exact_prefix })
}

fn names(entries: &[Entry]) -> BTreeSet<String> {
    entries.iter().map(|entry| entry.key.clone()).collect()
}

/// Whether each entry carries the ETag that its object has, and different objects different ones.
async fn has_etags(ground: &Ground, entries: &[Entry]) -> Result<bool, ProbeError> {
    let unquoted = |etag: &str| etag.trim_matches('"').to_owned();
    let mut seen = BTreeSet::new();
    for entry in entries {
        let Some(listed) = entry.etag.as_deref().map(unquoted).filter(|etag| !etag.is_empty()) else { return Ok(false) };
        let stored = ground.stored_answer(&entry.key).await?.as_ref().and_then(etag_of);
        if stored.as_deref().map(unquoted).as_ref() != Some(&listed) || !seen.insert(listed) {
            return Ok(false);
        }
    }
    Ok(!entries.is_empty())
}

/// Whether pages hold every key exactly once.
async fn in_pages(ground: &Ground, prefix: &str, expected: &BTreeSet<String>) -> Result<bool, ProbeError> {
    let (mut seen, mut token) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let page = ground.list_page(prefix, PAGE, token.as_deref()).await?;
        seen.extend(page.entries.into_iter().map(|entry| entry.key));
        if page.next.is_none() {
            return Ok(seen.len() == expected.len() && seen.into_iter().collect::<BTreeSet<_>>() == *expected);
        }
        token = page.next;
    }
    Ok(false)
}
