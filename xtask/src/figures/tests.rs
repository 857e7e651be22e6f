//! The comparison with the goals, and what is measured.

use super::*;

fn row(cells: [&str; 4], fails: bool) -> Row<4> {
    Row(cells.map(str::to_owned), fails)
}

#[test]
fn a_figure_at_its_goal_meets_it_and_one_beyond_misses_it() {
    for (p99, met) in [("79.9", true), ("80.0", true), ("80.1", false)] {
        let line = format!(r#"{{"bench": "vet", "policy": "p", "phase": "search", "p50_us": 20.0, "p99_us": {p99}}}"#);
        let rows = compared("vet", true, &line);
        assert_eq!(rows[0], row(["vet p search p50_us", "20", "≤ 20", "met"], false));
        assert_eq!((rows.len(), rows[1].0[3] == "met", rows[1].1), (2, met, !met), "{rows:?}");
    }
    let line = |n: u32| format!(r#"{{"bench": "verify", "entries_per_s": {n}}}"#);
    let slow = row(["verify entries_per_s", "499999", "≥ 500000", "missed"], true);
    assert_eq!(compared("verify", true, &line(499_999)), [slow]);
    assert!(!compared("verify", true, &line(500_000))[0].1);
}

#[test]
fn what_the_disk_decides_is_told_and_fails_nothing() {
    let line = |n: u32, waits: f64| {
        format!(
            r#"{{"bench": "append", "entries_per_s": {n}, "fdatasync_per_s": 100.0, "paced_p99_fdatasyncs": {waits}}}"#
        )
    };
    let goal = "≥ 20 × fdatasync_per_s = 2000";
    let told = |n: &str, met: &str| row(["append entries_per_s", n, goal, met], false);
    let waits = |n: &str, met: &str| row(["append paced_p99_fdatasyncs", n, "≤ 3", met], false);
    assert_eq!(compared("append", true, &line(2000, 3.0)), [told("2000", "met"), waits("3", "met")]);
    assert_eq!(compared("append", true, &line(1999, 3.1)), [told("1999", "missed"), waits("3.1", "missed")]);
}

#[test]
fn what_was_not_measured_is_a_miss() {
    let failed = row(["serve x", "failed", "", "missed"], true);
    assert_eq!(compared("serve x", true, ""), [row(["serve x", "failed", "", "missed"], true)]);
    assert_eq!(compared("serve x", true, "not JSON\n{\"bench\": \"another\"}"), [failed]);
    let rows = compared("serve x", false, r#"{"bench": "serve", "p50_ms": null, "p99_ms": 5.0, "errors": 1}"#);
    let met: Vec<_> = rows.iter().map(|Row(cells, fails)| (cells[1].as_str(), *fails)).collect();
    assert_eq!(met, [("nothing", true), ("5", false), ("1", true), ("failed", true)]);
}

#[test]
fn ten_times_the_rows_may_take_ten_times_as_long() {
    let line = |ms: f64| format!(r#"{{"bench": "search", "one_probe_p50_ms": {ms:?}, "rows": 1}}"#);
    let judged = |million: &str, large: &str| compared("search x", true, &grown(million, large));
    let told = |times: &str, met: &str| {
        row(["large search one_probe_p50_times_a_million", times, "≤ 10", met], met == "missed")
    };
    assert_eq!(judged(&line(8.0), &line(80.0)), [told("10", "met")], "whatever a million rows may take");
    assert_eq!(judged(&line(8.0), &line(82.0)), [told("10.25", "missed")]);
    for (million, large) in [("", line(80.0)), (&*line(8.0), String::new()), (&*line(0.0), line(80.0))] {
        assert_eq!(judged(million, &large), [told("nothing", "missed")]);
    }
}

#[test]
fn a_start_has_goals_from_the_database_and_from_the_snapshot() {
    let line = r#"{"bench": "load", "load_from_store_s": 15.1, "load_from_snapshot_s": 1.0}"#;
    let rows = compared("load", true, line);
    let expected = [
        row(["load load_from_store_s", "15.1", "≤ 15", "missed"], true),
        row(["load load_from_snapshot_s", "1", "≤ 1", "met"], false),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn every_goal_is_of_something_that_is_measured() {
    let runs = runs(&crate::build::root().join("policies")).unwrap();
    let is_run = |bench: &str| runs.iter().any(|words| words[0] == bench);
    // The large search is asked for by itself, and is compared with one that is not.
    assert!(GOALS.iter().all(|(bench, ..)| is_run(bench) || *bench == "large search"));
    assert!(runs.iter().any(|words| *words == SEARCH));
    assert!(runs.iter().all(|words| GOALS.iter().any(|(bench, ..)| words[0] == *bench)));
    assert!(runs.iter().filter(|words| words[0] == "vet").count() > 1, "of every policy");
    assert!(super::runs(tempfile::tempdir().unwrap().path()).is_err());
}
