//! Why a paper could not be rendered. No input does that: what is left is a broken build or a limit of the format.

/// A paper or report could not be rendered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RenderError {
    /// The font that is compiled in cannot be read.
    #[error("the built-in font `{0}` cannot be read: build this program again from unchanged sources")]
    Font(&'static str),
    /// The PDF writer refused the pages.
    #[error("the PDF cannot be written: {0}; render fewer candidates or rows in one paper")]
    Pdf(String),
    /// The table cannot be written.
    #[error("the table cannot be written: {0}; ask for a shorter period")]
    Table(String),
}
