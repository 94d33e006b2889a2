//! Merging: what comes out is the same whatever the order, and agrees with the reference model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use tidegate_sync_core::manifest::{Change, Checkpoint, Cid, Meta, Op, Register, Target, Timestamp, causal_order};
use tidegate_sync_core::state::{
    Present, State, conflict, due_for_purge, next_version, superseded_by_delete, superseded_by_edit, winner,
};

use crate::history::{Act, History, act, assert_agrees, state_of, stored_at};
use crate::sample::{MORNING_MS, attachment, cid, delete, hmac, over, put, record_id, relocation, segment_ref, stored_as_object};

/// Long enough for histories in which everything has happened.
fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    prop::collection::vec(act(), 0..60)
}

/// Histories in which a cid has one content, however often it is sent.
fn plain_acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    let plain = |act| if let Act::SendAgain { which, .. } = act { Act::SendAgain { which, anew: false } } else { act };
    acts().prop_map(move |acts| acts.into_iter().map(|(device, act)| (device, plain(act))).collect())
}

/// Some of the segments, in any order and any of them more than once; indexes beyond the end are passed over.
fn some_segments() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0_usize..24, 0..40)
}

fn applied(history: &History, which: &[usize]) -> State {
    let mut state = State::new();
    for (name, segment) in which.iter().filter_map(|index| history.segments.get(*index)) {
        state.apply(*name, &segment.changes, stored_at(name));
    }
    state
}

fn merged(one: &State, other: &State) -> State {
    let mut merged = one.clone();
    merged.merge(other);
    merged
}

/// The same state, none of whose changes is in memory yet.
fn asleep(state: &State) -> State {
    let rows: Vec<Present> = state.changes().cloned().collect();
    let unsent = rows.iter().filter(|present| present.brought_by.is_empty()).map(|present| present.change.cid).collect();
    let mut asleep = State::from_store(Arc::new(rows), unsent);
    asleep.restore_frontier(state.frontier());
    asleep
}

