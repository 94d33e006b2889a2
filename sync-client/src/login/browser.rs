//! In a browser on this machine: the code comes back to a port of loopback (RFC 8252, section 7.3), and is of use only together with
//! this process's verifier (PKCE, RFC 7636).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;
use zeroize::Zeroizing;

use super::error::LoginError;
use super::provider::plain;
use super::{Login, Ticket};
use crate::error::Error;

const PATH: &str = "/callback";
/// How long a person may take.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// How long one connection may say nothing: browsers open some that they never use.
const LONGEST_CONNECTION: Duration = Duration::from_secs(60);
const MAX_HEAD_BYTES: usize = 16 << 10;

/// What the browser brought back to this login.
type Returned = Result<String, LoginError>;

impl Login {
    /// Logs in by a browser. `show` is told the address once, which has to be opened on this machine; then this waits.
    ///
    /// # Errors
    /// Among others `login-declined`, `login-timed-out`, `login-refused`, `login-no-port`.
    pub async fn by_browser(&self, show: impl FnOnce(&Url)) -> Result<Ticket, Error> {
        let provider = &self.provider;
        let endpoint = provider.discovery.authorization_endpoint.as_ref().ok_or_else(|| provider.flow_missing())?;
        let no_port = |error: std::io::Error| LoginError::NoPort { reason: error.to_string() };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_port)?;
        let port = listener.local_addr().map_err(no_port)?.port();
        let redirect_uri = format!("http://127.0.0.1:{port}{PATH}");
        let (state, verifier) = (crate::random::token(), verifier());
        let (client, scope, challenge) = (self.client()?, self.scope(), challenge(&verifier));
        let mut url = endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client)
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("scope", &scope)
            .append_pair("state", &state)
            .append_pair("nonce", &self.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        show(&url);
        let expected = Expected { issuer: provider.issuer.clone(), state };
        let code = timeout(LONGEST, returned(&listener, &expected)).await.map_err(|_| LoginError::TimedOut)??;
        drop(listener);
        let form = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect_uri.as_str()),
            ("client_id", client),
            ("code_verifier", verifier.as_str()),
        ]);
        Ok(self.ticket(provider.id_token(&form).await?))
    }
}

/// What shows that an answer is to this login.
#[derive(Clone)]
struct Expected {
    issuer: String,
    state: String,
}

/// Takes connections until one brings the answer. Others are turned away and change nothing: any page can call a port of loopback.
async fn returned(listener: &TcpListener, expected: &Expected) -> Returned {
    let (sender, mut answers) = mpsc::channel(1);
    loop {
        tokio::select! {
            Some(answer) = answers.recv() => return answer,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (expected, sender) = (expected.clone(), sender.clone());
                tokio::spawn(async move {
                    if let Ok(Some(answer)) = timeout(LONGEST_CONNECTION, serve(stream, &expected)).await {
                        // Nobody waits any more where another connection was first.
                        drop(sender.send(answer).await);
                    }
                });
            }
        }
    }
}

async fn serve(mut stream: TcpStream, expected: &Expected) -> Option<Returned> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut part = [0; 1024];
        let read = stream.read(&mut part).await.ok()?;
        if read == 0 || head.len() + read > MAX_HEAD_BYTES {
            return None;
        }
        head.extend_from_slice(&part[..read]);
    }
    let answer = read_answer(&head, expected);
    let (status, text) = match &answer {
        Some(Ok(_)) => ("200 OK", "You are logged in. This page can be closed."),
        Some(Err(_)) => ("200 OK", "The login did not work; the command line says why. This page can be closed."),
        None => ("404 Not Found", "There is nothing here."),
    };
    let page = format!("<!doctype html><meta charset=utf-8><title>Tidegate</title><p>{text}</p>");
    let reply = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         content-security-policy: default-src 'none'\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
    // The answer counts even if the browser has gone.
    drop(stream.write_all(reply.as_bytes()).await);
    drop(stream.shutdown().await);
    answer
}

/// The answer in a request's first line (RFC 6749, section 4.1.2), if it is one to this login.
fn read_answer(head: &[u8], expected: &Expected) -> Option<Returned> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    let url = Url::parse("http://127.0.0.1/").ok()?.join(target).ok()?;
    if url.path() != PATH {
        return None;
    }
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        // A parameter that is there twice could be read one way here and another way there.
        if found.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    // RFC 9207: an answer of another issuer.
    let is_ours = found.get("state") == Some(&expected.state) && found.get("iss").is_none_or(|iss| *iss == expected.issuer);
    if !is_ours {
        return None;
    }
    let code = found.remove("code");
    match (found.get("error").map(String::as_str), code) {
        (Some("access_denied"), _) => Some(Err(LoginError::Declined)),
        (Some(error), _) => Some(Err(LoginError::Refused { issuer: expected.issuer.clone(), code: plain(error) })),
        (None, Some(code)) => Some(Ok(code)),
        (None, None) => None,
    }
}

/// 44 characters of base64url, of which nobody else knows any.
fn verifier() -> Zeroizing<String> {
    Zeroizing::new(crate::random::token() + &crate::random::token())
}

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(target: &str) -> Option<Returned> {
        let expected = Expected { issuer: "https://id.example.org".to_owned(), state: "right".to_owned() };
        read_answer(format!("GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").as_bytes(), &expected)
    }

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        assert_eq!(challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!((43..=128).contains(&verifier().len()));
    }

    #[test]
    fn only_an_answer_to_this_login_is_one() {
        assert_eq!(answer("/callback?code=abc&state=right"), Some(Ok("abc".to_owned())));
        assert_eq!(answer("/callback?state=right&code=abc&iss=https%3A%2F%2Fid.example.org"), Some(Ok("abc".to_owned())));
        assert_eq!(answer("/callback?error=access_denied&state=right"), Some(Err(LoginError::Declined)));
        for target in [
            "/favicon.ico",
            "/callback",
            "/callback?code=abc",
            "/callback?code=abc&state=wrong",
            "/callback?code=abc&state=right&state=wrong",
            "/callback?code=abc&code=def&state=right",
            "/callback?code=abc&state=right&iss=https%3A%2F%2Fevil.example.org",
            "/callback?state=right",
            "/other?code=abc&state=right",
            "/callback?error=access_denied&state=wrong",
            "http://[",
        ] {
            assert_eq!(answer(target), None, "{target}");
        }
        assert_eq!(
            read_answer(
                b"POST /callback?code=abc&state=right HTTP/1.1\r\n\r\n",
                &Expected { issuer: String::new(), state: "right".to_owned() }
            ),
            None
        );
    }
}
