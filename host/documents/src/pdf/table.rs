//! Rows of cells. A row that fits on a page is not cut; a longer one runs on, and a table's header with it.

use super::flow::{Flow, Role, bold, regular};
use super::typeset::{Line, Style};
use crate::sheet::Grid;

const CELL: Style = regular(9.0);
const HEADER: Style = bold(9.0);

/// Between a cell's text and its edge, in points.
const PADDING: f32 = 3.0;

/// A header is repeated on the next page if it takes at most this part of one.
const REPEATED_SHARE: f32 = 0.25;

/// How much of a label column there is in a table of facts.
const LABEL_SHARE: f32 = 0.3;

/// One cell: where it is, whose text it is, its lines.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) x: f32,
    pub(super) width: f32,
    pub(super) node: Option<usize>,
    pub(super) lines: Vec<(Style, Line)>,
}

/// What stands around a row.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Look {
    /// Nothing.
    Plain,
    /// A thin line under it.
    Ruled,
}

/// A table of labels and values.
pub(super) fn facts(flow: &mut Flow, facts: &[(String, String)]) {
    let table = flow.node(Role::Table, None);
    for (label, value) in facts {
        let node = flow.node(Role::Row, Some(table));
        let widths = [LABEL_SHARE, 1.0 - LABEL_SHARE];
        let cells = cells(
            flow,
            &[label.as_str(), value.as_str()],
            &widths,
            |index| {
                if index == 0 { (Role::LabelCell, HEADER) } else { (Role::Cell, CELL) }
            },
            node,
        );
        row(flow, cells, Look::Ruled, None);
    }
    flow.space(8.0);
}

/// A table with a header.
pub(super) fn grid(flow: &mut Flow, grid: &Grid) {
    if grid.columns.is_empty() {
        return;
    }
    let table = flow.node(Role::Table, None);
    let node = flow.node(Role::Row, Some(table));
    let names: Vec<&str> = grid.columns.iter().map(String::as_str).collect();
    let header = cells(flow, &names, &grid.widths, |_| (Role::HeaderCell, HEADER), node);
    // Not alone at the foot of a page.
    flow.need(6.0 * HEADER.leading());
    row(flow, header.clone(), Look::Ruled, None);
    // The repetition is for the eye: it belongs to no node, or a screen reader would read it on every page.
    let repeated: Vec<Cell> = header.into_iter().map(|cell| Cell { node: None, ..cell }).collect();
    let repeat = (height(&repeated) <= flow.page_room() * REPEATED_SHARE).then_some(repeated.as_slice());
    for line in &grid.rows {
        let node = flow.node(Role::Row, Some(table));
        let texts: Vec<&str> = line.iter().map(String::as_str).collect();
        let cells = cells(flow, &texts, &grid.widths, |_| (Role::Cell, CELL), node);
        row(flow, cells, Look::Ruled, repeat);
    }
    flow.space(8.0);
}

/// Sets one row's cells in columns of these relative widths.
fn cells(
    flow: &mut Flow,
    texts: &[&str],
    widths: &[f32],
    kind: impl Fn(usize) -> (Role, Style),
    row: usize,
) -> Vec<Cell> {
    let total: f32 = widths.iter().sum();
    let mut x = flow.left();
    let mut cells = Vec::with_capacity(texts.len());
    for (index, (text, share)) in texts.iter().zip(widths).enumerate() {
        let (role, style) = kind(index);
        let width = flow.measure() * share / total;
        // A table of very many columns still has columns.
        let inner = (width - 2.0 * PADDING).max(1.0);
        let node = flow.node(role, Some(row));
        let lines = flow.typesetter.set(text, style, inner).into_iter().map(|line| (style, line)).collect();
        cells.push(Cell { x: x + PADDING, width: inner, node: Some(node), lines });
        x += width;
    }
    cells
}

fn leading(cells: &[Cell]) -> f32 {
    cells.iter().flat_map(|cell| &cell.lines).map(|(style, _)| style.leading()).fold(1.0, f32::max)
}

fn height(cells: &[Cell]) -> f32 {
    let lines = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
    lines_height(lines, leading(cells))
}

#[allow(clippy::cast_precision_loss, reason = "a page has fewer lines than f32 has exact integers")]
fn lines_height(lines: usize, leading: f32) -> f32 {
    lines as f32 * leading + 2.0 * PADDING
}

/// Whole lines in so many points.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the sign is looked at first")]
fn lines_in(points: f32, leading: f32) -> usize {
    let lines = (points - 2.0 * PADDING) / leading;
    if lines > 0.0 { lines.floor() as usize } else { 0 }
}

/// Lays a row, over several pages if it must; `repeat` is drawn on top of each page that it goes on to.
pub(super) fn row(flow: &mut Flow, cells: Vec<Cell>, look: Look, repeat: Option<&[Cell]>) {
    let leading = leading(&cells);
    let header = repeat.map_or(0.0, height);
    let page = lines_in(flow.page_room() - header, leading);
    let mut left = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
    let mut columns: Vec<_> =
        cells.into_iter().map(|cell| (cell.x, cell.width, cell.node, cell.lines.into_iter())).collect();
    // On a fresh page something is drawn in any case, so this ends.
    let mut fresh = false;
    while left > 0 {
        let room = lines_in(flow.room(), leading);
        if !fresh && (room == 0 || (left > room && left <= page)) {
            flow.break_page();
            if let Some(cells) = repeat {
                row(flow, cells.to_vec(), Look::Ruled, None);
            }
            fresh = true;
            continue;
        }
        let take = room.clamp(1, left);
        let top = flow.y + PADDING;
        for (x, width, node, lines) in &mut columns {
            let mut y = top;
            for (style, line) in lines.by_ref().take(take) {
                flow.line((*x, y), *width, style, line, *node, None);
                y += leading;
            }
        }
        flow.y += lines_height(take, leading);
        if look == Look::Ruled {
            flow.rule(flow.left(), flow.y, flow.measure(), 0.4);
        }
        left -= take;
        fresh = false;
    }
}
