//! One element of a sheet as HTML.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Escaped, VERBATIM_CLOSE, VERBATIM_OPEN};
use crate::chart::Bars;
use crate::sheet::{Element, Grid, Plate};

/// Writes one element; `number` is its place on the sheet and makes ids that no other element has.
pub(super) fn write(page: &mut String, number: usize, element: &Element) -> fmt::Result {
    match element {
        Element::Heading(heading) => writeln!(page, "<h2 dir=\"auto\">{}</h2>", Escaped(heading)),
        Element::Paragraph(text) => writeln!(page, "<p class=\"text\" dir=\"auto\">{}</p>", Escaped(text)),
        Element::Facts(facts) => {
            writeln!(page, "<table>")?;
            for (label, value) in facts {
                writeln!(
                    page,
                    "<tr><th scope=\"row\" dir=\"auto\">{}</th><td dir=\"auto\">{}</td></tr>",
                    Escaped(label),
                    Escaped(value)
                )?;
            }
            writeln!(page, "</table>")
        }
        Element::Plates { left, right } => {
            writeln!(page, "<div class=\"pair\">")?;
            plate(page, left)?;
            plate(page, right)?;
            writeln!(page, "</div>")
        }
        Element::Statement { caption, text, digest } => {
            writeln!(page, "<section class=\"statement\">\n<p><strong>Statement {}</strong></p>", Escaped(caption))?;
            writeln!(page, "{VERBATIM_OPEN}{}{VERBATIM_CLOSE}", Escaped(text))?;
            writeln!(page, "<p class=\"digest\">SHA-256 {digest}</p>\n</section>")
        }
        Element::Grid(table) => grid(page, table),
        Element::Bars(bars) => chart(page, number, bars),
    }
}

fn plate(page: &mut String, plate: &Plate) -> fmt::Result {
    writeln!(page, "<figure>")?;
    match &plate.picture {
        Ok(picture) => writeln!(
            page,
            "<img alt=\"{}\" width=\"{}\" height=\"{}\" src=\"data:image/jpeg;base64,{}\">",
            Escaped(&plate.alt),
            picture.width,
            picture.height,
            STANDARD.encode(&picture.jpeg)
        )?,
        Err(reason) => {
            writeln!(page, "<p class=\"none\">{}. No picture: {}</p>", Escaped(&plate.alt), Escaped(reason))?;
        }
    }
    write!(page, "<figcaption>")?;
    for (index, line) in plate.caption.iter().enumerate() {
        let tag = if index == 0 { "strong" } else { "span" };
        write!(page, "<{tag} dir=\"auto\">{}</{tag}><br>", Escaped(line))?;
    }
    writeln!(page, "</figcaption>\n</figure>")
}

fn grid(page: &mut String, grid: &Grid) -> fmt::Result {
    write!(page, "<table>\n<thead><tr>")?;
    for column in &grid.columns {
        write!(page, "<th scope=\"col\" dir=\"auto\">{}</th>", Escaped(column))?;
    }
    writeln!(page, "</tr></thead>\n<tbody>")?;
    for row in &grid.rows {
        write!(page, "<tr>")?;
        for cell in row {
            write!(page, "<td dir=\"auto\">{}</td>", Escaped(cell))?;
        }
        writeln!(page, "</tr>")?;
    }
    writeln!(page, "</tbody>\n</table>")
}

/// Heights and widths in SVG user units: a label's line above its bar, so that long labels have room.
const CHART_WIDTH: f32 = 640.0;
const BAR_LENGTH: f32 = 520.0;
const BAR_HEIGHT: f32 = 16.0;
const BAR_PITCH: f32 = 44.0;

#[allow(clippy::cast_precision_loss, reason = "a chart has fewer bars than f32 has exact integers")]
fn chart(page: &mut String, number: usize, bars: &Bars) -> fmt::Result {
    let height = BAR_PITCH * bars.bars.len() as f32 + 8.0;
    writeln!(
        page,
        "<figure>\n<svg role=\"img\" aria-labelledby=\"chart{number}\" viewBox=\"0 0 {CHART_WIDTH} {height}\" \
         width=\"{CHART_WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">"
    )?;
    writeln!(page, "<title id=\"chart{number}\">{}</title>", Escaped(&bars.alt()))?;
    for (index, (label, value)) in bars.bars.iter().enumerate() {
        let top = BAR_PITCH * index as f32;
        let length = BAR_LENGTH * bars.share(*value);
        writeln!(page, "<text x=\"0\" y=\"{:.1}\">{}</text>", top + 14.0, Escaped(label))?;
        writeln!(
            page,
            "<rect x=\"0\" y=\"{:.1}\" width=\"{length:.1}\" height=\"{BAR_HEIGHT}\" fill=\"#444\" stroke=\"#111\"/>",
            top + 20.0
        )?;
        writeln!(page, "<text x=\"{:.1}\" y=\"{:.1}\">{value}</text>", length + 6.0, top + 33.0)?;
    }
    writeln!(page, "</svg>\n<figcaption>{} ({})</figcaption>\n</figure>", Escaped(&bars.title), Escaped(&bars.unit))
}
