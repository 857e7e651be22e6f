//! Counts, tables and charts of a period: one typed input, four outputs.
//!
//! CSV (RFC 4180) is in long form, one line a figure, since a report holds tables of different columns and a CSV file
//! holds one: `section,row,column,value`. JSON is the input itself, and reads back into it.

use model::terms::{Date, Digest, Instant};
use serde::{Deserialize, Serialize};

use crate::chart::Bars;
use crate::paper::Provenance;
use crate::sheet::{Element, Grid, PageSize, Sheet};
use crate::{Pdf, RenderError, html, pdf, text};

/// A report on a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// BCP 47 tag of the language the texts are in.
    pub language: String,
    /// Size of the PDF's pages.
    #[serde(default)]
    pub page: PageSize,
    /// What the report is called.
    pub title: String,
    /// Whose report it is.
    pub jurisdiction: String,
    /// For whom it is made.
    pub audience: String,
    /// Its first day, in the jurisdiction's calendar.
    pub from: Date,
    /// Its last day.
    pub to: Date,
    /// When it was made. Given, not read from a clock.
    pub issued_at: Instant,
    /// The figures that stand at the top.
    pub counts: Vec<Count>,
    /// The rest, from top to bottom.
    pub sections: Vec<Section>,
    /// Where the audit log records it.
    pub provenance: Provenance,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// What was counted.
    pub heading: String,
    /// How many.
    pub value: u64,
}

/// One section; any of its parts may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// Running text under it.
    #[serde(default)]
    pub text: String,
    /// Whether the text is a statement, with the heading as its id: it is drawn word for word, its SHA-256 beside it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verbatim: bool,
    /// A bar chart. It is also given as a table, for who reads figures and for screen readers.
    #[serde(default)]
    pub chart: Option<Chart>,
    /// A table.
    #[serde(default)]
    pub table: Option<Table>,
}

/// A bar chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What is counted.
    pub unit: String,
    /// The bars, from the top.
    pub bars: Vec<Count>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows; a short one is filled up with empty cells.
    pub rows: Vec<Vec<String>>,
}

impl Report {
    /// The report as one HTML file: nothing in it is fetched from elsewhere, and it prints.
    pub fn html(&self) -> String {
        html::render(&self.sheet())
    }

    /// The report as PDF 1.7, tagged, fonts embedded.
    ///
    /// # Errors
    /// The built-in font is unreadable, or the pages exceed what the format can hold.
    pub fn pdf(&self) -> Result<Pdf, RenderError> {
        pdf::render(&self.sheet())
    }

    /// The report as JSON, indented, keys in the order of the type's fields.
    ///
    /// # Errors
    /// None that input could cause.
    pub fn json(&self) -> Result<String, RenderError> {
        serde_json::to_string_pretty(self).map_err(|error| RenderError::Table(error.to_string()))
    }

    /// Every figure of the report as CSV: `section,row,column,value`, rows counted from 1. A section's chart is left out
    /// where it has a table, of which the chart is the picture: added up, each figure would count twice.
    ///
    /// # Errors
    /// None that input could cause.
    pub fn csv(&self) -> Result<String, RenderError> {
        let mut lines = vec![["section", "row", "column", "value"].map(str::to_owned)];
        let mut add = |section: &str, row: usize, column: &str, value: &str| {
            lines.push([section.to_owned(), (row + 1).to_string(), column.to_owned(), value.to_owned()]);
        };
        for (row, count) in self.counts.iter().enumerate() {
            add(&self.title, row, &count.heading, &count.value.to_string());
        }
        for section in &self.sections {
            let chart = section.chart.as_ref().filter(|_| section.table.is_none());
            for (row, bar) in chart.iter().flat_map(|chart| &chart.bars).enumerate() {
                add(&section.heading, row, &bar.heading, &bar.value.to_string());
            }
            for (row, cells) in section.table.iter().flat_map(|table| &table.rows).enumerate() {
                let columns = section.table.iter().flat_map(|table| &table.columns).map(String::as_str);
                for (column, cell) in columns.chain(std::iter::repeat("")).zip(cells) {
                    add(&section.heading, row, column, cell);
                }
            }
        }
        csv(lines.iter().map(<[String; 4]>::as_slice))
    }

