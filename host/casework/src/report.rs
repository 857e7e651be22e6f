//! The `report` phase: a report of the charter is drawn up for a period.
//!
//! The figures are derived from the log and its accounts each time, and kept nowhere: what a report says is what the entries
//! of its period say: entries of this host's log, and a report says so where there are others. It is judged first; then it is set out in every form and sealed; and only when the digests of these
//! are on record is it drawn up. One that the charter calls public is then for everybody.
//!
//! The reports of a jurisdiction are found again as the entries of a request are: as entries of [`REPORTS`], a name that no
//! request has.

pub(crate) mod enclosed;
mod figures;
pub(crate) mod period;
mod sheet;

pub use sheet::{Figure, Form, Section, SetOut, Sheet};

use crate::answers;
use crate::aside::aside;
use crate::calendar;
use crate::chamber::{Casework, Chamber, Registered};
use crate::clock::zone;
use crate::error::CaseError;
use crate::intake::attested;
use crate::judge::Facts;
use crate::ledger::{self, Entry, Receipt};
use crate::limits::bounded;
use crate::obligations::{self, HOST, Owed};
use crate::permit::Acted;
use crate::sitting::Taken;
use crate::turns::Turn;
use crate::walk::Walk;
use figures::Figures;
use model::account::{Account, Event, Kind, Rendering, Who};
use model::facts::{Period, Step};
use model::rulings::{Charter, Duty, Report};
use model::terms::{Date, Digest, Instant, Phase, Value};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Under what the entries of reports are listed.
const REPORTS: &str = "reports";

/// The sealed kind under which reports are kept.
const REPORT: &str = "report";

/// Why.
const NOT_DRAWN: &str = "the report was not drawn up";

/// A report asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Its id in the charter.
    pub report: String,
    /// First and last day; the last whole week, month or year, as the charter says, where absent.
    pub days: Option<(Date, Date)>,
    /// Answers on the jurisdiction's form: what no log knows.
    pub answers: BTreeMap<String, Value>,
}

/// A report on record.
#[derive(Clone, Debug, Serialize)]
pub struct OnRecord {
    /// Its id: that of the entry which records it.
    pub id: String,
    /// Which, and of what period.
    #[serde(flatten)]
    pub period: Period,
    /// Its title.
    pub title: String,
    /// Whether it is published.
    pub public: bool,
    /// When it was drawn up.
    pub at: Instant,
    /// By whom; not told to the public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Who>,
    /// The forms it is kept in, with their digests.
    pub renderings: Vec<Rendering>,
}

/// What came of drawing a report up.
pub struct ReportDone {
    /// What was ruled, and where it is recorded.
    pub taken: Taken,
    /// The report.
    pub report: OnRecord,
    /// Its forms.
    pub files: Vec<(Form, Vec<u8>)>,
}