/// Asks one state what can be answered by what competes alone, and holds it against the other.
fn assert_same_heads(asleep: &State, awake: &State) {
    for register in awake.registers() {
        assert_eq!(asleep.heads(register), awake.heads(register));
        assert_eq!(asleep.sent_heads_of_target(register.target), awake.sent_heads_of_target(register.target));
    }
    for present in awake.changes() {
        let cid = present.change.cid;
        assert!(asleep.contains(cid));
        assert_eq!(asleep.is_superseded(cid), awake.is_superseded(cid));
    }
    let origins = |state: &State| state.origins().flat_map(|origins| origins.keys().copied().collect::<Vec<_>>()).collect();
    let (asleep_origins, awake_origins): (Vec<_>, Vec<_>) = (origins(asleep), origins(awake));
    assert_eq!((asleep.count(), sorted(asleep_origins)), (awake.count(), sorted(awake_origins)));
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

proptest! {
    #[test]
    fn a_state_that_is_read_when_it_is_looked_at_is_the_state_itself(
        acts in acts(), which in some_segments(), unsent in some_segments(), more in some_segments(),
        removed in prop::collection::vec(0_u64..30, 0..6), others in some_segments(),
    ) {
        let history = History::play(&acts);
        let mut awake = applied(&history, &which);
        for (_, segment) in unsent.iter().filter_map(|index| history.segments.get(*index)) {
            segment.changes.iter().for_each(|change| awake.insert_unsent(change.clone()));
        }
        let mut state = asleep(&awake);
        assert_same_heads(&state, &awake);
        for number in 0..30 {
            let state = asleep(&awake);
            prop_assert_eq!(state.whereabouts(cid(number)), awake.whereabouts(cid(number)));
            prop_assert_eq!(state.whereabouts_sent(cid(number)), awake.whereabouts_sent(cid(number)));
            let superseders = |state: &State| state.superseders(cid(number)).cloned().collect::<Vec<_>>();
            prop_assert_eq!(superseders(&state), superseders(&awake));
            prop_assert_eq!(asleep(&awake).is_superseded(cid(number)), awake.is_superseded(cid(number)));
            prop_assert_eq!(state.present(cid(number)), awake.present(cid(number)));
        }
        for register in awake.registers() {
            let state = asleep(&awake);
            prop_assert_eq!(state.history(register.target), awake.history(register.target));
        }
        let (mut merged_asleep, mut merged_awake) = (asleep(&awake), awake.clone());
        let other = applied(&history, &others);
        prop_assert_eq!(merged_asleep.merge(&asleep(&other)), merged_awake.merge(&other));
        prop_assert_eq!(merged_asleep, merged_awake);
        for (name, segment) in more.iter().filter_map(|index| history.segments.get(*index)) {
            for state in [&mut state, &mut awake] {
                state.apply(*name, &segment.changes, stored_at(name));
            }
            assert_same_heads(&state, &awake);
        }
        for number in removed {
            prop_assert_eq!(state.remove(cid(number)), awake.remove(cid(number)));
            assert_same_heads(&state, &awake);
        }
        prop_assert_eq!(state, awake);
    }

    #[test]
    fn all_devices_that_have_read_everything_have_one_state_and_the_model_agrees(acts in acts()) {
        let history = History::play(&acts);
        let model = history.whole_model();
        let states = history.converge();
        for state in &states {
            prop_assert_eq!(state, &states[0]);
            assert_agrees(state, &model);
        }
    }

    #[test]
    fn segments_in_any_causal_order_and_twice_give_one_state(acts in acts(), seed: u64, again in some_segments()) {
        let history = History::play(&acts);
        let mut state = State::new();
        for (name, segment) in history.some_causal_order(seed) {
            state.apply(*name, &segment.changes, stored_at(name));
            for (name, segment) in again.iter().filter_map(|index| history.segments.get(*index)) {
                if state.frontier().covers(name) {
                    state.apply(*name, &segment.changes, None);
                }
            }
        }
        assert_agrees(&state, &history.whole_model());
        prop_assert_eq!(&state, &history.converge()[0]);
    }

    #[test]
    fn any_part_of_the_segments_in_any_order_agrees_with_the_model(acts in acts(), which in some_segments()) {
        let history = History::play(&acts);
        assert_agrees(&applied(&history, &which), &history.model(&which));
    }

    #[test]
    fn merging_states_is_commutative_associative_and_idempotent(
        acts in acts(), a in some_segments(), b in some_segments(), c in some_segments(),
    ) {
        let history = History::play(&acts);
        let [a, b, c] = [a, b, c].map(|which| applied(&history, &which));
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(merged(&a, &a), a.clone());
        let both = merged(&a, &b);
        prop_assert_eq!(merged(&both, &b), both);
    }

    /// The same with purges: each state has forgotten some of what it had merged.
    #[test]
    fn merging_purged_states_is_the_union_of_what_was_merged_less_all_that_was_purged(
        acts in plain_acts(),
        parts in prop::array::uniform3((some_segments(), prop::collection::vec(0_u64..30, 0..10))),
    ) {
        let history = History::play(&acts);
        let models = parts.map(|(which, purged)| {
            let mut model = history.model(&which);
            for number in purged {
                model.purge(cid(number));
            }
            model
        });
        let [a, b, c] = [0, 1, 2].map(|index| state_of(&models[index]));
        for (state, model) in [&a, &b, &c].into_iter().zip(&models) {
            assert_agrees(state, model);
        }
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(merged(&a, &a), a.clone());
        let mut union = models[0].clone();
        union.merge(&models[1]);
        assert_agrees(&merged(&a, &b), &union);
        union.merge(&models[2]);
        let all = merged(&merged(&a, &b), &c);
        assert_agrees(&all, &union);
        prop_assert_eq!(all, state_of(&union));
    }

    /// Segments and whole states, in any mix and order, any of them more than once.
    #[test]
    fn segments_and_states_can_be_mixed(
        acts in plain_acts(),
        parts in prop::array::uniform2((some_segments(), prop::collection::vec(0_u64..30, 0..10))),
        mix in prop::collection::vec(0_usize..26, 0..40),
    ) {
        let history = History::play(&acts);
        let states = parts.map(|(which, purged)| {
            let mut model = history.model(&which);
            purged.into_iter().for_each(|number| model.purge(cid(number)));
            model
        });
        let mut state = State::new();
        let mut model = tidegate_sync_core::state::reference::Reference::new();
        for index in mix {
            if let Some(other) = states.get(index) {
                state.merge(&state_of(other));
                model.merge(other);
            } else if let Some((name, segment)) = history.segments.get(index - states.len()) {
                state.apply(*name, &segment.changes, stored_at(name));
                model.apply(*name, &segment.changes);
            }
        }
        assert_agrees(&state, &model);
        prop_assert_eq!(state, state_of(&model));
    }

    /// A checkpoint is the state of its author: written and read, it merges as the state itself would.
    #[test]
    fn checkpoints_merge_as_the_states_that_they_were_made_of(
        acts in plain_acts(),
        part in (some_segments(), prop::collection::vec(0_u64..30, 0..10)),
        other in some_segments(),
    ) {
        let history = History::play(&acts);
        let mut model = history.model(&part.0);
        part.1.into_iter().for_each(|number| model.purge(cid(number)));
        let author = state_of(&model);
        let written = author.to_checkpoint(BTreeSet::new()).to_ndjson().unwrap();
        let read = State::of_checkpoint(Checkpoint::parse(&written).unwrap());
        prop_assert_eq!(&read, &author);
        let reader = applied(&history, &other);
        prop_assert_eq!(merged(&reader, &read), merged(&author, &reader));
    }

    /// After a purge everybody shows what was shown before, but for deletes that are gone with all that they deleted.
    #[test]
    fn a_purge_changes_nothing_that_is_shown(acts in plain_acts(), days in 0_u64..200) {
        let history = History::play(&acts);
        let whole = history.whole_model();
        let state = state_of(&whole);
        let mut purged = state.clone();
        let due = due_for_purge(&state, MORNING_MS + days * 24 * 60 * 60 * 1000);
        due.iter().for_each(|cid| drop(purged.remove(*cid)));
        for register in state.registers() {
            let heads = |state: &State| -> Vec<Cid> {
                state.heads(register).iter().filter(|head| head.has_content()).map(|head| head.cid).collect()
            };
            prop_assert_eq!(heads(&purged), heads(&state));
        }
        for present in purged.changes() {
            let place = |state: &State| state.whereabouts(present.change.cid).map(|place| place.cid);
            prop_assert_eq!(place(&purged), place(&state));
        }
        if days < 89 {
            prop_assert!(due.is_empty());
        }
        if days > 100 {
            let still_due = due_for_purge(&purged, MORNING_MS + days * 24 * 60 * 60 * 1000);
            prop_assert!(still_due.is_empty(), "{still_due:?}");
            prop_assert!(purged.changes().all(|present| !purged.is_superseded(present.change.cid)));
        }
    }

    #[test]
    fn what_is_covered_and_absent_never_returns(acts in plain_acts(), purged in prop::collection::vec(0_u64..30, 1..10), seed: u64) {
        let history = History::play(&acts);
        let mut model = history.whole_model();
        for number in &purged {
            model.purge(cid(*number));
        }
        let mut state = state_of(&model);
        for (name, segment) in history.some_causal_order(seed) {
            state.apply(*name, &segment.changes, stored_at(name));
        }
        state.merge(&state_of(&history.whole_model()));
        prop_assert_eq!(&state, &state_of(&model));
        prop_assert!(purged.iter().all(|number| state.get(cid(*number)).is_none()));
    }

    #[test]
    fn no_edit_is_lost_and_no_deleted_record_returns(acts in acts()) {
        let history = History::play(&acts);
        let made = history.made.clone();
        let state = history.converge().swap_remove(0);
        for (cid, edit) in &made {
            prop_assert!(state.get(*cid).is_some(), "{:?} is gone", cid);
            let superseders = made.values().filter(|other| other.change.supersedes.contains(cid));
            for other in superseders {
                prop_assert!(other.seen.contains(cid), "{:?} was replaced by one that had not seen it", cid);
            }
            if edit.change.op == Op::Delete {
                for shown in state.heads_of_target(edit.change.target) {
                    prop_assert!(!edit.seen.contains(&shown.cid), "{:?} is back", shown.cid);
                }
            }
        }
    }

    #[test]
    fn each_edit_replaces_what_its_kind_says_and_counts_on(acts in acts()) {
        let history = History::play(&acts);
        for Made { change, heads, .. } in history.made.values().map(Made::from) {
            let at: Vec<&Change> = heads.iter().filter(|head| head.register() == change.register()).collect();
            let shown = at.iter().copied().filter(|head| head.op != Op::Delete && !head.kept).max_by_key(|head| (head.hlc, head.cid));
            let expected: BTreeSet<Cid> = match change.op {
                Op::Delete => heads.iter().map(|head| head.cid).collect(),
                Op::Resolve => at.iter().map(|head| head.cid).collect(),
                Op::Put if change.kept => BTreeSet::new(),
                Op::Put => match shown {
                    None => at.iter().filter(|head| head.op == Op::Delete).map(|head| head.cid).collect(),
                    Some(shown) => at
                        .iter()
                        .filter(|head| head.cid == shown.cid || (!head.kept && head.op != Op::Delete
                            && head.content_hmac == shown.content_hmac && head.meta == shown.meta))
                        .map(|head| head.cid)
                        .collect(),
                },
                Op::Relocate => BTreeSet::new(),
            };
            prop_assert_eq!(change.supersedes.iter().copied().collect::<BTreeSet<_>>(), expected);
            let highest = heads.iter().filter(|head| change.supersedes.contains(&head.cid)).map(|head| head.version).max();
            let version = if change.op == Op::Relocate { 0 } else { highest.unwrap_or(0) + 1 };
            prop_assert_eq!(change.version, version);
        }
    }

    #[test]
    fn the_causal_order_puts_every_segment_after_all_that_it_has_seen(acts in acts(), which in some_segments()) {
        let history = History::play(&acts);
        let segments: BTreeMap<_, _> = which.iter().filter_map(|index| history.segments.get(*index)).cloned().collect();
        let order = causal_order(&segments);
        prop_assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), segments.keys().copied().collect::<BTreeSet<_>>());
        prop_assert_eq!(order.len(), segments.len());
        for (place, name) in order.iter().enumerate() {
            let segment = &segments[name];
            for before in segment.predecessor().iter().chain(&segment.seen) {
                let earlier = order.iter().position(|other| other == before);
                prop_assert!(earlier.is_none_or(|earlier| earlier < place));
            }
        }
    }
}

