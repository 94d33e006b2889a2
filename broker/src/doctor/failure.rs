//! What a connection failed by, in words that help.

/// Why TLS failed, and what to do; `None` if the failure has nothing to do with TLS. `reason` is the innermost cause of a
/// connection's failure, as rustls words it.
pub(super) fn tls_fault(reason: &str) -> Option<(String, &'static str)> {
    let has = |part: &str| reason.contains(part);
    let fix = if has("UnknownIssuer") {
        "serve the whole chain with its intermediates; a private authority has to be in the system's store"
    } else if has("Expired") || has("certificate expired") {
        "renew the certificate, and have that done automatically"
    } else if has("NotValidForName") || has("not valid for name") {
        "get a certificate that names this host; virtual-host addressing needs one for *.host"
    } else if has("NotValidYet") || has("certificate not valid yet") {
        "set the clock of whoever made the certificate, or of this machine"
    } else if has("certificate") {
        "replace the certificate"
    } else if has("InvalidContentType") || has("corrupt message") {
        "https is spoken to a port that serves plain http: correct the scheme or the port"
    } else if has("HandshakeFailure") || has("ProtocolVersion") || has("handshake") {
        "let the server speak TLS 1.2 or 1.3"
    } else {
        return None;
    };
    Some((format!("TLS fails: {reason}"), fix))
}

/// What an HTTP call failed by, without its URL.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_of_tls_has_its_own_fix() {
        let reasons = [
            "invalid peer certificate: UnknownIssuer",
            "invalid peer certificate: Expired",
            "invalid peer certificate: certificate expired: verification time 1 (UNIX), but certificate is not valid after 0 (1 seconds ago)",
            "invalid peer certificate: certificate not valid yet: verification time 0 (UNIX), but certificate is not valid before 1 (1 seconds in future)",
            "invalid peer certificate: certificate not valid for name \"a.example\"; certificate is only valid for DnsName(\"b.example\")",
            "received corrupt message of type InvalidContentType",
            "received fatal alert: HandshakeFailure",
        ];
        let fixes: Vec<_> = reasons.iter().map(|reason| tls_fault(reason).expect("a mistake of TLS").1).collect();
        assert_eq!(fixes[1], fixes[2]);
        let different: std::collections::BTreeSet<_> = fixes.iter().collect();
        assert_eq!(different.len(), 6, "{fixes:?}");
        for reason in ["Connection refused (os error 111)", "no answer in time", "failed to lookup address information"] {
            assert_eq!(tls_fault(reason), None);
        }
    }
}
