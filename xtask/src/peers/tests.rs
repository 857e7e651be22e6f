//! The order of things and the table, with programs that only pretend to measure.

use super::*;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Mutex, PoisonError};

/// Held by a test that writes programs: none can be run while another test's child, just begun, still has its file open.
static ALONE: Mutex<()> = Mutex::new(());

/// Writes a program for the shell.
fn program(path: &Path, lines: &str) {
    std::fs::write(path, format!("#!/bin/sh\nset -e\n{lines}")).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// Says what it is asked for, and does as much as is looked at: it is asked as Python is.
const PYTHON: &str = r#"
if [ "$1" = -c ]; then exit 0; fi
echo "$2 $OMP_NUM_THREADS" >> "$3.asked"
case "$2" in
make)
    mkdir -p "$3"
    head -c 96 /dev/zero > "$3/gallery.f32"
    echo '{"n": 6, "dim": 4, "probes": 32, "seed": 1}' > "$3/shape.json" ;;
run)
    echo '{"peer": "faiss IndexFlatIP f32 (exact)", "n": 6, "dim": 4, "threads": 3, "one_probe_ms": 40.0, "batch": 32, "batch_ms_per_probe": 8.0}'
    echo '{"peer": "faiss SQ8 (approximate scores)", "n": 6, "dim": 4, "threads": 3, "one_probe_ms": 15.0, "batch": 32, "batch_ms_per_probe": 1.0}' ;;
check)
    if [ -e "$3/wrong" ]; then echo '31 of 32 lists'; exit 1; fi
    cat "$4" ;;
esac
"#;

/// Finds the word `all`, sooner where a file says so.
const OURS: &str = r#"
for last; do :; done
echo "ours $RAYON_NUM_THREADS" >> "$last.asked"
echo "$*" > "$last/arguments"
echo all > "$last/results.json"
took='"one_probe_p50_ms": 10.0, "batch_32_ms_per_probe": 2.0'
if [ -e "$last/fast" ]; then took='"one_probe_p50_ms": 5.0, "batch_32_ms_per_probe": 0.25'; fi
case "$*" in
*" --knn-rows 20000 "*) knn='"surrealdb_knn_ms": 500.0, "surrealdb_knn_rows": 20000, "per_row_ratio": 2500.0, ' ;;
esac
echo '{"bench": "search", '"$took, $knn"'"resident_bytes": 24, "kernel": "avx2"}'
"#;

#[test]
fn the_others_are_measured_before_and_after_ours_and_what_was_found_is_checked() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let home = tempfile::tempdir().unwrap();
    let (python, ours, script) = (home.path().join("python"), home.path().join("ours"), home.path().join("peers.py"));
    program(&python, PYTHON);
    program(&ours, OURS);
    let folder = home.path().join("here");
    let arguments = Arguments {
        folder: folder.clone(),
        rows: 6,
        dim: 4,
        k: 5,
        threads: 3,
        script: None,
        strict: false,
        python: python.clone(),
    };
    let measure = |arguments: &Arguments| {
        Bench { arguments, script: script.clone() }.measure(|| Ok(ours.clone())).map_err(|e| format!("{e:#}"))
    };
    let missing = measure(&arguments).unwrap_err();
    assert!(missing.contains("peers.py is not there") && missing.contains("--script"), "{missing}");
    std::fs::write(&script, "").unwrap();

    let told = measure(&arguments).unwrap();
    let [flat, sq8] = ["faiss IndexFlatIP f32 (exact)", "faiss SQ8 (approximate scores)"];
    let row = |what: &str, figure: &str, ratio: &str| Row([what, figure, ratio, "", ""].map(str::to_owned), false);
    let expected = [
        row(&format!("one probe, beside {flat}"), "10.00 ms; 40.00 before, 40.00 after", "4.00"),
        row(&format!("one probe, beside {sq8}"), "10.00 ms; 15.00 before, 15.00 after", "1.50"),
        row(&format!("each of 32 probes, beside {flat}"), "2.00 ms; 8.00 before, 8.00 after", "4.00"),
        row(&format!("each of 32 probes, beside {sq8}"), "2.00 ms; 1.00 before, 1.00 after", "0.50"),
        row("memory, beside flat f32 rows", "0 MB; 0 MB", "4.00"),
        Row(["exact", "all", "", "every list", "met"].map(str::to_owned), false),
    ];
    assert_eq!(told, expected);
    let asked = || std::fs::read_to_string(home.path().join("here.asked")).unwrap();
    assert_eq!(asked(), "make 3\nrun 3\nours 3\nrun 3\ncheck 3\n");
    let given = std::fs::read_to_string(folder.join("arguments")).unwrap();
    let here = folder.display();
    assert_eq!(
        given.trim(),
        format!(
            "bench search --json --dim 4 --k 5 --vectors {here}/gallery.f32 --probes {here}/probes.f32 \
             --results {here}/results.json --folder {here}"
        )
    );

    std::fs::write(folder.join("wrong"), "").unwrap();
    let wrong = measure(&arguments).unwrap_err();
    assert!(wrong.contains("failed: 31 of 32 lists"), "{wrong}");
    assert_eq!(asked().matches("make").count(), 1, "what is there of this shape is used again");
    let larger = Arguments { rows: 7, python: python.clone(), folder, ..arguments };
    assert!(measure(&larger).is_err());
    assert_eq!(asked().matches("make").count(), 2, "what is there of another is not");

    let bare = Arguments { python: "false".into(), ..larger };
    let lacking = measure(&bare).unwrap_err();
    assert!(lacking.contains("pip install numpy faiss-cpu usearch"), "{lacking}");
}

