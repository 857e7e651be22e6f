//! How many times better ours is to be than the others, and whether it is.

use super::Arguments;
use crate::judged::Row;

/// What the goals are of: rows, numbers per template, candidates and threads. In a small gallery it is not memory that decides.
const SHAPE: [u64; 4] = [1_000_000, 512, 20, 2];

/// A comparison, by how its name begins, and how many times better ours has to be at least.
pub(super) type Goal = (&'static str, f64);

static GOALS: [Goal; 5] = [
    ("one probe, beside faiss IndexFlatIP", 8.0),
    ("one probe, beside faiss SQ8", 3.0),
    ("each of 32 probes, beside faiss IndexFlatIP", 20.0),
    ("one probe, per row, beside SurrealDB", 1_000.0),
    // At most 0.4 of what those take.
    ("memory, beside flat f32 rows", 2.5),
];

/// The goals of such a measurement: none where it is of another shape.
pub(super) fn of(&Arguments { rows, dim, k, threads, .. }: &Arguments) -> &'static [Goal] {
    if [rows, dim, k, threads] == SHAPE { &GOALS } else { &[] }
}

/// What has goals, in words.
pub(super) fn shape() -> String {
    let [rows, dim, k, threads] = SHAPE;
    format!("{rows} × {dim}, {k} candidates and {threads} threads")
}

/// Ours beside one of the others.
#[derive(Debug)]
pub(super) struct Comparison {
    /// In what, and beside which.
    pub(super) what: String,
    /// What was measured of both.
    pub(super) figure: String,
    /// How many times better ours is.
    pub(super) ratio: f64,
}

/// The comparisons beside their goals. What was not measured meets nothing.
pub(super) fn judged(comparisons: &[Comparison], goals: &[Goal]) -> Vec<Row<5>> {
    let judge = |Comparison { what, figure, ratio }: &Comparison| {
        let goal = goals.iter().find(|(name, _)| what.starts_with(name));
        let told = goal.map_or_else(String::new, |(_, least)| format!("≥ {least}"));
        let (met, is_missed) = match goal {
            Some((_, least)) if ratio >= least => ("met", false),
            Some(_) => ("missed", true),
            None => ("", false),
        };
        Row([what.clone(), figure.clone(), format!("{ratio:.2}"), told, met.to_owned()], is_missed)
    };
    let is_measured = |name: &str| comparisons.iter().any(|compared| compared.what.starts_with(name));
    let lacking = goals.iter().filter(|(name, _)| !is_measured(name)).map(|(name, least)| {
        let told = format!("≥ {least}");
        Row([*name, "nothing", "", told.as_str(), "missed"].map(str::to_owned), true)
    });
    comparisons.iter().map(judge).chain(lacking).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_its_goal_meets_it_and_what_falls_short_misses_it() {
        let flat = "one probe, beside faiss IndexFlatIP f32 (exact)";
        let judged = |what: &str, ratio: f64| {
            let compared = Comparison { what: what.to_owned(), figure: "1 ms; 8 ms".to_owned(), ratio };
            judged(&[compared], &GOALS)
        };
        let row = |ratio: &str, goal: &str, met: &str| [flat, "1 ms; 8 ms", ratio, goal, met].map(str::to_owned);
        assert_eq!(judged(flat, 8.0)[0], Row(row("8.00", "≥ 8", "met"), false));
        for short in [7.99, 0.0, f64::NAN] {
            let rows = judged(flat, short);
            assert_eq!(rows[0], Row(row(&format!("{short:.2}"), "≥ 8", "missed"), true));
            assert_eq!(rows.len(), 5, "one line each for what was not measured: {rows:?}");
            assert!(rows.iter().skip(1).all(|Row(cells, missed)| *missed && cells[1] == "nothing"), "{rows:?}");
        }
        let without = judged("one probe, beside faiss SQfp16 (approximate scores)", 0.1);
        assert_eq!((&without[0].0[3], &without[0].0[4], without[0].1), (&String::new(), &String::new(), false));
    }
}
