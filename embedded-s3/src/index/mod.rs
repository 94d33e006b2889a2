//! The index: which keys there are, and which body each names. It is the truth; files without a row are nothing.

mod change;
mod condition;
mod page;
mod read;
mod record;
mod schema;
mod writer;

pub(crate) use change::{Answer, Change, NewObject, Refused};
pub(crate) use condition::Condition;
pub(crate) use page::{Entry, ListRequest, Start};
pub(crate) use read::{Lookup, ReadPool};
pub(crate) use record::{Attributes, ObjectRecord};
pub(crate) use schema::open;
pub(crate) use writer::Writer;
