//! The measurements, each taken small: whether they run, and what they say. Those of searches over files are in `vectors`.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn bench(program: &Path, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program).arg("bench").args(arguments).current_dir(folder).output().unwrap()
}

/// What a measurement prints, a JSON line each; every one has these numbers, above 0.
fn measured(program: &Path, folder: &Path, arguments: &[&str], numbers: &[&str]) -> Vec<Value> {
    let done = bench(program, folder, &[arguments, &["--json"]].concat());
    let (out, errors) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{arguments:?}: {out}{errors}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert_eq!(line["bench"], arguments[0], "{line}");
        for number in [numbers, &["cores"]].concat() {
            assert!(line[number].as_f64().is_some_and(|value| value > 0.0), "{number}: {line}");
        }
        assert!(line["machine"].is_string(), "{line}");
    }
    lines
}

#[test]
fn appends_are_measured_with_what_rides_on_them_and_harm_no_file_of_the_folder() {
    let Some(program) = integration_tests::program() else { return };
    let home = tempfile::tempdir().unwrap();
    let named = home.path().join("named");
    std::fs::create_dir(&named).unwrap();
    std::fs::write(named.join("raw"), "somebody's own").unwrap();
    let numbers =
        ["entries_per_s", "p50_us", "p99_us", "fdatasync_per_s", "p99_fdatasyncs", "waiting_fdatasyncs", "leaf_bytes"];
    let options = ["--rider-bytes", "5800", "--pace", "0.5"];
    let arguments =
        [["append", "--writers", "8", "--seconds", "0.2", "--folder", "named"].as_slice(), &options].concat();
    let told = measured(&program, home.path(), &arguments, &numbers);
    let [told] = told.as_slice() else { panic!("one line: {told:?}") };
    assert_eq!(told["threads"], 8);
    assert_eq!(told["rider_bytes"], 5800);
    let number = |name: &str| told[name].as_f64().unwrap();
    let by_little = 8.0 / number("entries_per_s") * number("fdatasync_per_s");
    let offered = number("fdatasync_per_s") * 0.5;
    assert!(number("paced_entries_per_s") <= offered * 1.1 + 50.0, "no more than is offered: {told}");
    assert!(number("paced_p50_us") <= number("paced_p99_us") && number("paced_p99_fdatasyncs") > 0.0, "{told}");
    let waiting = number("waiting_fdatasyncs");
    assert!((waiting - by_little).abs() <= 0.1 + by_little * 0.05, "{told}");
    assert_eq!(std::fs::read_to_string(named.join("raw")).unwrap(), "somebody's own");
    let mut left: Vec<_> = named.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["log", "raw"]);

    let bare = ["append", "--writers", "1", "--seconds", "0.1", "--pace", "0"];
    let told = measured(&program, home.path(), &bare, &["entries_per_s"]).remove(0);
    assert_eq!((&told["rider_bytes"], &told["paced_entries_per_s"]), (&Value::from(0), &Value::Null), "{told}");
    let here: Vec<_> = home.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(here, ["named"], "a folder that nobody named is gone");
}

#[test]
fn logs_are_verified_and_proven_to_be_measured() {
    let Some(program) = integration_tests::program() else { return };
    let home = tempfile::tempdir().unwrap();
    let numbers = ["entries_per_s", "entry_bytes", "n", "threads"];
    let told = measured(&program, home.path(), &["verify", "--entries", "700"], &numbers);
    assert_eq!((told.len(), &told[0]["n"]), (1, &Value::from(700)));
    let numbers = ["p50_us", "p99_us", "proofs_per_s", "leaves", "n"];
    let told = measured(&program, home.path(), &["prove", "--leaves", "700", "--n", "50"], &numbers);
    assert_eq!(told.iter().map(|line| &line["proof"]).collect::<Vec<_>>(), ["inclusion", "consistency"]);
}

#[test]
fn what_a_server_recorded_is_replayed_to_be_measured() {
    let Some(program) = integration_tests::program() else { return };
    let home = tempfile::tempdir().unwrap();
    let policy = integration_tests::root().join("policies/detroit");
    let arguments = ["replay", "--policy", policy.to_str().unwrap(), "--seconds", "0.5"];
    let told = measured(&program, home.path(), &arguments, &["decisions_per_s", "n", "threads"]);
    assert_eq!((told.len(), &told[0]["policy"]), (1, &Value::from("detroit")));
}

#[test]
fn searches_of_generated_templates_are_measured() {
    let Some(program) = integration_tests::program() else { return };
    let home = tempfile::tempdir().unwrap();
    let numbers = [
        "one_probe_p50_ms",
        "one_probe_p99_ms",
        "batch_8_ms_per_probe",
        "batch_32_ms_per_probe",
        "scan_gb_per_s",
        "plain_read_gb_per_s",
        "scan_bytes_per_row",
        "code_bytes_per_row",
        "rows_reranked_most",
        "load_ms",
        "snapshot_write_ms",
        "snapshot_open_ms",
        "snapshot_open_cold_ms",
        "first_answer_ms",
        "resident_bytes",
        "file_bytes",
        "threads",
    ];
    // As many rows as it takes for a pass to be longer than waking the threads that read as much.
    let arguments = ["search", "--rows", "20000", "--dim", "32", "--n", "3"];
    let told = measured(&program, home.path(), &arguments, &numbers);
    let [told] = told.as_slice() else { panic!("one line: {told:?}") };
    for (key, value) in [("rows", 20_000), ("dim", 32), ("n", 3), ("k", 20)] {
        assert_eq!(told[key], value, "{key}: {told}");
    }
    assert_eq!(home.path().read_dir().unwrap().count(), 0, "and leaves nothing behind");
}

