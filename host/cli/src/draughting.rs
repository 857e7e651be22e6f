//! Who draws up what leaves: casework says what a document or a report says, and `documents` how it looks. The statements are
//! read back from what was drawn, and what does not carry them word for word is not handed out.

use casework::paper::{Draughting, Drawn, Paper, Pictured};
use casework::report::{Figure, Section, SetOut, Sheet};
use documents::paper::{Block, Comparison, Fact, Finding, Photograph, Provenance, Signature, Statement};
use documents::report::{Chart, Count, Table};
use documents::{PageSize, Pdf, verbatim};
use model::account::Who;
use model::facts::{Conclusion, Likeness, Media};
use model::rulings::Outcome;
use std::sync::Arc;

/// The language of the host's own words, and of the founding policies' documents (BCP 47).
const LANGUAGE: &str = "en";

/// Draws documents and reports up.
pub(crate) struct Draughtsman;

impl Draughting for Draughtsman {
    fn draw_up(&self, paper: &Paper) -> Result<Drawn, String> {
        let document = document(paper);
        let html = document.html();
        let pdf = document.pdf().map_err(|e| e.to_string())?;
        for statement in &paper.statements {
            read_back(&html, &pdf, &statement.id, &statement.text)?;
        }
        Ok(Drawn { html: html.into_bytes(), pdf: pdf.bytes })
    }

    fn set_out(&self, sheet: &Sheet) -> Result<SetOut, String> {
        let report = report(sheet);
        let failed = |e: documents::RenderError| e.to_string();
        let (html, pdf) = (report.html(), report.pdf().map_err(failed)?);
        for statement in sheet.sections.iter().filter(|section| section.verbatim) {
            read_back(&html, &pdf, &statement.heading, &statement.text)?;
        }
        if !pdf.undrawable.is_empty() {
            // Not kept in for it: a name from somewhere else is no reason for a report not to exist, and the other forms have it.
            tracing::warn!(report = %sheet.title, characters = ?pdf.undrawable, "the PDF has boxes for what its font lacks");
        }
        Ok(SetOut {
            html: html.into_bytes(),
            pdf: pdf.bytes,
            csv: report.csv().map_err(failed)?.into_bytes(),
            json: report.json().map_err(failed)?.into_bytes(),
        })
    }
}

/// Checks that a statement is in both forms, word for word and drawn.
fn read_back(html: &str, pdf: &Pdf, id: &str, text: &str) -> Result<(), String> {
    let altered = |form: &str, e: verbatim::VerbatimError| format!("statement `{id}` in {form}: {e}");
    verbatim::check_html(html, text).map_err(|e| altered("HTML", e))?;
    verbatim::check_pdf(pdf, text).map_err(|e| altered("PDF", e))
}

/// What the document says, from top to bottom. The statements stand before any face.
fn document(paper: &Paper) -> documents::Paper {
    let mut blocks = Vec::new();
    blocks.extend(paper.preamble.clone().map(Block::Paragraph));
    blocks.extend(
        paper.statements.iter().map(|s| Block::Statement(Statement { id: s.id.clone(), text: s.text.clone() })),
    );
    blocks.push(Block::Heading("Request".to_owned()));
    blocks.push(Block::Facts(request(paper)));
    blocks.push(Block::Heading("Probe".to_owned()));
    blocks.push(Block::Facts(probe(paper)));
    blocks.push(Block::Heading("Candidates".to_owned()));
    if paper.candidates.is_empty() {
        blocks.push(Block::Paragraph("No candidate of the gallery was found possible.".to_owned()));
    }
    let image: Option<Arc<[u8]>> = paper.probe_image.as_deref().map(Arc::from);
    for candidate in &paper.candidates {
        blocks.extend(compared(paper, candidate, image.as_ref()));
    }
    if !paper.reasoning.trim().is_empty() {
        blocks.push(Block::Heading("How the conclusion was reached".to_owned()));
        blocks.push(Block::Paragraph(paper.reasoning.clone()));
    }
    if !paper.signatures.is_empty() {
        blocks.push(Block::Heading("Signatures".to_owned()));
        blocks
            .push(Block::Signatures(paper.signatures.iter().map(|(who, signature)| signed(who, signature)).collect()));
    }
    if !paper.findings.is_empty() {
        blocks.push(Block::Heading("What the policy found".to_owned()));
        blocks.push(Block::Findings(paper.findings.iter().map(|(whose, finding)| found(whose, finding)).collect()));
    }
    let mut references = vec![Fact::new("Request", paper.request.id.clone())];
    references.extend(paper.request.identifiers.iter().map(|i| Fact::new(i.kind.clone(), i.value.clone())));
    documents::Paper {
        language: LANGUAGE.to_owned(),
        page: PageSize::Letter,
        title: paper.title.clone(),
        authority: paper.authority.clone(),
        jurisdiction: paper.jurisdiction.clone(),
        references,
        issued_at: paper.at,
        blocks,
        provenance: Provenance { log: paper.log.clone(), entry: paper.entry },
    }
}

