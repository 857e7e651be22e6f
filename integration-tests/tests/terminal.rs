//! What a command shows on a terminal, and what it prints where its output is piped.

use crate::common::court;
use std::io::{BufRead as _, BufReader, Read as _};
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
    let line = format!("exec '{}' {}", program.display(), arguments.join(" "));
    Some(terminal(&line)?.stdin(Stdio::null()).output().unwrap())
}

/// A terminal on which a shell runs this line.
fn terminal(line: &str) -> Option<Command> {
    if !Command::new("script").arg("--version").stdout(Stdio::null()).status().is_ok_and(|ended| ended.success()) {
        integration_tests::unable("there is no `script` here to run a program on a terminal with; install util-linux");
        return None;
    }
    let line = format!("stty cols 120 rows 40; {line}");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(integration_tests::root());
    script.env("TERM", "xterm").env("SHELL", "/bin/sh").env_remove("NO_COLOR");
    Some(script)
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
fn where_nobody_reads_on_neither_success_nor_failure_is_claimed() {
    let Some(program) = integration_tests::program() else { return };
    // One that ends well where it is read, and one that fails.
    for only in ["", "no scenario is called so"] {
        let test = ["policy", "test", "policies/detroit", "--only", only];
        let Some(read) = piped(&test) else { return };
        assert_eq!(read.status.success(), only.is_empty(), "{}", text(&read.stdout));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(&program);
        command.args(test).current_dir(integration_tests::root()).stdout(writer).stderr(Stdio::piped());
        let unread = command.spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(unread.status.code(), Some(141), "as of a command that SIGPIPE killed");
        assert_eq!(text(&unread.stderr), "", "quietly");
    }
}

#[test]
fn red_on_standard_output_is_for_a_terminal_there() {
    if integration_tests::program().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = integration_tests::root().join("policies/st-louis");
    let scenarios = folder.path().join("scenarios");
    std::fs::create_dir(&scenarios).unwrap();
    for file in ["policy.toml", "st_louis_smrt.wasm", "scenarios/base.toml"] {
        std::fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    let wrong = "[[scenario]]\nname = \"wrong\"\nphase = \"request\"\nexpect = { verdict = \"deny\" }\n";
    std::fs::write(scenarios.join("x.toml"), wrong).unwrap();
    let (policy, out) = (folder.path().display().to_string(), folder.path().join("out").display().to_string());
    let Some(shown) = on_a_terminal(&["policy", "test", &policy]) else { return };
    assert!(text(&shown.stdout).contains("\x1b[1;31mFAILED"), "{}", text(&shown.stdout));
    // Standard error is still the terminal.
    let Some(_) = on_a_terminal(&["policy", "test", &policy, ">", &out]) else { return };
    let kept = std::fs::read_to_string(&out).unwrap();
    assert!(kept.contains("FAILED x.toml") && !kept.contains('\x1b'), "{kept}");
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

#[tokio::test]
async fn a_terminal_is_shown_how_far_galleries_are_read_at_the_start_and_how_many_records_there_are() {
    let Some(mut court) = court().await else { return };
    court.deployment.stop().unwrap();
    let home = court.deployment.home.clone();
    for file in home.join("data/galleries/detroit").read_dir().unwrap() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let (program, process) = (integration_tests::program().unwrap(), home.join("process"));
    // The shell becomes the server.
    let line = format!(
        "echo $$ > '{}'; exec '{}' serve --config '{}'",
        process.display(),
        program.display(),
        court.deployment.config().display()
    );
    let Some(mut terminal) = terminal(&line) else { return };
    let mut server = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let mut shown = Vec::new();
    while !text(&shown).contains("listening on https://") {
        assert!(output.read_until(b'\n', &mut shown).unwrap() > 0, "it ended: {}", text(&shown));
    }
    let process = std::fs::read_to_string(process).unwrap();
    assert!(Command::new("kill").args(["-TERM", process.trim()]).status().unwrap().success());
    output.read_to_end(&mut shown).unwrap();
    assert!(server.wait().unwrap().success(), "{}", text(&shown));
    let shown = text(&shown);
    let bar = shown.find("detroit/snap").unwrap_or_else(|| panic!("no gallery is named: {shown}"));
    let shown_of_it = &shown[bar..];
    assert!(shown_of_it.contains("/20 ") && shown_of_it.contains(['█', '░']), "no progress: {shown}");
    assert!(shown.contains("records") && shown.contains(" 20 ") && shown.contains('─'), "no count: {shown}");
}
