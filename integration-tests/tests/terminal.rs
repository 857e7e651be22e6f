//! What a command shows on a terminal, and what it prints where its output is piped.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says well enough what went wrong")]

use std::process::{Command, Output, Stdio};

/// Fast commands that show progress: with its label, and whether they print a table.
const COMMANDS: [(&[&str], &str, bool); 2] = [
    (&["policy", "test", "policies/detroit"], "scenarios", false),
    (&["bench", "vet", "--policy", "policies/detroit", "--n", "100"], "decisions, phase ", true),
];

/// Runs the program with its output piped.
fn piped(arguments: &[&str]) -> Option<Output> {
    let program = integration_tests::program()?;
    Some(Command::new(program).args(arguments).current_dir(integration_tests::root()).output().unwrap())
}

/// Runs the program on a terminal of its own, by `script` of util-linux; `None`, loudly, where there is none.
fn on_a_terminal(arguments: &[&str]) -> Option<Output> {
    let program = integration_tests::program()?;
    if !Command::new("script").arg("--version").stdout(Stdio::null()).status().is_ok_and(|ended| ended.success()) {
        eprintln!("SKIPPED: there is no `script` here to run a program on a terminal with; install util-linux");
        return None;
    }
    let line = format!("stty cols 120 rows 40; exec '{}' {}", program.display(), arguments.join(" "));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(integration_tests::root());
    script.env("TERM", "xterm").env("SHELL", "/bin/sh").env_remove("NO_COLOR").stdin(Stdio::null());
    Some(script.output().unwrap())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_terminal_is_shown_progress_and_ruled_tables() {
    for (arguments, label, table) in COMMANDS {
        let Some(done) = on_a_terminal(arguments) else { return };
        let shown = text(&done.stdout);
        assert!(done.status.success(), "{arguments:?}: {shown}");
        assert!(shown.contains(label) && shown.contains('░'), "{arguments:?}: no progress: {shown}");
        assert!(!table || shown.contains('─'), "{arguments:?}: no ruled table: {shown}");
    }
}

#[test]
fn a_pipe_is_given_results_and_nothing_else() {
    for (arguments, label, _) in COMMANDS {
        let Some(done) = piped(arguments) else { return };
        let printed = text(&done.stdout);
        assert!(done.status.success(), "{arguments:?}: {printed}");
        assert_eq!(text(&done.stderr), "", "{arguments:?}: progress goes to a terminal only");
        assert!(!printed.contains('\x1b') && !printed.contains('─') && !printed.contains('░'), "{printed}");
        assert!(!printed.contains(label), "{printed}");
    }
}

#[test]
fn json_is_nothing_but_json() {
    let Some(done) = piped(&["bench", "vet", "--policy", "policies/detroit", "--n", "10", "--json"]) else { return };
    let printed = text(&done.stdout);
    assert_eq!((printed.lines().count(), text(&done.stderr).as_str()), (3, ""), "{printed}");
    for line in printed.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_eq!(value["bench"], "vet");
    }
    // On a terminal the values stand among what is shown of their making, and are whole.
    let arguments = ["bench", "vet", "--policy", "policies/detroit", "--n", "10", "--json"];
    let Some(done) = on_a_terminal(&arguments) else { return };
    let shown = text(&done.stdout);
    assert!(done.status.success() && shown.matches("{\"bench\":\"vet\"").count() == 3, "{shown}");
}

#[test]
fn every_help_says_what_the_program_ends_with() {
    for command in [&["--help"][..], &["audit", "--help"], &["audit", "verify", "--help"], &["request", "--help"]] {
        let Some(done) = piped(command) else { return };
        let printed = text(&done.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(done.status.success() && printed.contains("Example"), "{command:?}: {printed}");
        assert!(printed.contains("Exit codes: 0 done;") && printed.contains("4 verification failed"), "{printed}");
    }
}