fn request(paper: &Paper) -> Vec<Fact> {
    vec![
        Fact::new("Received", paper.request.opened.to_string()),
        Fact::new("Requested by", named(&paper.requester)),
        Fact::new("Purpose", paper.request.purpose.clone()),
        Fact::new("Reason", paper.request.reason.clone()),
        Fact::new("Gallery searched", paper.gallery.clone()),
        Fact::new("Released by", named(&paper.released_by)),
    ]
}

fn probe(paper: &Paper) -> Vec<Fact> {
    let probe = &paper.probe;
    let mut facts = vec![
        Fact::new("SHA-256 as submitted", probe.digest.to_string()),
        Fact::new("Kind", media(probe.media)),
        Fact::new("Source", probe.source.clone()),
    ];
    if probe.width > 0 {
        facts.push(Fact::new("Size", format!("{} × {} pixels", probe.width, probe.height)));
    }
    if let Some(frame) = &probe.frame {
        facts.push(Fact::new("Taken from", format!("frame {} of the recording {}", frame.number, frame.recording)));
    }
    for edit in &probe.edits {
        facts.push(Fact::new("Edited", format!("{}, by {}", edit.operation, edit.by)));
    }
    facts
}

/// A candidate beside the probe, and what was said of it. Where either has no photograph there is nothing to put side by side.
fn compared(paper: &Paper, candidate: &Pictured, probe: Option<&Arc<[u8]>>) -> Vec<Block> {
    let booking = candidate.booking.iter().map(|(name, value)| Fact::new(name.clone(), value.clone()));
    let mut blocks = Vec::new();
    match (probe, candidate.photo.as_deref()) {
        (Some(probe), Some(photo)) => blocks.push(Block::Comparison(Comparison {
            probe: Photograph { file: probe.clone(), notes: vec![format!("Source: {}", paper.probe.source)] },
            candidate: Photograph { file: Arc::from(photo), notes: vec![] },
            rank: candidate.rank,
            record: candidate.record_id.clone(),
            booking: booking.collect(),
        })),
        (probe, photo) => {
            let lacking = match (probe, photo) {
                (None, None) => "of neither: templates were compared",
                (None, Some(_)) => "of the candidate alone: the probe was submitted as a template",
                _ => "of the probe alone: the record was enrolled as a template",
            };
            let mut facts = vec![
                Fact::new("Candidate", candidate.rank.to_string()),
                Fact::new("Record", candidate.record_id.clone()),
                Fact::new("Photograph", lacking),
            ];
            facts.extend(booking);
            blocks.push(Block::Facts(facts));
        }
    }
    blocks.push(Block::Facts(vec![
        Fact::new("Status of the record", candidate.status.clone()),
        Fact::new("Found to be", likeness(candidate.likeness)),
        Fact::new("Examined by", named(&candidate.by)),
        Fact::new("Reason", candidate.reason.clone()),
    ]));
    blocks
}

fn signed(who: &Who, signature: &model::facts::Signature) -> Signature {
    Signature {
        name: who.name.clone(),
        role: signature.role.clone(),
        unit: signature.unit.clone(),
        conclusion: conclusion(signature.conclusion).to_owned(),
        at: signature.at,
    }
}

