//! Answers that are too long, too slow, or stop in their midst.

use std::time::Duration;

use jiff::civil::date;
use tidegate_tandem::source::{Class, Client, Limits, SourceError, Window};
use tidegate_testkit::tandem::{Fault, Stage, TandemStandIn};

use super::{client, login, signed_in, stand_in};

const STEPS: [Stage; 5] = [Stage::Begin, Stage::Login, Stage::Authorize, Stage::Token, Stage::Keys];

/// Waits for no answer; what it tests never comes.
fn impatient(server: &TandemStandIn) -> Client {
    let limits = Limits { answer_time: Duration::from_millis(300), tries: 1, first_pause: Duration::ZERO };
    Client::with_limits(server.endpoints(), limits).unwrap()
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    for stage in STEPS {
        let server = stand_in().await;
        server.fail(stage, [Fault::Huge(3 * 1024 * 1024)]);
        let error = client(&server).login(&login(&server)).await.unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { .. }), "{stage:?} {error:?}");
    }
    let server = stand_in().await;
    let (client, token) = signed_in(&server).await;
    server.fail(Stage::Account, [Fault::Huge(9 * 1024 * 1024)]);
    assert!(matches!(client.account(&token).await, Err(SourceError::TooLarge { .. })));
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_not_waited_for() {
    for stage in STEPS {
        let server = stand_in().await;
        server.fail(stage, [Fault::Stall]);
        let error = impatient(&server).login(&login(&server)).await.unwrap_err();
        assert_eq!((error.class(), error.code()), (Class::Unreachable, "tandem-unreachable"), "{stage:?} {error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_stops_in_its_midst_is_no_answer() {
    let server = stand_in().await;
    let (client, token) = signed_in(&server).await;
    server.fail(Stage::Account, [Fault::Torn]);
    assert_eq!(client.account(&token).await.unwrap_err().class(), Class::Unreachable);
}

#[tokio::test]
async fn a_service_that_fails_is_asked_a_few_times() {
    let server = stand_in().await;
    let (client, token) = signed_in(&server).await;
    for status in [500, 502, 503, 504] {
        server.heal();
        let before = server.count(Stage::Account);
        server.fail(Stage::Account, vec![Fault::Status(status); 2]);
        client.account(&token).await.unwrap();
        assert_eq!(server.count(Stage::Account) - before, 3);
        server.fail(Stage::Account, vec![Fault::Status(status); 10]);
        let error = client.account(&token).await.unwrap_err();
        assert!(matches!(error, SourceError::Failing { status: failed } if failed == status));
        assert_eq!(server.count(Stage::Account) - before, 6);
    }
}

#[tokio::test]
async fn a_request_to_wait_is_passed_on() {
    let server = stand_in().await;
    let (client, token) = signed_in(&server).await;
    server.fail(Stage::Account, [Fault::RateLimit(Some("7200".to_owned())), Fault::RateLimit(None)]);
    let now = jiff::Timestamp::now();
    for least in [7_000, 30] {
        let error = client.account(&token).await.unwrap_err();
        let Class::RateLimited { until } = error.class() else { panic!("{error:?}") };
        assert!(until.duration_since(now).as_secs() >= least);
    }
    assert_eq!(server.count(Stage::Account), 2);
}

#[test]
fn a_window_has_at_most_28_days() {
    let day = |day| date(2026, 10, day);
    assert!(Window::new(day(1), day(28)).is_some());
    assert!(Window::new(day(1), day(29)).is_none());
    assert!(Window::new(day(2), day(1)).is_none());
    assert!(Window::new(day(2), day(2)).is_some());
}

#[test]
fn days_are_split_into_windows_that_hold_each_of_them_once() {
    for days in [1, 27, 28, 29, 56, 57, 365, 4000] {
        let from = date(2024, 2, 1);
        let to = from.saturating_add(jiff::Span::new().days(days - 1));
        let mut expected = from;
        for window in Window::split(from, to) {
            assert_eq!(window.from(), expected);
            assert!(Window::new(window.from(), window.to()).is_some());
            expected = window.to().tomorrow().unwrap();
        }
        assert_eq!(expected, to.tomorrow().unwrap());
    }
    assert_eq!(Window::split(date(2026, 1, 2), date(2026, 1, 1)).count(), 0);
    assert!(Window::split(jiff::civil::Date::MIN, jiff::civil::Date::MAX).count() > 1_000);
}
