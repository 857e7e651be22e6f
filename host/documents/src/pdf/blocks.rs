//! The elements of a sheet, one after the other.

use krilla::Data;
use krilla::image::Image;
use model::terms::Digest;

use super::flow::{Flow, Mark, Role, bold, regular};
use super::table::{self, Cell, Look};
use super::typeset::Style;
use crate::chart::Bars;
use crate::sheet::{Element, Plate, Sheet};

const TITLE: Style = bold(16.0);
const HEADING: Style = bold(12.0);
const BODY: Style = regular(10.0);
const CAPTION: Style = regular(8.5);
const CAPTION_HEAD: Style = bold(8.5);
const SMALL: Style = regular(7.0);

/// Space between blocks, and between the two halves of a pair, in points.
const GAP: f32 = 8.0;

/// How tall a photograph may be, in points: two pairs stand on a page.
const PICTURE_HEIGHT: f32 = 190.0;

/// Lays a whole sheet.
pub(super) fn lay(flow: &mut Flow, sheet: &Sheet) {
    let title = flow.node(Role::Title, None);
    flow.text(&sheet.title, TITLE, title);
    for line in sheet.lines.iter().filter(|line| !line.is_empty()) {
        let node = flow.node(Role::Paragraph, None);
        flow.text(line, BODY, node);
    }
    flow.y += 3.0;
    flow.rule(flow.left(), flow.y, flow.measure(), 1.2);
    flow.y += GAP;
    for element in &sheet.elements {
        match element {
            Element::Heading(text) => heading(flow, text),
            Element::Paragraph(text) => {
                let node = flow.node(Role::Paragraph, None);
                flow.text(text, BODY, node);
                flow.space(GAP);
            }
            Element::Facts(facts) => table::facts(flow, facts),
            Element::Plates { left, right } => plates(flow, left, right),
            Element::Statement { caption, text, digest } => statement(flow, caption, text, digest),
            Element::Grid(grid) => table::grid(flow, grid),
            Element::Bars(bars) => chart(flow, bars),
        }
    }
}

fn heading(flow: &mut Flow, text: &str) {
    flow.space(GAP);
    // Not alone at the foot of a page.
    flow.need(HEADING.leading() + 3.0 * BODY.leading());
    let node = flow.node(Role::Heading(text.chars().take(200).collect()), None);
    flow.text(text, HEADING, node);
    flow.y += 2.0;
}

fn plates(flow: &mut Flow, left: &Plate, right: &Plate) {
    let half = (flow.measure() - GAP) / 2.0;
    flow.need(PICTURE_HEIGHT + 5.0 * CAPTION.leading());
    let top = flow.y;
    let columns = [(flow.left(), half), (flow.left() + half + GAP, half)];
    for (plate, (x, width)) in [left, right].into_iter().zip(columns) {
        picture(flow, plate, x, top, width);
    }
    flow.y = top + PICTURE_HEIGHT + 2.0;
    let mut cells = Vec::new();
    for (plate, (x, width)) in [left, right].into_iter().zip(columns) {
        let node = flow.node(Role::Paragraph, None);
        let mut lines = Vec::new();
        for (index, line) in plate.caption.iter().enumerate() {
            let style = if index == 0 { CAPTION_HEAD } else { CAPTION };
            lines.extend(flow.typesetter.set(line, style, width).into_iter().map(|line| (style, line)));
        }
        cells.push(Cell { x, width, node: Some(node), lines });
    }
    table::row(flow, cells, Look::Plain, None);
    flow.space(GAP);
}