impl Casework {
    /// Draws a report up.
    ///
    /// # Errors
    /// [`CaseError::Unknown`] for a report that the charter does not list; [`CaseError::Rejected`] for somebody of another
    /// jurisdiction; [`CaseError::Refused`] when it is not permitted; [`CaseError::NoDraughting`] and [`CaseError::Draught`]
    /// when it cannot be set out. Nothing is drawn up then.
    pub async fn draw_report(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        asked: Asked,
    ) -> Result<ReportDone, CaseError> {
        bounded([("report", asked.report.as_str())], [], &asked.answers)?;
        let chamber = self.chamber(jurisdiction)?.clone();
        if actor.principal.jurisdiction != jurisdiction {
            let reason = "only people of the jurisdiction draw up its reports";
            return self.reject(jurisdiction, actor, "draw a report up", None, reason).await;
        }
        let now = self.clock.now()?;
        let Asked { report, days, answers } = asked;
        // The same revision from here to the end of the report.
        let in_force = chamber.ready();
        let defined = match in_force.as_ref().map(policy::Policy::charter) {
            Some(charter) => Some((charter, defined(charter, &report)?)),
            // Without a policy the step is denied below, and that on record.
            None => None,
        };
        let zone = zone(defined.map_or("UTC", |(charter, _)| charter.time_zone.as_str()));
        let usual = || {
            defined.and_then(|(_, defined)| period::usual(&defined.every, defined.week_starts, period::day(now, &zone)))
        };
        let (first, last) = days.or_else(usual).ok_or_else(|| {
            CaseError::Invalid(format!("report `{report}` is made on demand: say for which days, from and to"))
        })?;
        let span = period::moments(first, last, &zone)?;
        let period = Period { report, first, last };
        let attestations = if answers.is_empty() { vec![] } else { vec![attested(answers.clone(), actor, now)] };
        let facts = Facts::apart(now, actor, attestations, Step::Report(period.clone()));
        let concerned = [chamber.clone()];
        answers::check(&concerned, Phase::Report, &answers)?;
        let acted = self.judge(&concerned, facts, vec![]).await?.act();
        let id = model::terms::new_id();
        let drawn = match defined {
            Some((charter, defined)) => {
                let draft = Draft { charter, defined, period: &period, answers: &answers, span, now };
                self.set_out(&chamber, &acted, draft, &id).await
            }
            None => Err(CaseError::Invalid("there is no charter to report under: put a policy in force".to_owned())),
        };
        // In the turn of its period: nobody has the report owed while it is put on record.
        let ready = match drawn {
            Ok(drawn) => self.ready(&chamber, &acted, &period, &id, drawn).await,
            Err(e) => Err(e),
        };
        match ready {
            Ok((ready, _turn)) => self.keep_report(&chamber, actor, acted, period, id, ready).await,
            Err(e) => {
                let rows = self.never_sent(&chamber, &acted.rulings).await;
                Err(self.give_up_with(&concerned, acted, actor, e, rows).await)
            }
        }
    }

    /// Acts on the permit: the figures are derived, set out and sealed.
    async fn set_out(
        &self,
        chamber: &Arc<Chamber>,
        acted: &Acted,
        draft: Draft<'_>,
        id: &str,
    ) -> Result<Drawn, CaseError> {
        let duties = || acted.rulings.rulings.iter().flat_map(|r| &r.decision.obligations).map(|o| &o.duty);
        if duties().any(|duty| matches!(duty, Duty::Approve(_) | Duty::SignOffs(_))) {
            let message =
                "the policy wants a report signed or approved before it is drawn up, which this host cannot see to";
            return Err(CaseError::Invalid(message.to_owned()));
        }
        let name = &draft.period.report;
        let draughting = self.draughting.clone().ok_or_else(|| CaseError::NoDraughting(name.clone()))?;
        let mut walk = Walk::begin(chamber, draft.span.start, draft.span.end).await?;
        let mut figures = Figures::new(chamber.id(), &draft.defined.counted_tags).over(walk.extent().clone());
        while let Some(entries) = walk.next().await? {
            entries.into_iter().for_each(|told| figures.add(told));
        }
        let receipt = acted.intent.receipt()?;
        let (log, entry) = receipt.map(|r| (r.origin, r.index)).unwrap_or_default();
        let mut sections = draft.front(chamber, duties());
        sections.extend(figures.sections());
        let sheet = Sheet {
            title: draft.defined.title.clone(),
            jurisdiction: chamber.id().to_owned(),
            audience: draft.defined.to.join(", "),
            first: draft.period.first,
            last: draft.period.last,
            at: draft.now,
            counts: figures.counts(),
            sections,
            log,
            entry,
        };
        let failed = |reason: String| CaseError::Draught { document: name.clone(), reason };
        let set_out = aside(move || draughting.set_out(&sheet)).await?.map_err(failed)?;
        let files = set_out.forms();
        for (form, bytes) in &files {
            chamber.store.seal(REPORT, &sealed_id(id, *form), bytes).await?;
        }
        let Report { title, public, to, .. } = draft.defined.clone();
        Ok(Drawn { title, public, to, files: files.into() })
    }

    /// What is kept with the entry that a report is drawn up: that the documents demanded are, and that it is not due any more.
    /// In the turn of its period, which is given with it.
    async fn ready(
        &self,
        chamber: &Arc<Chamber>,
        acted: &Acted,
        period: &Period,
        id: &str,
        drawn: Drawn,
    ) -> Result<(Ready, Turn), CaseError> {
        let turn = self.turn(chamber, &calendar::turn(period)).await?;
        let at = self.clock.now()?;
        let goes_with_it = |duty: &Duty| matches!(duty, Duty::Document(_) | Duty::Notify(_));
        let owed = obligations::just_imposed(chamber, &acted.rulings, goes_with_it).await?;
        let due = calendar::of_report(chamber, period).await?;
        let mut rows = settled(&owed, due, &acted.intent.id, at)?;
        rows.extend(enclosed::going_out(&owed, &drawn, id, period));
        rows.push(store::Kept::Entry { request: REPORTS.to_owned(), entry: id.to_owned() });
        Ok((Ready { drawn, at, rows }, turn))
    }

