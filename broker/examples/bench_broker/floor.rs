//! What no broker on the machine can be faster than: HTTP, one ES256 verification, and an answer that stands ready.

use std::net::SocketAddr;
use std::process::Command;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::client::ROUTE;
use crate::process::Process;
use crate::rival::{port_of, serve};
use crate::wrk::Load;
use crate::{Fallible, SERVER_CORE};

/// The command by which this program is it.
pub(crate) const SERVE: &str = "serve-floor";
pub(crate) const FLOOR: &str = "axum, ES256 alone";
/// About what one signed URL comes to.
const REPLY_BYTES: usize = 800;

pub(crate) struct Floor {
    pub(crate) process: Process,
    address: SocketAddr,
}

impl Floor {
    pub(crate) fn start() -> Fallible<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SERVE);
        let mut process = Process::start(SERVER_CORE, &command)?;
        let address = port_of(FLOOR, &mut process)?;
        Ok(Self { process, address })
    }

    /// The load of the broker, sent here.
    pub(crate) fn load(&self, load: Load) -> Load {
        Load { address: self.address, ..load }
    }
}

/// Serves until it is killed.
pub(crate) fn serve_floor() -> Fallible<()> {
    serve(Router::new().route(ROUTE, post(answer)))
}

async fn answer(headers: HeaderMap, _body: Bytes) -> Result<String, StatusCode> {
    is_signed(&headers).then(|| "x".repeat(REPLY_BYTES)).ok_or(StatusCode::UNAUTHORIZED)
}

fn is_signed(headers: &HeaderMap) -> bool {
    let verified = || {
        let (signed, signature) = headers.get("dpop")?.to_str().ok()?.rsplit_once('.')?;
        let (header, _) = signed.split_once('.')?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
        let coordinate = |name: &str| decode(header["jwk"][name].as_str()?);
        let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed.as_bytes(), &decode(signature)?).ok()
    };
    verified().is_some()
}
