//! Sealed changes opened: of many, on another thread, while the next are read.

use std::sync::mpsc::{channel, sync_channel};

use tidegate_protocol::Space;
use tidegate_sync_core::manifest::{Change, Cid};
use tidegate_sync_core::state::{Origins, Present};

use super::load::{LoadError, Result, parse};
use super::sealing::{Sealing, change_row};

/// From how many changes on another thread is worth its start.
const MANY: usize = 256;
/// Changes that are opened at a time.
const CHUNK: usize = 64;
/// Chunks that wait to be opened.
const WAITING: usize = 4;

/// A change as its row has it.
pub(super) struct SealedChange {
    pub(super) cid: Cid,
    pub(super) sealed: Vec<u8>,
    pub(super) brought_by: Origins,
}

/// Opens each change and gives it to `take`, in order; `count` is about how many there are.
pub(super) fn each(
    sealing: &Sealing,
    space: Space,
    count: usize,
    mut sealed: impl Iterator<Item = Result<SealedChange>>,
    take: &mut dyn FnMut(Present),
) -> Result<()> {
    if count < MANY {
        return sealed.try_for_each(|sealed| present(sealing, space, sealed?).map(&mut *take));
    }
    std::thread::scope(|scope| {
        let (to_open, chunks) = sync_channel::<Vec<SealedChange>>(WAITING);
        let (opened, to_take) = channel::<Result<Vec<Present>>>();
        scope.spawn(move || {
            for chunk in chunks {
                // Nobody takes it: something could not be read.
                if opened.send(chunk.into_iter().map(|sealed| present(sealing, space, sealed)).collect()).is_err() {
                    return;
                }
            }
        });
        loop {
            let chunk: Vec<SealedChange> = sealed.by_ref().take(CHUNK).collect::<Result<_>>()?;
            if chunk.is_empty() || to_open.send(chunk).is_err() {
                break;
            }
            for chunk in to_take.try_iter() {
                chunk?.into_iter().for_each(&mut *take);
            }
        }
        drop(to_open);
        for chunk in to_take {
            chunk?.into_iter().for_each(&mut *take);
        }
        Ok(())
    })
}

/// Opens the change that stands under this id.
pub(super) fn open(sealing: &Sealing, space: Space, cid: Cid, sealed: &[u8]) -> Result<Change> {
    let json = sealing.open(&change_row(space, cid), sealed).map_err(LoadError::Row)?;
    parse("changes", Change::parse(&json).ok().filter(|change| change.cid == cid))
}

fn present(sealing: &Sealing, space: Space, sealed: SealedChange) -> Result<Present> {
    let change = open(sealing, space, sealed.cid, &sealed.sealed)?.into();
    Ok(Present { change, brought_by: sealed.brought_by })
}