    /// Records that a report is drawn up.
    async fn keep_report(
        &self,
        chamber: &Arc<Chamber>,
        actor: &Registered,
        acted: Acted,
        period: Period,
        id: String,
        ready: Ready,
    ) -> Result<ReportDone, CaseError> {
        let Acted { rulings, intent, subject } = acted;
        let Ready { drawn: Drawn { title, public, files, .. }, at, rows } = ready;
        let rendering =
            |(form, bytes): &(Form, Vec<u8>)| Rendering { form: form.suffix().to_owned(), digest: Digest::of(bytes) };
        let renderings: Vec<Rendering> = files.iter().map(rendering).collect();
        let event =
            Event::Drawn { period: period.clone(), title: title.clone(), public, renderings: renderings.clone() };
        let (who, of) = (actor.who(), Some(intent.id));
        let entry = Entry { kind: Kind::Outcome, who: who.clone(), at, subject, of, event };
        let recorded = ledger::record_as(id.clone(), &[&chamber.ledger], entry, rows).await?;
        self.stir.notify_one();
        let receipt: Option<Receipt> = recorded.receipt()?;
        let report = OnRecord { id, period, title, public, at, by: Some(who), renderings };
        Ok(ReportDone { taken: Taken { rulings, receipt }, report, files })
    }

    /// The reports of a jurisdiction, the latest first: those that are published, or all.
    ///
    /// # Errors
    /// [`CaseError`] when they cannot be read.
    pub async fn reports(&self, jurisdiction: &str, published: bool) -> Result<Vec<OnRecord>, CaseError> {
        let chamber = self.chamber(jurisdiction)?;
        chamber.ledger.settle().await?;
        let ids = chamber.store.entries_of_request(REPORTS).await?;
        let mut reports = Vec::with_capacity(ids.len());
        for row in chamber.accounts(&ids).await?.into_iter().flatten().rev() {
            reports.extend(on_record(chamber, &row, published)?);
        }
        Ok(reports)
    }

    /// One form of a report, to the byte as it was recorded: a published one, or any.
    ///
    /// # Errors
    /// [`CaseError::Unknown`] for no such report, and for one that is not published where it has to be.
    pub async fn report_file(
        &self,
        jurisdiction: &str,
        id: &str,
        form: Form,
        published: bool,
    ) -> Result<Vec<u8>, CaseError> {
        let unknown = || CaseError::Unknown {
            kind: "report",
            id: id.to_owned(),
            hint: "; GET /v1/{jurisdiction}/reports lists those that are published",
        };
        let chamber = self.chamber(jurisdiction)?;
        chamber.ledger.settle().await?;
        let row = chamber.accounts(&[id.to_owned()]).await?.pop().flatten().ok_or_else(unknown)?;
        let report = on_record(chamber, &row, published)?.ok_or_else(unknown)?;
        let kept = report.renderings.iter().find(|r| r.form == form.suffix()).ok_or_else(unknown)?;
        let bytes = chamber.store.open_sealed(REPORT, &sealed_id(id, form)).await?.ok_or_else(unknown)?;
        if Digest::of(&bytes) != kept.digest {
            let reason = "what is kept of it is not what was recorded".to_owned();
            return Err(CaseError::Draught { document: report.period.report, reason });
        }
        Ok(bytes)
    }
}

/// What a report is set out from, beside the log.
struct Draft<'a> {
    charter: &'a Charter,
    defined: &'a Report,
    period: &'a Period,
    answers: &'a BTreeMap<String, Value>,
    span: Range<Instant>,
    now: Instant,
}

/// A report that is set out and sealed.
struct Drawn {
    title: String,
    public: bool,
    to: Vec<String>,
    files: Vec<(Form, Vec<u8>)>,
}

