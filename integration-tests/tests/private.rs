//! What lies on the disk in the clear is for nobody but its owner.

use crate::common::life::{FIRST, PATROL};
use crate::common::{Court, court};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

/// Types a command as somebody of Detroit.
fn command(court: &Court, who: &str, words: &[&str]) -> Output {
    let certificate = format!("certs/{who}.pem");
    let whom = ["--server", &court.deployment.address, "--certificate", &certificate, "--jurisdiction", "detroit"];
    court.deployment.run(&[words, &whom].concat()).unwrap()
}

fn said(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

/// Fails where anything of a folder is for others.
fn is_private(path: &Path) {
    let metadata = path.metadata().unwrap();
    assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", path.display());
    if metadata.is_dir() {
        path.read_dir().unwrap().for_each(|entry| is_private(&entry.unwrap().path()));
    }
}

#[tokio::test]
async fn nobody_else_reads_templates_reports_or_disclosures() {
    let Some(mut court) = court().await else { return };
    let home = court.deployment.home.clone();
    let mode = |name: &str| home.join(name).metadata().unwrap().permissions().mode() & 0o777;
    for folder in ["data", "data/db", "data/galleries/detroit", "data/logs/detroit", "data/policies"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
    let report = ["report", "--report", "weekly", "--answer", "software-upgrades=none"];
    let report =
        [&report[..], &["--answer", "contract-changes=none", "--answer", "confirmed-violations=none"]].concat();
    let denied = command(&court, PATROL, &[&report[..], &["--out", "denied"]].concat());
    assert_eq!(denied.status.code(), Some(3), "{}", said(&denied));
    assert!(!home.join("denied").exists(), "nothing came, and nothing is left");
    let drawn = command(&court, FIRST, &[&report[..], &["--out", "reports"]].concat());
    assert!(drawn.status.success(), "{}", said(&drawn));
    is_private(&home.join("reports"));

    court.search("detroit", 1).await;
    let in_use = court.deployment.run(&["store", "compact", "--config", "magistrate.toml"]).unwrap();
    assert!(!in_use.status.success(), "a server has it open: {}", said(&in_use));
    assert!(!home.join("data/db.compacting").exists(), "nothing was written, and nothing is left");
    court.deployment.stop().unwrap();
    // As a start of an earlier version left it.
    std::fs::set_permissions(home.join("data/db"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = ["--config", "magistrate.toml", "--jurisdiction", "detroit"];
    let case = ["audit", "export", "--case", "incident-number=no-such-case", "--out", "disclosure"];
    let exported = court.deployment.run(&[&case[..], &config].concat()).unwrap();
    assert!(exported.status.success() && said(&exported).contains("0 entries"), "{}", said(&exported));
    is_private(&home.join("disclosure"));
    assert_eq!(mode("data/db"), 0o700);
    let compacted = court.deployment.run(&["store", "compact", "--config", "magistrate.toml"]).unwrap();
    assert!(compacted.status.success(), "{}", said(&compacted));
    assert!(!said(&compacted).contains("schema"), "{}", said(&compacted));
    assert_eq!(mode("data/db"), 0o700);
}

#[tokio::test]
async fn what_is_reported_says_where_it_is_on_record_and_each_finding_its_step() {
    let Some(court) = court().await else { return };
    let report = ["violation", "--happened", "2026-01-02T09:00:00Z", "--answer", "violated-clause=5.2"];
    let done = command(&court, "detroit/c.hargrove", &report);
    assert!(done.status.success() && said(&done).contains("on record as entry"), "{}", said(&done));
    let found = court.search("detroit", 2).await;
    let steps = found["findings"].as_array().unwrap().iter().map(|f| f["phase"].as_str().unwrap());
    let steps: std::collections::BTreeSet<_> = steps.collect();
    assert!(steps.contains("search") && steps.len() > 1, "{steps:?}");
}
