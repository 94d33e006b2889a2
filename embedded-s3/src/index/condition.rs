//! Preconditions of writes, decided inside the commit.

use super::change::Refused;

/// What must hold of the stored object for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing.
    Any,
    /// `If-None-Match: *`: there is no object.
    Absent,
    /// `If-Match`: the object has this ETag (without quotes).
    Matches(String),
}

impl Condition {
    /// Decides for a PUT, given the ETag of the object that is there.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
    pub(crate) fn check_put(&self, stored: Option<&str>) -> Result<(), Refused> {
        match (self, stored) {
            (Self::Any, _) | (Self::Absent, None) => Ok(()),
            (Self::Absent, Some(_)) => Err(Refused::Precondition),
            (Self::Matches(_), None) => Err(Refused::NoSuchKey),
            (Self::Matches(wanted), Some(stored)) => Self::compare(wanted, stored),
        }
    }

    /// Decides for a DELETE: what is gone already satisfies it.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>
    pub(crate) fn check_delete(&self, stored: Option<&str>) -> Result<(), Refused> {
        match (self, stored) {
            (Self::Any, _) | (Self::Absent | Self::Matches(_), None) => Ok(()),
            (Self::Absent, Some(_)) => Err(Refused::Precondition),
            (Self::Matches(wanted), Some(stored)) => Self::compare(wanted, stored),
        }
    }

    fn compare(wanted: &str, stored: &str) -> Result<(), Refused> {
        if wanted == stored { Ok(()) } else { Err(Refused::Precondition) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn put_conditions_are_decided_as_aws_does() {
        let matches = Condition::Matches("a".to_owned());
        let table = [
            (&Condition::Any, None, Ok(())),
            (&Condition::Any, Some("a"), Ok(())),
            (&Condition::Absent, None, Ok(())),
            (&Condition::Absent, Some("a"), Err(Refused::Precondition)),
            (&matches, None, Err(Refused::NoSuchKey)),
            (&matches, Some("a"), Ok(())),
            (&matches, Some("b"), Err(Refused::Precondition)),
        ];
        for (condition, stored, decision) in table {
            assert_eq!(condition.check_put(stored), decision, "{condition:?} on {stored:?}");
        }
    }

    #[test]
    fn delete_of_a_missing_key_satisfies_any_condition() {
        let matches = Condition::Matches("a".to_owned());
        assert_eq!(matches.check_delete(None), Ok(()));
        assert_eq!(matches.check_delete(Some("a")), Ok(()));
        assert_eq!(matches.check_delete(Some("b")), Err(Refused::Precondition));
    }
}
