//! Reports, for everybody and for auditors: bodies and routes.

use crate::api::{Base64, FindingView, ObligationView, ReceiptView, obligations};
use crate::case_endpoints::answered;
use crate::endpoints::{Ask, Reply, summarized};
use crate::problem::Problem;
use casework::Casework;
use casework::report::{Asked, Form, OnRecord, ReportDone};
use hyper::StatusCode;
use model::terms::{Date, Digest, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A report to be drawn up.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportBody {
    /// Its id in the charter.
    #[schema(example = "weekly")]
    pub report: String,
    /// The first day; with `to`, or neither: then the last whole week, month or year, as the charter says.
    #[schema(value_type = Option<String>, example = "2026-03-02")]
    pub from: Option<Date>,
    /// The last day.
    #[schema(value_type = Option<String>, example = "2026-03-08")]
    pub to: Option<Date>,
    /// Answers on the jurisdiction's form, attested by the caller: what no log knows.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

/// A report that was drawn up.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DrawnView {
    /// The report: its id, which it is, its days, its title, whether it is published, and the digests of its forms.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub report: OnRecord,
    /// `permit`.
    pub verdict: &'static str,
    /// What was checked.
    pub findings: Vec<FindingView>,
    /// What has to be done.
    pub obligations: Vec<ObligationView>,
    /// Where it is recorded.
    pub receipt: Option<ReceiptView>,
    /// Its forms.
    pub files: Vec<FileView>,
}

/// One form of a report, whole.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FileView {
    /// `html`, `pdf`, `csv` or `json`.
    pub form: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// The sha-256 of its bytes.
    pub digest: String,
    /// Its bytes, in base64.
    pub content: String,
}

pub(crate) async fn draw(ask: Ask) -> Result<Reply, Problem> {
    let ReportBody { report, from, to, answers } = ask.body()?;
    let days = both(from, to)?;
    let asked = Asked { report, days, answers };
    let done = ask.casework.draw_report(ask.caller()?, ask.part("jurisdiction"), asked).await;
    answered(&ask.casework, done, |done| drawn(&ask.casework, done))
}

fn drawn(casework: &Casework, done: ReportDone) -> Result<Reply, Problem> {
    let file = |(form, bytes): (Form, Vec<u8>)| FileView {
        form: form.suffix(),
        media_type: form.media_type(),
        digest: Digest::of(&bytes).to_string(),
        content: Base64(bytes).text(),
    };
    Reply::json(&DrawnView {
        verdict: "permit",
        findings: summarized(casework, [&done.taken.rulings]),
        obligations: obligations([&done.taken.rulings]),
        receipt: done.taken.receipt.map(Into::into),
        files: done.files.into_iter().map(file).collect(),
        report: done.report,
    })
}

/// Those that are published.
pub(crate) async fn published(ask: Ask) -> Result<Reply, Problem> {
    Reply::json(&ask.casework.reports(ask.part("jurisdiction"), true).await?)
}

/// One that is published, in one form.
pub(crate) async fn published_file(ask: Ask) -> Result<Reply, Problem> {
    let (id, form) = file(ask.part("file"))?;
    let body = ask.casework.report_file(ask.part("jurisdiction"), id, form, true).await?;
    Ok(Reply { status: StatusCode::OK, content_type: form.media_type(), body })
}

/// All of them.
pub(crate) async fn all(ask: Ask) -> Result<Reply, Problem> {
    Reply::json(&ask.casework.inspect_reports(ask.caller()?, ask.part("jurisdiction")).await?)
}

/// Any, in one form.
pub(crate) async fn any_file(ask: Ask) -> Result<Reply, Problem> {
    let (id, form) = file(ask.part("file"))?;
    let body = ask.casework.inspect_report(ask.caller()?, ask.part("jurisdiction"), id, form).await?;
    Ok(Reply { status: StatusCode::OK, content_type: form.media_type(), body })
}

/// The first and the last day of a period, where any is named.
pub(crate) fn both(from: Option<Date>, to: Option<Date>) -> Result<Option<(Date, Date)>, Problem> {
    match (from, to) {
        (Some(from), Some(to)) => Ok(Some((from, to))),
        (None, None) => Ok(None),
        _ => Err(Problem::invalid("only one of `from` and `to` is given: give both, or neither")),
    }
}

/// The report and the form that `<id>.<form>` names.
fn file(name: &str) -> Result<(&str, Form), Problem> {
    let named = name.rsplit_once('.').and_then(|(id, suffix)| {
        let form = Form::ALL.into_iter().find(|form| form.suffix() == suffix)?;
        (!id.is_empty()).then_some((id, form))
    });
    named.ok_or_else(|| {
        let detail = format!("`{name}` names no form of a report: ask for its id with .html, .pdf, .csv or .json");
        Problem::new(StatusCode::NOT_FOUND, "unknown", "there is no such thing", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_an_id_and_a_form() {
        let of = |name| file(name).ok();
        assert_eq!(of("0199-ab.pdf"), Some(("0199-ab", Form::Pdf)));
        assert_eq!(of("a.b.json"), Some(("a.b", Form::Json)));
        for bad in ["0199-ab", "0199-ab.", "0199-ab.exe", ".pdf", ".", "", "pdf"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_period_has_two_ends() {
        let day: Date = "2026-03-02".parse().unwrap();
        assert_eq!(both(Some(day), Some(day)).unwrap(), Some((day, day)));
        assert_eq!(both(None, None).unwrap(), None);
        assert!(both(Some(day), None).is_err() && both(None, Some(day)).is_err());
    }
}
