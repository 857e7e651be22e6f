//! The report that goes with the notice of it: whoever is told that it is there need not be let in to read it.
//!
//! A decision demands the notice before there is a report, so which report it is of is kept when that is put on record, and
//! the notice goes out then. It goes with the notices to those alone whom the charter makes the report for.

use super::{Drawn, Form};
use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::obligations::{self, Owed};
use model::combine::Rulings;
use model::facts::Period;
use model::notice::Enclosure;
use model::rulings::Duty;

/// The kind under which it is kept which report goes with a notice.
const ENCLOSED: &str = "enclosed";

/// The forms in which a report is sent.
const SENT: [Form; 2] = [Form::Html, Form::Pdf];

/// What is kept with a report so that it goes with these notices of it.
pub(super) fn going_out(owed: &[Owed], drawn: &Drawn, id: &str, period: &Period) -> Vec<store::Kept> {
    let mut rows = Vec::new();
    for notice in owed.iter().filter(|owed| owed.is_open()) {
        let Duty::Notify(rule) = &notice.duty else { continue };
        if rule.to.iter().all(|office| drawn.to.contains(office)) {
            let body = serde_json::json!({ "report": id, "name": file_name(period) });
            rows.push(store::Kept::Stands(store::StandingRow {
                kind: ENCLOSED.to_owned(),
                id: notice.id.clone(),
                body,
            }));
        }
    }
    rows
}

/// Names a file, without its ending, whatever the charter calls the report.
fn file_name(period: &Period) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    format!("{}-{}-{}", period.report.chars().map(plain).collect::<String>(), period.first, period.last)
}

impl Casework {
    /// What says that the notices of a report are set aside that could not be drawn up.
    pub(super) async fn never_sent(&self, chamber: &Chamber, rulings: &Rulings) -> Vec<store::Kept> {
        let set_aside = async {
            let owed = obligations::just_imposed(chamber, rulings, |duty| matches!(duty, Duty::Notify(_))).await?;
            // The decision's moment, which is on record.
            super::not_drawn(&owed, rulings.at)
        };
        set_aside.await.unwrap_or_else(|e| {
            tracing::warn!(jurisdiction = chamber.id(), %e, "a report was not drawn up, and the notice of it is not set aside: it goes out when it is due");
            Vec::new()
        })
    }

    /// The files that go with a notice.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub(crate) async fn enclosed(&self, chamber: &Chamber, notice: &Owed) -> Result<Vec<Enclosure>, CaseError> {
        chamber.ledger.settle().await?;
        let Some(row) = chamber.store.standing(ENCLOSED, &notice.id).await? else { return Ok(vec![]) };
        let [report, name] = ["report", "name"].map(|key| row.body[key].as_str().unwrap_or_default());
        let mut files = Vec::with_capacity(SENT.len());
        for form in SENT {
            files.push(Enclosure {
                name: format!("{name}.{}", form.suffix()),
                media_type: form.media_type().to_owned(),
                bytes: self.report_file(chamber.id(), report, form, false).await?,
            });
        }
        Ok(files)
    }
}

/// That a notice is out: nothing goes with it any more.
pub(crate) async fn forget(chamber: &Chamber, notice: &Owed) {
    let row = store::Kept::Forgotten { kind: ENCLOSED.to_owned(), id: notice.id.clone() };
    if let Err(e) = chamber.store.keep(&[row]).await {
        tracing::warn!(jurisdiction = chamber.id(), %e, "which report went with a notice is still kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_the_report_and_its_days_and_nothing_else() {
        let (first, last) = ("2026-03-02".parse().unwrap(), "2026-03-08".parse().unwrap());
        let named = |report: &str| file_name(&Period { report: report.to_owned(), first, last });
        assert_eq!(named("weekly"), "weekly-2026-03-02-2026-03-08");
        assert_eq!(named("../we\r\nkly"), "---we--kly-2026-03-02-2026-03-08");
    }
}
