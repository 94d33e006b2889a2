//! A login that is kept, and is never attempted more often than an account bears.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use tidegate_tandem::source::{Class, Login, Session, SourceError, Window};
use tidegate_testkit::tandem::{Fault, Forgery, Stage, TandemStandIn};

use super::keeper::Memory;
use super::{client, login, stand_in};

/// A clock that a test sets on.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn pass(&self, time: SignedDuration) {
        self.0.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    fn session(&self, server: &TandemStandIn, memory: &Memory) -> Session<Memory> {
        let ahead = Arc::clone(&self.0);
        let clock = move || Timestamp::now() + SignedDuration::from_secs(ahead.load(Ordering::SeqCst));
        Session::with_clock(client(server), memory.clone(), clock)
    }
}

async fn kept() -> (TandemStandIn, Memory, Clock) {
    let server = stand_in().await;
    let memory = Memory::with(&login(&server));
    (server, memory, Clock::default())
}

#[tokio::test]
async fn one_login_serves_all_requests_and_the_next_process() {
    let (server, memory, clock) = kept().await;
    for _ in 0..3 {
        let session = clock.session(&server, &memory);
        let account = session.account().await.unwrap();
        let window = Window::new(date(2026, 10, 1), date(2026, 10, 1)).unwrap();
        session.pump_log(&account.pumps[0], window).await.unwrap();
    }
    assert_eq!(server.count(Stage::Login), 1);
    clock.pass(SignedDuration::from_hours(8));
    clock.session(&server, &memory).account().await.unwrap();
    assert_eq!(server.count(Stage::Login), 2);
}

#[tokio::test]
async fn many_tasks_make_one_login() {
    let (server, memory, clock) = kept().await;
    let session = Arc::new(clock.session(&server, &memory));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let session = Arc::clone(&session);
                async move { session.account().await }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(server.count(Stage::Login), 1);
}

#[tokio::test]
async fn a_token_that_ends_early_is_replaced_once() {
    let (server, memory, clock) = kept().await;
    let session = clock.session(&server, &memory);
    let account = session.account().await.unwrap();
    server.end_tokens();
    let window = Window::new(date(2026, 10, 1), date(2026, 10, 1)).unwrap();
    session.pump_log(&account.pumps[0], window).await.unwrap();
    assert_eq!(server.count(Stage::Login), 2);
}

#[tokio::test]
async fn a_service_that_refuses_every_token_is_no_loop_of_logins() {
    let (server, memory, clock) = kept().await;
    server.fail(Stage::Account, vec![Fault::Status(401); 50]);
    let error = clock.session(&server, &memory).account().await.unwrap_err();
    assert!(matches!(error, SourceError::FreshTokenRefused { .. }), "{error:?}");
    assert_eq!((server.count(Stage::Login), server.count(Stage::Account)), (2, 2));
    for _ in 0..5 {
        let error = clock.session(&server, &memory).account().await.unwrap_err();
        assert!(matches!(error.class(), Class::Locked { .. }), "{error:?}");
    }
    assert_eq!((server.count(Stage::Login), server.count(Stage::Account)), (2, 2));
    server.heal();
    clock.pass(SignedDuration::from_mins(61));
    clock.session(&server, &memory).account().await.unwrap();
}

#[tokio::test]
async fn refused_credentials_are_not_tried_again_by_any_process() {
    let (server, memory, clock) = kept().await;
    server.change(|plan| plan.password = "another-now-7".to_owned());
    let error = clock.session(&server, &memory).account().await.unwrap_err();
    assert!(matches!(error, SourceError::Refused));
    for days in [0, 1, 30] {
        clock.pass(SignedDuration::from_hours(24 * days));
        let error = clock.session(&server, &memory).account().await.unwrap_err();
        assert!(matches!(error, SourceError::RefusedBefore), "{error:?}");
        assert_eq!(error.class(), Class::Credentials);
    }
    assert_eq!(server.count(Stage::Login), 1);
    assert!(!memory.guard_json().contains("correct-horse"));
    let right = login(&server);
    clock.session(&server, &memory).sign_in(&right).await.unwrap();
    assert_eq!(server.count(Stage::Login), 2);
}

#[tokio::test]
async fn a_question_at_login_is_not_answered_by_trying_again() {
    let (server, memory, clock) = kept().await;
    server.fail(Stage::Login, [Fault::Json(200, serde_json::json!({ "status": "MFA_REQUIRED" }))]);
    let error = clock.session(&server, &memory).account().await.unwrap_err();
    assert!(matches!(error, SourceError::LoginNeedsAttention(_)));
    clock.pass(SignedDuration::from_hours(48));
    assert!(matches!(clock.session(&server, &memory).account().await, Err(SourceError::RefusedBefore)));
    assert_eq!(server.count(Stage::Login), 1);
    clock.session(&server, &memory).forgive().await.unwrap();
    clock.session(&server, &memory).account().await.unwrap();
}

#[tokio::test]
async fn a_person_may_say_that_refused_credentials_are_right() {
    let (server, memory, clock) = kept().await;
    server.fail(Stage::Login, [Fault::WrongCredentials]);
    let session = clock.session(&server, &memory);
    assert!(matches!(session.account().await, Err(SourceError::Refused)));
    assert!(matches!(session.sign_in(&login(&server)).await, Err(SourceError::RefusedBefore)));
    session.forgive().await.unwrap();
    session.account().await.unwrap();
}

