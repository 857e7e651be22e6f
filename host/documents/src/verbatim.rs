//! Reads statements back from what was drawn, so that an altered one can be kept from leaving.
//!
//! The text is compared to the letter; only line ends may differ (CRLF, CR and LF are one). In HTML the statements are
//! found by their markup and unescaped: a changed word, an entity of another kind, a tag or a comment inside makes the text
//! another one. For a PDF, [`Pdf::statements`] is put together line by line from what the glyphs stand for that are
//! written to the pages, so that one which got lost on the way is missed. White space has no shape of its own: tabs and line
//! ends are taken from the text.
//!
//! What this does not see is a glyph of another shape than its character's, and what an editor could do around an untouched text, such as hiding it by a style. The
//! digest of the whole file guards that; a PDF or HTML that came back from outside is checked by rendering the paper
//! again, which gives the same bytes.

use model::terms::Digest;

use crate::Pdf;
use crate::html::{VERBATIM_CLOSE, VERBATIM_OPEN, unescape};
use crate::text::line_ends;

/// A statement is not among those drawn.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VerbatimError {
    /// Nothing drawn has this text.
    #[error(
        "the statement with SHA-256 {expected} is not drawn word for word (drawn: {}): restore its text",
        list(.found)
    )]
    Altered {
        /// Digest of the statement that should be there.
        expected: Digest,
        /// Digests of the statements that are.
        found: Vec<Digest>,
    },
    /// The font lacks some of its characters, so that a reader sees boxes.
    #[error("the built-in font cannot draw `{0}` of the statement: release it as HTML, or write it without")]
    Undrawable(char),
}

/// The statements of a rendered HTML paper, in order, as their readers see them.
pub fn in_html(html: &str) -> Vec<String> {
    html.split(VERBATIM_OPEN)
        .skip(1)
        .filter_map(|rest| rest.split_once(VERBATIM_CLOSE))
        .map(|(text, _)| unescape(text))
        .collect()
}

/// Checks that one of an HTML paper's statements is this text.
///
/// # Errors
/// None is.
pub fn check_html(html: &str, statement: &str) -> Result<(), VerbatimError> {
    check(&in_html(html), statement)
}

/// Checks that one of a PDF's statements is this text, and that every character of it is drawn.
///
/// # Errors
/// None is, or the font lacks a character of it.
pub fn check_pdf(pdf: &Pdf, statement: &str) -> Result<(), VerbatimError> {
    check(&pdf.statements, statement)?;
    match statement.chars().find(|c| pdf.undrawable.contains(c)) {
        Some(c) => Err(VerbatimError::Undrawable(c)),
        None => Ok(()),
    }
}

fn check(drawn: &[String], statement: &str) -> Result<(), VerbatimError> {
    let expected = line_ends(statement);
    if drawn.contains(&expected) {
        return Ok(());
    }
    Err(VerbatimError::Altered {
        expected: Digest::of(statement.as_bytes()),
        found: drawn.iter().map(|text| Digest::of(text.as_bytes())).collect(),
    })
}

fn list(digests: &[Digest]) -> String {
    if digests.is_empty() {
        return "none".to_owned();
    }
    digests.iter().map(Digest::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::tests::{NOTICE, paper, whole};
    use crate::paper::{Block, Statement};

    #[test]
    fn an_altered_statement_is_found_out() {
        let html = whole().html();
        for (from, to) in [
            ("nothing more", "nothing less"),
            ("&amp; must", "must"),
            ("a lead", "a <!-- weak --> lead"),
            (VERBATIM_OPEN, "<div>"),
        ] {
            let altered = html.replace(from, to);
            assert_ne!(altered, html, "{from}");
            let error = check_html(&altered, NOTICE).unwrap_err();
            assert!(matches!(error, VerbatimError::Altered { .. }), "{error}");
        }
        assert!(check_html(&html, &NOTICE.replace("only", "")).is_err());
        assert!(check_pdf(&whole().pdf().unwrap(), &format!("{NOTICE} ")).is_err());
    }

    #[test]
    fn a_statement_outside_its_box_does_not_count() {
        let quoted = paper(vec![Block::Paragraph(NOTICE.to_owned())]);
        assert!(check_html(&quoted.html(), NOTICE).is_err());
        assert!(check_pdf(&quoted.pdf().unwrap(), NOTICE).is_err());
    }

    #[test]
    fn spaces_tabs_and_line_ends_survive() {
        for text in ["  two  spaces ", "a\tb", "one\n\n\ntwo\n", "\n", "", "a-very ".repeat(400).as_str()] {
            let paper = paper(vec![Block::Statement(Statement { id: "x".to_owned(), text: text.to_owned() })]);
            assert_eq!(in_html(&paper.html()), [text.to_owned()]);
            assert_eq!(paper.pdf().unwrap().statements, [text.to_owned()]);
        }
        let crlf = paper(vec![Block::Statement(Statement { id: "x".to_owned(), text: "a\r\nb".to_owned() })]);
        assert_eq!(check_html(&crlf.html(), "a\r\nb"), Ok(()));
        assert_eq!(check_pdf(&crlf.pdf().unwrap(), "a\r\nb"), Ok(()));
    }

    #[test]
    fn what_cannot_be_drawn_as_written_does_not_pass() {
        let draw = |text: &str| paper(vec![Block::Statement(Statement { id: "x".to_owned(), text: text.to_owned() })]);
        let reversed = "a\u{202E}b";
        assert!(check_html(&draw(reversed).html(), reversed).is_err());
        assert!(check_pdf(&draw(reversed).pdf().unwrap(), reversed).is_err());
        let unknown = "seal \u{4E2D}";
        assert_eq!(check_html(&draw(unknown).html(), unknown), Ok(()));
        assert_eq!(check_pdf(&draw(unknown).pdf().unwrap(), unknown), Err(VerbatimError::Undrawable('\u{4E2D}')));
    }
}