    fn sheet(&self) -> Sheet {
        let mut elements = Vec::new();
        if !self.counts.is_empty() {
            elements.push(counts(&self.counts));
        }
        for section in &self.sections {
            if section.verbatim {
                elements.push(Element::Statement {
                    caption: text::one_line(&section.heading),
                    text: text::clean(&section.text),
                    digest: Digest::of(section.text.as_bytes()),
                });
            } else {
                elements.push(Element::Heading(text::one_line(&section.heading)));
            }
            if !section.verbatim && !section.text.is_empty() {
                elements.push(Element::Paragraph(text::clean(&section.text)));
            }
            if let Some(chart) = &section.chart {
                let bars = chart.bars.iter().map(|bar| (bar.heading.clone(), bar.value));
                elements.push(Element::Bars(Bars::new(&chart.title, &chart.unit, bars)));
                elements.push(counts(&chart.bars));
            }
            if let Some(table) = &section.table {
                let columns: Vec<&str> = table.columns.iter().map(String::as_str).collect();
                let widths = vec![1.0; columns.len()];
                elements.push(Element::Grid(Grid::new(&columns, &widths, table.rows.clone())));
            }
        }
        Sheet {
            language: text::language(&self.language),
            page: self.page,
            title: text::one_line(&self.title),
            lines: vec![
                text::one_line(&self.jurisdiction),
                text::one_line(&format!("For {}", self.audience)),
                format!("Period {} to {}", self.from, self.to),
                format!("Issued {}", self.issued_at),
            ],
            issued_at: self.issued_at,
            elements,
            footer: self.provenance.line(),
        }
    }
}

impl Table {
    /// This table alone as CSV, its columns in the first line.
    ///
    /// # Errors
    /// None that input could cause.
    pub fn csv(&self) -> Result<String, RenderError> {
        csv([self.columns.as_slice()].into_iter().chain(self.rows.iter().map(Vec::as_slice)))
    }
}

fn counts(list: &[Count]) -> Element {
    Element::Facts(list.iter().map(|count| (text::one_line(&count.heading), count.value.to_string())).collect())
}

/// RFC 4180: CRLF, quotes where a cell needs them.
fn csv<'a>(rows: impl Iterator<Item = &'a [String]>) -> Result<String, RenderError> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).flexible(true).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|cell| inert(cell))).map_err(refused)?;
    }
    let bytes = writer.into_inner().map_err(refused)?;
    String::from_utf8(bytes).map_err(refused)
}

fn refused(error: impl ToString) -> RenderError {
    RenderError::Table(error.to_string())
}

