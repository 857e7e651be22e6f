//! The page of an export: what it is, what it claims, and how to check it, for somebody who has nothing else.
//!
//! It follows from the manifest and the key, and whoever checks an export derives it again, to the byte: a page that says
//! something else is another format, under another number in the manifest.

use super::package::{CHECKPOINT, Files, KEY, MANIFEST, Manifest};
use std::fmt::Write as _;

/// What may stand in HTML text and in a double-quoted attribute.
fn text(plain: &str) -> String {
    let mut safe = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ccc}\
code{background:#f2f2f2;padding:0 .2rem;overflow-wrap:anywhere}pre{background:#f2f2f2;padding:.75rem;overflow-x:auto}";

/// The page. `key` is the log's verifier key.
pub(super) fn html(manifest: &Manifest, key: &str) -> String {
    let case = format!("{} {}", text(&manifest.case.kind), text(&manifest.case.value));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Audit record of case {case}</title>\
         <style>{STYLE}</style></head><body>\n<h1>Audit record of case {case}</h1>\n"
    );
    summary(&mut page, manifest);
    searches(&mut page, manifest);
    attempts(&mut page, manifest);
    entries(&mut page, manifest);
    documents(&mut page, manifest);
    instructions(&mut page, &text(key));
    page.push_str("</body></html>\n");
    page
}

fn summary(page: &mut String, manifest: &Manifest) {
    let complete = &manifest.completeness;
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        page,
        "<p>Taken on {} from the log <code>{}</code>. Every entry from {} to {} was looked at, which is all there is of the \
         log as the enclosed checkpoint signs it, and every entry is here that names the case or a request of the case: {} \
         entries, {} requests, {} searches.</p>",
        manifest.exported,
        text(&manifest.log),
        complete.first,
        complete.end.saturating_sub(1),
        manifest.entries.len(),
        complete.requests.len(),
        complete.searches.len(),
    );
    if complete.rejected.is_some() {
        page.push_str(
            "<p>A number of a case is compared by its letters and digits alone, however it is written and whatever kind of number \
             it is said to be: so does the host that counts the searches of a case.</p>\n",
        );
    }
    if complete.first > 0 {
        let _ = writeln!(
            page,
            "<p>The entries before {} had been pruned from the log by then, as retention rules allow. Whether they touched \
             the case cannot be told.</p>",
            complete.first
        );
    }
    if let Some(unseen) = complete.unseen() {
        let _ = writeln!(page, "<p>This is one host's log, and not all that is on record: {}.</p>", text(&unseen));
    }
    let purged = complete.purged.len();
    if purged > 0 {
        let _ = writeln!(
            page,
            "<p>Of {purged} entries the personal part had been destroyed by then, as retention rules demand. Whether they \
             touched the case cannot be told; <code>{MANIFEST}</code> lists them.</p>"
        );
    }
    page.push_str("<p>A search result is a list of leads. It identifies nobody.</p>\n");
}

fn searches(page: &mut String, manifest: &Manifest) {
    page.push_str(
        "<h2>Searches</h2>\n<table><tr><th>Entry<th>Time<th>Who<th>Verdict<th>Outcome<th>Gallery<th>Found</tr>\n",
    );
    for search in &manifest.completeness.searches {
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            search.index,
            search.at,
            text(&search.person),
            search.verdict,
            text(&search.outcome),
            text(search.gallery.as_deref().unwrap_or_default()),
            search.found,
        );
    }
    page.push_str("</table>\n");
}

fn attempts(page: &mut String, manifest: &Manifest) {
    let Some(rejected) = &manifest.completeness.rejected else { return };
    page.push_str(
        "<h2>Attempts</h2>\n<p>What was asked for in the case and came to nothing before any policy was asked: it did not fit where \
         things stood, or whoever asked may not even ask. What people who may not act here sent with it is not read, so of those \
         there is what named a request of the case in its address.</p>\n",
    );
    if rejected.is_empty() {
        page.push_str("<p>There is none.</p>\n");
        return;
    }
    page.push_str("<table><tr><th>Entry<th>Time<th>Who<th>Request<th>Asked for<th>Why not</tr>\n");
    for attempt in rejected {
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            attempt.index,
            attempt.at,
            text(&attempt.person),
            text(attempt.request.as_deref().unwrap_or_default()),
            text(&attempt.asked),
            text(&attempt.reason),
        );
    }
    page.push_str("</table>\n");
}

fn entries(page: &mut String, manifest: &Manifest) {
    page.push_str("<h2>Entries</h2>\n<table><tr><th>Entry<th>Time<th>Kind<th>Phase<th>Verdict<th>Who<th>Files</tr>\n");
    for entry in &manifest.entries {
        let files = Files::of(entry.index);
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td><a href=\"{}\">public</a> <a href=\"{}\">personal</a> \
             <a href=\"{}\">proof</a></tr>",
            entry.index,
            entry.at,
            text(&entry.kind),
            text(&entry.phase),
            text(&entry.verdict),
            text(&entry.person),
            files.leaf,
            files.account,
            files.proof,
        );
    }
    page.push_str("</table>\n");
}

