//! Serves a data directory for one administrator: `serve DATA_DIR ADDRESS BUCKET`, the key in `S3_ACCESS_KEY` and `S3_SECRET_KEY`.

use std::env;
use std::error::Error;

use tidegate_embedded_s3::{AccessKey, Config, Store};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [data_dir, address, bucket] = arguments.as_slice() else {
        return Err("usage: serve DATA_DIR ADDRESS BUCKET".into());
    };
    let key = AccessKey::administrator(env::var("S3_ACCESS_KEY")?, env::var("S3_SECRET_KEY")?);
    let store = Store::open(Config::new(data_dir, vec![key]))?;
    store.create_bucket(bucket)?;
    let listener = TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    store
        .serve(listener, async {
            tokio::signal::ctrl_c().await.ok();
        })
        .await?;
    Ok(())
}
