//! How many URLs of one call were signed, by method and kind: for the counters and the trace, in one go for a whole batch.

use tidegate_protocol::problem::ProblemCode;
use time::OffsetDateTime;

use super::policy::SignedMethod;
use super::request::ObjectRequest;
use crate::audit::{Action, Signed, kind_of};
use crate::broker::Broker;
use crate::session::Caller;

/// A call asks for few kinds at once, so a list is searched.
#[derive(Default)]
pub(super) struct Tally {
    signed: Vec<(&'static str, &'static str, u64)>,
    refused: Vec<ProblemCode>,
}

impl Tally {
    pub(super) fn sign(&mut self, method: SignedMethod, kind: &'static str) {
        let method = method.as_str();
        match self.signed.iter_mut().find(|(known, of, _)| *known == method && *of == kind) {
            Some((_, _, count)) => *count += 1,
            None => self.signed.push((method, kind, 1)),
        }
    }

    pub(super) fn refuse(&mut self, code: ProblemCode) {
        self.refused.push(code);
    }

    /// Counts all of it and puts it on record.
    pub(super) fn note(self, broker: &Broker, caller: &Caller, now: OffsetDateTime) {
        for (method, kind, count) in &self.signed {
            broker.metrics.urls(method, kind, *count);
        }
        for code in &self.refused {
            broker.metrics.item_refused(*code);
        }
        let urls = self.signed.into_iter().map(|(method, kind, count)| Signed {
            method: method.to_owned(),
            kind: kind.to_owned(),
            count,
        });
        let refused = u64::try_from(self.refused.len()).unwrap_or(u64::MAX);
        caller.note(broker, Action::UrlsSigned { urls: urls.collect(), refused }, now);
    }
}

/// The kind of what is asked for.
pub(super) fn kind_of_request(request: &ObjectRequest<'_>) -> &'static str {
    match request {
        ObjectRequest::Get { key } | ObjectRequest::Head { key } | ObjectRequest::Put { key, .. } => kind_of(key),
        ObjectRequest::PutPart { .. } => "part",
        ObjectRequest::List { .. } => "listing",
    }
}
