//! What a report says, before and after it is set out.

use model::terms::{Date, Instant};

/// A form in which a report is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Self-contained HTML.
    Html,
    /// PDF.
    Pdf,
    /// CSV, one line a figure.
    Csv,
    /// JSON.
    Json,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 4] = [Self::Html, Self::Pdf, Self::Csv, Self::Json];

    /// How its file ends.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Pdf => "application/pdf",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

/// A report before it is set out: what it says, and not how it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Its title.
    pub title: String,
    /// The jurisdiction.
    pub jurisdiction: String,
    /// For whom it is made.
    pub audience: String,
    /// First day, in the jurisdiction's calendar.
    pub first: Date,
    /// Last day.
    pub last: Date,
    /// When it is drawn up.
    pub at: Instant,
    /// The figures at the top.
    pub counts: Vec<Figure>,
    /// The rest, from top to bottom.
    pub sections: Vec<Section>,
    /// Origin of the log that records it.
    pub log: String,
    /// Index of the decision's entry in it.
    pub entry: u64,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What was counted.
    pub heading: String,
    /// How many.
    pub value: u64,
}

impl Figure {
    /// A figure.
    pub fn new(heading: impl Into<String>, value: u64) -> Self {
        Self { heading: heading.into(), value }
    }
}

/// One section; any of its parts may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// Running text under it.
    pub text: String,
    /// Whether the text is a statement, with the heading as its id: it leaves word for word or not at all.
    pub verbatim: bool,
    /// What a bar chart of it would show.
    pub bars: Vec<Figure>,
    /// The columns of its table.
    pub columns: Vec<String>,
    /// The rows of its table.
    pub rows: Vec<Vec<String>>,
}

/// A report set out in every form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetOut {
    /// Self-contained HTML.
    pub html: Vec<u8>,
    /// PDF.
    pub pdf: Vec<u8>,
    /// CSV.
    pub csv: Vec<u8>,
    /// JSON.
    pub json: Vec<u8>,
}

impl SetOut {
    pub(super) fn forms(self) -> [(Form, Vec<u8>); 4] {
        [(Form::Html, self.html), (Form::Pdf, self.pdf), (Form::Csv, self.csv), (Form::Json, self.json)]
    }
}
