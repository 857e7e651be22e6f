//! The command line, as somebody types it.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Option<Output> {
    let program = integration_tests::program()?;
    Some(Command::new(program).args(arguments).current_dir(integration_tests::root()).output().unwrap())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_scenario_of_the_founding_policies_passes() {
    for folder in ["policies/detroit", "policies/st-louis"] {
        let Some(done) = run(&["policy", "test", folder]) else { return };
        let said = text(&done.stdout);
        assert!(done.status.success(), "{said}");
        let passed: u32 = said.split_whitespace().next().unwrap().parse().unwrap();
        assert!(passed >= 150 && said.contains(" passed, 0 failed"), "{said}");
    }
}

#[test]
fn a_scenario_that_differs_fails_and_shows_how() {
    let Some(program) = integration_tests::program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = integration_tests::root().join("policies/st-louis");
    for file in ["policy.toml", "st_louis_smrt.wasm"] {
        std::fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    let scenarios = folder.path().join("scenarios");
    std::fs::create_dir(&scenarios).unwrap();
    std::fs::copy(source.join("scenarios/base.toml"), scenarios.join("base.toml")).unwrap();
    let wrong = "[[scenario]]\nname = \"wrong\"\nphase = \"request\"\nexpect = { verdict = \"deny\", clauses = { \"B.3\" = \"violated\" } }\n";
    std::fs::write(scenarios.join("x.toml"), wrong).unwrap();
    let done = Command::new(&program).args(["policy", "test"]).arg(folder.path()).output().unwrap();
    let said = text(&done.stdout);
    assert_eq!(done.status.code(), Some(1));
    for part in ["0 passed, 1 failed", "expected deny, got permit", "clause B.3: expected Violated, got Satisfied"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn help_has_an_example_and_completions_are_made() {
    for command in [
        &["serve"][..],
        &["init"],
        &["search"],
        &["request", "list"],
        &["request", "show"],
        &["request", "open"],
        &["request", "search"],
        &["candidates"],
        &["dispose"],
        &["sign"],
        &["acknowledge"],
        &["release"],
        &["disseminate"],
        &["outcome"],
        &["obligations"],
        &["complete"],
        &["waive"],
        &["registry", "person"],
        &["registry", "record"],
        &["registry", "agency"],
        &["registry", "agencies"],
        &["registry", "agreement"],
        &["registry", "end"],
        &["report"],
        &["reports"],
        &["policy", "pin"],
        &["audit", "verify"],
        &["audit", "show"],
        &["audit", "prove"],
        &["audit", "check-proof"],
        &["audit", "sample"],
        &["audit", "export"],
        &["audit", "verify-export"],
        &["audit", "replay"],
        &["audit", "prune"],
        &["bench", "vet"],
        &["bench", "load"],
        &["bench", "verify"],
        &["bench", "prove"],
        &["bench", "replay"],
    ] {
        let Some(done) = run(&[command, &["--help"]].concat()) else { return };
        assert!(done.status.success() && text(&done.stdout).contains("Example"), "{command:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let Some(done) = run(&["completions", shell]) else { return };
        assert!(done.status.success() && text(&done.stdout).contains("magistrate"), "{shell}");
    }
}

#[test]
fn wrong_usage_and_missing_files_are_said() {
    let cases: [(&[&str], i32, &str); 12] = [
        (&["serve", "--confg", "x"], 2, "--config"),
        (&["serve", "--config", "nowhere.toml"], 1, "magistrate init"),
        (&["serve", "--clock-was-wrong", "the time server said 2036"], 2, "--said-by"),
        (&["serve", "--clock-was-wrong", "", "--said-by", "R. Hale"], 2, "a value is required"),
        (&["init", "policies", "--policies", "policies"], 1, "not empty"),
        (&["init", "nowhere", "--host", "two words"], 1, "no host name"),
        (&["policy", "check", "policies/detroit"], 1, "policy pin"),
        (&["audit", "verify", "nowhere", "--key", "nokey"], 1, "nokey"),
        (&["request", "list", "--certificate", "no.pem", "--jurisdiction", "x", "--state", "lost"], 2, "listed"),
        (&["request", "list", "--certificate", "no.pem", "--jurisdiction", "x", "--before", "x"], 2, "no place in"),
        (&["sign", "--role", "examiner"], 2, "--conclusion"),
        (
            &[
                "candidates",
                "--certificate",
                "no.pem",
                "--authority",
                "ca.pem",
                "--jurisdiction",
                "x",
                "--request",
                "../../charter",
            ],
            1,
            "is not an id",
        ),
    ];
    for (arguments, code, says) in cases {
        let Some(done) = run(arguments) else { return };
        assert_eq!(done.status.code(), Some(code), "{arguments:?}");
        let said = text(&done.stderr);
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}

#[test]
fn hosts_of_two_names_have_logs_of_two_origins() {
    let Some(program) = integration_tests::program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let cases: [(&str, &[&str], &str); 3] = [
        ("one", &["--host", "one.example"], "one.example"),
        ("two", &["--host", "two.example"], "two.example"),
        ("own", &[], machine.as_str()),
    ];
    for (home, named, host) in cases {
        let home = folder.path().join(home);
        let policies = integration_tests::root().join("policies");
        let mut init = Command::new(&program);
        let done = init.arg("init").arg(&home).args(named).arg("--policies").arg(policies).output().unwrap();
        if !done.status.success() {
            // A machine that has no name of its own is asked for one, and nothing is made.
            assert!(named.is_empty() && text(&done.stderr).contains("--host NAME"), "{}", text(&done.stderr));
            assert!(!home.exists());
            continue;
        }
        let key = std::fs::read_to_string(home.join("log-keys/detroit.vkey")).unwrap();
        let config = std::fs::read_to_string(home.join("magistrate.toml")).unwrap();
        if !host.is_empty() {
            assert!(key.starts_with(&format!("{host}/detroit+")), "{key}");
            assert!(config.contains(&format!("\nhost = \"{host}\"\n")), "{config}");
        }
        assert!(!key.starts_with("localhost/"), "{key}");
    }
}