/// A cell that no spreadsheet takes for a formula: where one would, an apostrophe goes first. Numbers stay numbers.
fn inert(cell: &str) -> String {
    let cell = text::clean(cell);
    let number = cell
        .strip_prefix(['-', '+'])
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    // The full-width forms too: some programs fold them.
    let formula =
        cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) || cell.starts_with(['\t', '\n']);
    if formula && !number { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbatim::{check_html, check_pdf};

    fn report() -> Report {
        let count = |heading: &str, value| Count { heading: heading.to_owned(), value };
        Report {
            language: "en".to_owned(),
            page: PageSize::A4,
            title: "Weekly report".to_owned(),
            jurisdiction: "Springfield".to_owned(),
            audience: "the public".to_owned(),
            from: "2026-01-05".parse().unwrap(),
            to: "2026-01-11".parse().unwrap(),
            issued_at: Instant(1_768_200_000_000),
            counts: vec![count("Requests", 12), count("Leads", 3)],
            sections: vec![
                Section {
                    heading: "By kind".to_owned(),
                    text: "Counted by the code of the request.".to_owned(),
                    chart: Some(Chart {
                        title: "Requests by kind".to_owned(),
                        unit: "requests".to_owned(),
                        bars: vec![count("kind one", 9), count("<kind> & \"two\"", 3)],
                    }),
                    table: None,
                    ..Section::default()
                },
                Section {
                    heading: "Requesters".to_owned(),
                    table: Some(Table {
                        columns: vec!["Unit".to_owned(), "Note".to_owned()],
                        rows: vec![
                            vec!["Unit 5".to_owned(), "said \"no\", then yes".to_owned()],
                            vec!["=HYPERLINK(\"x\")".to_owned(), "-5".to_owned(), "extra".to_owned()],
                            vec![" @SUM(A1)".to_owned()],
                        ],
                    }),
                    ..Section::default()
                },
            ],
            provenance: Provenance { log: "host/springfield".to_owned(), entry: 7 },
        }
    }

    #[test]
    fn csv_is_quoted_and_inert() {
        let csv = report().csv().unwrap();
        assert!(csv.starts_with("section,row,column,value\r\nWeekly report,1,Requests,12\r\n"));
        assert!(csv.contains("Requesters,1,Note,\"said \"\"no\"\", then yes\"\r\n"), "{csv}");
        assert!(csv.contains("Requesters,2,Unit,\"'=HYPERLINK(\"\"x\"\")\"\r\n"), "{csv}");
        assert!(csv.contains("Requesters,2,Note,-5\r\nRequesters,2,,extra\r\n"), "{csv}");
        assert!(csv.contains("Requesters,3,Unit,' @SUM(A1)\r\n"), "{csv}");
    }

    #[test]
    fn a_figure_stands_in_the_csv_once() {
        let mut report = report();
        let csv = report.csv().unwrap();
        assert!(csv.contains("By kind,1,kind one,9\r\n"), "a chart that stands alone is its figures: {csv}");
        let rows = vec![vec!["kind one".to_owned(), "9".to_owned()]];
        report.sections[0].table = Some(Table { columns: vec!["Kind".to_owned(), "Requests".to_owned()], rows });
        let csv = report.csv().unwrap();
        assert!(csv.contains("By kind,1,Kind,kind one\r\nBy kind,1,Requests,9\r\n"), "{csv}");
        assert_eq!(csv.matches(",9\r\n").count(), 1, "{csv}");
    }

    #[test]
    fn no_cell_begins_a_formula() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("+cmd", "'+cmd"),
            ("-2+3", "'-2+3"),
            ("\t=1", "'\t=1"),
            ("＝1", "'＝1"),
            ("-5", "-5"),
            ("+3.5", "+3.5"),
            ("-", "'-"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(inert(cell), expected);
        }
    }

    #[test]
    fn a_table_alone_is_csv_too() {
        let table = Table { columns: vec!["a,b".to_owned()], rows: vec![vec!["x\ny".to_owned()]] };
        assert_eq!(table.csv().unwrap(), "\"a,b\"\r\n\"x\ny\"\r\n");
    }

    #[test]
    fn json_reads_back() {
        let report = report();
        let json = report.json().unwrap();
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
        assert!(serde_json::from_str::<Report>(&json.replace("\"audience\"", "\"audiences\"")).is_err());
    }

    #[test]
    fn the_chart_is_drawn_labelled_and_escaped() {
        let html = report().html();
        assert!(html.contains("<svg role=\"img\"") && html.contains(">kind one</text>"));
        assert!(html.contains("&lt;kind&gt; &amp; &quot;two&quot;"));
        // Three of nine: a third of the longest bar.
        assert!(html.contains("width=\"520.0\"") && html.contains("width=\"173.3\""), "{html}");
        assert!(html.contains("Period 2026-01-05 to 2026-01-11") && html.contains("For the public"));
    }

    #[test]
    fn a_statement_stands_word_for_word() {
        const NOTE: &str = "A lead & nothing more;\n  see <further> investigation.";
        let section =
            |verbatim| Section { heading: "note".to_owned(), text: NOTE.to_owned(), verbatim, ..Section::default() };
        let stated = Report { sections: vec![section(true)], ..report() };
        assert_eq!(check_html(&stated.html(), NOTE), Ok(()));
        assert_eq!(check_pdf(&stated.pdf().unwrap(), NOTE), Ok(()));
        assert_eq!(serde_json::from_str::<Report>(&stated.json().unwrap()).unwrap(), stated);
        let said = Report { sections: vec![section(false)], ..report() };
        assert!(check_html(&said.html(), NOTE).is_err() && check_pdf(&said.pdf().unwrap(), NOTE).is_err());
    }

    #[test]
    fn every_output_is_the_same_twice() {
        let report = report();
        let pdf = report.pdf().unwrap();
        assert!(pdf.bytes.starts_with(b"%PDF-") && pdf.pages == 1);
        assert_eq!(pdf, report.pdf().unwrap());
        assert_eq!((report.html(), report.csv()), (report.html(), report.csv()));
    }

    #[test]
    fn an_empty_report_is_a_report() {
        let report = Report { counts: Vec::new(), sections: vec![Section::default()], ..report() };
        assert!(report.pdf().is_ok() && report.html().contains("Weekly report"));
        assert_eq!(report.csv().unwrap(), "section,row,column,value\r\n");
    }
}
