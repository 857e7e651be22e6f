//! What was measured beside its goals, as a table.

/// A line of the table, and whether it is a failure.
#[derive(Debug, PartialEq)]
pub(crate) struct Row<const N: usize>(pub(crate) [String; N], pub(crate) bool);

/// Prints the table; gives how many of its lines are failures.
pub(crate) fn print<const N: usize>(head: [&str; N], rows: Vec<Row<N>>) -> usize {
    let failed = rows.iter().filter(|Row(_, fails)| *fails).count();
    let mut table = crate::demo::table(head);
    for Row(cells, _) in rows {
        table.add_row(cells);
    }
    println!("{table}");
    failed
}