fn found(whose: &str, finding: &model::rulings::Finding) -> Finding {
    Finding {
        clause: format!("{whose} {}", finding.clause),
        outcome: outcome(finding.outcome).to_owned(),
        explanation: finding.explanation.clone().unwrap_or_default(),
    }
}

fn named(who: &Who) -> String {
    format!("{} ({}), {}, {}", who.name, who.person, who.unit, who.agency)
}

fn media(media: Media) -> &'static str {
    match media {
        Media::Still => "photograph",
        Media::Video => "recording",
        Media::LiveStream => "live stream",
        Media::Sketch => "drawing",
        Media::Synthetic => "generated image",
    }
}

/// A candidate is possible at most.
fn likeness(likeness: Likeness) -> &'static str {
    match likeness {
        Likeness::Possible => "possibly the person sought: a lead, to be investigated",
        Likeness::Excluded => "not the person sought",
        Likeness::Inconclusive => "inconclusive",
    }
}

fn conclusion(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Lead => "lead",
        Conclusion::NoLead => "no lead",
        Conclusion::Approved => "approved",
        Conclusion::Refused => "refused",
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Satisfied => "satisfied",
        Outcome::Violated => "violated",
        Outcome::Missing => "missing",
        Outcome::Noted => "noted",
    }
}

fn report(sheet: &Sheet) -> documents::Report {
    documents::Report {
        language: LANGUAGE.to_owned(),
        page: PageSize::Letter,
        title: sheet.title.clone(),
        jurisdiction: sheet.jurisdiction.clone(),
        audience: sheet.audience.clone(),
        from: sheet.first,
        to: sheet.last,
        issued_at: sheet.at,
        counts: counts(&sheet.counts),
        sections: sheet.sections.iter().map(section).collect(),
        provenance: Provenance { log: sheet.log.clone(), entry: sheet.entry },
    }
}

fn section(section: &Section) -> documents::report::Section {
    let Section { heading, text, verbatim, bars, columns, rows } = section;
    let chart = || Chart { title: heading.clone(), unit: "permitted".to_owned(), bars: counts(bars) };
    documents::report::Section {
        heading: heading.clone(),
        text: text.clone(),
        verbatim: *verbatim,
        chart: (!bars.is_empty()).then(chart),
        table: (!columns.is_empty()).then(|| Table { columns: columns.clone(), rows: rows.clone() }),
    }
}

