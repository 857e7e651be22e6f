//! `magistrate bench search` over files, as somebody with another way to compute the answer would check it.

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const DIM: usize = 24;
const K: usize = 7;

/// Rows of unit length, all different, as a file has them.
fn rows(count: u32, seed: u32) -> Vec<Vec<f32>> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1_u32 << 24) - 0.5
    };
    let row = |_| {
        let row: Vec<f64> = (0..DIM).map(|_| next()).collect();
        let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        row.iter().map(|x| (x / norm) as f32).collect::<Vec<f32>>()
    };
    (0..count).map(row).collect()
}

fn write(path: &Path, rows: &[Vec<f32>]) {
    let bytes: Vec<u8> = rows.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(path, bytes).unwrap();
}

/// The rows most similar to the probe, best first, summed in double precision.
fn best(rows: &[Vec<f32>], probe: &[f32]) -> Vec<u64> {
    let score = |row: &[f32]| row.iter().zip(probe).map(|(x, q)| f64::from(*x) * f64::from(*q)).sum::<f64>();
    let mut scored: Vec<(f64, u64)> = rows.iter().zip(0..).map(|(row, number)| (score(row), number)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.iter().take(K).map(|(_, number)| *number).collect()
}

fn search(folder: &Path, more: &[&str]) -> Option<Output> {
    let mut command = Command::new(integration_tests::program()?);
    command.current_dir(folder).args(["bench", "search", "--vectors", "gallery.f32", "--dim", "24"]);
    if !more.contains(&"--k") {
        command.args(["--k", "7"]);
    }
    Some(command.args(["--n", "3", "--json"]).args(more).output().unwrap())
}

#[test]
fn what_is_found_is_the_exact_top() {
    let folder = tempfile::tempdir().unwrap();
    let (gallery, probes) = (rows(700, 1), rows(33, 2));
    write(&folder.path().join("gallery.f32"), &gallery);
    write(&folder.path().join("probes.f32"), &probes);
    let more = ["--probes", "probes.f32", "--results", "out.json"];
    let Some(done) = search(folder.path(), &more) else { return };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let found = std::fs::read(folder.path().join("out.json")).unwrap();
    let found: Vec<Vec<u64>> = serde_json::from_slice(&found).unwrap();
    let expected: Vec<Vec<u64>> = probes.iter().map(|probe| best(&gallery, probe)).collect();
    assert_eq!(found, expected);

    let line: Value = serde_json::from_slice(&done.stdout).unwrap();
    for (key, value) in [("rows", 700), ("dim", 24), ("k", 7)] {
        assert_eq!(line[key], value, "{key}");
    }
    for key in [
        "one_probe_p50_ms",
        "one_probe_p99_ms",
        "batch_8_ms_per_probe",
        "batch_32_ms_per_probe",
        "scan_bytes_per_row",
        "scan_gb_per_s",
        "plain_read_gb_per_s",
        "snapshot_open_ms",
    ] {
        assert!(line[key].is_number(), "{key}: {line}");
    }
    for key in ["resident_bytes", "file_bytes", "load_ms"] {
        assert!(line[key].as_f64().is_some_and(|value| value > 0.0), "{key}: {line}");
    }
    assert!(line["file_bytes"].as_u64().unwrap() > 700 * 24 * 4, "all f32 rows are in the file: {line}");
    // Two halves of 64 bytes, since 24 values are padded to 128, and three f32.
    assert_eq!((&line["scan_bytes_per_row"], &line["code_bytes_per_row"]), (&json!(72.0), &json!(140.0)));
    let mut left: Vec<_> = folder.path().read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["gallery.f32", "out.json", "probes.f32"], "nothing is left behind");
}

#[test]
fn every_kernel_that_the_machine_has_finds_the_same() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("gallery.f32"), &rows(300, 3));
    write(&folder.path().join("probes.f32"), &rows(9, 4));
    let mut lists = Vec::new();
    for kernel in ["portable", "simsimd", "avx2", "avx512-vnni", "neon"] {
        let more = ["--probes", "probes.f32", "--results", "out.json", "--kernel", kernel];
        let Some(done) = search(folder.path(), &more) else { return };
        if done.status.success() {
            let line: Value = serde_json::from_slice(&done.stdout).unwrap();
            assert_eq!(line["kernel"], kernel);
            lists.push(std::fs::read(folder.path().join("out.json")).unwrap());
        } else {
            assert!(String::from_utf8_lossy(&done.stderr).contains("this machine has no"), "{kernel}");
        }
    }
    assert!(lists.len() >= 2 && lists.windows(2).all(|pair| pair[0] == pair[1]), "{}", lists.len());
}

#[test]
fn the_database_searches_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("gallery.f32"), &rows(300, 3));
    let Some(done) = search(folder.path(), &["--knn-rows", "200"]) else { return };
    assert!(String::from_utf8_lossy(&done.stderr).contains("--k 20"), "compared with another k is not compared");
    let Some(done) = search(folder.path(), &["--knn-rows", "200", "--k", "20"]) else { return };
    let line: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(line["surrealdb_knn_rows"], 200);
    assert!(line["surrealdb_knn_ms"].is_number() && line["per_row_ratio"].is_number(), "{line}");
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let Some(done) = search(folder.path(), &[]) else { return };
    assert!(!done.status.success() && String::from_utf8_lossy(&done.stderr).contains("gallery.f32"));

    std::fs::write(folder.path().join("gallery.f32"), [0_u8; 100]).unwrap();
    let Some(done) = search(folder.path(), &[]) else { return };
    assert!(String::from_utf8_lossy(&done.stderr).contains("--dim"), "no whole number of rows");

    std::fs::write(folder.path().join("gallery.f32"), [0_u8; 96]).unwrap();
    let Some(done) = search(folder.path(), &[]) else { return };
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("row 0 of gallery.f32"), "zeros have no direction");

    // What cannot be written is noticed before the gallery is: nothing has been measured by then.
    let Some(done) = search(folder.path(), &["--results", "nowhere/out.json"]) else { return };
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("cannot write nowhere/out.json") && !said.contains("gallery.f32"), "{said}");
}
