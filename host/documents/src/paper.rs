//! What leaves with a result: one typed input, drawn as HTML and as PDF with the same content.

use std::fmt;
use std::sync::Arc;

use model::terms::{Digest, Instant};

use crate::picture::Darkroom;
use crate::sheet::{Element, Grid, PageSize, Plate, Sheet};
use crate::{Pdf, RenderError, html, pdf, text};

/// A paper about one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Paper {
    /// BCP 47 tag of the language the texts are in, for screen readers; `en` where it is none.
    pub language: String,
    /// Size of the PDF's pages.
    pub page: PageSize,
    /// What the paper is called.
    pub title: String,
    /// Under which directive it is issued.
    pub authority: String,
    /// Whose paper it is.
    pub jurisdiction: String,
    /// Request, case, complaint, evidence: whatever numbers it is filed by.
    pub references: Vec<Fact>,
    /// When it was issued. Given, not read from a clock: the same paper is the same bytes.
    pub issued_at: Instant,
    /// What stands in it, from top to bottom.
    pub blocks: Vec<Block>,
    /// Where the audit log records it.
    pub provenance: Provenance,
}

/// One part of a paper.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A heading of the second level; the title is the first.
    Heading(String),
    /// A table of labels and values.
    Facts(Vec<Fact>),
    /// A probe and one candidate, side by side.
    Comparison(Comparison),
    /// Running text, such as how an examiner came to a conclusion. Line ends are kept.
    Paragraph(String),
    /// A text drawn word for word.
    Statement(Statement),
    /// Who signed, as a table.
    Signatures(Vec<Signature>),
    /// What was found under which clause, as a table.
    Findings(Vec<Finding>),
}

/// A label and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// What it says.
    pub value: String,
}

impl Fact {
    /// A fact.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}

/// A probe on the left, a candidate on the right. A candidate is a record with a rank: the type has no place for an
/// identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The probe.
    pub probe: Photograph,
    /// The gallery's photograph.
    pub candidate: Photograph,
    /// The candidate's place in the list, from 1.
    pub rank: u32,
    /// The gallery record's id.
    pub record: String,
    /// Booking fields that may be seen.
    pub booking: Vec<Fact>,
}

/// A photograph's file. One that cannot be decoded is drawn as a box that says so.
#[derive(Clone, PartialEq, Eq)]
pub struct Photograph {
    /// JPEG or PNG bytes. Shared, as one probe stands beside many candidates.
    pub file: Arc<[u8]>,
    /// Lines to print under it: source, date of capture.
    pub notes: Vec<String>,
}

/// A face is biometric: it stays out of logs and panic messages.
impl fmt::Debug for Photograph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Photograph")
            .field("bytes", &self.file.len())
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

/// A text that must not be changed by a letter. Its SHA-256 is printed beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The clause or id it comes from.
    pub id: String,
    /// The text.
    pub text: String,
}

impl Statement {
    /// SHA-256 of the text's UTF-8 bytes, as given.
    pub fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Who signed.
    pub name: String,
    /// As what.
    pub role: String,
    /// Of which unit.
    pub unit: String,
    /// What they concluded.
    pub conclusion: String,
    /// When.
    pub at: Instant,
}

/// One finding of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The clause.
    pub clause: String,
    /// What became of it.
    pub outcome: String,
    /// Why, for the reader.
    pub explanation: String,
}

/// Where the audit log records a paper; printed at the foot of every page.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The log's origin line.
    pub log: String,
    /// The entry's index in that log.
    pub entry: u64,
}

impl Provenance {
    pub(crate) fn line(&self) -> String {
        text::one_line(&format!("Log {}, entry {}", self.log, self.entry))
    }
}

impl Paper {
    /// The paper as one HTML file: nothing in it is fetched from elsewhere, and it prints.
    pub fn html(&self) -> String {
        html::render(&self.sheet())
    }

    /// The paper as PDF 1.7, tagged, fonts embedded.
    ///
    /// Takes some milliseconds a page and some more a photograph: an async caller puts it on a blocking thread.
    ///
    /// # Errors
    /// The built-in font is unreadable, or the pages exceed what the format can hold; no text or picture does that.
    pub fn pdf(&self) -> Result<Pdf, RenderError> {
        pdf::render(&self.sheet())
    }

    pub(crate) fn sheet(&self) -> Sheet {
        let mut darkroom = Darkroom::default();
        let mut elements = Vec::new();
        if !self.references.is_empty() {
            elements.push(facts(&self.references));
        }
        elements.extend(self.blocks.iter().map(|block| block.element(&mut darkroom)));
        Sheet {
            language: text::language(&self.language),
            page: self.page,
            title: text::one_line(&self.title),
            lines: vec![
                text::one_line(&self.jurisdiction),
                text::one_line(&self.authority),
                format!("Issued {}", self.issued_at),
            ],
            issued_at: self.issued_at,
            elements,
            footer: self.provenance.line(),
        }
    }
}