/// What is put on record of it.
struct Ready {
    drawn: Drawn,
    at: Instant,
    rows: Vec<store::Kept>,
}

impl Draft<'_> {
    /// What stands before the figures: under which directive it is made, the statements demanded, and what was answered.
    fn front<'d>(&self, chamber: &Chamber, duties: impl Iterator<Item = &'d Duty>) -> Vec<Section> {
        let mut about = Vec::new();
        let mut statements = Vec::new();
        for duty in duties {
            match duty {
                Duty::Document(id) => about.extend(chamber.document(id).and_then(|d| d.preamble)),
                Duty::Statement(id) => statements.extend(chamber.statement(id)),
                _ => {}
            }
        }
        about.push(self.charter.authority.clone());
        let about = Section { heading: "About this report".to_owned(), text: about.join("\n"), ..Section::default() };
        let statement = |s: model::rulings::Statement| Section {
            heading: s.id,
            text: s.text,
            verbatim: true,
            ..Section::default()
        };
        let mut sections = vec![about];
        sections.extend(statements.into_iter().map(statement));
        if !self.answers.is_empty() {
            sections.push(self.given());
        }
        sections
    }

    /// What whoever drew it up says, under the labels of the form.
    fn given(&self) -> Section {
        let form = self.charter.forms.iter().find(|form| form.phase == Phase::Report);
        let label = |name: &String| {
            let field = form.into_iter().flat_map(|form| &form.fields).find(|field| field.name == *name);
            field.map_or_else(|| name.clone(), |field| field.label.clone())
        };
        Section {
            heading: "Stated by whoever drew this up".to_owned(),
            columns: ["Question", "Answer"].map(str::to_owned).to_vec(),
            rows: self.answers.iter().map(|(name, value)| vec![label(name), written(value)]).collect(),
            ..Section::default()
        }
    }
}

/// How what a report's decision imposed stands once it is drawn up: its documents are there, and the notices of it go out now.
/// `due` is the duty to draw it up, where there is one: that is met.
pub(crate) fn settled(
    owed: &[Owed],
    due: Option<Owed>,
    entry: &str,
    at: Instant,
) -> Result<Vec<store::Kept>, CaseError> {
    let mut rows = obligations::met(owed, |o| matches!(o.duty, Duty::Document(_)), entry, at)?;
    for notice in owed.iter().filter(|o| o.is_open() && matches!(o.duty, Duty::Notify(_))) {
        rows.push(notice.clone().again(Some(at))?);
    }
    if let Some(due) = due.filter(Owed::is_open) {
        rows.push(due.met(entry, at)?);
    }
    Ok(rows)
}

/// The same where it could not be drawn up: nobody is told of what is not there.
pub(crate) fn not_drawn(owed: &[Owed], at: Instant) -> Result<Vec<store::Kept>, CaseError> {
    let open = owed.iter().filter(|o| o.is_open() && matches!(o.duty, Duty::Notify(_)));
    open.map(|notice| notice.clone().waived(HOST, at, NOT_DRAWN)).collect()
}

fn defined<'c>(charter: &'c Charter, report: &str) -> Result<&'c Report, CaseError> {
    charter.reports.iter().find(|defined| defined.id == report).ok_or_else(|| CaseError::Unknown {
        kind: "report",
        id: report.to_owned(),
        hint: " in the charter; GET /v1/{jurisdiction}/charter lists them",
    })
}

/// An answer as a reader reads it.
fn written(value: &Value) -> String {
    match value {
        Value::Flag(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Texts(texts) => texts.join(", "),
        Value::Date { date } => date.to_string(),
        Value::Instant { instant } => instant.to_string(),
    }
}

fn sealed_id(report: &str, form: Form) -> String {
    format!("{report}.{}", form.suffix())
}

/// The report that an entry records, if it records one, and one for whoever asks.
fn on_record(chamber: &Chamber, row: &store::AccountRow, published: bool) -> Result<Option<OnRecord>, CaseError> {
    let account = chamber.account_in(row)?;
    let Account { id, at, who, event: Event::Drawn { period, title, public, renderings }, .. } = account else {
        return Ok(None);
    };
    if published && !public {
        return Ok(None);
    }
    Ok(Some(OnRecord { id, period, title, public, at, by: (!published).then_some(who), renderings }))
}