struct Made<'a> {
    change: &'a Change,
    heads: &'a [Change],
}

impl<'a> From<&'a crate::history::Made> for Made<'a> {
    fn from(made: &'a crate::history::Made) -> Self {
        Self { change: &made.change, heads: &made.heads }
    }
}

/// Applies each of these as a segment of its own by another device.
fn state(changes: &[Change]) -> State {
    let mut state = State::new();
    for (number, change) in changes.iter().enumerate() {
        state.apply(segment_ref(number as u64, 1, number as u64), std::slice::from_ref(change), None);
    }
    state
}

fn shown(state: &State) -> Option<Cid> {
    winner(state.heads(&Register::record(record_id(0)))).map(|change| change.cid)
}

fn losers(state: &State) -> Vec<Cid> {
    let heads = state.heads(&Register::record(record_id(0)));
    conflict(&heads).map(|conflict| conflict.losers.iter().map(|change| change.cid).collect()).unwrap_or_default()
}

fn in_both_orders(changes: &[Change], check: impl Fn(&State)) {
    check(&state(changes));
    let reversed: Vec<Change> = changes.iter().rev().cloned().collect();
    check(&state(&reversed));
}

#[test]
fn an_edit_survives_a_concurrent_delete() {
    in_both_orders(&[put(1), over(2, &[1]), delete(3, &[1])], |state| {
        assert_eq!(shown(state), Some(cid(2)));
        assert_eq!(losers(state), [], "nothing is left of the delete to compare");
    });
}

