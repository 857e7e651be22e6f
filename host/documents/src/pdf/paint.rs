//! Marks to a file.

use std::num::NonZeroU16;

use krilla::color::luma;
use krilla::geom::{Path, PathBuilder, Point, Rect, Size, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, SpanTag, TableHeaderScope, Tag, TagGroup, TagKind, TagTree,
};
use krilla::{Document, SerializeSettings};
use model::terms::Instant;

use super::Pdf;
use super::flow::{Flow, Mark, Node, Placed, Role, regular};
use super::typeset::{Style, Typesetter};
use crate::RenderError;
use crate::sheet::Sheet;

const FOOTER: Style = regular(7.5);

/// Longest footer text, in characters: two lines would run into the page.
const FOOTER_CHARS: usize = 110;

/// Writes the pages.
///
/// # Errors
/// They exceed what the format can hold.
pub(super) fn paint(mut flow: Flow, sheet: &Sheet) -> Result<Pdf, RenderError> {
    footers(&mut flow, &sheet.footer);
    let mut document = Document::new_with(SerializeSettings::default());
    let mut statements = vec![String::new(); flow.statements];
    let mut parts: Vec<Vec<Identifier>> = vec![Vec::new(); flow.nodes.len()];
    for marks in &flow.pages {
        let settings = PageSettings::from_wh(flow.width, flow.height)
            .ok_or_else(|| RenderError::Pdf("the page has no size".to_owned()))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for Placed { mark, node } in marks {
            let identifier = surface.start_tagged(content_tag(mark, *node));
            draw(&mut surface, mark, &flow.typesetter);
            surface.end_tagged();
            if let Some(part) = node.and_then(|node| parts.get_mut(node)) {
                part.push(identifier);
            }
            if let Mark::Text { line, statement: Some(number), .. } = mark
                && let Some(statement) = statements.get_mut(*number)
            {
                statement.push_str(&line.drawn());
            }
        }
        surface.finish();
        page.finish();
    }
    document.set_tag_tree(structure(&flow.nodes, parts, &sheet.language));
    document.set_metadata(
        Metadata::new()
            .title(sheet.title.clone())
            .language(sheet.language.clone())
            .creator("Magistrate".to_owned())
            .creation_date(date(sheet.issued_at)),
    );
    let pages = flow.pages.len();
    let bytes = document.finish().map_err(|error| RenderError::Pdf(error.to_string()))?;
    Ok(Pdf { bytes, pages, statements, undrawable: flow.typesetter.undrawable })
}

/// The footer of every page, now that their number is known.
fn footers(flow: &mut Flow, footer: &str) {
    let footer: String = footer.chars().take(FOOTER_CHARS).collect();
    let (x, y) = (flow.left(), flow.height - 42.0);
    let (whole, count) = (flow.measure(), flow.pages.len());
    for index in 0..count {
        let number = format!("Page {} of {count}", index + 1);
        let left = flow.typesetter.set(&footer, FOOTER, f32::MAX).into_iter().next();
        let right = flow.typesetter.set(&number, FOOTER, f32::MAX).into_iter().next();
        let Some(page) = flow.pages.get_mut(index) else { continue };
        for (line, x, room) in [(left, x, whole - 90.0), (right, x + whole - 80.0, 80.0)] {
            if let Some(line) = line {
                let size = if line.width * FOOTER.size > room { room / line.width } else { FOOTER.size };
                let style = Style { size, ..FOOTER };
                let mark = Mark::Text { x, baseline: y, style, line, statement: None };
                page.push(Placed { mark, node: None });
            }
        }
    }
}

fn content_tag(mark: &Mark, node: Option<usize>) -> ContentTag<'static> {
    match (node, mark) {
        (None, _) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
        (Some(_), Mark::Text { .. }) => ContentTag::Span(SpanTag::empty()),
        (Some(_), _) => ContentTag::Other,
    }
}

