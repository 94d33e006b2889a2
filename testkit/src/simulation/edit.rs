//! What people do: random edits of few records, so that devices meet at the same ones.

use rand_core::Rng as _;
use tidegate_protocol::RecordId;
use tidegate_sync_core::engine::{Attach, Edit, EditError, PutRecord};
use tidegate_sync_core::manifest::{Cid, Target};

use super::world::World;

type Made = Option<(Result<Edit, EditError>, Vec<u8>)>;

/// At most two more members: their keys travel by grants, and their spaces are taken up by devices that synced before.
pub(super) fn add_member(world: &mut World, device: usize) {
    let now_ms = world.devices[device].now(world.now_ms);
    if world.members_added.len() >= 2 {
        return;
    }
    let World { devices, rng, .. } = world;
    let Ok(added) = devices[device].engine.add_member("plaintext name of another child", now_ms, rng) else { return };
    devices[device].disk.commit(&added.edit.batch);
    devices[device].engine.committed(&added.edit);
    world.members_added.insert(added.member);
    world.counts.members += 1;
    world.note(format!("{device} adds member {}", added.member));
}

/// One edit of a random kind, if the device knows the member.
pub(super) fn edit(world: &mut World, device: usize) {
    let space = world.space();
    if world.devices[device].engine.space_keys(space).is_none() {
        return;
    }
    let made = match world.draw(20) {
        0..=8 => put(world, device, false),
        9 => put(world, device, true),
        10..=12 => delete(world, device),
        13..=16 => resolve(world, device),
        17 => restore(world, device),
        _ => attach(world, device),
    };
    take_up(world, device, made);
}

/// More records than this go by a person's word alone.
const DOZENS: usize = 20;

/// Records are made by the dozen, and where there are dozens all are deleted: a script with a wrong filter.
pub(super) fn spree(world: &mut World, device: usize) {
    if world.devices[device].engine.space_keys(world.space()).is_none() {
        return;
    }
    let live: Vec<RecordId> = world.devices[device].engine.records(world.member, false).iter().map(|view| view.record).collect();
    if live.len() <= DOZENS {
        for _ in 0..=DOZENS {
            let made = put(world, device, true);
            take_up(world, device, made);
        }
        return;
    }
    world.counts.sprees += 1;
    for record in live {
        let made = delete_target(world, device, Target::Record(record));
        take_up(world, device, made);
    }
}

fn take_up(world: &mut World, device: usize, made: Made) {
    if let Some((Ok(edit), content)) = made {
        world.acknowledge(device, edit, content);
    }
}

fn records(world: &World, device: usize) -> Vec<RecordId> {
    world.devices[device].engine.records(world.member, true).iter().map(|view| view.record).collect()
}

fn pick<T: Clone>(world: &mut World, from: &[T]) -> Option<T> {
    let index = world.draw(from.len());
    from.get(index).cloned()
}

/// Few different contents and titles, so that devices write the same now and then; short ones go inline, long ones do not.
fn put(world: &mut World, device: usize, new: bool) -> Made {
    let known = records(world, device);
    let record = match pick(world, &known) {
        Some(record) if !new => record,
        Some(_) | None => {
            RecordId::from_bytes(world.rng.next_u64().to_be_bytes().repeat(2).try_into().expect("two times eight are sixteen"))
        }
    };
    let (text, repeats, title) = (world.draw(9), 1 + world.draw(40), world.draw(3));
    let content = format!("plaintext body {text} ").repeat(if world.chance(50) { 60 } else { repeats }).into_bytes();
    let put = PutRecord {
        member: world.member,
        record,
        kind: Some("note".to_owned()),
        title: Some(format!("plaintext title {title}")),
        media_type: None,
        content: content.clone(),
    };
    let World { devices, rng, now_ms, .. } = world;
    let now_ms = devices[device].now(*now_ms);
    let edit = devices[device].engine.put(put, now_ms, rng);
    world.counts.puts += u64::from(edit.is_ok());
    Some((edit, content))
}

fn delete(world: &mut World, device: usize) -> Made {
    let known: Vec<Target> =
        world.devices[device].engine.records(world.member, false).iter().map(|view| Target::Record(view.record)).collect();
    let attached = world.devices[device]
        .engine
        .attachments(world.member)
        .iter()
        .map(|view| Target::Attachment(view.hmac))
        .collect::<Vec<_>>();
    let target = if world.chance(15) { pick(world, &attached)? } else { pick(world, &known)? };
    delete_target(world, device, target)
}

fn delete_target(world: &mut World, device: usize, target: Target) -> Made {
    let World { devices, rng, now_ms, member, .. } = world;
    let now_ms = devices[device].now(*now_ms);
    let edit = devices[device].engine.delete(*member, target, now_ms, rng);
    world.counts.deletes += u64::from(edit.is_ok());
    Some((edit, Vec::new()))
}

fn versions(world: &World, device: usize, record: RecordId, heads: bool) -> Vec<Cid> {
    let space = world.space();
    let Some(state) = world.devices[device].engine.state(space) else { return Vec::new() };
    let history = world.devices[device].engine.history(world.member, Target::Record(record));
    let wanted =
        history.iter().filter(|version| version.change.has_content() && (!heads || !state.is_superseded(version.change.cid)));
    wanted.map(|version| version.change.cid).collect()
}

fn resolve(world: &mut World, device: usize) -> Made {
    let conflicts: Vec<RecordId> = world.devices[device]
        .engine
        .conflicts()
        .iter()
        .filter_map(|(_, register)| match register.target {
            Target::Record(record) => Some(record),
            Target::Attachment(_) => None,
        })
        .collect();
    let record = pick(world, &conflicts)?;
    let heads = versions(world, device, record, true);
    let keep = pick(world, &heads)?;
    world.fetch(device, keep);
    let World { devices, rng, now_ms, member, .. } = world;
    let now_ms = devices[device].now(*now_ms);
    let edit = devices[device].engine.resolve(*member, record, keep, now_ms, rng);
    world.counts.resolutions += u64::from(edit.is_ok());
    let content = world.model.edit(keep)?.content.clone();
    Some((edit, content))
}

fn restore(world: &mut World, device: usize) -> Made {
    let known = records(world, device);
    let record = pick(world, &known)?;
    let all = versions(world, device, record, false);
    let version = pick(world, &all)?;
    world.fetch(device, version);
    let World { devices, rng, now_ms, member, .. } = world;
    let now_ms = devices[device].now(*now_ms);
    let edit = devices[device].engine.restore_version(*member, record, version, now_ms, rng);
    world.counts.restorations += u64::from(edit.is_ok());
    let content = world.model.edit(version)?.content.clone();
    Some((edit, content))
}

fn attach(world: &mut World, device: usize) -> Made {
    let known = records(world, device);
    let record = if world.chance(80) { pick(world, &known) } else { None };
    let (text, name) = (world.draw(4), world.draw(2));
    let content = format!("plaintext photo {text} ").repeat(if text == 0 { 3 } else { 70 }).into_bytes();
    let attach = Attach {
        member: world.member,
        record,
        name: Some(format!("plaintext name {name}.jpg")),
        media_type: Some("image/jpeg".to_owned()),
        content: content.clone().into(),
    };
    let World { devices, rng, now_ms, .. } = world;
    let now_ms = devices[device].now(*now_ms);
    let edit = devices[device].engine.attach(attach, now_ms, rng);
    world.counts.attachments += u64::from(edit.is_ok());
    Some((edit, content))
}