#[test]
fn a_delete_takes_every_head_that_its_author_saw_and_no_other() {
    let seen = state(&[put(1), put(2), put(3)]);
    let supersedes = superseded_by_delete(&seen.heads(&Register::record(record_id(0))));
    assert_eq!(supersedes.len(), 3);
    in_both_orders(&[put(1), put(2), put(3), delete(4, &[1, 2, 3])], |state| assert_eq!(shown(state), None));
    in_both_orders(&[put(1), put(2), put(3), delete(4, &[1, 2])], |state| assert_eq!(shown(state), Some(cid(3))));
}

#[test]
fn an_edit_replaces_the_winner_alone_and_leaves_the_conflict() {
    let heads = [put(1), put(2)];
    assert_eq!(superseded_by_edit(&heads.iter().collect::<Vec<_>>()), [cid(2)]);
    in_both_orders(&[put(1), put(2), over(3, &[2])], |state| {
        assert_eq!(shown(state), Some(cid(3)));
        assert_eq!(losers(state), [cid(1)]);
    });
}

#[test]
fn an_edit_of_a_deleted_record_replaces_the_deletes() {
    let heads = [delete(2, &[1]), delete(3, &[1]), Change { kept: true, ..put(4) }];
    let mut deletes = [cid(2), cid(3)];
    deletes.sort_unstable();
    assert_eq!(superseded_by_edit(&heads.iter().collect::<Vec<_>>()), deletes);
    assert_eq!(next_version(&heads[..2]), 3);
}

