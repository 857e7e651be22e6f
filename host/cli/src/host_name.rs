//! The name by which a host's logs are told from other hosts'.
//!
//! A log's origin is `<host>/<jurisdiction>`, and its key's name too. Two hosts of one name would have logs of one origin:
//! a witness takes the second for a fork of the first.

use crate::mistyped::Mistyped;
use anyhow::bail;

/// Where a machine says its name: the kernel, and what the kernel is told at start.
const SAID: [&str; 2] = ["/proc/sys/kernel/hostname", "/etc/hostname"];

/// This name, if it can be one.
///
/// # Errors
/// When it is no host name (RFC 1123 section 2.1).
pub(crate) fn checked(name: &str) -> anyhow::Result<String> {
    if is_host_name(name) {
        return Ok(name.to_owned());
    }
    Err(Mistyped(format!("--host `{name}` is no host name: letters, digits and hyphens, between dots")).into())
}

/// The name of this machine.
///
/// # Errors
/// When it has none, or one that every machine has.
pub(crate) fn of_this_machine() -> anyhow::Result<String> {
    let said = SAID.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    match said.map(|name| name.trim().to_owned()).find(|name| is_host_name(name) && is_its_own(name)) {
        Some(name) => Ok(name),
        None => bail!("this machine has no name that tells its logs from other hosts': give it one with --host NAME"),
    }
}

fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether this is not what every machine calls itself.
fn is_its_own(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    !first.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_labels_between_dots() {
        for right in ["vm", "localhost", "magistrate-1.police.example", "10.0.0.1", "A"] {
            assert_eq!(checked(right).ok().as_deref(), Some(right));
        }
        let long = "a".repeat(64);
        for wrong in ["", ".", "a.", "a..b", "-a", "a-", "two words", "a/b", "a+b", "(none)", "a\n", long.as_str()] {
            let said = checked(wrong).unwrap_err().to_string();
            assert!(said.contains("--host") && said.contains("no host name"), "{said}");
        }
    }

    #[test]
    fn what_every_machine_is_called_tells_none_from_another() {
        assert!(!is_its_own("localhost") && !is_its_own("Localhost.localdomain"));
        assert!(is_its_own("vm") && is_its_own("localhost-2"));
    }
}