fn draw(surface: &mut Surface<'_>, mark: &Mark, typesetter: &Typesetter) {
    match mark {
        Mark::Text { x, baseline, style, line, .. } => {
            surface.set_stroke(None);
            surface.set_fill(Some(grey(0)));
            let font = typesetter.font(style.weight);
            let mut x = *x;
            for run in line.runs.iter().filter(|run| !run.glyphs.is_empty()) {
                let start = Point::from_xy(x, *baseline);
                surface.draw_glyphs(start, &run.glyphs, font.clone(), &run.text, style.size, false);
                x += run.width * style.size;
            }
        }
        Mark::Box { x, y, width, height, fill } => {
            let Some(path) = rectangle(*x, *y, *width, *height) else { return };
            surface.set_fill(fill.map(grey));
            surface.set_stroke(fill.is_none().then(|| Stroke { width: 0.9, ..Stroke::default() }));
            surface.draw_path(&path);
        }
        Mark::Picture { x, y, width, height, image } => {
            let Some(size) = Size::from_wh(*width, *height) else { return };
            surface.push_transform(&Transform::from_translate(*x, *y));
            surface.draw_image(image.clone(), size);
            surface.pop();
        }
    }
}

fn grey(lightness: u8) -> Fill {
    Fill { paint: luma::Color::new(lightness).into(), ..Fill::default() }
}

fn rectangle(x: f32, y: f32, width: f32, height: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.push_rect(Rect::from_xywh(x, y, width, height)?);
    path.finish()
}

/// The structure for screen readers. Children follow their parents in `nodes`, so it is built from the back.
fn structure(nodes: &[Node], parts: Vec<Vec<Identifier>>, language: &str) -> TagTree {
    let mut groups: Vec<TagGroup> = nodes.iter().map(|node| TagGroup::new(tag(&node.role))).collect();
    for (group, parts) in groups.iter_mut().zip(parts) {
        for part in parts {
            group.push(part);
        }
    }
    let mut roots = Vec::new();
    // From the last to the first: a group is complete when its turn comes, its child groups in reverse order.
    while let Some(mut group) = groups.pop() {
        match group.children.first() {
            None => continue,
            Some(krilla::tagging::Node::Group(_)) => group.children.reverse(),
            Some(krilla::tagging::Node::Leaf(_)) => {}
        }
        let parent = nodes.get(groups.len()).and_then(|node| node.parent);
        match parent.and_then(|parent| groups.get_mut(parent)) {
            Some(parent) => parent.push(group),
            None => roots.push(group),
        }
    }
    let mut tree = TagTree::new().with_lang(Some(language.to_owned()));
    for group in roots.into_iter().rev() {
        tree.push(group);
    }
    tree
}

fn tag(role: &Role) -> TagKind {
    const SECOND: NonZeroU16 = NonZeroU16::MIN.saturating_add(1);
    match role {
        Role::Title => Tag::Hn(NonZeroU16::MIN, None).into(),
        Role::Heading(text) => Tag::Hn(SECOND, Some(text.clone())).into(),
        Role::Paragraph => Tag::P.into(),
        Role::Quote => Tag::BlockQuote.into(),
        Role::Table => Tag::Table.into(),
        Role::Row => Tag::TR.into(),
        Role::HeaderCell => Tag::TH(TableHeaderScope::Column).into(),
        Role::LabelCell => Tag::TH(TableHeaderScope::Row).into(),
        Role::Cell => Tag::TD.into(),
        Role::Figure(alt) => Tag::Figure(Some(alt.clone())).into(),
    }
}

/// The moment as PDF writes it: to the second, UTC.
fn date(at: Instant) -> DateTime {
    let at = jiff::tz::TimeZone::UTC.to_datetime(at.timestamp());
    let small = |number: i8| u8::try_from(number).unwrap_or(0);
    DateTime::new(u16::try_from(at.year()).unwrap_or(0))
        .month(small(at.month()))
        .day(small(at.day()))
        .hour(small(at.hour()))
        .minute(small(at.minute()))
        .second(small(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}
