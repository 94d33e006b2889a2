//! `member add`, `member list`

use serde::Serialize;
use tidegate_protocol::MemberId;

use super::Context;
use crate::document::short;
use crate::failure::Failure;
use crate::style::shown;
use crate::table::{Column, Table};

#[derive(Serialize)]
struct Added {
    member_id: MemberId,
}

pub(super) fn add(context: &Context, name: &str) -> Result<(), Failure> {
    let member_id = context.open()?.add_member(name)?;
    context.output.result(&Added { member_id }, |style| {
        format!("{} {} is a family member now, {}\n", style.good("✓"), style.bold(shown(name)), style.dim(member_id))
    })
}

#[derive(Serialize)]
struct Members {
    members: Vec<MemberDocument>,
}

#[derive(Serialize)]
struct MemberDocument {
    member_id: MemberId,
    name: String,
}

pub(super) fn list(context: &Context) -> Result<(), Failure> {
    let members = context.open()?.members()?;
    let mut table = Table::new([Column::Left("id"), Column::Left("name")]);
    for member in &members {
        table.row([short(member.member_id), member.name.clone()]);
    }
    let members = members.into_iter().map(|member| MemberDocument { member_id: member.member_id, name: member.name }).collect();
    context.output.result(&Members { members }, |style| {
        if table.is_empty() {
            return format!("No family members yet: add one with {}\n", style.code("tidegate member add NAME"));
        }
        table.render(style)
    })
}
