//! Text to lines of glyphs.
//!
//! Lines are broken by the sum of the characters' widths, which is close to what shaping gives and a hundred times faster;
//! the few lines that turn out wider than they may be are drawn a little smaller. Each line keeps the piece of text it was
//! made of, and the pieces in order are the text. What of it the glyphs say is another question: [`Line::drawn`].

use std::collections::BTreeSet;
use std::ops::Range;

use krilla::Data;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::ttf_parser::Tag;
use rustybuzz::{Direction, Feature, UnicodeBuffer};
use unicode_bidi::{BidiClass, BidiInfo, Level, bidi_class};
use unicode_linebreak::{BreakOpportunity, linebreaks};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::RenderError;

/// Most characters on a line, whatever their width: bounds the work on text without width, such as 100,000 accents.
const MAX_LINE_CHARS: usize = 500;

/// The longest grapheme kept together, in bytes; a real one has some dozens.
const MAX_GRAPHEME_BYTES: usize = 256;

/// Regular or bold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// How text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// In points.
    pub(super) size: f32,
    pub(super) weight: Weight,
}

impl Style {
    /// From one baseline to the next, in points. DejaVu's ascender and descender take 1.16 of it.
    pub(super) fn leading(self) -> f32 {
        self.size * 1.38
    }

    /// From the top of a line to its baseline, in points.
    pub(super) fn ascent(self) -> f32 {
        self.size * 1.04
    }
}

/// One line, ready to be drawn from left to right.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The piece of text it was made of, with the white space at its end.
    pub(super) source: String,
    pub(super) runs: Vec<Run>,
    /// In ems.
    pub(super) width: f32,
    /// Begins at the right.
    pub(super) rtl: bool,
}

impl Line {
    /// The piece of text that the glyphs stand for, in the order in which it is read. White space is the one thing taken from
    /// the source: a tab is drawn as a space, and none is at a line's end.
    pub(super) fn drawn(&self) -> String {
        let mut runs: Vec<&Run> = self.runs.iter().collect();
        runs.sort_by_key(|run| run.at);
        let glyphs: String = runs.into_iter().map(Run::drawn).collect();
        let shown = self.source.trim_end();
        let end = self.source.strip_prefix(shown).unwrap_or_default();
        let mut written = shown.chars();
        let as_written = |drawn: char| match written.next() {
            Some(space @ ('\t' | '\n')) if drawn == ' ' => space,
            _ => drawn,
        };
        let mut text: String = glyphs.trim_end().chars().map(as_written).collect();
        text.push_str(end);
        text
    }
}

/// Glyphs of one direction.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Where its text begins in what the line shows, in bytes.
    pub(super) at: usize,
    pub(super) text: String,
    pub(super) glyphs: Vec<KrillaGlyph>,
    /// In ems.
    pub(super) width: f32,
}

impl Run {
    /// The text that its glyphs stand for. Several may stand for the same.
    fn drawn(&self) -> String {
        let mut ranges: Vec<Range<usize>> = self.glyphs.iter().map(|glyph| glyph.text_range.clone()).collect();
        ranges.sort_unstable_by_key(|range| (range.start, range.end));
        ranges.dedup();
        ranges.into_iter().filter_map(|range| self.text.get(range)).collect()
    }
}

/// The two faces, and which characters they lacked so far.
pub(super) struct Typesetter {
    regular: Typeface,
    bold: Typeface,
    pub(super) undrawable: BTreeSet<char>,
}

struct Typeface {
    shaper: rustybuzz::Face<'static>,
    font: Font,
}

impl Typesetter {
    pub(super) fn new() -> Result<Self, RenderError> {
        Ok(Self {
            regular: Typeface::load(dejavu::sans::regular(), "DejaVu Sans")?,
            bold: Typeface::load(dejavu::sans::bold(), "DejaVu Sans Bold")?,
            undrawable: BTreeSet::new(),
        })
    }

    pub(super) fn font(&self, weight: Weight) -> &Font {
        &self.face(weight).font
    }

    fn face(&self, weight: Weight) -> &Typeface {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// Sets a text in lines of at most `width` points. The lines' sources, one after the other, are the text.
    pub(super) fn set(&mut self, text: &str, style: Style, width: f32) -> Vec<Line> {
        let face = self.face(style.weight);
        let missing: Vec<char> = text.chars().filter(|c| face.lacks(*c)).collect();
        let rtl = begins_rtl(text);
        let bidirectional = text.chars().any(|c| is_rtl(bidi_class(c)));
        let lines = face
            .break_lines(text, width / style.size)
            .into_iter()
            .map(|range| face.line(&text[range], rtl, bidirectional))
            .collect();
        self.undrawable.extend(missing);
        lines
    }
}

impl Typeface {
    fn load(bytes: &'static [u8], name: &'static str) -> Result<Self, RenderError> {
        let shaper = rustybuzz::Face::from_slice(bytes, 0).ok_or(RenderError::Font(name))?;
        let font = Font::new(Data::from(bytes), 0).ok_or(RenderError::Font(name))?;
        Ok(Self { shaper, font })
    }

