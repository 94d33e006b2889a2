//! Credentials that a real SeaweedFS makes.

use serde_json::json;
use tidegate_broker::config::{CredentialSource, StsSettings};
use tidegate_protocol::wire::timestamp;
use time::{Duration, OffsetDateTime};

use super::attacks::{assert_reads_its_prefix_and_does_nothing_else, credentials_for};
use crate::multipart::seaweedfs::{BUCKET, Weed};

const ROLE: &str = "arn:aws:iam::000000000000:role/tidegate-read";

/// A role that whoever has a key may take, and that reads `users/*`.
fn roles() -> serde_json::Value {
    let bucket = format!("arn:aws:s3:::{BUCKET}");
    json!({
        "sts": { "tokenDuration": "1h", "maxSessionLength": "12h", "issuer": "seaweedfs", "signingKey": "c2lnbmluZyBrZXkgb2YgdGVzdHMsIDMyIGJ5dGVz" },
        "policy": { "defaultEffect": "Deny", "storeType": "memory" },
        "roles": [{
            "roleName": "tidegate-read",
            "roleArn": ROLE,
            "trustPolicy": { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": ["sts:AssumeRole"] }] },
            "attachedPolicies": ["TidegateRead"],
        }],
        "policies": [{ "name": "TidegateRead", "document": { "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [format!("{bucket}/users/*")] },
            { "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [bucket] },
        ] } }],
    })
}

#[tokio::test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
async fn seaweedfs_makes_credentials_that_read_their_prefix_and_do_nothing_else() {
    let weed = Weed::start_with(Some(roles()), |config| {
        config.credentials = Some(CredentialSource::Sts(StsSettings {
            endpoint: config.store.endpoint_internal.parse().unwrap(),
            region: "us-east-1".to_owned(),
            role_arn: Some(ROLE.to_owned()),
            bounds_time: false,
        }));
    })
    .await;
    let (anna, annas) = weed.enrolled("anna", 1).await;
    let (bert, berts) = weed.enrolled("bert", 2).await;
    assert!(
        assert_reads_its_prefix_and_does_nothing_else((&anna, &annas), (&bert, &berts)).await,
        "SeaweedFS keeps a listing to its prefix"
    );

    let reply = credentials_for(&anna, &annas, &format!("users/{}/", annas.user_id)).await;
    let told = timestamp::parse(reply["expiresAt"].as_str().unwrap()).unwrap();
    assert!((told - OffsetDateTime::now_utc()).abs() <= Duration::seconds(901), "{told}");
}
