//! Papers and reports, as files that a person can read, print and file away.
//!
//! A [`Paper`] is what leaves with a result: facts, probe and candidate side by side, reasoning, statements word for
//! word, signatures, findings. A [`Report`] is counts, tables and charts of a period. Whoever fills one in says *what*
//! stands in it; this crate says how it looks and knows no jurisdiction, no template and no rule.
//!
//! ```text
//! Paper ─┐             ┌─ html   one file: styles inline, pictures as data: URIs, no script, nothing fetched
//!        ├─ Sheet ─────┤
//! Report ┘             └─ pdf    one file: fonts embedded, tagged for screen readers, pages numbered
//!    └── csv, json
//! ```
//!
//! Both outputs are drawn from the same intermediate `Sheet`, so they cannot say different things. Rendering reads no
//! clock, no file and no randomness: the same input gives the same bytes, and a host can check a PDF that comes back
//! by rendering it again and comparing digests.
//!
//! # What a candidate is called
//!
//! A comparison shows a probe and a *candidate*: a record id and booking fields under a picture. The types have no
//! place for an identity, and no word of this crate says that two pictures show one person.
//!
//! # Text from outside
//!
//! Every text is cleaned once, on its way into the sheet: control characters, noncharacters and the controls that
//! reverse the reading direction (Unicode UAX #9, section 2) become U+FFFD, so that what is read is what was written. HTML
//! escapes the rest and forbids scripts and fetches by a Content-Security-Policy of its own. The PDF draws Latin, Greek,
//! Cyrillic, Hebrew and Arabic with DejaVu Sans; a character that the font lacks is drawn as a box and named in
//! [`Pdf::undrawable`], and a statement that holds one does not pass [`verbatim::check_pdf`].
//!
//! # Statements
//!
//! A [`Statement`](paper::Statement) is drawn word for word with its SHA-256 beside it. [`verbatim`] reads the
//! statements back from what was drawn, for a host that must not let an altered one leave.
#![forbid(unsafe_code)]

mod chart;
mod error;
mod html;
pub mod paper;
mod pdf;
mod picture;
pub mod report;
mod sheet;
mod text;
pub mod verbatim;

pub use error::RenderError;
pub use paper::Paper;
pub use pdf::Pdf;
pub use report::Report;
pub use sheet::PageSize;
