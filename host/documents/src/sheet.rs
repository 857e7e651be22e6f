//! What both renderers draw. Papers and reports become a [`Sheet`] first, cleaned and in words; a renderer adds nothing
//! to it and leaves nothing out.

use std::sync::Arc;

use model::terms::{Digest, Instant};
use serde::{Deserialize, Serialize};

use crate::chart::Bars;
use crate::picture::Picture;
use crate::text;

/// The size of a PDF's pages. HTML takes the printer's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageSize {
    /// 8.5 × 11 inches, 612 × 792 points.
    #[default]
    Letter,
    /// 210 × 297 mm, 595 × 842 points.
    A4,
}

impl PageSize {
    /// Width and height in points of 1/72 inch.
    pub(crate) fn points(self) -> (f32, f32) {
        match self {
            Self::Letter => (612.0, 792.0),
            Self::A4 => (595.0, 842.0),
        }
    }
}

/// One paper or report, ready to be drawn.
pub(crate) struct Sheet {
    pub(crate) language: String,
    pub(crate) page: PageSize,
    pub(crate) title: String,
    /// Under the title: whose paper it is, under which authority.
    pub(crate) lines: Vec<String>,
    pub(crate) issued_at: Instant,
    pub(crate) elements: Vec<Element>,
    /// At the foot of every page.
    pub(crate) footer: String,
}

/// One thing on a sheet, from top to bottom.
pub(crate) enum Element {
    Heading(String),
    Paragraph(String),
    Facts(Vec<(String, String)>),
    Plates { left: Plate, right: Plate },
    Statement { caption: String, text: String, digest: Digest },
    Grid(Grid),
    Bars(Bars),
}

/// A picture with what is written under it.
pub(crate) struct Plate {
    /// What is in the picture, for someone who does not see it.
    pub(crate) alt: String,
    pub(crate) caption: Vec<String>,
    /// The picture, or why there is none.
    pub(crate) picture: Result<Arc<Picture>, String>,
}

/// A table: every row has as many cells as there are columns.
pub(crate) struct Grid {
    pub(crate) columns: Vec<String>,
    /// Relative widths, one per column.
    pub(crate) widths: Vec<f32>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Grid {
    /// A table of cleaned cells; short rows are filled with empty cells, long ones make the table wider.
    pub(crate) fn new(columns: &[&str], widths: &[f32], rows: Vec<Vec<String>>) -> Self {
        let count = rows.iter().map(Vec::len).fold(columns.len(), usize::max);
        let mut columns: Vec<String> = columns.iter().map(|column| text::one_line(column)).collect();
        columns.resize(count, String::new());
        let mut widths = widths.to_vec();
        widths.resize(count, 1.0);
        let rows = rows
            .into_iter()
            .map(|row| {
                let mut cells: Vec<String> = row.iter().map(|cell| text::clean(cell)).collect();
                cells.resize(count, String::new());
                cells
            })
            .collect();
        Self { columns, widths, rows }
    }
}