#[tokio::test]
async fn a_person_who_guesses_must_wait_longer_and_longer_and_does_not_lock_the_account() {
    let (server, memory, clock) = kept().await;
    let session = clock.session(&server, &memory);
    let mut waits = 0;
    for guess in 0..4 {
        let wrong = Login::new(server.plan().username, format!("guess {guess}"));
        loop {
            let error = session.sign_in(&wrong).await.unwrap_err();
            if matches!(error, SourceError::Refused) {
                break;
            }
            assert!(matches!(error, SourceError::TooSoon { .. }), "{error:?}");
            waits += 1;
            clock.pass(SignedDuration::from_secs(30));
        }
    }
    assert!(waits >= 1, "{waits}");
    assert_eq!(server.count(Stage::Login), 4);
}

#[tokio::test]
async fn credentials_that_are_refused_are_not_kept() {
    let server = stand_in().await;
    let memory = Memory::default();
    let session = Clock::default().session(&server, &memory);
    assert!(matches!(session.account().await, Err(SourceError::NoLogin)));
    session.sign_in(&Login::new("erika", "wrong")).await.unwrap_err();
    assert!(!memory.has_login());
    session.sign_in(&login(&server)).await.unwrap();
    assert!(memory.has_login());
}

#[tokio::test]
async fn a_locked_account_is_left_alone_for_longer_each_time() {
    let (server, memory, clock) = kept().await;
    server.change(|plan| plan.lock_after = 0);
    let mut before = SignedDuration::ZERO;
    for attempt in 1..=3 {
        let error = clock.session(&server, &memory).account().await.unwrap_err();
        let Class::Locked { until } = error.class() else { panic!("{error:?}") };
        let now = Timestamp::now() + SignedDuration::from_secs(clock.0.load(Ordering::SeqCst));
        let wait = until.duration_since(now);
        assert!(wait > before && wait >= SignedDuration::from_mins(59), "{wait:?}");
        assert_eq!(server.count(Stage::Login), attempt);
        clock.session(&server, &memory).account().await.unwrap_err();
        assert_eq!(server.count(Stage::Login), attempt);
        before = wait;
        clock.pass(wait + SignedDuration::from_secs(1));
    }
}

#[tokio::test]
async fn a_process_that_dies_in_the_midst_of_a_login_has_made_an_attempt() {
    for (writes, logins) in [(0, 0), (1, 1), (2, 1)] {
        let (server, memory, clock) = kept().await;
        memory.die_after(Some(writes));
        let error = clock.session(&server, &memory).account().await.unwrap_err();
        assert!(matches!(error, SourceError::Keeper(_)), "{error:?}");
        memory.die_after(None);
        assert_eq!(server.count(Stage::Login), logins);
        let again = clock.session(&server, &memory).account().await;
        // Of the attempt after one write nothing is known but that it was made; after two its token was kept.
        let is_too_soon = matches!(again, Err(SourceError::TooSoon { .. }));
        assert_eq!(is_too_soon, writes == 1, "{again:?}");
        assert!(is_too_soon || again.is_ok(), "{again:?}");
    }
}

#[tokio::test]
async fn a_service_that_asks_to_wait_is_not_asked_by_any_process() {
    let (server, memory, clock) = kept().await;
    let session = clock.session(&server, &memory);
    session.account().await.unwrap();
    server.fail(Stage::Account, [Fault::RateLimit(Some("600".to_owned()))]);
    for _ in 0..3 {
        let error = clock.session(&server, &memory).account().await.unwrap_err();
        assert!(matches!(error.class(), Class::RateLimited { .. }), "{error:?}");
    }
    assert_eq!(server.count(Stage::Account), 2);
    clock.pass(SignedDuration::from_secs(601));
    session.account().await.unwrap();
}

#[tokio::test]
async fn tokens_that_never_last_are_no_storm_of_logins() {
    let (server, memory, clock) = kept().await;
    server.change(|plan| plan.token_seconds = 1);
    let mut too_soon = 0;
    for _ in 0..20 {
        too_soon += u32::from(matches!(clock.session(&server, &memory).account().await, Err(SourceError::TooSoon { .. })));
    }
    assert_eq!((server.count(Stage::Login), too_soon), (6, 14));
}

#[tokio::test]
async fn what_fails_at_login_is_waited_for_longer_each_time() {
    let (server, memory, clock) = kept().await;
    server.forge(Some(Forgery::Issuer));
    for attempt in 1..=4 {
        assert!(matches!(clock.session(&server, &memory).account().await, Err(SourceError::IdToken(_))));
        let Err(SourceError::TooSoon { until }) = clock.session(&server, &memory).account().await else { panic!("no wait") };
        let now = Timestamp::now() + SignedDuration::from_secs(clock.0.load(Ordering::SeqCst));
        clock.pass(until.duration_since(now) + SignedDuration::from_secs(1));
        assert_eq!(server.count(Stage::Login), attempt);
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_counts_as_nothing() {
    let (server, memory, clock) = kept().await;
    let endpoints = server.endpoints();
    drop(server);
    let session = Session::new(tidegate_tandem::source::Client::new(endpoints).unwrap(), memory.clone());
    for _ in 0..3 {
        let error = session.account().await.unwrap_err();
        assert_eq!(error.class(), Class::Unreachable, "{error:?}");
    }
    let _ = clock;
}
