//! What `status` and `sync` say of states that a person should look at, each with what to do.

use std::collections::BTreeMap;

use tidegate_sync_client::{Hole, Notice, Quarantined};

use super::Context;
use crate::document::short;
use crate::moment::minute;

/// Warns of everything once, however often it was found.
pub(super) fn warn(context: &Context, holes: &[Hole], quarantined: &[Quarantined], notices: &[Notice]) {
    for line in lines(holes, quarantined, notices) {
        context.output.warn(&line);
    }
}

/// A line each.
pub(super) fn lines(holes: &[Hole], quarantined: &[Quarantined], notices: &[Notice]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for hole in holes {
        let Hole { chain, seq, device_id, reason, help } = hole;
        let device = short(device_id);
        lines.push(format!("the store does not show segment {seq} of chain {chain} of device {device} ({reason}): {help}"));
    }
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for Quarantined { device_id, what, reason, help } in quarantined {
        let device = device_id.map_or_else(String::new, |device| format!(" of device {}", short(device)));
        *counts.entry(format!("a {what}{device} was not believed ({reason}): {help}")).or_default() += 1;
    }
    for (line, count) in counts {
        lines.push(if count == 1 { line } else { format!("{count} times: {line}") });
    }
    let mut latest: BTreeMap<&str, &Notice> = BTreeMap::new();
    for notice in notices {
        let known = latest.entry(notice.code).or_insert(notice);
        if notice.noticed_at > known.noticed_at {
            *known = notice;
        }
    }
    for Notice { code, noticed_at, help, .. } in latest.values() {
        lines.push(format!("{code}, noticed {} UTC: {help}", minute(*noticed_at)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_was_found_often_is_told_once() {
        let entry = Quarantined { device_id: None, what: "content", reason: "corrupt".to_owned(), help: "look" };
        let notice = |noticed_at| Notice { code: "restored-or-cloned", member_id: None, noticed_at, help: "read" };
        let notices = [notice(datetime!(2026-11-21 9:00 UTC)), notice(datetime!(2026-11-21 10:00 UTC))];
        let lines = lines(&[], &[entry.clone(), entry], &notices);
        assert_eq!(lines[0], "2 times: a content was not believed (corrupt): look");
        assert_eq!(lines[1], "restored-or-cloned, noticed 2026-11-21 10:00 UTC: read");
        assert_eq!(lines.len(), 2);
    }
}
