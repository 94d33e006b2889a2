//! The session policy: what temporary credentials may do, which is to read under some prefixes.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>.

use serde_json::{Value, json};
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// What AssumeRole takes as a session policy (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
pub(crate) const MAX_POLICY_CHARACTERS: usize = 2_048;

/// Why no policy is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyError {
    /// There is nothing to read.
    #[error("a policy names at least one prefix")]
    Empty,
    /// A prefix or bucket that a policy would not take to the letter.
    #[error("{name:?} is no prefix of plain characters that ends in /, or no bucket name")]
    NotLiteral {
        /// The name as given.
        name: String,
    },
    /// More than the token service takes.
    #[error("the policy has {length} characters, and {MAX_POLICY_CHARACTERS} at most are taken")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// A time that cannot be written.
    #[error("the end of the credentials cannot be written")]
    Time,
}

/// The policy that allows GetObject under the prefixes and, with `listing`, ListBucket with a prefix under them, until `until` where it is given.
///
/// `partition` is AWS's (`aws`, `aws-cn`, `aws-us-gov`); other stores take `aws`.
///
/// # Errors
/// [`PolicyError`].
pub(crate) fn session_policy(
    partition: &str,
    bucket: &str,
    prefixes: &[String],
    listing: bool,
    until: Option<OffsetDateTime>,
) -> Result<String, PolicyError> {
    if prefixes.is_empty() {
        return Err(PolicyError::Empty);
    }
    if let Some(name) = prefixes.iter().find(|prefix| !is_literal_prefix(prefix)) {
        return Err(PolicyError::NotLiteral { name: name.clone() });
    }
    if !is_literal(bucket) || bucket.contains('/') {
        return Err(PolicyError::NotLiteral { name: bucket.to_owned() });
    }
    let bucket_arn = format!("arn:{partition}:s3:::{bucket}");
    let objects: Vec<String> = prefixes.iter().map(|prefix| format!("{bucket_arn}/{prefix}*")).collect();
    let listed: Vec<String> = prefixes.iter().map(|prefix| format!("{prefix}*")).collect();
    let ends = until.map(date_condition).transpose()?;

    let mut get = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": objects });
    // Where no prefix is given the key is missing, and a condition on a missing key does not hold: the whole bucket is not listed.
    let mut list = json!({
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": bucket_arn,
        "Condition": { "StringLike": { "s3:prefix": listed } },
    });
    if let Some(ends) = ends {
        get["Condition"]["DateLessThan"] = ends.clone();
        list["Condition"]["DateLessThan"] = ends;
    }
    let statements = if listing { vec![get, list] } else { vec![get] };
    let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    if policy.len() > MAX_POLICY_CHARACTERS {
        return Err(PolicyError::TooLong { length: policy.len() });
    }
    Ok(policy)
}

fn date_condition(until: OffsetDateTime) -> Result<Value, PolicyError> {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let text = until.to_offset(UtcOffset::UTC).format(&format).map_err(|_| PolicyError::Time)?;
    Ok(json!({ "aws:CurrentTime": text }))
}

/// Without the last `/` a prefix would reach its siblings whose names begin alike; with a `..` some stores would leave it.
fn is_literal_prefix(prefix: &str) -> bool {
    prefix
        .strip_suffix('/')
        .is_some_and(|folder| is_literal(folder) && folder.split('/').all(|part| !matches!(part, "" | "." | "..")))
}

/// In a policy `*` and `?` are wildcards and `${...}` is a variable: nothing is escaped, everything but plain characters is refused.
fn is_literal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-'))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const PREFIX: &str = "users/6f1ed002-ab55-8a3b-8c1d-2f2f8f2b8a01/";

    fn policy(bucket: &str, prefixes: &[&str]) -> Result<String, PolicyError> {
        let prefixes: Vec<String> = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
        session_policy("aws", bucket, &prefixes, true, Some(datetime!(2026-11-21 10:00:00.9 +1)))
    }

    #[test]
    fn a_policy_reads_under_its_prefixes_and_does_nothing_else() {
        let policy: Value = serde_json::from_str(&policy("family", &[PREFIX]).unwrap()).unwrap();
        let until = json!({ "aws:CurrentTime": "2026-11-21T09:00:00Z" });
        let expected = json!({
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "s3:GetObject",
                    "Resource": [format!("arn:aws:s3:::family/{PREFIX}*")],
                    "Condition": { "DateLessThan": until },
                },
                {
                    "Effect": "Allow",
                    "Action": "s3:ListBucket",
                    "Resource": "arn:aws:s3:::family",
                    "Condition": { "StringLike": { "s3:prefix": [format!("{PREFIX}*")] }, "DateLessThan": until },
                },
            ],
        });
        assert_eq!(policy, expected);
    }

    #[test]
    fn whatever_a_policy_would_not_take_to_the_letter_is_refused() {
        for prefix in [
            "",
            "/",
            "users",
            "users/a",
            "users/*/",
            "users/?/",
            "users/${aws:username}/",
            "users/$/",
            "users/a*/",
            "*",
            "users/../",
            "users/./",
            "users//",
            "/users/",
            "users/A/",
            "users/a b/",
            "users/\u{e9}/",
            "users/a\"/",
            "users/a\\/",
            "users/%2e/",
        ] {
            assert_eq!(
                policy("family", &[PREFIX, prefix]),
                Err(PolicyError::NotLiteral { name: prefix.to_owned() }),
                "{prefix:?}"
            );
        }
        for bucket in ["*", "fam*", "family/users", "", "Family", "family?"] {
            assert!(policy(bucket, &[PREFIX]).is_err(), "{bucket:?}");
        }
        assert_eq!(policy("family", &[]), Err(PolicyError::Empty));
    }

    #[test]
    fn a_policy_is_never_longer_than_what_is_taken() {
        let long = format!("users/{0}/family-members/{0}/attachments/", "6f1ed002-ab55-8a3b-8c1d-2f2f8f2b8a01");
        let most = [long.as_str(); tidegate_protocol::credentials::MAX_PREFIXES];
        let bucket = "b".repeat(63);
        let widest = session_policy(
            "aws-us-gov",
            &bucket,
            &most.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>(),
            true,
            Some(OffsetDateTime::UNIX_EPOCH),
        );
        assert!(widest.unwrap().len() < MAX_POLICY_CHARACTERS);
        assert!(matches!(policy(&bucket, &[long.as_str(); 8]), Err(PolicyError::TooLong { .. })));
    }
}
