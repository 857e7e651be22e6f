//! The command line, as somebody types it.

use integration_tests::Deployment;
use std::process::{Command, Output, Stdio};

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

/// Tests the policy of St. Louis on its base and these scenarios.
fn tested(scenarios: &str) -> Option<(Option<i32>, String)> {
    let program = integration_tests::program()?;
    let folder = tempfile::tempdir().unwrap();
    let source = integration_tests::root().join("policies/st-louis");
    std::fs::create_dir(folder.path().join("scenarios")).unwrap();
    for file in ["policy.toml", "st_louis_smrt.wasm", "scenarios/base.toml"] {
        std::fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    std::fs::write(folder.path().join("scenarios/x.toml"), scenarios).unwrap();
    let done = Command::new(&program).args(["policy", "test"]).arg(folder.path()).output().unwrap();
    Some((done.status.code(), text(&done.stdout)))
}

#[test]
fn a_scenario_that_differs_fails_and_shows_how() {
    let wrong = "[[scenario]]\nname = \"wrong\"\nphase = \"request\"\nexpect = { verdict = \"deny\", clauses = { \"B.3\" = \"violated\" } }\n";
    let Some((code, said)) = tested(wrong) else { return };
    assert_eq!(code, Some(1));
    for part in ["0 passed, 1 failed", "expected deny, got permit", "clause B.3: expected Violated, got Satisfied"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// A scenario that is permitted as the base is, unless these keys change that.
fn permitted(phase: &str, keys: &str) -> String {
    format!("[[scenario]]\nname = \"{phase}\"\nphase = \"{phase}\"\n{keys}\nexpect = {{ verdict = \"permit\" }}\n")
}

#[test]
fn a_scenario_whose_answers_are_misspelt_fails() {
    let kind = "answer `protected-sole` is `no`: it takes a flag";
    for (phase, keys, why) in [
        ("request", "differs = { answers = { protected-soul = true } }", "answer `protected-soul` is on no form"),
        ("search", "operator_answers = { protected-soul = false }", "answer `protected-soul` is on no form"),
        (
            "outcome",
            "differs = { steps = { outcome = { answers = { evidence = \"1\" } } } }",
            "answer `evidence` is on",
        ),
        ("release", "operator_answers = { protected-sole = \"no\" }", kind),
        (
            "request",
            "differs = { answers = { law = \"missuri\" } }",
            "answer `law` is `missuri`: it takes a code, one of",
        ),
        ("request", "on_no_form = [\"crime\"]", "on_no_form: `crime` is not answered, or as a form asks for it"),
        ("request", "on_no_form = [\"crimes\"]", "on_no_form: `crimes` is not answered"),
    ] {
        let Some((code, said)) = tested(&permitted(phase, keys)) else { return };
        assert_eq!(code, Some(1), "{keys}: {said}");
        for part in ["0 passed, 1 failed", why] {
            assert!(said.contains(part), "{keys}: {part}: {said}");
        }
    }
}

#[test]
fn a_scenario_says_that_an_answer_is_on_no_form_and_meant_so() {
    let given = [
        permitted(
            "request",
            "differs = { answers = { law = \"Missouri\", county = \"1\" } }\non_no_form = [\"county\", \"law\"]",
        ),
        // On the form of another phase, which may be answered ahead.
        permitted("search", "operator_answers = { order-final = true }"),
    ];
    let Some((code, said)) = tested(&given.concat()) else { return };
    assert_eq!((code, said.trim()), (Some(0), "2 passed, 0 failed"));
}

#[test]
fn help_has_an_example_and_completions_are_made() {
    for command in [
        &["serve"][..],
        &["init"],
        &["search"],
        &["enroll"],
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
        &["access"],
        &["agency"],
        &["violation"],
        &["registry", "person"],
        &["registry", "people"],
        &["registry", "record"],
        &["registry", "agency"],
        &["registry", "agencies"],
        &["registry", "agreement"],
        &["registry", "end"],
        &["revision", "propose"],
        &["revision", "sign"],
        &["revision", "activate"],
        &["revision", "list"],
        &["retention", "notice"],
        &["retention", "hold"],
        &["retention", "lift"],
        &["retention", "extend"],
        &["retention", "export"],
        &["retention", "seal"],
        &["retention", "unseal"],
        &["retention", "purge"],
        &["retention", "list"],
        &["report"],
        &["reports"],
        &["policy", "check"],
        &["policy", "pin"],
        &["policy", "test"],
        &["policy", "show"],
        &["audit", "verify"],
        &["audit", "show"],
        &["audit", "prove"],
        &["audit", "check-proof"],
        &["audit", "sample"],
        &["audit", "export"],
        &["audit", "verify-export"],
        &["audit", "replay"],
        &["audit", "prune"],
        &["audit", "anomalies"],
        &["store", "compact"],
        &["store", "check"],
        &["witness"],
        &["witness", "init"],
        &["pki", "issue"],
        &["pki", "revoke"],
        &["pki", "renew"],
        &["bench", "vet"],
        &["bench", "search"],
        &["bench", "load"],
        &["bench", "append"],
        &["bench", "verify"],
        &["bench", "prove"],
        &["bench", "replay"],
        &["bench", "serve"],
        &["completions"],
    ] {
        let Some(done) = run(&[command, &["--help"]].concat()) else { return };
        assert!(done.status.success() && text(&done.stdout).contains("Example"), "{command:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let Some(done) = run(&["completions", shell]) else { return };
        assert!(done.status.success() && text(&done.stdout).contains("magistrate"), "{shell}");
    }
}

/// A step of some request, typed as whoever has no certificate.
const REQUEST: [&str; 8] =
    ["request", "search", "--certificate", "no.pem", "--jurisdiction", "x", "--request", "some-request"];

#[test]
fn wrong_usage_and_missing_files_are_said() {
    let cases: [(&[&str], i32, &str); 19] = [
        (&["serve", "--confg", "x"], 2, "--config"),
        (&["serve", "--config", "nowhere.toml"], 1, "magistrate init"),
        (&["serve", "--clock-was-wrong", "the time server said 2036"], 2, "--said-by"),
        (&["serve", "--clock-was-wrong", "", "--said-by", "R. Hale"], 2, "a value is required"),
        (&["serve", "--database-was-set-back", "its disk died"], 2, "--said-by"),
        (&["serve", "--said-by", "R. Hale"], 2, "--database-was-set-back"),
        (&["init", "policies", "--policies", "policies"], 1, "not empty"),
        (&["init", "nowhere", "--host", "two words"], 2, "no host name"),
        (&["policy", "check", "policies/detroit"], 1, "policy pin"),
        (&["audit", "verify", "nowhere", "--key", "nokey"], 1, "nokey"),
        (&["request", "list", "--certificate", "no.pem", "--jurisdiction", "x", "--state", "lost"], 2, "listed"),
        (&["request", "list", "--certificate", "no.pem", "--jurisdiction", "x", "--before", "x"], 2, "no place in"),
        (&["sign", "--role", "examiner"], 2, "--conclusion"),
        (&["request", "list", "--certificate", "no.pem", "--jurisdiction", "det roit/../x"], 2, "is not an id"),
        (&["request", "list", "--certificate", "no.pem", "--jurisdiction", "x"], 1, "the certificate no.pem"),
        (&["audit", "export", "--config", "no.toml", "--case", "26-0310-115", "--out", "nowhere"], 2, "KIND=NUMBER"),
        (&[&REQUEST[..], &["--filter", "sex=F", "--filter", "sex=M"]].concat(), 2, "--filter sex is given twice"),
        (&[&REQUEST[..], &["--answer", "a=1", "--answer", "a=2"]].concat(), 2, "--answer a is given twice"),
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
            2,
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

/// A deployment with another address of its database, and what its server says of that instead of starting.
fn not_started_on(url: &str) -> Option<String> {
    let program = integration_tests::program()?;
    let home = tempfile::tempdir().unwrap();
    let mut deployment = Deployment::copied(&program, &home.path().join("here")).unwrap();
    let config = std::fs::read_to_string(deployment.config()).unwrap();
    let changed = config.replace("url = \"surrealkv://data/db\"\n", &format!("url = {url:?}\n"));
    assert_ne!(changed, config);
    std::fs::write(deployment.config(), changed).unwrap();
    let said = deployment.serve().unwrap_err().to_string();
    let beside = ["LOCK", "manifest", "wal"].map(|name| deployment.home.join(name).exists());
    assert_eq!(beside, [false; 3], "no database is made beside the configuration");
    assert!(said.contains("magistrate.toml: [store] url"), "it is said what to change, and where: {said}");
    Some(said)
}

#[test]
fn an_address_of_no_database_is_named_with_the_file_it_is_in() {
    let Some(said) = not_started_on("ws://root:a-secret@127.0.0.1:8000") else { return };
    assert!(said.contains("set user and password_env") && !said.contains("a-secret"), "{said}");
    for itself in ["surrealkv://", "surrealkv://.", "surrealkv://../here", "surrealkv://.."] {
        let Some(said) = not_started_on(itself) else { return };
        assert!(said.contains("a folder of its own"), "{said}");
    }
    for forgetful in ["surrealkv://data/db?sync=never", "mem://"] {
        let Some(said) = not_started_on(forgetful) else { return };
        assert!(said.contains("every commit is synced") || said.contains("gone when the server stops"), "{said}");
    }
    // Port 9 is discard: nobody listens.
    let Some(said) = not_started_on("ws://127.0.0.1:9") else { return };
    assert!(said.contains("[store] url = \"ws://127.0.0.1:9\"") && said.contains("cannot be reached"), "{said}");

    // A server that is there, and whose certificate an authority of its own has issued.
    let Some(program) = integration_tests::program() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut server = Deployment::copied(&program, &home.path().join("there")).unwrap();
    server.serve().unwrap();
    let Some(said) = not_started_on(&format!("wss://{}", server.address)) else { return };
    assert!(
        said.contains("it has to be one of a public authority's") && !said.contains("check that it runs"),
        "{said}"
    );
}

#[test]
fn a_folder_that_is_no_export_does_not_verify() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    for manifest in [None, Some("{}")] {
        if let Some(text) = manifest {
            std::fs::write(folder.path().join("manifest.json"), text).unwrap();
        }
        let Some(done) = run(&["audit", "verify-export", &path]) else { return };
        let said = text(&done.stdout);
        assert_eq!(done.status.code(), Some(4), "{said}");
        assert!(said.contains("NOT VERIFIED") && said.contains("manifest.json"), "{said}");
    }
    let Some(nowhere) = run(&["audit", "verify-export", "nowhere"]) else { return };
    assert_eq!(nowhere.status.code(), Some(1), "there is nothing to verify");
}

#[test]
fn what_was_stopped_leaves_nothing_half_made() {
    let Some(program) = integration_tests::program() else { return };
    let policies = integration_tests::root().join("policies");
    let (policies, home) = (policies.display().to_string(), tempfile::tempdir().unwrap());
    let commands: [(&[&str], &str); 2] = [
        (&["init", "made", "--host", "localhost", "--policies", &policies], ".magistrate-init-"),
        (&["bench", "append", "--seconds", "3600", "--writers", "1"], ".magistrate-bench-"),
    ];
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        for (arguments, begins) in commands {
            let mut command = Command::new(&program);
            let mut child = command.args(arguments).current_dir(home.path()).stdout(Stdio::null()).spawn().unwrap();
            let hidden = || {
                let names = home.path().read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
                names.filter(|name| name.starts_with(begins)).count()
            };
            let ended = loop {
                if let Some(ended) = child.try_wait().unwrap() {
                    break ended;
                }
                if hidden() > 0 {
                    let process = child.id().to_string();
                    Command::new("kill").args([&format!("-{signal}"), &process]).status().unwrap();
                    break child.wait().unwrap();
                }
                std::thread::yield_now();
            };
            // One that was through before it was told to stop has made its folder.
            let made = home.path().join("made");
            assert!(ended.code() == Some(code) || made.is_dir(), "{arguments:?}: {ended}");
            assert_eq!(hidden(), 0, "{arguments:?} by {signal}");
            let _ = std::fs::remove_dir_all(made);
        }
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
