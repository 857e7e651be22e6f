//! The builds: guests for wasm32-wasip2, then the host, each once and in one profile.

use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What policies are built for.
const GUEST: &str = "wasm32-wasip2";

/// The source tree.
pub(crate) fn root() -> PathBuf {
    integration_tests::root()
}

/// Where cargo puts what it builds: this program is in it.
fn target() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    program.ancestors().nth(2).map(Path::to_owned).context("xtask is run by cargo")
}

/// Cargo, without what the cargo that runs this program told it about itself: build scripts of dependencies watch those
/// variables, and everything above them would be built again.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
            .iter()
            .any(|p| told.starts_with(p))
        {
            command.env_remove(&name);
        }
    }
    command.env_remove("CARGO").env_remove("LD_LIBRARY_PATH");
    command
}

fn run(what: &str, command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if status.success() { Ok(()) } else { bail!("{what} failed") }
}

/// Builds everything; gives the program's path.
pub(crate) fn all() -> anyhow::Result<PathBuf> {
    ensure_guest_target()?;
    eprintln!("building policies for {GUEST}");
    let mut guests = cargo();
    guests.args(["build", "--profile", "policy", "--target", GUEST]);
    for package in guest_packages()? {
        guests.args(["--package", &package]);
    }
    run("building the policies", &mut guests)?;
    let target = target()?;
    place_components(&target.join(GUEST).join("policy"))?;
    eprintln!("building the program; the first time takes about half an hour");
    // With the tests, so that they and the program share one set of dependencies' features, and so one build of each.
    run("building the program", cargo().args(["build", "--release", "--workspace", "--bins", "--tests"]))?;
    Ok(target.join("release/magistrate"))
}

fn ensure_guest_target() -> anyhow::Result<()> {
    let library = Command::new("rustc").args(["--print", "target-libdir", "--target", GUEST]).output()?;
    if is_installed(&library.stdout) {
        return Ok(());
    }
    eprintln!("adding the target {GUEST}");
    run("`rustup target add`", Command::new("rustup").args(["target", "add", GUEST]))
        .with_context(|| format!("the target {GUEST} is missing: install it for your Rust toolchain"))
}

/// Whether a target is installed whose library's folder rustc says is this; it says so of every target it knows.
fn is_installed(printed: &[u8]) -> bool {
    Path::new(String::from_utf8_lossy(printed).trim()).is_dir()
}

/// Policies, and the components that tests are made with: every package in those folders but the sdk.
fn guest_packages() -> anyhow::Result<Vec<String>> {
    let mut packages = Vec::new();
    for folder in ["plugins", "integration-tests/components"] {
        for entry in root().join(folder).read_dir()? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "sdk" {
                packages.push(name);
            }
        }
    }
    packages.sort();
    Ok(packages)
}

/// Puts each component beside the policy.toml that names it.
fn place_components(built: &Path) -> anyhow::Result<()> {
    for entry in root().join("policies").read_dir()? {
        let folder = entry?.path();
        let Ok(text) = std::fs::read_to_string(folder.join("policy.toml")) else { continue };
        let file: toml::Table = toml::from_str(&text).with_context(|| folder.display().to_string())?;
        let Some(name) = file.get("component").and_then(toml::Value::as_str) else { continue };
        std::fs::copy(built.join(name), folder.join(name))
            .with_context(|| format!("{} was not built", built.join(name).display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_installed_when_its_library_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let printed = |path: &Path| is_installed(format!("{}\n", path.display()).as_bytes());
        assert!(printed(folder.path()));
        assert!(!printed(&folder.path().join("lib")), "rustc knows the target, and there is nothing of it");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(!printed(&file));
        assert!(!is_installed(b""), "rustc does not know the target");
    }
}