#[test]
fn starts_of_a_gallery_are_measured_with_the_filters_that_galleries_have() {
    let Some(program) = integration_tests::program() else { return };
    let home = tempfile::tempdir().unwrap();
    let numbers = [
        "load_from_store_s",
        "load_from_snapshot_s",
        "load_from_snapshot_cold_s",
        "load_from_store_rows_per_s",
        "snapshot_write_s",
        "enroll_rows_per_s",
        "threads",
    ];
    for (filters, more) in [(4, &[][..]), (0, &["--no-filters"][..])] {
        let arguments = [&["load", "--rows", "300", "--dim", "16"][..], more].concat();
        let told = measured(&program, home.path(), &arguments, &numbers);
        let [told] = told.as_slice() else { panic!("one line: {told:?}") };
        for (key, value) in [("filters", filters), ("rows", 300), ("dim", 16)] {
            assert_eq!(told[key], value, "{key}: {told}");
        }
    }
    assert_eq!(home.path().read_dir().unwrap().count(), 0, "and leaves nothing behind");
}

/// Small: some records, two clients, a moment.
const SERVED: [&str; 7] = ["serve", "--rows", "50", "--clients", "2", "--seconds", "0.3"];

#[test]
fn whole_searches_are_measured() {
    let Some(program) = integration_tests::program() else { return };
    let home = tempfile::tempdir().unwrap();
    let policies = integration_tests::root().join("policies");
    let arguments = [&SERVED[..], &["--policies", policies.to_str().unwrap()]].concat();
    let numbers = ["p50_ms", "p99_ms", "requests_per_s", "n", "dim", "threads"];
    let told = measured(&program, home.path(), &arguments, &numbers);
    let [told] = told.as_slice() else { panic!("one line: {told:?}") };
    for (key, value) in [("errors", 0), ("rows", 50), ("clients", 2)] {
        assert_eq!(told[key], value, "{key}: {told}");
    }
    assert_eq!(home.path().read_dir().unwrap().count(), 0, "and leaves nothing behind");
}

#[test]
fn a_search_that_waits_for_others_is_no_search_to_be_measured() {
    let Some(program) = integration_tests::program() else { return };
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (integration_tests::root().join("policies/detroit"), home.path().join("policies/detroit"));
    std::fs::create_dir_all(&to).unwrap();
    for file in ["policy.toml", "registry.toml", "detroit_307_5.wasm"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
    // A crime that waits for a supervisor's approval.
    let example = std::fs::read_to_string(from.join("example.toml")).unwrap();
    assert_eq!(example.matches("crime = \"robbery\"").count(), 1);
    let waiting = example.replace("crime = \"robbery\"", "crime = \"carjacking\"");
    std::fs::write(to.join("example.toml"), waiting).unwrap();
    let done = bench(&program, home.path(), &[&SERVED[..], &["--policies", "policies", "--json"]].concat());
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("waits_for"), "{said}");
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(told["n"], 0, "{told}");
    assert!(told["p50_ms"].is_null() && told["p99_ms"].is_null(), "no search took 0 ms: {told}");
    assert!(told["errors"].as_u64().unwrap() > 0, "{told}");
}

#[test]
fn what_would_measure_nothing_is_typed_wrongly() {
    let Some(program) = integration_tests::program() else { return };
    let home = tempfile::tempdir().unwrap();
    let wrong: [&[&str]; 15] = [
        &["append", "--writers", "0"],
        &["append", "--seconds=-1"],
        &["append", "--seconds", "0"],
        &["append", "--seconds", "NaN"],
        &["append", "--rider-bytes", "4194305"],
        &["append", "--pace=-1"],
        &["append", "--pace", "NaN"],
        &["prove", "--n", "0"],
        &["replay", "--policy", "nowhere", "--seconds=-1"],
        &["serve", "--clients", "0"],
        &["search", "--n", "0"],
        &["search", "--n", "18446744073709551615"],
        &["search", "--dim", "18446744073709551615"],
        &["search", "--dim", "0"],
        &["load", "--dim", "4097"],
    ];
    for arguments in wrong {
        let done = bench(&program, home.path(), arguments);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("give ") && !said.contains("panicked"), "{arguments:?}: {said}");
    }
    let few: [(&[&str], &str); 4] = [
        (&["verify", "--entries", "1"], ""),
        (&["search", "--rows", "5", "--dim", "4", "--k", "0"], "nothing to measure"),
        (&["search", "--rows", "0", "--dim", "4"], "nothing to measure"),
        (&["load", "--rows", "0"], "nothing to load"),
    ];
    for (arguments, why) in few {
        let done = bench(&program, home.path(), arguments);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(why) && !said.contains("panicked"), "{arguments:?}: {said}");
    }
    assert_eq!(home.path().read_dir().unwrap().count(), 0, "and leaves nothing behind");
}