fn counts(figures: &[Figure]) -> Vec<Count> {
    figures.iter().map(|figure| Count { heading: figure.heading.clone(), value: figure.value }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::facts::{CaseStatus, Identifier, Initiator, Probe, Request};
    use model::terms::{Digest, Instant};
    use std::collections::BTreeMap;

    const NOTE: &str = "A lead & nothing more;\nsee <further> investigation.";

    fn who() -> Who {
        let (name, unit, agency) = ("Ada Vogt".to_owned(), "unit".to_owned(), "agency".to_owned());
        Who { jurisdiction: "north".to_owned(), person: "a.vogt".to_owned(), name, unit, agency }
    }

    fn paper() -> Paper {
        Paper {
            document: "report".to_owned(),
            title: "Comparison Report".to_owned(),
            preamble: Some("Under order 1.".to_owned()),
            authority: "Order 1".to_owned(),
            jurisdiction: "north".to_owned(),
            at: Instant(1_767_225_600_000),
            request: Request {
                id: "r-1".to_owned(),
                opened: Instant(1_767_225_500_000),
                channel: "api".to_owned(),
                initiator: Initiator::Human,
                batch_size: 1,
                purpose: "investigation".to_owned(),
                reason: "a robbery".to_owned(),
                identifiers: vec![Identifier { kind: "incident".to_owned(), value: "26-1".to_owned() }],
                case_status: CaseStatus::Active,
            },
            gallery: "north/photos".to_owned(),
            requester: who(),
            released_by: who(),
            probe: Probe {
                digest: Digest::of(b"probe"),
                media: Media::Still,
                frame: None,
                source: "cctv".to_owned(),
                faces: 1,
                selected: Some(0),
                edits: vec![],
                width: 0,
                height: 0,
                inter_eye: None,
                quality: None,
            },
            probe_image: None,
            candidates: vec![Pictured {
                record_id: "b-7".to_owned(),
                rank: 1,
                status: "active".to_owned(),
                booking: BTreeMap::from([("booked".to_owned(), "2025-03-04".to_owned())]),
                photo: None,
                likeness: Likeness::Possible,
                reason: "the ears agree".to_owned(),
                by: who(),
            }],
            reasoning: "compared feature by feature".to_owned(),
            signatures: vec![],
            statements: vec![model::rulings::Statement { id: "note".to_owned(), text: NOTE.to_owned() }],
            findings: vec![],
            log: "host/north".to_owned(),
            entry: 7,
        }
    }

    #[test]
    fn a_document_says_what_leaves_and_carries_its_statements() {
        let drawn = Draughtsman.draw_up(&paper()).unwrap();
        let html = String::from_utf8(drawn.html).unwrap();
        for part in ["Comparison Report", "Under order 1.", "26-1", "b-7", "the ears agree", "feature by feature"] {
            assert!(html.contains(part), "{part}");
        }
        assert_eq!(verbatim::check_html(&html, NOTE), Ok(()));
        assert!(drawn.pdf.starts_with(b"%PDF-"));
        let empty = Paper { candidates: vec![], ..paper() };
        let html = String::from_utf8(Draughtsman.draw_up(&empty).unwrap().html).unwrap();
        assert!(html.contains("No candidate of the gallery was found possible"));
    }

    #[test]
    fn a_statement_that_cannot_be_set_word_for_word_keeps_the_document_in() {
        for text in ["a lead \u{4E2D}", "a\u{202E}lead"] {
            let statement = model::rulings::Statement { id: "note".to_owned(), text: text.to_owned() };
            let paper = Paper { statements: vec![statement], ..paper() };
            let reason = Draughtsman.draw_up(&paper).unwrap_err();
            assert!(reason.contains("statement `note`"), "{reason}");
        }
    }

    fn sheet() -> Sheet {
        let day = "2026-03-02".parse().unwrap();
        Sheet {
            title: "Weekly".to_owned(),
            jurisdiction: "north".to_owned(),
            audience: "the board".to_owned(),
            first: day,
            last: day,
            at: Instant(1_767_225_600_000),
            counts: vec![Figure::new("Searches run", 3)],
            sections: vec![Section {
                heading: "Crime".to_owned(),
                text: String::new(),
                verbatim: false,
                bars: vec![Figure::new("robbery", 2)],
                columns: vec!["Heading".to_owned(), "Permitted".to_owned()],
                rows: vec![vec!["robbery".to_owned(), "2".to_owned()]],
            }],
            log: "host/north".to_owned(),
            entry: 7,
        }
    }

    #[test]
    fn a_report_carries_its_statements_or_is_none() {
        let stating = |text: &str, verbatim| {
            let (heading, text) = ("note".to_owned(), text.to_owned());
            Sheet { sections: vec![Section { heading, text, verbatim, ..Section::default() }], ..sheet() }
        };
        let html = String::from_utf8(Draughtsman.set_out(&stating(NOTE, true)).unwrap().html).unwrap();
        assert_eq!(verbatim::check_html(&html, NOTE), Ok(()));
        for text in ["a lead \u{4E2D}", "a\u{202E}lead"] {
            let reason = Draughtsman.set_out(&stating(text, true)).unwrap_err();
            assert!(reason.contains("statement `note`"), "{reason}");
            assert!(Draughtsman.set_out(&stating(text, false)).is_ok(), "what is no statement may have a box");
        }
    }

    #[test]
    fn a_report_is_set_out_in_every_form() {
        let out = Draughtsman.set_out(&sheet()).unwrap();
        assert!(out.pdf.starts_with(b"%PDF-"));
        assert!(String::from_utf8(out.csv).unwrap().contains("Crime,1,Permitted,2"));
        let back: documents::Report = serde_json::from_slice(&out.json).unwrap();
        assert_eq!((back.counts[0].value, back.sections.len()), (3, 1));
        assert!(String::from_utf8(out.html).unwrap().contains("For the board"));
    }
}
