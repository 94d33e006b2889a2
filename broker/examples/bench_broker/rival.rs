//! Who else presigns: one handler each that signs whatever it is asked to. No proof, no token, no policy, no limits.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate_protocol::UserId;
use tidegate_protocol::presign::{PresignBatch, PresignItem};
use uuid::Uuid;

use crate::client::Batch;
use crate::connection::Connection;
use crate::process::Process;
use crate::wrk::Load;
use crate::{Fallible, SERVER_CORE};

/// The command by which this program is one of them.
pub(crate) const SERVE: &str = "serve-aws-sdk";
pub(crate) const FASTAPI: &str = "FastAPI, boto3";
pub(crate) const AWS_SDK: &str = "axum, aws-sdk-s3";
const BUCKET: &str = "bench";
const URL_SECONDS: u64 = 900;

pub(crate) struct Rival {
    pub(crate) name: &'static str,
    pub(crate) process: Process,
    address: SocketAddr,
}

impl Rival {
    pub(crate) fn start_all() -> Fallible<Vec<Self>> {
        let mut sdk = Command::new(std::env::current_exe()?);
        sdk.arg(SERVE);
        let mut rivals = vec![Self::start(AWS_SDK, &sdk)?];
        if let Some(python) = std::env::var_os("RIVAL_PYTHON") {
            let mut command = Command::new(python);
            command.args(["-c", FASTAPI_PROGRAM]);
            rivals.push(Self::start(FASTAPI, &command)?);
        }
        Ok(rivals)
    }

    fn start(name: &'static str, command: &Command) -> Fallible<Self> {
        let mut process = Process::start(SERVER_CORE, command)?;
        let address = port_of(name, &mut process)?;
        let rival = Self { name, process, address };
        rival.check()?;
        Ok(rival)
    }

    pub(crate) fn load(&self, batch: Batch) -> Fallible<Load> {
        Ok(Load { address: self.address, token: None, body: batch.body(UserId::new(Uuid::nil())), proofs: None })
    }

    /// It signs what the broker would sign, or it is not compared with it.
    fn check(&self) -> Fallible<()> {
        for (batch, pinned) in [(Batch::HundredGets, "host"), (Batch::HundredPuts, "x-amz-checksum-sha256")] {
            let body = self.load(batch)?.body;
            let request = format!(
                "POST {} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                crate::client::ROUTE,
                body.len()
            );
            let answer = Connection::open(self.address)?.exchange(request.as_bytes())?;
            let reply: Value = serde_json::from_str(&answer.body)?;
            let urls = reply["results"].as_array().ok_or("no results")?;
            let is_signed = |url: &Value| {
                url["url"]
                    .as_str()
                    .is_some_and(|url| url.contains("X-Amz-Signature=") && url.to_ascii_lowercase().contains(pinned))
            };
            if urls.len() != 100 || !urls.iter().all(is_signed) {
                return Err(format!("{} does not sign as the broker does: {:.400}", self.name, answer.body).into());
            }
        }
        Ok(())
    }
}

/// A server says on its first line at which port it listens.
pub(crate) fn port_of(name: &str, process: &mut Process) -> Fallible<SocketAddr> {
    let mut line = String::new();
    BufReader::new(process.child().stdout.take().ok_or("no output")?).read_line(&mut line)?;
    Ok(SocketAddr::from(([127, 0, 0, 1], line.trim().parse().map_err(|_| format!("{name} did not start"))?)))
}

/// Serves until it is killed.
pub(crate) fn serve_aws_sdk() -> Fallible<()> {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://127.0.0.1:9000")
        .force_path_style(true)
        .credentials_provider(Credentials::new("read", "secret-of-read-for-this-run", None, None, "bench"))
        .build();
    serve(Router::new().route(crate::client::ROUTE, post(sign)).with_state(Arc::new(Client::from_conf(config))))
}

/// On one thread, and says first at which port.
pub(crate) fn serve(router: Router) -> Fallible<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        println!("{}", listener.local_addr()?.port());
        Ok(axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await?)
    })
}

async fn sign(State(client): State<Arc<Client>>, Json(batch): Json<PresignBatch>) -> Json<Value> {
    let mut results = Vec::with_capacity(batch.items.len());
    for item in &batch.items {
        results.push(match sign_one(&client, item).await {
            Ok(url) => json!({ "outcome": "signed", "method": item.method, "url": url }),
            Err(error) => json!({ "outcome": "refused", "message": error.to_string() }),
        });
    }
    Json(json!({ "results": results }))
}

async fn sign_one(client: &Client, item: &PresignItem) -> Fallible<String> {
    let expiry = PresigningConfig::expires_in(Duration::from_secs(URL_SECONDS))?;
    let signed = if item.method == "PUT" {
        let checksum = STANDARD.encode(hex::decode(item.sha256.as_deref().unwrap_or_default())?);
        let put = client.put_object().bucket(BUCKET).key(&item.key).content_type("application/octet-stream").if_none_match("*");
        let length = i64::try_from(item.length.unwrap_or_default())?;
        put.content_length(length).checksum_sha256(checksum).presigned(expiry).await?
    } else {
        client.get_object().bucket(BUCKET).key(&item.key).presigned(expiry).await?
    };
    Ok(signed.uri().to_owned())
}

/// uvicorn with uvloop and httptools where they are installed: what `uvicorn[standard]` brings.
const FASTAPI_PROGRAM: &str = r#"
import base64, socket
import boto3, uvicorn
from botocore.config import Config
from fastapi import FastAPI
from pydantic import BaseModel

client = boto3.client("s3", endpoint_url="http://127.0.0.1:9000", region_name="us-east-1", aws_access_key_id="read",
                      aws_secret_access_key="secret-of-read-for-this-run",
                      config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
app = FastAPI()

class Item(BaseModel):
    method: str
    key: str
    length: int = 0
    sha256: str = ""

class Batch(BaseModel):
    items: list[Item]

def sign(item):
    where = {"Bucket": "bench", "Key": item.key}
    if item.method == "PUT":
        checksum = base64.b64encode(bytes.fromhex(item.sha256)).decode()
        pinned = {"ContentType": "application/octet-stream", "ContentLength": item.length, "ChecksumSHA256": checksum, "IfNoneMatch": "*"}
        return client.generate_presigned_url("put_object", Params={**where, **pinned}, ExpiresIn=900)
    return client.generate_presigned_url("get_object", Params=where, ExpiresIn=900)

@app.post("/v1/presign")
async def presign(batch: Batch):
    return {"results": [{"outcome": "signed", "method": item.method, "url": sign(item)} for item in batch.items]}

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])
"#;
