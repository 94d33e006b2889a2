//! Temporary credentials, tried out as before the first are handed out.

use time::OffsetDateTime;

use super::check::Check;
use crate::config::Config;
use crate::credentials::{CredentialIssuer, Verdict};

const ID: &str = "temporary-credentials";

pub(super) async fn examine(config: &Config, now: OffsetDateTime) -> Check {
    let Some(issuer) = CredentialIssuer::new(config) else {
        return Check::skipped(ID, "store.temporary_credentials is none: clients ask for URLs");
    };
    match issuer.try_out(now).await {
        Ok(Verdict::ReadAndList) => Check::ok(ID),
        Ok(Verdict::ReadAlone) => Check::warning(
            ID,
            "credentials that may list one prefix would list the whole bucket on this store, so they list nothing",
            "nothing has to change: clients list by URL",
        ),
        Ok(Verdict::Unfit(what)) => Check::failed(
            ID,
            format!("temporary credentials of this store do what they must not ({what}), so none are handed out"),
            "use a store that obeys session policies, or set store.temporary_credentials = \"none\"",
        ),
        Err(problem) => {
            let cause = problem.cause.as_ref().map_or(problem.message.clone(), |cause| cause.to_string());
            Check::failed(ID, cause, "check store.sts_endpoint and store.sts_role_arn, and that store.read may assume the role")
        }
    }
}
