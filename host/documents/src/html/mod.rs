//! The sheet as one HTML file (HTML Living Standard, no script). Everything that came from outside passes through
//! [`Escaped`]; everything else is a constant of this module.

mod elements;

use std::fmt::{self, Write as _};

use crate::sheet::Sheet;

/// Marks a statement's text, so that [`verbatim`](crate::verbatim) finds it again. No text can contain it: `<` is escaped.
pub(crate) const VERBATIM_OPEN: &str = "<div class=\"verbatim\" dir=\"auto\">";
/// Ends it.
pub(crate) const VERBATIM_CLOSE: &str = "</div>";

/// Nothing is fetched and nothing runs, whatever a text might smuggle in.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Dark on white, no colour that means anything, tables that break between rows, page numbers where the printer can.
const STYLE: &str = "\
@page{margin:18mm 16mm;@bottom-right{content:counter(page) ' / ' counter(pages)}}\
body{font:11pt/1.45 'DejaVu Sans',Verdana,sans-serif;color:#111;background:#fff;max-width:48rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5em;margin:0 0 .3em}h2{font-size:1.15em;margin:1.6em 0 .4em}\
header p{margin:0;color:#333}header{border-bottom:2px solid #111;padding-bottom:.6em;margin-bottom:1em}\
.text{white-space:pre-wrap;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%;margin:.6em 0}\
th,td{border:1px solid #777;padding:.3em .5em;text-align:start;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere}\
th{background:#eee}tr,.pair,.statement{break-inside:avoid}thead{display:table-header-group}\
.pair{display:flex;gap:1rem;margin:.8em 0}.pair figure{flex:1;margin:0;min-width:0}\
.pair img{display:block;max-width:100%;max-height:75mm;margin:0 auto}\
.none{border:1px dashed #555;padding:2em 1em;text-align:center}\
figcaption{font-size:.85em;overflow-wrap:anywhere}\
.statement{border:2px solid #111;padding:.6em .8em;margin:1em 0}\
.verbatim{white-space:pre-wrap;overflow-wrap:anywhere}\
.digest{font:8pt monospace;overflow-wrap:anywhere;margin:.4em 0 0}\
svg{max-width:100%;height:auto}footer{border-top:1px solid #777;margin-top:2em;font-size:.8em}";

/// Draws a sheet.
pub(crate) fn render(sheet: &Sheet) -> String {
    let mut page = String::new();
    write_page(&mut page, sheet).expect("writing to a String cannot fail");
    page
}

fn write_page(page: &mut String, sheet: &Sheet) -> fmt::Result {
    writeln!(page, "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">", Escaped(&sheet.language))?;
    writeln!(page, "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">")?;
    writeln!(page, "<meta name=\"viewport\" content=\"width=device-width\">")?;
    writeln!(page, "<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>", Escaped(&sheet.title))?;
    writeln!(page, "<header>\n<h1 dir=\"auto\">{}</h1>", Escaped(&sheet.title))?;
    for line in sheet.lines.iter().filter(|line| !line.is_empty()) {
        writeln!(page, "<p dir=\"auto\">{}</p>", Escaped(line))?;
    }
    writeln!(page, "</header>\n<main>")?;
    for (number, element) in sheet.elements.iter().enumerate() {
        elements::write(page, number, element)?;
    }
    writeln!(page, "</main>\n<footer><p>{}</p></footer>\n</body>\n</html>", Escaped(&sheet.footer))
}

/// Text as HTML text or as a double-quoted attribute's value (HTML, 13.1.2.3 and 13.1.4).
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Undoes [`Escaped`], and only that: any other entity stays as it stands, so a text that holds one differs.
pub(crate) fn unescape(text: &str) -> String {
    // The ampersand last: `&amp;lt;` is the text `&lt;`.
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::tests::{comparison, paper};
    use crate::paper::{Block, Fact, Finding, Paper, Provenance, Signature, Statement};
    use model::terms::Instant;

    #[test]
    fn escaping_is_undone_to_the_letter() {
        for text in ["<b>&amp;&lt;</b>", "\"'&#39;", "&", "plain", "&amp;amp;"] {
            assert_eq!(unescape(&Escaped(text).to_string()), text);
        }
    }

    #[test]
    fn markup_in_any_field_stays_text() {
        const BAD: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'</style></title>";
        let bad = || BAD.to_owned();
        let mut pair = comparison(1);
        if let Block::Comparison(pair) = &mut pair {
            pair.record = bad();
            pair.booking = vec![Fact::new(BAD, BAD)];
            pair.probe.notes = vec![bad()];
        }
        let paper = Paper {
            language: bad(),
            title: bad(),
            authority: bad(),
            jurisdiction: bad(),
            references: vec![Fact::new(BAD, BAD)],
            provenance: Provenance { log: bad(), entry: 0 },
            ..paper(vec![
                Block::Heading(bad()),
                Block::Paragraph(bad()),
                Block::Facts(vec![Fact::new(BAD, BAD)]),
                Block::Statement(Statement { id: bad(), text: bad() }),
                Block::Signatures(vec![Signature {
                    name: bad(),
                    role: bad(),
                    unit: bad(),
                    conclusion: bad(),
                    at: Instant(0),
                }]),
                Block::Findings(vec![Finding { clause: bad(), outcome: bad(), explanation: bad() }]),
                pair,
            ])
        };
        let html = paper.html();
        assert!(html.contains("&lt;script&gt;"));
        assert!(!html.contains("<script") && !html.contains("<img src=x"));
        assert_eq!(html.matches("</style>").count(), 1);
        assert_eq!(html.matches("</title>").count(), 1);
        assert!(paper.pdf().is_ok());
    }

    #[test]
    fn the_page_is_whole_and_fetches_nothing() {
        let html = paper(vec![comparison(1)]).html();
        assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">") && html.ends_with("</html>\n"));
        assert!(html.contains("alt=\"Photograph of the probe\""));
        assert_eq!(html.matches("src=\"data:image/jpeg;base64,").count(), html.matches("src=").count());
        assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("url("));
    }
}
