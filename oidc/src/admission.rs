//! Whom the operator lets in of all whom an issuer knows.

use std::collections::BTreeSet;

/// Lists of who may come. Every list that is given must name a person; within a list one entry is enough. So another list never
/// lets more people in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admission {
    /// Domains of verified e-mail addresses, in lower case; `None`: no such list.
    pub domains: Option<BTreeSet<String>>,
    /// Groups of which a person must have one.
    pub groups: Option<BTreeSet<String>>,
}

/// Why somebody may not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// The e-mail address is not verified, or of another domain.
    #[error("the e-mail address is not verified, or not of a domain that this broker lets in")]
    Domain,
    /// In none of the groups.
    #[error("the login is in none of the groups that this broker lets in")]
    Group,
}

impl Admission {
    /// Whether somebody with this verified domain and these groups may come.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub fn admits(&self, domain: Option<&str>, groups: &[String]) -> Result<(), NotAdmitted> {
        if self.domains.as_ref().is_some_and(|domains| !domain.is_some_and(|domain| domains.contains(domain))) {
            return Err(NotAdmitted::Domain);
        }
        if self.groups.as_ref().is_some_and(|allowed| !groups.iter().any(|group| allowed.contains(group))) {
            return Err(NotAdmitted::Group);
        }
        Ok(())
    }

    /// Those of the groups that matter here: what a session remembers of them.
    #[must_use]
    pub fn listed<'a>(&self, groups: &'a [String]) -> Vec<&'a str> {
        let Some(allowed) = &self.groups else { return Vec::new() };
        let listed: BTreeSet<&str> = groups.iter().map(String::as_str).filter(|group| allowed.contains(*group)).collect();
        listed.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Option<BTreeSet<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn every_list_must_name_the_person() {
        let groups = ["staff".to_owned(), "x".to_owned()];
        let open = Admission::default();
        assert_eq!(open.admits(None, &[]), Ok(()));
        let domains = Admission { domains: set(&["example.org"]), groups: None };
        assert_eq!(domains.admits(Some("example.org"), &[]), Ok(()));
        assert_eq!(domains.admits(Some("evil.org"), &groups), Err(NotAdmitted::Domain));
        assert_eq!(domains.admits(None, &groups), Err(NotAdmitted::Domain));
        let both = Admission { domains: set(&["example.org"]), groups: set(&["staff", "family"]) };
        assert_eq!(both.admits(Some("example.org"), &groups), Ok(()));
        assert_eq!(both.admits(Some("example.org"), &[]), Err(NotAdmitted::Group));
        assert_eq!(both.admits(None, &groups), Err(NotAdmitted::Domain));
        assert_eq!(both.listed(&groups), ["staff"]);
    }
}
