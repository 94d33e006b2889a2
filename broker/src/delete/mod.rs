//! `POST /v1/delete`: checked, budgeted, audited, and carried out by the broker. DELETE is never signed.

mod audit;
mod handler;
mod rules;

#[cfg(test)]
pub(crate) use audit::AuditDocument;
pub(crate) use handler::{__path_delete, delete};