    fn lacks(&self, c: char) -> bool {
        !c.is_whitespace() && !c.is_control() && !is_invisible(c) && self.shaper.glyph_index(c).is_none()
    }

    /// Width of one character in ems, before shaping.
    fn advance(&self, c: char) -> f32 {
        let c = if c == '\t' { ' ' } else { c };
        if c.is_control() || is_invisible(c) {
            return 0.0;
        }
        let glyph = self.shaper.glyph_index(c).unwrap_or_default();
        f32::from(self.shaper.glyph_hor_advance(glyph).unwrap_or(0)) / self.font.units_per_em()
    }

    fn measure(&self, text: &str) -> f32 {
        text.chars().map(|c| self.advance(c)).sum()
    }

    /// Cuts a text into lines of at most `width` ems: between words where it can, within them where it must.
    fn break_lines(&self, text: &str, width: f32) -> Vec<Range<usize>> {
        let mut lines = Breaker { width, lines: Vec::new(), start: 0, at: 0.0, chars: 0 };
        let mut from = 0;
        for (to, opportunity) in linebreaks(text) {
            let segment = &text[from..to];
            let visible = self.measure(segment.trim_end());
            let chars = segment.chars().count();
            if visible <= width && chars <= MAX_LINE_CHARS {
                lines.take(from, visible, self.measure(segment), chars);
            } else {
                for (offset, piece) in pieces(segment) {
                    let advance = self.measure(piece);
                    let visible = if piece.trim_end().is_empty() { 0.0 } else { advance };
                    lines.take(from + offset, visible, advance, piece.chars().count());
                }
            }
            if opportunity == BreakOpportunity::Mandatory {
                lines.end(to);
            }
            from = to;
        }
        if from < text.len() || lines.lines.is_empty() {
            lines.end(text.len());
        }
        lines.lines
    }

    fn line(&self, source: &str, rtl: bool, bidirectional: bool) -> Line {
        let shown = source.trim_end();
        // One space at the end keeps words apart for whoever copies text out of the file.
        let space = if shown.len() < source.len() && !source.ends_with('\n') { " " } else { "" };
        let text = format!("{}{space}", shown.replace(['\t', '\n'], " "));
        let runs: Vec<Run> = if bidirectional {
            directions(&text, rtl).into_iter().map(|(range, rtl)| self.shape(&text, range, rtl)).collect()
        } else {
            vec![self.shape(&text, 0..text.len(), false)]
        };
        let width = runs.iter().map(|run| run.width).sum::<f32>() - self.measure(space);
        Line { source: source.to_owned(), runs, width: width.max(0.0), rtl }
    }

    #[allow(clippy::cast_precision_loss, reason = "font units are 16-bit numbers")]
    fn shape(&self, line: &str, range: Range<usize>, rtl: bool) -> Run {
        let at = range.start;
        let text = &line[range];
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(if rtl { Direction::RightToLeft } else { Direction::LeftToRight });
        // One glyph a letter: a reader that copies or searches text finds `fi`, whatever it knows of ligatures. Those that a
        // script requires, as Arabic does, are another feature and stay.
        let separate = Feature::new(Tag::from_bytes(b"liga"), 0, ..);
        let shaped = rustybuzz::shape(&self.shaper, &[separate], buffer);
        let em = self.font.units_per_em();
        // A glyph stands for the text from its cluster to the next one, whichever way the glyphs run.
        let mut clusters: Vec<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
        clusters.sort_unstable();
        clusters.dedup();
        let mut width = 0.0;
        let mut glyphs = Vec::with_capacity(shaped.len());
        for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
            let start = info.cluster as usize;
            let next = clusters.partition_point(|cluster| *cluster <= start);
            let end = clusters.get(next).copied().unwrap_or(text.len());
            let advance = position.x_advance as f32 / em;
            width += advance;
            glyphs.push(KrillaGlyph::new(
                GlyphId::new(info.glyph_id),
                advance,
                position.x_offset as f32 / em,
                position.y_offset as f32 / em,
                position.y_advance as f32 / em,
                start..end,
                None,
            ));
        }
        Run { at, text: text.to_owned(), glyphs, width }
    }
}

/// Fills lines one piece at a time.
struct Breaker {
    width: f32,
    lines: Vec<Range<usize>>,
    /// Where the current line begins.
    start: usize,
    /// How wide it is, in ems, and of how many characters.
    at: f32,
    chars: usize,
}

impl Breaker {
    /// Adds a piece that begins at `from`: to this line if what is seen of it fits, else to the next.
    fn take(&mut self, from: usize, visible: f32, advance: f32, chars: usize) {
        let full = self.at + visible > self.width || self.chars + chars > MAX_LINE_CHARS;
        if full && self.chars > 0 {
            self.end(from);
        }
        self.at += advance;
        self.chars += chars;
    }

    /// Ends the line before `to`.
    fn end(&mut self, to: usize) {
        self.lines.push(self.start..to);
        self.start = to;
        self.at = 0.0;
        self.chars = 0;
    }
}