#[test]
fn the_winner_is_the_latest_and_where_clocks_agree_the_greatest_cid() {
    in_both_orders(&[put(1), put(2)], |state| assert_eq!(shown(state), Some(cid(2))));
    let twin = Change { hlc: put(1).hlc, ..put(2) };
    in_both_orders(&[put(1), twin], |state| assert_eq!(shown(state), Some(cid(1).max(cid(2)))));
}

#[test]
fn a_kept_edit_never_wins_and_is_always_seen() {
    let late = Change { kept: true, ..put(9) };
    in_both_orders(&[put(1), late.clone()], |state| {
        assert_eq!(shown(state), Some(cid(1)));
        assert_eq!(losers(state), [cid(9)]);
    });
    in_both_orders(&[put(1), delete(2, &[1]), late], |state| {
        assert_eq!(shown(state), None);
        assert_eq!(losers(state), [cid(9)]);
    });
}

#[test]
fn equal_contents_with_equal_descriptions_are_one_head() {
    let twin = Change { content_hmac: put(1).content_hmac, ..put(2) };
    in_both_orders(&[put(1), twin.clone()], |state| assert_eq!(losers(state), []));
    let mut both = [cid(1), cid(2)];
    both.sort_unstable();
    assert_eq!(superseded_by_edit(&[&put(1), &twin]), both, "or the twin would come back as a conflict");
}

#[test]
fn of_three_equal_losers_one_is_shown() {
    let equal = |n| Change { content_hmac: Some(hmac(1)), ..put(n) };
    in_both_orders(&[equal(1), equal(2), equal(3), put(4)], |state| assert_eq!(losers(state), [cid(3)]));
}

#[test]
fn equal_contents_under_other_titles_are_a_conflict() {
    let renamed = |n, title: &str| Change {
        content_hmac: Some(hmac(0)),
        meta: Meta { title: Some(title.to_owned()), ..Meta::clone(&put(1).meta) }.into(),
        ..put(n)
    };
    in_both_orders(&[renamed(1, "Anna"), renamed(2, "Anne")], |state| assert_eq!(losers(state), [cid(1)]));
}

#[test]
fn titles_are_compared_in_nfc_and_kept_as_given() {
    let titled = |n, title: &str| Change {
        content_hmac: Some(hmac(0)),
        meta: Meta { title: Some(title.to_owned()), ..Meta::clone(&put(1).meta) }.into(),
        ..put(n)
    };
    let (composed, decomposed) = ("Bl\u{fc}te", "Blu\u{308}te");
    in_both_orders(&[titled(1, composed), titled(2, decomposed)], |state| {
        assert_eq!(losers(state), []);
        assert_eq!(state.get(cid(2)).unwrap().meta.title.as_deref(), Some(decomposed));
    });
}

#[test]
fn the_version_is_one_more_than_the_highest_replaced() {
    assert_eq!(next_version([]), 1);
    assert_eq!(next_version([&Change { version: 7, ..put(1) }, &Change { version: 3, ..put(2) }]), 8);
}

