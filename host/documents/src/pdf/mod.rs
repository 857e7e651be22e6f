//! The sheet as PDF 1.7 (ISO 32000-1), in three passes, one module each:
//!
//! 1. `typeset`: text to glyphs. Bidirectional order by UAX #9, line breaks by UAX #14, shaping by rustybuzz;
//! 2. `flow`, with `blocks` and `table`: what goes where. Pages of marks, each belonging to a node of the document's structure;
//! 3. `paint`: the marks to krilla, which subsets and embeds the fonts and writes the file.
//!
//! The file is tagged (headings, paragraphs, tables, figures with alternative texts) for screen readers. It does not claim
//! PDF/UA: a validator's refusal of some odd character would be a reason for a paper not to exist.

mod blocks;
mod flow;
mod paint;
mod table;
mod typeset;

use std::collections::BTreeSet;

use crate::RenderError;
use crate::sheet::Sheet;

/// A rendered PDF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdf {
    /// The file.
    pub bytes: Vec<u8>,
    /// How many pages it has, at least 1.
    pub pages: usize,
    /// The statements, in order, as the glyphs that were drawn say them.
    pub statements: Vec<String>,
    /// Characters that the font lacks and that a reader sees as boxes.
    pub undrawable: BTreeSet<char>,
}

/// Draws a sheet.
///
/// # Errors
/// The font is unreadable, or the format's limits are exceeded.
pub(crate) fn render(sheet: &Sheet) -> Result<Pdf, RenderError> {
    let mut flow = flow::Flow::new(sheet.page)?;
    blocks::lay(&mut flow, sheet);
    paint::paint(flow, sheet)
}

#[cfg(test)]
mod tests {
    use lopdf::Document;

    use super::flow::{Flow, Mark};
    use super::{blocks, paint};
    use crate::paper::tests::{NOTICE, comparison, paper, whole};
    use crate::paper::{Block, Fact, Finding, Statement};
    use crate::verbatim::{VerbatimError, check_pdf};

    /// Reads a PDF with another library than the one that wrote it: pages, and text without white space.
    fn read(bytes: &[u8]) -> (usize, String) {
        let document = Document::load_mem(bytes).expect("parses");
        let pages: Vec<u32> = document.get_pages().into_keys().collect();
        let text = document.extract_text(&pages).expect("has text");
        (pages.len(), squeezed(&text))
    }

    fn squeezed(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace()).collect()
    }

    #[test]
    fn another_reader_finds_pages_and_texts() {
        let pdf = whole().pdf().unwrap();
        assert!(pdf.bytes.starts_with(b"%PDF-1.7"));
        let (pages, text) = read(&pdf.bytes);
        assert_eq!(pages, pdf.pages);
        for expected in [NOTICE, "Comparison report", "Candidate 1, record B-1", "Log host/springfield, entry 41"] {
            assert!(text.contains(&squeezed(expected)), "`{expected}` is not in: {text}");
        }
        assert!(text.contains(&squeezed("Σωκράτης, Пётр, Ångström.")), "{text}");
        assert!(pdf.undrawable.is_empty(), "{:?}", pdf.undrawable);
    }

    #[test]
    fn long_reasoning_spans_pages_and_loses_nothing() {
        let reasoning = "The scar over the left brow agrees in place and length. ".repeat(1_800);
        let pdf = paper(vec![Block::Paragraph(reasoning.clone())]).pdf().unwrap();
        let (pages, text) = read(&pdf.bytes);
        assert!(pages > 15 && pages == pdf.pages, "{pages} pages");
        assert_eq!(text.matches("brow").count(), 1_800);
        assert!(text.contains(&format!("Page{pages}of{pages}")));
    }

    #[test]
    fn a_long_statement_is_boxed_over_pages_word_for_word() {
        let long = format!("{} end.", "Every word of this notice counts. ".repeat(600));
        let pdf = paper(vec![Block::Statement(Statement { id: "1".to_owned(), text: long.clone() })]).pdf().unwrap();
        assert!(pdf.pages > 3);
        assert_eq!(pdf.statements, [long]);
    }

    #[test]
    fn a_statement_that_lost_a_glyph_is_not_word_for_word() {
        let drawn = |lose: bool| {
            let sheet =
                paper(vec![Block::Statement(Statement { id: "1".to_owned(), text: NOTICE.to_owned() })]).sheet();
            let mut flow = Flow::new(sheet.page).unwrap();
            blocks::lay(&mut flow, &sheet);
            for placed in flow.pages.iter_mut().flatten() {
                if let Mark::Text { line, statement: Some(_), .. } = &mut placed.mark
                    && lose
                {
                    line.runs[0].glyphs.remove(1);
                }
            }
            paint::paint(flow, &sheet).unwrap()
        };
        assert_eq!(check_pdf(&drawn(false), NOTICE), Ok(()));
        assert!(matches!(check_pdf(&drawn(true), NOTICE), Err(VerbatimError::Altered { .. })));
    }

    #[test]
    fn a_table_breaks_between_and_within_rows() {
        let rows = (0..120)
            .map(|n| Finding {
                clause: format!("clause-{n}"),
                outcome: "noted".to_owned(),
                explanation: "because ".repeat(if n == 60 { 3_000 } else { 4 }),
            })
            .collect();
        let pdf = paper(vec![Block::Findings(rows)]).pdf().unwrap();
        let (pages, text) = read(&pdf.bytes);
        assert!(pages > 5);
        assert!(text.contains("clause-0") && text.contains("clause-119"));
        assert_eq!(text.matches("because").count(), 119 * 4 + 3_000);
        // The header is repeated on the pages that the table reaches.
        assert!(text.matches("Explanation").count() > 3);
    }

    #[test]
    fn five_hundred_candidates_make_a_paper() {
        let pdf = paper((1..=500).map(comparison).collect()).pdf().unwrap();
        assert!(pdf.pages >= 160, "{} pages", pdf.pages);
        assert!(pdf.bytes.len() < 20 << 20, "one photograph is embedded once, not a thousand times");
    }

    #[test]
    fn hostile_text_is_drawn_somehow() {
        for text in [
            "",
            "\u{0}\u{7}\u{1b}[2J",
            "שלום עולם, case 12-345 שלום",
            "مرحبا بالعالم",
            "e\u{301}\u{301}\u{301} नमस्ते \u{1F600} \u{E000}",
            "\u{202E}desrever\u{2066}",
            "\u{200B}\u{200D}\u{FEFF}",
            "\n\n\n\t\t \u{A0}",
            &"x".repeat(20_000),
            &"\u{301}".repeat(20_000),
            &" ".repeat(20_000),
            &"\n".repeat(2_000),
        ] {
            let pdf = paper(vec![
                Block::Heading(text.to_owned()),
                Block::Facts(vec![Fact::new(text, text)]),
                Block::Paragraph(text.to_owned()),
                Block::Statement(Statement { id: text.to_owned(), text: text.to_owned() }),
            ])
            .pdf();
            assert!(pdf.is_ok(), "{:?}: {:?}", text.chars().take(10).collect::<String>(), pdf.err());
        }
    }
}