/// Graphemes with their offsets; monstrous ones fall apart into characters.
fn pieces(segment: &str) -> impl Iterator<Item = (usize, &str)> {
    segment.grapheme_indices(true).flat_map(|(offset, grapheme)| {
        if grapheme.len() <= MAX_GRAPHEME_BYTES {
            vec![(offset, grapheme)]
        } else {
            grapheme.char_indices().map(|(at, c)| (offset + at, &grapheme[at..at + c.len_utf8()])).collect()
        }
    })
}

/// The line's runs in the order they stand on paper, from the left, each with whether it is read from the right.
fn directions(line: &str, rtl: bool) -> Vec<(Range<usize>, bool)> {
    let base = if rtl { Level::rtl() } else { Level::ltr() };
    let bidi = BidiInfo::new(line, Some(base));
    let mut runs = Vec::new();
    for paragraph in &bidi.paragraphs {
        let (levels, visual) = bidi.visual_runs(paragraph, paragraph.range.clone());
        runs.extend(visual.into_iter().filter(|run| !run.is_empty()).map(|run| {
            let rtl = levels.get(run.start).is_some_and(Level::is_rtl);
            (run, rtl)
        }));
    }
    runs
}

/// By the first character that has a direction (UAX #9, P2 and P3).
fn begins_rtl(text: &str) -> bool {
    text.chars()
        .find_map(|c| match bidi_class(c) {
            BidiClass::L => Some(false),
            BidiClass::R | BidiClass::AL => Some(true),
            _ => None,
        })
        .unwrap_or(false)
}

fn is_rtl(class: BidiClass) -> bool {
    matches!(class, BidiClass::R | BidiClass::AL | BidiClass::AN)
}

/// Characters without a shape of their own: soft hyphens, joiners, marks of direction, variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(
        u32::from(c),
        0xAD | 0x34F | 0x61C | 0x200B..=0x200F | 0x2060..=0x2064 | 0xFE00..=0xFE0F | 0xFEFF
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style { size: 10.0, weight: Weight::Regular };

    fn set(text: &str, width: f32) -> Vec<Line> {
        Typesetter::new().unwrap().set(text, STYLE, width)
    }

    #[test]
    fn lines_put_together_are_the_text() {
        for text in ["", "\n", "a b c", "a\n\nb", &"word ".repeat(90), &"W".repeat(900), &"\u{301}".repeat(3000)] {
            let lines = set(text, 120.0);
            assert_eq!(lines.iter().map(|line| line.source.as_str()).collect::<String>(), text);
            assert!(!lines.is_empty());
        }
    }

    #[test]
    fn what_the_glyphs_say_is_the_text() {
        for text in [
            "",
            "\n",
            "a b\tc ",
            "a\n\nb",
            "e\u{301}a\u{AD}b\u{200D}c",
            "שלום 12 abc (שלום)",
            "مرحبا بالعالم 3",
            "abc שלום",
        ] {
            for width in [40.0, 500.0] {
                let lines = set(text, width);
                assert_eq!(lines.iter().map(Line::drawn).collect::<String>(), text, "{width}");
            }
        }
    }

    #[test]
    fn a_glyph_that_is_lost_is_missed() {
        for text in ["one line\t", "שלום abc"] {
            let whole = set(text, 500.0).remove(0);
            for run in 0..whole.runs.len() {
                for glyph in 0..whole.runs[run].glyphs.len() {
                    let mut line = whole.clone();
                    let lost = line.runs[run].glyphs.remove(glyph);
                    let said = &whole.runs[run].text[lost.text_range];
                    // The space that only keeps words apart may go.
                    let counts = !said.trim().is_empty() || glyph + 1 < whole.runs[run].glyphs.len();
                    assert!(!counts || line.drawn() != text, "{text:?} {run} {glyph}");
                }
            }
        }
    }

    #[test]
    fn lines_fit_and_break_between_words() {
        let lines = set(&"several words of some length ".repeat(40), 150.0);
        assert!(lines.len() > 20);
        for line in &lines {
            assert!(line.width * STYLE.size <= 151.0, "{line:?}");
            assert!(line.source.ends_with(' '), "{:?}", line.source);
        }
    }

    #[test]
    fn a_word_wider_than_the_line_is_cut() {
        let lines = set(&"W".repeat(100), 50.0);
        assert!(lines.len() > 10 && lines.iter().all(|line| line.width * STYLE.size <= 51.0));
    }

    #[test]
    fn hebrew_runs_from_the_right() {
        let lines = set("שלום 12 abc", 500.0);
        assert!(lines[0].rtl);
        // From the left: the Latin word, the number, the Hebrew word.
        let runs: Vec<&str> = lines[0].runs.iter().map(|run| run.text.trim()).collect();
        assert_eq!(runs.first(), Some(&"abc"));
        assert_eq!(runs.last(), Some(&"שלום"));
    }

    #[test]
    fn what_the_font_lacks_is_named() {
        let mut typesetter = Typesetter::new().unwrap();
        typesetter.set("Ω Ж é א ع \u{4E2D}\t\u{AD}", STYLE, 300.0);
        assert_eq!(typesetter.undrawable, BTreeSet::from(['\u{4E2D}']));
    }
}