#[test]
fn a_missed_goal_is_told_and_fails_a_strict_run_only() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let home = tempfile::tempdir().unwrap();
    let (python, ours, script) = (home.path().join("python"), home.path().join("ours"), home.path().join("peers.py"));
    program(&python, PYTHON);
    program(&ours, OURS);
    std::fs::write(&script, "").unwrap();
    let folder = home.path().join("here");
    let arguments = |rows: u64, strict: bool| Arguments {
        folder: folder.clone(),
        rows,
        dim: 512,
        k: 20,
        threads: 2,
        script: Some(script.clone()),
        strict,
        python: python.clone(),
    };
    let run = |arguments: &Arguments| run(arguments, || Ok(ours.clone())).map_err(|e| e.to_string());
    let shape = run(&arguments(999_999, true)).unwrap_err();
    assert!(shape.contains("1000000 × 512") && shape.contains("--strict"), "{shape}");
    assert!(!folder.exists(), "nothing was measured");
    assert_eq!(run(&arguments(999_999, false)), Ok(()));

    assert_eq!(run(&arguments(1_000_000, false)), Ok(()));
    assert_eq!(
        run(&arguments(1_000_000, true)),
        Err("3 goals are missed".to_owned()),
        "but the database's and memory's"
    );
    std::fs::write(folder.join("fast"), "").unwrap();
    assert_eq!(run(&arguments(1_000_000, true)), Ok(()), "each is reached");
    // Without the database's own search, which nothing is known of then.
    program(&ours, &OURS.replace("20000 ", "no "));
    assert_eq!(run(&arguments(1_000_000, true)), Err("1 goals are missed".to_owned()));
}

#[test]
fn what_cannot_be_compared_is_an_error() {
    let line = r#"{"peer": "flat", "one_probe_ms": 40.0, "batch": 32, "batch_ms_per_probe": 8.0}"#;
    let other = line.replace("flat", "SQ8");
    let fewer = line.replace("32", "8");
    let ours: Ours =
        serde_json::from_str(r#"{"one_probe_p50_ms": 10.0, "batch_32_ms_per_probe": 2.0, "resident_bytes": 24}"#)
            .unwrap();
    let compared = |before: &str, after: &str| {
        compared(&peers(before).unwrap(), &ours, &peers(after).unwrap(), 96).map_err(|e| e.to_string())
    };
    assert!(compared(line, line).is_ok());
    assert_eq!(compared(line, &other).unwrap_err(), "flat was measured once only");
    assert_eq!(compared(&fewer, &fewer).unwrap_err(), "flat was asked for 8 probes together, and ours for 32");
    assert_eq!(compared("", "").unwrap_err(), "none of the others was measured");
    let slower = line.replace("40.0", "80.0");
    for (before, after) in [(line, slower.as_str()), (slower.as_str(), line)] {
        assert_eq!(compared(before, after).unwrap()[0].ratio, 4.0, "beside the faster of the two");
    }
    assert!(peers("Traceback").is_err_and(|e| e.to_string().contains("Traceback")));
}
