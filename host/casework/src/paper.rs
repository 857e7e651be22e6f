//! What a released result says, and whatever draws it up; reports are set out there too.

use crate::report::{SetOut, Sheet};
use model::account::Who;
use model::facts::{self, Likeness, Signature};
use model::rulings::{Finding, Statement};
use model::terms::Instant;
use std::collections::BTreeMap;

/// One document, before it is drawn up. It holds what leaves and nothing else of the candidate list.
#[derive(Clone, Debug, PartialEq)]
pub struct Paper {
    /// Its id, as the policy demands it.
    pub document: String,
    /// Its title.
    pub title: String,
    /// What stands above all else in it.
    pub preamble: Option<String>,
    /// Citation of the directive that demands it.
    pub authority: String,
    /// The jurisdiction whose policy demands it.
    pub jurisdiction: String,
    /// When it is drawn up.
    pub at: Instant,
    /// The request.
    pub request: facts::Request,
    /// The gallery searched: `jurisdiction/id`.
    pub gallery: String,
    /// Who asked.
    pub requester: Who,
    /// Who releases it.
    pub released_by: Who,
    /// The probe as policies were told of it.
    pub probe: facts::Probe,
    /// The probe's photograph: JPEG or PNG; absent where a template was submitted.
    pub probe_image: Option<Vec<u8>>,
    /// The candidates that leave, by rank.
    pub candidates: Vec<Pictured>,
    /// How the conclusion was reached, in the releaser's words; may be empty.
    pub reasoning: String,
    /// The signatures that count, oldest first.
    pub signatures: Vec<(Who, Signature)>,
    /// The statements it carries, to be set word for word.
    pub statements: Vec<Statement>,
    /// What the policies found, with whose finding it is.
    pub findings: Vec<(String, Finding)>,
    /// Origin of the log that the release is recorded in.
    pub log: String,
    /// Index of the release's entry in it.
    pub entry: u64,
}

/// A candidate that leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Pictured {
    /// The gallery record.
    pub record_id: String,
    /// Its rank on the list.
    pub rank: u32,
    /// Its status now.
    pub status: String,
    /// Booking fields that may be shown.
    pub booking: BTreeMap<String, String>,
    /// The booking photograph: JPEG or PNG.
    pub photo: Option<Vec<u8>>,
    /// What it was found to be.
    pub likeness: Likeness,
    /// How the examiner came to it.
    pub reason: String,
    /// The examiner.
    pub by: Who,
}

/// A document drawn up, in two forms with the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Self-contained HTML.
    pub html: Vec<u8>,
    /// PDF.
    pub pdf: Vec<u8>,
}

/// Whatever draws documents up. It may take long: it is called on a thread of its own.
pub trait Draughting: Send + Sync {
    /// Draws a paper up, or says why it cannot be.
    ///
    /// # Errors
    /// What is wrong with the paper.
    fn draw_up(&self, paper: &Paper) -> Result<Drawn, String>;

    /// Sets a report out in every form, or says why it cannot be.
    ///
    /// # Errors
    /// What is wrong with the report.
    fn set_out(&self, sheet: &Sheet) -> Result<SetOut, String>;
}

/// A title for what has only an id, a tag or a document of a charter that does not list it: `compare-report` is "Compare report".
pub(crate) fn title(document: &str) -> String {
    let words = document.replace(['-', '_'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_id_reads_as_a_title() {
        assert_eq!(super::title("supplemental-incident-report"), "Supplemental incident report");
        assert_eq!(super::title(""), "");
    }
}