fn picture(flow: &mut Flow, plate: &Plate, x: f32, y: f32, width: f32) {
    let node = Some(flow.node(Role::Figure(plate.alt.clone()), None));
    let loaded = match &plate.picture {
        Ok(picture) => Image::from_jpeg(Data::from(picture.jpeg.clone()), false),
        Err(reason) => Err(reason.clone()),
    };
    match loaded {
        Ok(image) => {
            let (wide, tall) = image.size();
            let (wide, tall) = (pixels(wide), pixels(tall));
            let scale = (width / wide).min(PICTURE_HEIGHT / tall);
            let (drawn, height) = (wide * scale, tall * scale);
            let x = x + (width - drawn) / 2.0;
            flow.place(Mark::Picture { x, y: y + PICTURE_HEIGHT - height, width: drawn, height, image }, node);
        }
        Err(reason) => {
            flow.place(Mark::Box { x, y, width, height: PICTURE_HEIGHT, fill: None }, None);
            let text = format!("No picture: {reason}");
            let mut at = y + PICTURE_HEIGHT / 3.0;
            for line in flow.typesetter.set(&text, CAPTION, width - 2.0 * GAP).into_iter().take(6) {
                flow.line((x + GAP, at), width - 2.0 * GAP, CAPTION, line, node, None);
                at += CAPTION.leading();
            }
        }
    }
}

/// Pixels as a number to divide by; at least 1.
#[allow(clippy::cast_precision_loss, reason = "a picture's sides are at most some hundred pixels")]
fn pixels(side: u32) -> f32 {
    side.max(1) as f32
}

fn statement(flow: &mut Flow, caption: &str, text: &str, digest: &Digest) {
    let number = flow.statements;
    flow.statements += 1;
    flow.need(8.0 * BODY.leading());
    let quote = flow.node(Role::Quote, None);
    let node = flow.node(Role::Paragraph, Some(quote));
    let (x, width) = (flow.left() + GAP, flow.measure() - 2.0 * GAP);
    let mut top = flow.y;
    flow.y += 4.0;
    let label = format!("Statement {caption}");
    let mut lines: Vec<_> = Vec::new();
    lines.extend(flow.typesetter.set(&label, CAPTION_HEAD, width).into_iter().map(|line| (CAPTION_HEAD, None, line)));
    lines.extend(flow.typesetter.set(text, BODY, width).into_iter().map(|line| (BODY, Some(number), line)));
    let printed = format!("SHA-256 {digest}");
    lines.extend(flow.typesetter.set(&printed, SMALL, width).into_iter().map(|line| (SMALL, None, line)));
    for (style, statement, line) in lines {
        if flow.room() < style.leading() + 4.0 {
            outline(flow, top);
            flow.break_page();
            top = flow.y;
            flow.y += 4.0;
        }
        flow.line((x, flow.y), width, style, line, Some(node), statement);
        flow.y += style.leading();
    }
    flow.y += 4.0;
    outline(flow, top);
    flow.space(GAP);
}

/// The box around what stands between `top` and here.
fn outline(flow: &mut Flow, top: f32) {
    let mark = Mark::Box { x: flow.left(), y: top, width: flow.measure(), height: flow.y - top, fill: None };
    flow.place(mark, None);
}

fn chart(flow: &mut Flow, bars: &Bars) {
    let node = flow.node(Role::Figure(bars.alt()), None);
    let longest = flow.measure() - 90.0;
    flow.text(&format!("{} ({})", bars.title, bars.unit), CAPTION_HEAD, node);
    for (label, value) in &bars.bars {
        let lines = flow.typesetter.set(label, CAPTION, flow.measure());
        flow.need(3.0 * CAPTION.leading() + GAP);
        for line in lines.into_iter().take(2) {
            flow.line((flow.left(), flow.y), flow.measure(), CAPTION, line, Some(node), None);
            flow.y += CAPTION.leading();
        }
        let length = (longest * bars.share(*value)).max(0.6);
        let bar = Mark::Box { x: flow.left(), y: flow.y, width: length, height: 9.0, fill: Some(70) };
        flow.place(bar, Some(node));
        let figures = flow.typesetter.set(&value.to_string(), CAPTION, 86.0);
        for line in figures.into_iter().take(1) {
            flow.line((flow.left() + length + 4.0, flow.y - 2.0), 86.0, CAPTION, line, Some(node), None);
        }
        flow.y += 9.0 + 4.0;
    }
    flow.space(GAP);
}
