//! Pages of marks, filled from the top.

use krilla::image::Image;

use super::typeset::{Line, Style, Typesetter, Weight};
use crate::RenderError;
use crate::sheet::PageSize;

/// White space at the left, right and top of a page, in points: three quarters of an inch, which every printer can print.
const MARGIN: f32 = 54.0;

/// White space at the foot, in points: the footer stands in it.
const FOOT: f32 = 66.0;

/// Something drawn at a place on a page. Points from the page's top left corner.
pub(super) enum Mark {
    /// A line of text.
    Text {
        x: f32,
        baseline: f32,
        style: Style,
        line: Line,
        /// Which statement it is a line of.
        statement: Option<usize>,
    },
    /// A rectangle, filled with a grey (0 is black) or outlined in black.
    Box { x: f32, y: f32, width: f32, height: f32, fill: Option<u8> },
    /// A photograph.
    Picture { x: f32, y: f32, width: f32, height: f32, image: Image },
}

/// A mark and the node of the document's structure that it is part of; lines and boxes that only please belong to none.
pub(super) struct Placed {
    pub(super) mark: Mark,
    pub(super) node: Option<usize>,
}

/// What a part of the document is, for a screen reader.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Role {
    Title,
    Heading(String),
    Paragraph,
    Quote,
    Table,
    Row,
    HeaderCell,
    LabelCell,
    Cell,
    Figure(String),
}

/// A node of the document's structure. Marks belong to leaves.
pub(super) struct Node {
    pub(super) role: Role,
    pub(super) parent: Option<usize>,
}

/// The pages so far.
pub(super) struct Flow {
    pub(super) typesetter: Typesetter,
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) pages: Vec<Vec<Placed>>,
    /// Parents come before their children.
    pub(super) nodes: Vec<Node>,
    /// How many statements were begun.
    pub(super) statements: usize,
    /// Where the next thing goes.
    pub(super) y: f32,
}

impl Flow {
    /// One empty page.
    ///
    /// # Errors
    /// The font is unreadable.
    pub(super) fn new(page: PageSize) -> Result<Self, RenderError> {
        let (width, height) = page.points();
        Ok(Self {
            typesetter: Typesetter::new()?,
            width,
            height,
            pages: vec![Vec::new()],
            nodes: Vec::new(),
            statements: 0,
            y: MARGIN,
        })
    }

    pub(super) fn left(&self) -> f32 {
        MARGIN
    }

    pub(super) fn measure(&self) -> f32 {
        self.width - 2.0 * MARGIN
    }

    /// What is left of this page, in points.
    pub(super) fn room(&self) -> f32 {
        self.height - FOOT - self.y
    }

    /// What an empty page holds, in points.
    pub(super) fn page_room(&self) -> f32 {
        self.height - FOOT - MARGIN
    }

    pub(super) fn break_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = MARGIN;
    }

    /// Goes on to the next page unless this one has room for so many points.
    pub(super) fn need(&mut self, points: f32) {
        if self.room() < points && self.y > MARGIN {
            self.break_page();
        }
    }

    /// White space, unless at the top of a page.
    pub(super) fn space(&mut self, points: f32) {
        if self.y > MARGIN {
            self.y += points;
        }
    }

    pub(super) fn node(&mut self, role: Role, parent: Option<usize>) -> usize {
        self.nodes.push(Node { role, parent });
        self.nodes.len() - 1
    }

    pub(super) fn place(&mut self, mark: Mark, node: Option<usize>) {
        if let Some(page) = self.pages.last_mut() {
            page.push(Placed { mark, node });
        }
    }

    /// A thin line across, or a bar, at `y`.
    pub(super) fn rule(&mut self, x: f32, y: f32, width: f32, thickness: f32) {
        self.place(Mark::Box { x, y, width, height: thickness, fill: Some(90) }, None);
    }

    /// Places one line whose top is at `y`, in at most `width` points.
    pub(super) fn line(
        &mut self,
        (x, y): (f32, f32),
        width: f32,
        style: Style,
        line: Line,
        node: Option<usize>,
        statement: Option<usize>,
    ) {
        let baseline = y + style.ascent();
        // A line that shaping made wider than its column is drawn smaller.
        let size = if line.width * style.size > width { width / line.width } else { style.size };
        let x = if line.rtl { x + width - line.width * size } else { x };
        self.place(Mark::Text { x, baseline, style: Style { size, ..style }, line, statement }, node);
    }

    /// A text in the full width, over as many pages as it takes.
    pub(super) fn text(&mut self, text: &str, style: Style, node: usize) {
        let width = self.measure();
        for line in self.typesetter.set(text, style, width) {
            self.need(style.leading());
            self.line((self.left(), self.y), width, style, line, Some(node), None);
            self.y += style.leading();
        }
    }
}

/// A style of this size.
pub(super) const fn regular(size: f32) -> Style {
    Style { size, weight: Weight::Regular }
}

/// A bold style of this size.
pub(super) const fn bold(size: f32) -> Style {
    Style { size, weight: Weight::Bold }
}