fn documents(page: &mut String, manifest: &Manifest) {
    if manifest.documents.is_empty() {
        return;
    }
    page.push_str("<h2>Documents</h2>\n<ul>\n");
    for document in &manifest.documents {
        let (file, what, request) = (text(&document.file), text(&document.what), text(&document.request));
        let _ = writeln!(page, "<li><a href=\"{file}\">{what}</a> of request <code>{request}</code></li>");
    }
    page.push_str("</ul>\n");
}

fn instructions(page: &mut String, key: &str) {
    let _ = writeln!(
        page,
        "<h2>How to check it</h2>\n<p>With the program:</p>\n<pre>magistrate audit verify-export FOLDER --key KEY</pre>\n\
         <p>KEY is the log's verifier key. Get it from whoever publishes it and not from this folder, where it reads</p>\n\
         <pre>{key}</pre>\n\
         <p>Or with any tool that knows the formats, all of them public. <code>{CHECKPOINT}</code> is a signed tree head \
         (c2sp.org/tlog-checkpoint) under that key, which is also in <code>{KEY}</code>. \
         <code>entries/N.tlog-proof</code> (c2sp.org/tlog-proof) proves that the bytes of <code>entries/N.json</code> are \
         leaf N of that tree (RFC 6962). Its field <code>account</code> is the SHA-256 of the line \
         <code>magistrate commitment v1</code> with its newline, the 32 bytes that <code>entries/N.salt</code> gives in \
         hexadecimal, and the bytes of <code>entries/N.account</code>. A photograph's SHA-256 is the field \
         <code>probe</code> of the accounts of its request; a released document's is <code>html</code> or <code>pdf</code> of \
         that document among the <code>documents</code> of the account's <code>event</code> that released it \
         (<code>\"what\":\"released\"</code>). One that an account tells of and that is not here had been destroyed. \
         <code>{MANIFEST}</code> has the SHA-256 of every file.</p>\n\
         <p>What the proofs do not show is that nothing was left out: that is the word of whoever took the export, and can \
         be tested by taking it again. Compare the digest of <code>{MANIFEST}</code>, which both commands print, with the \
         one you were told.</p>"
    );
}

#[cfg(test)]
mod tests {
    use super::super::package::{Attempt, Completeness};
    use super::*;
    use model::facts::Identifier;
    use model::terms::Instant;
    use std::collections::BTreeMap;

    fn page(other_logs: &[&str]) -> String {
        listing(other_logs, None)
    }

    fn listing(other_logs: &[&str], rejected: Option<Vec<Attempt>>) -> String {
        let other_logs = other_logs.iter().map(|&log| log.to_owned()).collect();
        let (purged, requests, searches) = (vec![], vec![], vec![]);
        let completeness = Completeness { first: 0, end: 9, other_logs, purged, requests, searches, rejected };
        let manifest = Manifest {
            v: completeness.version(),
            log: "here/north".to_owned(),
            jurisdiction: "north".to_owned(),
            case: Identifier { kind: "k".to_owned(), value: "v".to_owned() },
            exported: Instant(1),
            completeness,
            entries: vec![],
            documents: vec![],
            files: BTreeMap::new(),
        };
        html(&manifest, "key")
    }

    #[test]
    fn the_logs_of_other_hosts_are_named_where_there_are_any() {
        assert!(!page(&[]).contains("other hosts"));
        let several = page(&["there/north", "<b>/north"]);
        assert!(
            several.contains("were not looked into") && several.contains("there/north, &lt;b&gt;/north."),
            "{several}"
        );
    }

    #[test]
    fn attempts_are_listed_where_the_format_has_them() {
        let older = page(&[]);
        assert!(
            !older.contains("Attempts") && !older.contains("letters and digits"),
            "a page is its format's, to the byte"
        );
        let none = listing(&[], Some(vec![]));
        assert!(none.contains("There is none") && none.contains("by its letters and digits alone"), "{none}");
        let text = str::to_owned;
        let attempt = Attempt {
            index: 7,
            at: Instant(1),
            person: text("there/x.y"),
            request: Some(text("r-1")),
            asked: text("search"),
            reason: text("<i>no</i>"),
        };
        let listed = listing(&[], Some(vec![attempt]));
        assert!(listed.contains("<td>there/x.y<td>r-1<td>search<td>&lt;i&gt;no&lt;/i&gt;</tr>"), "{listed}");
    }

    #[test]
    fn nothing_from_a_record_is_markup() {
        assert_eq!(text("<b>\"a\" & 'b'"), "&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;");
    }
}
