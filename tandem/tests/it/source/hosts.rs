//! Credentials go to the service's own hosts, and nowhere else.

use jiff::civil::date;
use reqwest::Url;
use tidegate_tandem::source::{Client, Endpoints, SourceError, Window};
use tidegate_testkit::tandem::{Fault, Stage, TandemStandIn};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{client, login, signed_in, stand_in};

/// A host that notes what is sent to it.
struct Thief {
    url: String,
    heard: UnboundedReceiver<Vec<u8>>,
}

impl Thief {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/accounts/api/login", listener.local_addr().unwrap());
        let (sender, heard) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = vec![0; 4096];
                let read = stream.read(&mut bytes).await.unwrap_or(0);
                bytes.truncate(read);
                let _ = sender.send(bytes);
            }
        });
        Self { url, heard }
    }

    /// Whatever was sent has come by the time that the client has given up: it never had a connection open.
    fn assert_heard_nothing(&mut self) {
        assert!(self.heard.try_recv().is_err());
    }
}

async fn led_astray(server: &TandemStandIn, stage: Stage, status: u16) {
    let mut thief = Thief::start().await;
    server.fail(stage, [Fault::Redirect(status, thief.url.clone())]);
    client(server).login(&login(server)).await.unwrap_err();
    thief.assert_heard_nothing();
}

#[tokio::test]
async fn no_step_of_a_login_is_led_to_another_host() {
    let server = stand_in().await;
    for stage in [Stage::Begin, Stage::Login, Stage::Authorize, Stage::Token, Stage::Keys] {
        for status in [301, 302, 303, 307, 308] {
            led_astray(&server, stage, status).await;
        }
    }
}

#[tokio::test]
async fn the_first_page_may_lead_on_within_the_service() {
    let server = stand_in().await;
    server.fail(Stage::Begin, [Fault::Redirect(302, "/sso/".to_owned())]);
    signed_in(&server).await;
    assert_eq!(server.count(Stage::Begin), 2);
}

#[tokio::test]
async fn a_login_that_leads_in_circles_ends() {
    let server = stand_in().await;
    let circle = Fault::Redirect(302, "/accounts/api/connect/authorize".to_owned());
    server.fail(Stage::Authorize, vec![circle; 100]);
    let error = client(&server).login(&login(&server)).await.unwrap_err();
    assert!(matches!(error, SourceError::LedElsewhere), "{error:?}");
    assert!(server.count(Stage::Authorize) <= 10);
}

#[tokio::test]
async fn a_login_is_not_led_to_an_address_without_tls_or_another_scheme() {
    let server = stand_in().await;
    for to in ["file:///etc/passwd", "ftp://127.0.0.1/", "http://user:pass@example.org/", "//example.org/", "https:///"] {
        server.fail(Stage::Authorize, [Fault::Redirect(302, to.to_owned())]);
        let error = client(&server).login(&login(&server)).await.unwrap_err();
        assert!(matches!(error, SourceError::LedElsewhere | SourceError::Changed(_)), "{to}: {error:?}");
    }
}

#[tokio::test]
async fn a_token_is_not_led_to_another_host() {
    let server = stand_in().await;
    let (client, token) = signed_in(&server).await;
    let pump = client.account(&token).await.unwrap().pumps.remove(0);
    let window = Window::new(date(2026, 10, 1), date(2026, 10, 2)).unwrap();
    for status in [301, 302, 307, 308] {
        let mut thief = Thief::start().await;
        server.fail(Stage::Account, [Fault::Redirect(status, thief.url.clone())]);
        server.fail(Stage::Log, [Fault::Redirect(status, thief.url.clone())]);
        assert!(matches!(client.account(&token).await, Err(SourceError::Changed(_))));
        assert!(matches!(client.pump_log(&token, &pump, window).await, Err(SourceError::Changed(_))));
        thief.assert_heard_nothing();
    }
}

#[test]
fn an_address_without_tls_is_refused_unless_it_is_this_machine() {
    let at = |base: &str| Endpoints::below(&Url::parse(base).unwrap(), "x").unwrap();
    for base in ["http://127.0.0.1:9/", "http://[::1]:9/", "http://localhost:9/", "https://tandem.example.org/"] {
        assert!(Client::new(at(base)).is_ok(), "{base}");
    }
    for base in ["http://tandem.example.org/", "http://127.0.0.1.example.org/", "http://192.168.1.7/", "ftp://127.0.0.1/"] {
        assert!(matches!(Client::new(at(base)), Err(SourceError::NotPrivate)), "{base}");
    }
}