#[test]
fn a_segment_that_comes_again_or_after_its_successors_changes_nothing() {
    let mut state = State::new();
    let (first, second) = (segment_ref(1, 1, 1), segment_ref(1, 2, 2));
    state.apply(first, &[put(1)], Some(Timestamp::from_millis(1)));
    state.apply(second, &[over(2, &[1])], Some(Timestamp::from_millis(2)));
    let before = state.clone();
    state.apply(first, &[put(1)], Some(Timestamp::from_millis(3)));
    state.apply(first, &[put(1), put(3)], None);
    assert_eq!(state, before);
}

#[test]
fn a_successor_that_comes_first_wins_all_the_same() {
    in_both_orders(&[put(1), over(2, &[1]), over(3, &[2])], |state| {
        assert_eq!(shown(state), Some(cid(3)));
        assert_eq!(losers(state), []);
    });
}

#[test]
fn an_attachment_hangs_at_each_record_by_itself_and_one_delete_takes_it_from_all() {
    let at = |n, record| {
        Change { meta: Meta { record_id: Some(record_id(record)), ..Meta::clone(&attachment(1).meta) }.into(), ..attachment(1) }
            .renumbered(n)
    };
    let target = Target::Attachment(hmac(1));
    let mut state = state(&[at(1, 0), at(2, 1)]);
    assert_eq!(state.heads_of_target(target).len(), 2, "the second record does not take it from the first");
    let supersedes = superseded_by_delete(&state.heads_of_target(target));
    state.apply(segment_ref(8, 1, 8), &[Change { target, supersedes, ..delete(3, &[]) }], None);
    let left: Vec<Cid> = state.heads_of_target(target).iter().map(|head| head.cid).collect();
    assert_eq!(left, [cid(3)]);
}

trait Renumbered {
    fn renumbered(self, n: u64) -> Self;
}

impl Renumbered for Change {
    fn renumbered(self, n: u64) -> Self {
        Self { cid: cid(n), hlc: put(n).hlc, ..self }
    }
}

#[test]
fn the_latest_relocation_says_where_a_content_lies_and_touches_nothing_else() {
    let (early, late) = (relocation(5, &[1, 2]), relocation(6, &[1]));
    in_both_orders(&[put(1), put(2), early, late], |state| {
        assert_eq!(state.whereabouts(cid(1)).unwrap().cid, cid(6));
        assert_eq!(state.whereabouts(cid(2)).unwrap().cid, cid(5));
        assert_eq!((shown(state), losers(state)), (Some(cid(2)), vec![cid(1)]));
        assert_eq!(state.get(cid(1)).unwrap().version, 1);
    });
}

#[test]
fn a_change_sent_twice_goes_only_when_both_its_segments_are_covered() {
    let (first, second) = (segment_ref(1, 1, 1), segment_ref(1, 1, 2));
    let mut purged = State::new();
    purged.apply(first, &[], None);
    let mut twice = State::new();
    twice.apply(first, &[put(1)], None);
    twice.apply(second, &[put(1)], None);
    let half = merged(&twice, &purged);
    let origins = |state: &State| state.present(cid(1)).unwrap().brought_by.keys().copied().collect::<Vec<_>>();
    assert_eq!(origins(&half), [second]);
    assert_eq!(origins(&merged(&half, &twice)), [second], "each origin counts by itself");
    purged.apply(second, &[], None);
    assert!(merged(&twice, &purged).get(cid(1)).is_none());
}

#[test]
fn of_a_change_with_two_contents_all_keep_the_same() {
    let copies = [stored_as_object(put(1), 1), stored_as_object(put(1), 2)];
    let [one, other] = [[0, 1], [1, 0]].map(|order| state(&order.map(|index: usize| copies[index].clone())));
    assert_eq!(one.get(cid(1)), other.get(cid(1)));
}

#[test]
fn of_two_times_at_which_the_store_took_a_segment_the_later_counts() {
    let segment = segment_ref(1, 1, 1);
    let times = [None, Some(Timestamp::from_millis(2)), Some(Timestamp::from_millis(1))];
    let states = times.map(|stored_at| {
        let mut state = State::new();
        state.apply(segment, &[put(1)], stored_at);
        state
    });
    for one in &states {
        for other in &states {
            let both = merged(one, other);
            assert_eq!(both, merged(other, one));
            let of = |state: &State| state.present(cid(1)).unwrap().brought_by[&segment];
            assert_eq!(of(&both), of(one).max(of(other)));
        }
    }
}

