//! Who a certificate names.
//!
//! A client certificate carries two URI SANs: `urn:magistrate:<jurisdiction>:person:<id>` and
//! `urn:magistrate:<jurisdiction>:device:<fixed|mobile|service>`, the kind of device the key was issued to. Everything else
//! about the person is in the registry. Two certificates of one person are one person.

use model::facts::Device;
use model::registry::Principal;
use model::terms::check_id;
use rustls::pki_types::CertificateDer;
use std::collections::BTreeSet;

/// How every URI of this host's begins.
const PREFIX: &str = "urn:magistrate:";

/// A certificate that names nobody.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdentityError {
    /// It cannot be read.
    #[error("the client certificate cannot be read")]
    Unreadable,
    /// No URI SAN of a person.
    #[error("the client certificate names no person: it needs the URI SAN urn:magistrate:<jurisdiction>:person:<id>")]
    NoPerson,
    /// More than one person, or persons and devices of different jurisdictions.
    #[error("the client certificate names more than one person or jurisdiction: issue one certificate per person")]
    Ambiguous,
    /// No URI SAN of a device.
    #[error(
        "the client certificate names no device: it needs the URI SAN urn:magistrate:<jurisdiction>:device:<fixed|mobile|service>"
    )]
    NoDevice,
}

/// The URI SAN of a person.
pub fn person_uri(jurisdiction: &str, person: &str) -> String {
    format!("urn:magistrate:{jurisdiction}:person:{person}")
}

/// The URI SAN of a device.
pub fn device_uri(jurisdiction: &str, device: Device) -> String {
    let kind = match device {
        Device::Fixed => "fixed",
        Device::Mobile => "mobile",
        Device::Service => "service",
    };
    format!("urn:magistrate:{jurisdiction}:device:{kind}")
}

/// The principal an already verified certificate names.
///
/// # Errors
/// [`IdentityError`].
pub fn principal(certificate: &CertificateDer<'_>) -> Result<Principal, IdentityError> {
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(|_| IdentityError::Unreadable)?;
    of_uris(parsed.valid_uri_names())
}

/// The jurisdictions that a certificate names, rightly or not: an authority has to speak for all of them.
///
/// # Errors
/// [`IdentityError::Unreadable`].
pub(crate) fn jurisdictions(certificate: &CertificateDer<'_>) -> Result<BTreeSet<String>, IdentityError> {
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(|_| IdentityError::Unreadable)?;
    Ok(named(parsed.valid_uri_names()))
}

fn named<'a>(uris: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    uris.filter_map(|uri| uri.strip_prefix(PREFIX)?.split(':').next()).map(str::to_owned).collect()
}

fn of_uris<'a>(uris: impl Iterator<Item = &'a str>) -> Result<Principal, IdentityError> {
    let (mut people, mut devices) = (Vec::new(), Vec::new());
    for uri in uris {
        let Some(rest) = uri.strip_prefix(PREFIX) else { continue };
        let parts: Vec<&str> = rest.split(':').collect();
        match parts.as_slice() {
            [jurisdiction, "person", id] if check_id(jurisdiction).is_ok() && check_id(id).is_ok() => {
                people.push((*jurisdiction, *id));
            }
            [jurisdiction, "device", kind] => {
                let kind = match *kind {
                    "fixed" => Device::Fixed,
                    "mobile" => Device::Mobile,
                    "service" => Device::Service,
                    _ => return Err(IdentityError::NoDevice),
                };
                devices.push((*jurisdiction, kind));
            }
            _ => {}
        }
    }
    let (jurisdiction, person) = match people.as_slice() {
        [] => return Err(IdentityError::NoPerson),
        [one] => *one,
        _ => return Err(IdentityError::Ambiguous),
    };
    let device = match devices.as_slice() {
        [] => return Err(IdentityError::NoDevice),
        [(of, device)] if *of == jurisdiction => *device,
        _ => return Err(IdentityError::Ambiguous),
    };
    Ok(Principal { jurisdiction: jurisdiction.to_owned(), person: person.to_owned(), device })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uris: &[&str]) -> Result<Principal, IdentityError> {
        of_uris(uris.iter().copied())
    }

    #[test]
    fn a_person_and_a_device_make_a_principal() {
        let found = of(&["https://example", "urn:magistrate:a:person:p.1", "urn:magistrate:a:device:mobile"]);
        let expected = Principal { jurisdiction: "a".into(), person: "p.1".into(), device: Device::Mobile };
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn every_jurisdiction_is_named_that_any_uri_begins_with() {
        let uris = ["urn:magistrate:a:person:p", "urn:magistrate:b:device:fixed", "https://c", "urn:magistrate:d"];
        assert_eq!(named(uris.into_iter()), BTreeSet::from(["a", "b", "d"].map(str::to_owned)));
        assert!(named(["urn:other:a"].into_iter()).is_empty());
    }

    #[test]
    fn anything_less_or_more_is_nobody() {
        let device = "urn:magistrate:a:device:fixed";
        let cases = [
            (vec![device], IdentityError::NoPerson),
            (vec!["urn:magistrate:a:person:p"], IdentityError::NoDevice),
            (vec!["urn:magistrate:a:person:p", "urn:magistrate:a:device:tricorder"], IdentityError::NoDevice),
            (vec!["urn:magistrate:a:person:p", "urn:magistrate:a:person:q", device], IdentityError::Ambiguous),
            (vec!["urn:magistrate:b:person:p", device], IdentityError::Ambiguous),
            (vec!["urn:magistrate:a:person:p", device, device], IdentityError::Ambiguous),
            (vec!["urn:magistrate:a:person:../x", device], IdentityError::NoPerson),
            (vec!["urn:magistrate:a:person:P", device], IdentityError::NoPerson),
            (vec!["urn:magistrate:a:person:p:x", device], IdentityError::NoPerson),
        ];
        for (uris, expected) in cases {
            assert_eq!(of(&uris), Err(expected), "{uris:?}");
        }
    }
}
