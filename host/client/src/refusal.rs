//! What it means that one side does not accept the other at the handshake, and what would change it.
//!
//! With TLS 1.3 the client's part of the handshake is over before the server has looked at its certificate. So what the server
//! says of it comes as an alert (RFC 8446, section 6.2) when the client reads or writes for the first time.

use rustls::{AlertDescription, CertificateError, Error};
use std::io;

/// The refusal among an error and its causes, in words; nothing where TLS did not fail.
pub(crate) fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<io::Error>().and_then(within) {
            return Some(words(tls));
        }
        cause = error.source();
    }
    None
}

/// The error of TLS within one of input and output.
pub(crate) fn within(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn words(error: &Error) -> String {
    match error {
        Error::AlertReceived(alert) => said(*alert),
        Error::InvalidCertificate(fault) => seen(fault),
        other => format!("the handshake failed: {other}"),
    }
}

/// What the server said.
fn said(alert: AlertDescription) -> String {
    let words = match alert {
        AlertDescription::CertificateRequired => {
            "the server lets nobody in without a certificate: connect with yours, from an authority that it trusts"
        }
        AlertDescription::CertificateExpired => {
            "your certificate has expired, or is not valid yet: have another issued, or set the clock that is wrong"
        }
        AlertDescription::CertificateRevoked => {
            "your certificate has been revoked: ask its authority why, and have another issued"
        }
        // One that bears a trusted authority's name and not its signature fails as cryptography. And a server that cannot tell
        // whether a certificate is revoked says the same as of an authority that it does not know.
        AlertDescription::UnknownCA | AlertDescription::DecryptError => {
            "your certificate is of no authority that the server trusts, or the server's revocation list of it is out of \
             date: have the server's authority issue you one, or have that list renewed"
        }
        AlertDescription::CertificateUnknown => {
            "your certificate names somebody of a jurisdiction for which its authority does not speak: have that \
             jurisdiction's authority issue you one"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied => {
            "your certificate cannot be used to connect as a client: have another issued"
        }
        other => return format!("the server broke off the handshake with the alert {other:?}"),
    };
    words.to_owned()
}

/// What the client sees of the server's certificate.
fn seen(fault: &CertificateError) -> String {
    match fault {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the server's certificate is not of the authority that you trust: name the server's authority, or ask who \
             answers at this address"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired: tell whoever runs it, or set this machine's clock".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the server's certificate is not for this address ({fault}): connect to a name that it has")
        }
        other => format!("the server's certificate cannot be accepted: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    /// An error with a cause, as libraries have them.
    #[derive(Debug, thiserror::Error)]
    #[error("connection error")]
    struct Around(#[source] io::Error);

    #[test]
    fn every_refusal_says_what_would_change_it() {
        for (alert, says) in [
            (AlertDescription::CertificateRequired, "connect with yours"),
            (AlertDescription::CertificateExpired, "expired"),
            (AlertDescription::CertificateRevoked, "revoked"),
            (AlertDescription::UnknownCA, "no authority that the server trusts"),
            (AlertDescription::DecryptError, "no authority that the server trusts"),
            (AlertDescription::CertificateUnknown, "does not speak"),
            (AlertDescription::BadCertificate, "have another issued"),
        ] {
            let told = refusal(&failed(Error::AlertReceived(alert))).unwrap();
            assert!(told.contains(says), "{alert:?}: {told}");
            assert!(told.contains(": "), "{alert:?} says nothing of what would change it: {told}");
        }
        let other = refusal(&failed(Error::AlertReceived(AlertDescription::InternalError))).unwrap();
        assert!(other.contains("InternalError"), "{other}");
    }

    #[test]
    fn the_other_sides_certificate_is_told_from_ones_own() {
        for (fault, says) in [
            (CertificateError::UnknownIssuer, "not of the authority that you trust"),
            (CertificateError::BadSignature, "not of the authority that you trust"),
            (CertificateError::Expired, "expired"),
            (CertificateError::NotValidForName, "not for this address"),
            (CertificateError::BadEncoding, "cannot be accepted"),
        ] {
            let told = refusal(&failed(Error::InvalidCertificate(fault.clone()))).unwrap();
            assert!(told.starts_with("the server's certificate") && told.contains(says), "{fault:?}: {told}");
        }
    }

    #[test]
    fn a_refusal_is_found_among_causes_and_nothing_else_is_one() {
        let refused = || failed(Error::AlertReceived(AlertDescription::CertificateRevoked));
        assert_eq!(refusal(&Around(refused())), refusal(&refused()));
        assert_eq!(refusal(&Around(io::ErrorKind::BrokenPipe.into())), None);
        assert_eq!(refusal(&io::Error::other("full")), None);
    }
}
