//! The client against a stand-in of the vendor's service, over real HTTP.

mod data;
mod forged;
mod hosts;
mod keeper;
mod limits;
mod login;
mod report;
mod session;

use std::time::Duration;

use jiff::civil::date;
use tidegate_tandem::source::{Client, Limits, Login, SourceError, Token};
use tidegate_testkit::tandem::{LogPlan, Plan, TandemStandIn};

/// An account with one pump that has three days of log.
fn plan() -> Plan {
    Plan::of(LogPlan::new(date(2026, 10, 1), 3, 7))
}

async fn stand_in() -> TandemStandIn {
    TandemStandIn::start(plan()).await
}

/// Patient enough for a slow machine; pauses are none.
fn limits() -> Limits {
    Limits { answer_time: Duration::from_secs(60), tries: 3, first_pause: Duration::ZERO }
}

fn client(server: &TandemStandIn) -> Client {
    Client::with_limits(server.endpoints(), limits()).unwrap()
}

fn login(server: &TandemStandIn) -> Login {
    let plan = server.plan();
    Login::new(plan.username, plan.password)
}

async fn signed_in(server: &TandemStandIn) -> (Client, Token) {
    let client = client(server);
    let token = client.login(&login(server)).await.unwrap();
    (client, token)
}

/// All that an error can be made to show.
fn shown(error: &SourceError) -> String {
    let mut text = format!("{error} {error:?} {:?}", error.report());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}

/// Nothing that is personal or secret is in a text.
fn assert_nothing_personal(server: &TandemStandIn, text: &str) {
    let plan = server.plan();
    let born = plan.born.to_string();
    let mut secrets = vec![plan.username, plan.password, plan.first_name, plan.last_name, born, plan.pumper_id, plan.account_id];
    secrets.extend(plan.pumps.into_iter().flat_map(|pump| [pump.serial_number, pump.assignment_id]));
    secrets.extend(["access-token-", "eyJ", "code-", "session-"].map(str::to_owned));
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret:?} in {text}");
    }
}
