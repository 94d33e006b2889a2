//! Kinds whose concurrent versions are merged: the laws, and what devices make of them.

use proptest::prelude::*;
use tidegate_sync_core::state::{MergeContents as _, MergeKinds, UnionById};

use crate::device::{Device, Store, record};
use crate::setup::account;

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..6_u8, 0..3_u8).prop_map(|(id, value)| format!("{{\"id\":\"{id}\",\"v\":{value}}}")),
        (0..6_u8, 0..3_u8).prop_map(|(id, value)| format!("{{\"v\":{value},\"id\":{id}}}\r")),
        "[ -~]{0,12}",
        Just(String::new()),
    ]
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let lines = prop::collection::vec(line(), 0..8);
    (lines, any::<bool>()).prop_map(|(lines, ended)| {
        let end = if ended { "\n" } else { "" };
        format!("{}{end}", lines.join("\n")).into_bytes()
    })
}

fn union(contents: &[&[u8]]) -> Vec<u8> {
    UnionById.merge(contents)
}

proptest! {
    #[test]
    fn union_is_commutative(a in content(), b in content()) {
        prop_assert_eq!(union(&[&a, &b]), union(&[&b, &a]));
    }

    #[test]
    fn union_is_associative_and_views_merge_like_what_is_in_them(a in content(), b in content(), c in content()) {
        let all = union(&[&a, &b, &c]);
        prop_assert_eq!(&union(&[&union(&[&a, &b]), &c]), &all);
        prop_assert_eq!(&union(&[&a, &union(&[&b, &c])]), &all);
    }

    #[test]
    fn union_is_idempotent(a in content()) {
        let once = union(&[&a]);
        prop_assert_eq!(&union(&[&a, &a]), &once);
        prop_assert_eq!(&union(&[&once]), &once);
        prop_assert_eq!(&union(&[&once, &a]), &once);
    }

    #[test]
    fn union_takes_anything(a in prop::collection::vec(any::<u8>(), 0..64), b in prop::collection::vec(any::<u8>(), 0..64)) {
        let view = union(&[&a, &b]);
        prop_assert_eq!(union(&[&view, &a]), view);
    }
}

#[test]
fn heads_of_a_merging_kind_never_conflict_and_the_next_edit_takes_in_all_of_them() {
    let account = account(1);
    let kinds = || MergeKinds::default().with("samples", UnionById);
    let (mut one, member) = Device::first(&account);
    let mut store = Store::default();
    one.sync(&mut store);
    let mut other = Device::further(&account, 2);
    other.sync(&mut store);
    one.engine.set_merge_kinds(kinds());
    other.engine.set_merge_kinds(kinds());

    // Too large to stand in the change.
    let day =
        |from: u32| (from..from + 60).map(|id| format!("{{\"id\":\"{id:04}\",\"v\":1}}\n")).collect::<String>().into_bytes();
    one.put_kind(member, 0, Some("samples"), &day(0), store.now_ms);
    other.put_kind(member, 0, Some("samples"), &day(100), store.now_ms);
    one.put_kind(member, 1, Some("note"), &day(0), store.now_ms);
    other.put_kind(member, 1, Some("note"), &day(100), store.now_ms);
    for device in [&mut one, &mut other] {
        device.sync(&mut store);
    }
    let (summary, _) = one.sync(&mut store);
    assert_eq!(summary.conflicts, 1, "the note's alone");
    let space = one.engine.space_of(member);
    for device in [&one, &other] {
        assert_eq!(device.engine.record(member, record(0)).unwrap().conflicts, 0);
        let (_, versions) = device.engine.merged(member, record(0)).unwrap();
        assert_eq!(versions.len(), 2);
        let is_here = |hmac| device.contents.contains_key(&(space, hmac));
        assert!(versions.iter().all(|version| is_here(version.content_hmac.unwrap())), "all of them are fetched");
    }
    assert!(one.engine.merged(member, record(1)).is_none());

    // An edit of another kind is no edit of this one; one of this kind takes them all in.
    other.put_kind(member, 0, Some("samples"), &day(200), store.now_ms + 1);
    assert_eq!(other.engine.merged(member, record(0)).unwrap().1.len(), 1);
    other.sync(&mut store);
    one.sync(&mut store);
    assert_eq!(one.engine.merged(member, record(0)).unwrap().1.len(), 1);
    assert_eq!(one.shows(member, 0), Some(day(200)));
}

#[test]
fn versions_of_two_kinds_are_a_conflict() {
    let account = account(1);
    let (mut one, member) = Device::first(&account);
    let mut store = Store::default();
    one.sync(&mut store);
    let mut other = Device::further(&account, 2);
    other.sync(&mut store);
    one.put_kind(member, 0, Some("samples"), b"{\"id\":1}", store.now_ms);
    other.put_kind(member, 0, Some("note"), b"a note", store.now_ms);
    one.sync(&mut store);
    other.sync(&mut store);
    other.engine.set_merge_kinds(MergeKinds::default().with("samples", UnionById));
    assert_eq!(other.engine.conflicts().len(), 1);
    assert!(other.engine.merged(member, record(0)).is_none());
}