impl Block {
    fn element(&self, darkroom: &mut Darkroom) -> Element {
        match self {
            Self::Heading(heading) => Element::Heading(text::one_line(heading)),
            Self::Facts(list) => facts(list),
            Self::Comparison(comparison) => comparison.element(darkroom),
            Self::Paragraph(paragraph) => Element::Paragraph(text::clean(paragraph)),
            Self::Statement(statement) => Element::Statement {
                caption: text::one_line(&statement.id),
                text: text::clean(&statement.text),
                digest: statement.digest(),
            },
            Self::Signatures(list) => Element::Grid(Grid::new(
                &["Name", "Role", "Unit", "Conclusion", "At"],
                &[1.3, 1.1, 1.1, 1.6, 1.2],
                list.iter()
                    .map(|s| {
                        let at = s.at.to_string();
                        vec![s.name.clone(), s.role.clone(), s.unit.clone(), s.conclusion.clone(), at]
                    })
                    .collect(),
            )),
            Self::Findings(list) => Element::Grid(Grid::new(
                &["Clause", "Outcome", "Explanation"],
                &[1.0, 1.0, 4.0],
                list.iter().map(|f| vec![f.clause.clone(), f.outcome.clone(), f.explanation.clone()]).collect(),
            )),
        }
    }
}

impl Comparison {
    fn element(&self, darkroom: &mut Darkroom) -> Element {
        let mut probe = vec!["Probe".to_owned()];
        probe.extend(self.probe.lines());
        let record = text::one_line(&self.record);
        let mut candidate = vec![format!("Candidate {}, record {record}", self.rank)];
        candidate
            .extend(self.booking.iter().map(|f| format!("{}: {}", text::one_line(&f.label), text::one_line(&f.value))));
        candidate.extend(self.candidate.lines());
        Element::Plates {
            left: Plate {
                alt: "Photograph of the probe".to_owned(),
                caption: probe,
                picture: darkroom.develop(&self.probe.file),
            },
            right: Plate {
                alt: format!("Booking photograph of candidate {}, record {record}", self.rank),
                caption: candidate,
                picture: darkroom.develop(&self.candidate.file),
            },
        }
    }
}

impl Photograph {
    fn lines(&self) -> impl Iterator<Item = String> {
        let digest = format!("Original file: SHA-256 {}", Digest::of(&self.file));
        self.notes.iter().map(|note| text::one_line(note)).chain([digest])
    }
}

fn facts(list: &[Fact]) -> Element {
    Element::Facts(list.iter().map(|f| (text::one_line(&f.label), text::clean(&f.value))).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{picture, verbatim};

    pub(crate) const NOTICE: &str = "This result is a lead and nothing more.\n\
        It is not the only ground for an arrest <of anyone> & must be \"checked\".";

    pub(crate) fn photograph() -> Photograph {
        Photograph { file: picture::tests::png(60, 80).into(), notes: vec!["Captured 2026-01-02".to_owned()] }
    }

    pub(crate) fn comparison(rank: u32) -> Block {
        Block::Comparison(Comparison {
            probe: photograph(),
            candidate: photograph(),
            rank,
            record: format!("B-{rank}"),
            booking: vec![Fact::new("Booked", "2025-03-04")],
        })
    }

    pub(crate) fn paper(blocks: Vec<Block>) -> Paper {
        Paper {
            language: "en".to_owned(),
            page: PageSize::Letter,
            title: "Comparison report".to_owned(),
            authority: "Order 1".to_owned(),
            jurisdiction: "Springfield".to_owned(),
            references: vec![Fact::new("Request", "R-1")],
            issued_at: Instant(1_767_225_600_000),
            blocks,
            provenance: Provenance { log: "host/springfield".to_owned(), entry: 41 },
        }
    }

    pub(crate) fn whole() -> Paper {
        paper(vec![
            Block::Heading("Reasoning".to_owned()),
            Block::Paragraph("Ears and scar agree. Σωκράτης, Пётр, Ångström.".to_owned()),
            comparison(1),
            Block::Statement(Statement { id: "2-b".to_owned(), text: NOTICE.to_owned() }),
            Block::Signatures(vec![Signature {
                name: "A. Examiner".to_owned(),
                role: "examiner".to_owned(),
                unit: "Unit 5".to_owned(),
                conclusion: "viable".to_owned(),
                at: Instant(1_767_225_600_000),
            }]),
            Block::Findings(vec![Finding {
                clause: "2-b".to_owned(),
                outcome: "satisfied".to_owned(),
                explanation: "a lead only".to_owned(),
            }]),
        ])
    }

    #[test]
    fn both_outputs_carry_the_statement_word_for_word() {
        let paper = whole();
        assert_eq!(verbatim::check_html(&paper.html(), NOTICE), Ok(()));
        assert_eq!(verbatim::check_pdf(&paper.pdf().unwrap(), NOTICE), Ok(()));
        assert!(paper.html().contains(&Digest::of(NOTICE.as_bytes()).to_string()));
    }

    #[test]
    fn the_same_paper_is_the_same_bytes() {
        let paper = whole();
        assert_eq!(paper.html(), paper.html());
        assert_eq!(paper.pdf().unwrap().bytes, paper.pdf().unwrap().bytes);
        let later = Paper { issued_at: Instant(1_767_225_601_000), ..paper.clone() };
        assert_ne!(paper.pdf().unwrap().bytes, later.pdf().unwrap().bytes);
    }

    #[test]
    fn a_comparison_speaks_of_candidates_only() {
        let html = whole().html();
        assert!(html.contains("Candidate 1, record B-1") && html.contains("Booked: 2025-03-04"));
        assert!(!html.to_lowercase().contains("match") && !html.to_lowercase().contains("identi"));
    }

    #[test]
    fn an_unreadable_photograph_is_a_box_that_says_so() {
        let mut block = comparison(1);
        if let Block::Comparison(comparison) = &mut block {
            comparison.candidate.file = Arc::from(&b"not a picture"[..]);
        }
        let paper = paper(vec![block]);
        assert!(paper.html().contains("No picture: the file is neither JPEG nor PNG"));
        assert!(paper.pdf().unwrap().bytes.starts_with(b"%PDF-"));
    }
}