/// No honest device makes such a pair; but what the dropped one superseded must not stay hidden on those who saw it first.
#[test]
fn what_a_dropped_content_of_a_change_superseded_is_a_head_again() {
    let all = |copies: [Change; 2]| state(&[&[put(1), put(2)][..], &copies].concat());
    let copies = [over(3, &[1]), over(3, &[2])];
    let [one, other] = [all(copies.clone()), all([copies[1].clone(), copies[0].clone()])];
    for state in [&one, &other] {
        let superseded = [cid(1), cid(2)].map(|cid| state.is_superseded(cid));
        assert_eq!(superseded, [1, 2].map(|n| one.get(cid(3)).unwrap().supersedes == [cid(n)]));
    }
}

#[test]
fn unsent_changes_stay_through_a_merge_and_are_not_handed_on() {
    let mut mine = state(&[put(1)]);
    mine.insert_unsent(over(2, &[1]));
    let theirs = state(&[put(1), put(3)]);
    assert_eq!(shown(&merged(&mine, &theirs)), Some(cid(3)));
    assert!(merged(&mine, &theirs).get(cid(2)).is_some());
    assert!(merged(&theirs, &mine).get(cid(2)).is_none());
}

/// Whichever of the two is the greater: what the outbox holds is no part of what devices agree on.
#[test]
fn an_unsent_change_gives_way_to_a_stored_one() {
    for (unsent, stored) in [(1, 2), (2, 1)] {
        let mut state = State::new();
        state.insert_unsent(stored_as_object(put(1), unsent));
        let stored = stored_as_object(put(1), stored);
        state.apply(segment_ref(1, 1, 1), std::slice::from_ref(&stored), None);
        assert_eq!(state.get(cid(1)), Some(&stored));
    }
}

#[test]
fn an_unsent_change_becomes_the_stored_one() {
    let mut state = State::new();
    state.insert_unsent(put(1));
    let sent = stored_as_object(put(1), 7);
    state.insert_unsent(sent.clone());
    state.apply(segment_ref(1, 1, 1), std::slice::from_ref(&sent), None);
    assert_eq!(state.get(cid(1)), Some(&sent));
    state.insert_unsent(put(1));
    assert_eq!(state.get(cid(1)), Some(&sent), "what is stored is never replaced");
}

/// Without this the properties above might hold for histories in which nothing happens.
#[test]
fn the_histories_hold_what_they_are_drawn_for() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for _ in 0..200 {
        let history = History::play(&acts().new_tree(&mut runner).unwrap().current());
        let state = history.converge().swap_remove(0);
        for register in state.registers().copied().collect::<Vec<_>>() {
            let heads = state.heads(&register);
            let shown = winner(heads.iter().copied());
            let tombstones = heads.iter().filter(|head| head.op == Op::Delete).count();
            let contents = heads.iter().filter(|head| head.has_content()).count();
            let losers = conflict(&heads).map_or(0, |conflict| conflict.losers.len());
            let mut count = |what, happened: bool| *seen.entry(what).or_default() += u64::from(happened);
            count("conflict", losers > 0);
            count("conflict of three", losers > 1);
            count("twins", contents > losers + usize::from(shown.is_some()));
            count("deleted", shown.is_none() && tombstones > 0);
            count("edit survived a delete", shown.is_some() && tombstones > 0);
            count("two deletes", tombstones > 1);
            count("kept head", heads.iter().any(|head| head.kept));
            count("attachment", matches!(register.target, Target::Attachment(_)));
            count("version over 3", heads.iter().any(|head| head.version > 3));
        }
        for present in state.changes() {
            let mut count = |what, happened: bool| *seen.entry(what).or_default() += u64::from(happened);
            let moved = state.whereabouts(present.change.cid).is_some_and(|place| place.cid != present.change.cid);
            count("resolution", present.change.op == Op::Resolve);
            count("relocation", moved);
            count("sent in two segments", present.brought_by.len() > 1);
        }
    }
    assert!(seen.values().all(|count| *count > 10), "{seen:?}");
}
