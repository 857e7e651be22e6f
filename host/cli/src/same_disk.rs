//! Whether alarms go to a disk that they may have to be about: one that is full takes no alarm either, and it is repeated until there
//! is room, which may be too late for whoever has to be told within the hour (CJIS AU-5).

use crate::config::Config;
use crate::post::OFFICE;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What to say of it, where alarms are files and nothing else, on the disk of a log.
pub(crate) fn warning(config: &Config) -> Option<String> {
    said(config.outbox.as_ref()?, &config.audit.folder, config.jurisdictions.keys())
}

fn said<'j>(outbox: &outbox::Config, logs: &Path, jurisdictions: impl Iterator<Item = &'j String>) -> Option<String> {
    let folder = outbox.folder.as_deref()?;
    let remedy = match &outbox.smtp {
        None => "name a mail server under [outbox.smtp]".to_owned(),
        // Where mail is sent, offices named for alarms have addresses, or the outbox is refused. This one is named by nobody.
        Some(_) if outbox.alarm.is_empty() && outbox.recipients.get(OFFICE).is_none_or(Vec::is_empty) => {
            format!("give `{OFFICE}` an address under [outbox.recipients]")
        }
        Some(_) => return None,
    };
    let sharing: Vec<&str> = jurisdictions.map(String::as_str).filter(|id| share(folder, &logs.join(id))).collect();
    (!sharing.is_empty()).then(|| {
        format!(
            "alarms go into {} alone, on the disk of the logs of {}: when it is full, nobody is told that way; {remedy}, or \
             name a folder on another disk",
            folder.display(),
            sharing.join(", ")
        )
    })
}

/// Whether two paths are on one file system. Of what cannot be told they are.
fn share(one: &Path, other: &Path) -> bool {
    match (device(one), device(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// The file system (`st_dev`, stat(2)) of a path, or of the nearest folder above it that is there already.
fn device(path: &Path) -> Option<u64> {
    let here = |path: &Path| if path.as_os_str().is_empty() { Path::new(".").metadata() } else { path.metadata() };
    path.ancestors().find_map(|path| here(path).ok()).map(|found| found.dev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_one_disk_is_told_whether_it_is_there_or_not() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("logs")).unwrap();
        assert!(share(&home.path().join("outbox/not/yet"), &home.path().join("logs")));
        assert!(!share(Path::new("/proc"), &home.path().join("logs/north")), "a file system of its own");
        assert!(share(Path::new("nowhere"), Path::new("")), "where this process is");
    }

    #[test]
    fn whoever_has_alarms_on_the_logs_disk_alone_is_warned() {
        let home = tempfile::tempdir().unwrap();
        let ids = ["north".to_owned(), "south".to_owned()];
        let outbox = |text: &str| toml::from_str::<outbox::Config>(text).unwrap();
        let told = |outbox: &outbox::Config| said(outbox, &home.path().join("logs"), ids.iter());
        let beside = outbox(&format!("folder = {:?}", home.path().join("outbox")));
        let warned = told(&beside).unwrap();
        assert!(warned.contains("/outbox alone") && warned.contains("of the logs of north, south"), "{warned}");
        assert_eq!(told(&outbox("folder = \"/proc\"")), None, "it is on another");
        let mail = "[smtp]\nhost = \"mail.example.gov\"\nport = 587\nfrom = \"m@example.gov\"\n";
        let smtp = outbox(mail).smtp;
        assert!(smtp.is_some());
        // Mail is sent to those alone who have an address, and the office of alarms that nobody named may have none.
        let both = outbox::Config { smtp, ..beside };
        let warned = told(&both).unwrap();
        assert!(warned.contains("give `administrator` an address under [outbox.recipients]"), "{warned}");
        let addressed = |offices: &[&str]| {
            let address = |office: &&str| ((*office).to_owned(), vec![format!("{office}@example.gov")]);
            outbox::Config { recipients: offices.iter().map(address).collect(), ..both.clone() }
        };
        assert_eq!(told(&addressed(&["administrator"])), None, "they go by mail, too");
        assert!(told(&addressed(&["north"])).is_some());
        let alarm = vec!["north".to_owned(), "south".to_owned()];
        assert_eq!(told(&outbox::Config { alarm, ..addressed(&["north", "south"]) }), None);
        assert_eq!(told(&outbox(mail)), None);
    }
}
