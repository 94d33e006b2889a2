//! Ending a conflict without giving anything up: one version stays in its place, the others become records of their own.

use rand_core::CryptoRng;
use tidegate_protocol::{MemberId, RecordId, Space};

use super::Engine;
use super::edit::unsent_rows;
use super::edit_error::EditError;
use super::edit_request::Edit;
use crate::manifest::{Change, Cid, Location, Op, Register, Target};
use crate::state::State;

impl Engine {
    /// As [`Engine::resolve`], and writes each of `apart` as a new record beside it: all in one batch, or a crash in between
    /// would leave copies and the conflict. What is attached to the record stays with it.
    ///
    /// # Errors
    /// [`EditError::UnknownVersion`] if one of them is no head of this record; [`EditError::ContentNotLocal`].
    pub fn resolve_keeping(
        &self,
        member: MemberId,
        record: RecordId,
        keep: Cid,
        apart: &[(Cid, RecordId)],
        now_ms: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Edit, EditError> {
        let space = self.space_of(member);
        let mut edit = self.resolve(member, record, keep, now_ms, rng)?;
        let state = self.state_of(space);
        let heads = state.heads(&Register::record(record));
        for (cid, own) in apart {
            let head = heads.iter().find(|head| head.cid == *cid && head.has_content());
            let head = head.ok_or(EditError::UnknownVersion { target: Target::Record(record), cid: *cid })?;
            let copy = self.copy_of(space, head, *own, now_ms, rng)?;
            edit.batch.rows.extend(unsent_rows(space, copy));
        }
        Ok(edit)
    }

    /// The same content under the same name, as the first version of another record.
    fn copy_of(
        &self,
        space: Space,
        version: &Change,
        record: RecordId,
        now_ms: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Change, EditError> {
        self.check_content_is_here(space, version)?;
        let (meta, hmac, size) = (version.meta.clone(), version.content_hmac, version.size);
        let target = Target::Record(record);
        let mut copy = self.draft(&State::new(), target, Op::Put, Vec::new(), meta, hmac, size, now_ms, rng)?;
        copy.location = version.location.clone().filter(|location| matches!(location, Location::Inline(_)));
        copy.check_unsent()?;
        Ok(copy)
    }
}
