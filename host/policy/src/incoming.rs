//! The contract's types to the host's: mechanical, one function a type. Whatever the host cannot hold is said in words that
//! continue "the policy's answer …".

use crate::bindings::magistrate::policy::{rulings as wr, terms as wt};
use model::rulings::{Charter, ClauseId};
use model::terms::{Date, Digest, Instant};
use model::{rulings, terms};

fn date_in(x: wt::Date) -> Result<Date, String> {
    let part = |n: u32| i8::try_from(n % 100).unwrap_or(0);
    i16::try_from(x / 10_000)
        .ok()
        .and_then(|year| Date::new(year, part(x / 100), part(x)).ok())
        .ok_or_else(|| format!("holds the impossible date {x}"))
}

fn digest_in(x: String) -> Result<Digest, String> {
    x.parse().map_err(|_| format!("holds `{x}`, which is not a sha-256 digest"))
}

fn value_in(x: wt::ValueResult) -> Result<terms::Value, String> {
    Ok(match x {
        wt::ValueResult::Text(x) => terms::Value::Text(x),
        wt::ValueResult::Flag(x) => terms::Value::Flag(x),
        wt::ValueResult::Number(x) => terms::Value::Number(x),
        wt::ValueResult::Date(x) => terms::Value::Date { date: date_in(x)? },
        wt::ValueResult::Instant(x) => terms::Value::Instant { instant: Instant(x) },
        wt::ValueResult::Texts(x) => terms::Value::Texts(x),
    })
}

/// A decision as the host keeps it: clauses by their ids. One that cites a clause outside the catalogue is malformed.
pub(crate) fn decision_in(x: wr::Decision, charter: &Charter) -> Result<rulings::Decision, String> {
    let mut satisfied: Vec<ClauseId> = Vec::with_capacity(x.satisfied.len());
    for index in x.satisfied {
        let clause = cited(index, charter)?;
        // A clause with several requirements is checked several times in a row.
        if satisfied.last() != Some(&clause) {
            satisfied.push(clause);
        }
    }
    let mut findings = Vec::with_capacity(x.findings.len());
    for finding in x.findings {
        findings.push(finding_in(finding, charter)?);
    }
    let mut obligations = Vec::with_capacity(x.obligations.len());
    for obligation in x.obligations {
        obligations.push(obligation_in(obligation, charter)?);
    }
    let tags = x.tags.into_iter().map(tag_in).collect();
    Ok(rulings::Decision { verdict: verdict_in(x.verdict), satisfied, findings, obligations, tags })
}

fn cited(index: u16, charter: &Charter) -> Result<ClauseId, String> {
    let clause = charter.clauses.get(usize::from(index));
    clause
        .map(|c| c.id.clone())
        .ok_or_else(|| format!("cites clause {index}, but its charter lists {}", charter.clauses.len()))
}

fn relied_on(index: u16, charter: &Charter) -> Result<String, String> {
    let entry = charter.interpretations.get(usize::from(index));
    entry.map(|i| i.id.clone()).ok_or_else(|| {
        format!("relies on interpretation {index}, but its charter lists {}", charter.interpretations.len())
    })
}

fn verdict_in(x: wt::Verdict) -> terms::Verdict {
    match x {
        wt::Verdict::Permit => terms::Verdict::Permit,
        wt::Verdict::Deny => terms::Verdict::Deny,
        wt::Verdict::Pend => terms::Verdict::Pend,
    }
}

fn finding_in(x: wr::Finding, charter: &Charter) -> Result<rulings::Finding, String> {
    Ok(rulings::Finding {
        clause: cited(x.clause, charter)?,
        outcome: outcome_in(x.outcome),
        explanation: x.explanation,
        interpretation: x.interpretation.map(|index| relied_on(index, charter)).transpose()?,
    })
}

fn outcome_in(x: wr::Outcome) -> rulings::Outcome {
    match x {
        wr::Outcome::Satisfied => rulings::Outcome::Satisfied,
        wr::Outcome::Violated => rulings::Outcome::Violated,
        wr::Outcome::Missing => rulings::Outcome::Missing,
        wr::Outcome::Noted => rulings::Outcome::Noted,
    }
}

fn obligation_in(x: wr::Obligation, charter: &Charter) -> Result<rulings::Obligation, String> {
    Ok(rulings::Obligation { clause: cited(x.clause, charter)?, duty: duty_in(x.duty) })
}

fn duty_in(x: wr::Duty) -> rulings::Duty {
    match x {
        wr::Duty::Statement(x) => rulings::Duty::Statement(x),
        wr::Duty::Document(x) => rulings::Duty::Document(x),
        wr::Duty::SignOffs(x) => rulings::Duty::SignOffs(sign_off_rule_in(x)),
        wr::Duty::Approve(x) => rulings::Duty::Approve(sign_off_rule_in(x)),
        wr::Duty::Acknowledge(x) => rulings::Duty::Acknowledge(x),
        wr::Duty::Notify(x) => rulings::Duty::Notify(notice_rule_in(x)),
        wr::Duty::Retain(x) => rulings::Duty::Retain(retention_rule_in(x)),
        wr::Duty::Purge(x) => rulings::Duty::Purge(purge_rule_in(x)),
        wr::Duty::Hold(x) => rulings::Duty::Hold(retention_rule_in(x)),
        wr::Duty::Candidates(x) => rulings::Duty::Candidates(limit_rule_in(x)),
        wr::Duty::Galleries(x) => rulings::Duty::Galleries(x),
        wr::Duty::ShowOnly(x) => rulings::Duty::ShowOnly(x),
        wr::Duty::Withhold(x) => rulings::Duty::Withhold(x),
        wr::Duty::DisposeAll => rulings::Duty::DisposeAll,
        wr::Duty::Flag(x) => rulings::Duty::Flag(x),
        wr::Duty::Suspend(x) => rulings::Duty::Suspend(suspension_in(x)),
        wr::Duty::Task(x) => rulings::Duty::Task(task_rule_in(x)),
    }
}

fn sign_off_rule_in(x: wr::SignOffRule) -> rulings::SignOffRule {
    rulings::SignOffRule {
        role: x.role,
        persons: x.persons,
        units: x.units,
        distinct_from_requester: x.distinct_from_requester,
        all_involved: x.all_involved,
        blind: x.blind,
        leads_only: x.leads_only,
    }
}

fn notice_rule_in(x: wr::NoticeRule) -> rulings::NoticeRule {
    rulings::NoticeRule { to: x.to, within_hours: x.within_hours, origin: clock_origin_in(x.origin), about: x.about }
}

fn clock_origin_in(x: wr::ClockOrigin) -> rulings::ClockOrigin {
    match x {
        wr::ClockOrigin::Decision => rulings::ClockOrigin::Decision,
        wr::ClockOrigin::Request => rulings::ClockOrigin::Request,
        wr::ClockOrigin::Violation => rulings::ClockOrigin::Violation,
        wr::ClockOrigin::Notice => rulings::ClockOrigin::Notice,
    }
}

fn retention_rule_in(x: wr::RetentionRule) -> rulings::RetentionRule {
    rulings::RetentionRule { subject: x.subject, at_least_days: x.at_least_days }
}

fn purge_rule_in(x: wr::PurgeRule) -> rulings::PurgeRule {
    rulings::PurgeRule { subject: x.subject, by: Instant(x.by) }
}

fn limit_rule_in(x: wr::LimitRule) -> rulings::LimitRule {
    rulings::LimitRule { at_least: x.at_least, at_most: x.at_most, usual: x.usual, hide_scores: x.hide_scores }
}

fn task_rule_in(x: wr::TaskRule) -> rulings::TaskRule {
    rulings::TaskRule { owner: x.owner, about: x.about, within_hours: x.within_hours }
}

fn suspension_in(x: wr::Suspension) -> rulings::Suspension {
    let kind = match x.kind {
        wt::Holder::Person => terms::Holder::Person,
        wt::Holder::Agency => terms::Holder::Agency,
    };
    rulings::Suspension { kind, id: x.id }
}

fn tag_in(x: wr::Tag) -> rulings::Tag {
    rulings::Tag { name: x.name, value: x.value }
}

pub(crate) fn charter_in(x: wr::Charter) -> Result<rulings::Charter, String> {
    let clauses: Vec<rulings::Clause> = x.clauses.into_iter().map(clause_in).collect();
    let review = x.review.map(|charge| charge_in(charge, &clauses)).transpose()?;
    let reports = x.reports.into_iter().map(|report| report_in(report, &clauses)).collect::<Result<_, _>>()?;
    let places = x.places.into_iter().map(|place| place_in(place, &clauses)).collect::<Result<_, _>>()?;
    Ok(rulings::Charter {
        id: x.id,
        title: x.title,
        authority: x.authority,
        authority_text: digest_in(x.authority_text)?,
        effective: date_in(x.effective)?,
        expires: x.expires.map(date_in).transpose()?,
        review_due: x.review_due.map(date_in).transpose()?,
        review,
        time_zone: x.time_zone,
        clauses,
        statements: x.statements.into_iter().map(statement_in).collect(),
        documents: x.documents.into_iter().map(document_in).collect(),
        interpretations: x.interpretations.into_iter().map(interpretation_in).collect(),
        settings: x.settings.into_iter().map(form_field_in).collect::<Result<_, _>>()?,
        forms: x.forms.into_iter().map(form_in).collect::<Result<_, _>>()?,
        reports,
        promised: x.promised.into_iter().map(promise_in).collect(),
        places,
    })
}

fn clause_in(x: wr::Clause) -> rulings::Clause {
    rulings::Clause { id: x.id.into(), summary: x.summary, phases: x.phases.into_iter().map(phase_in).collect() }
}

fn phase_in(x: wt::Phase) -> terms::Phase {
    match x {
        wt::Phase::Enroll => terms::Phase::Enroll,
        wt::Phase::Request => terms::Phase::Request,
        wt::Phase::Search => terms::Phase::Search,
        wt::Phase::Candidates => terms::Phase::Candidates,
        wt::Phase::Disposition => terms::Phase::Disposition,
        wt::Phase::SignOff => terms::Phase::SignOff,
        wt::Phase::Release => terms::Phase::Release,
        wt::Phase::Disseminate => terms::Phase::Disseminate,
        wt::Phase::Outcome => terms::Phase::Outcome,
        wt::Phase::Retention => terms::Phase::Retention,
        wt::Phase::Access => terms::Phase::Access,
        wt::Phase::Activation => terms::Phase::Activation,
        wt::Phase::Violation => terms::Phase::Violation,
        wt::Phase::Report => terms::Phase::Report,
        wt::Phase::Waiver => terms::Phase::Waiver,
    }
}

fn statement_in(x: wr::Statement) -> rulings::Statement {
    rulings::Statement { id: x.id, text: x.text }
}

fn document_in(x: wr::Document) -> rulings::Document {
    rulings::Document { id: x.id, title: x.title, preamble: x.preamble }
}

fn interpretation_in(x: wr::Interpretation) -> rulings::Interpretation {
    rulings::Interpretation { id: x.id, question: x.question, answer: x.answer, setting: x.setting }
}

fn form_field_in(x: wr::FormField) -> Result<rulings::FormField, String> {
    Ok(rulings::FormField {
        name: x.name,
        label: x.label,
        help: x.help,
        kind: field_kind_in(x.kind),
        choices: x.choices,
        required: x.required,
        default: x.default.map(value_in).transpose()?,
    })
}

fn field_kind_in(x: wr::FieldKind) -> rulings::FieldKind {
    match x {
        wr::FieldKind::Text => rulings::FieldKind::Text,
        wr::FieldKind::Code => rulings::FieldKind::Code,
        wr::FieldKind::Flag => rulings::FieldKind::Flag,
        wr::FieldKind::Number => rulings::FieldKind::Number,
        wr::FieldKind::Date => rulings::FieldKind::Date,
        wr::FieldKind::Instant => rulings::FieldKind::Instant,
        wr::FieldKind::Texts => rulings::FieldKind::Texts,
    }
}

fn form_in(x: wr::Form) -> Result<rulings::Form, String> {
    Ok(rulings::Form {
        phase: phase_in(x.phase),
        fields: x.fields.into_iter().map(form_field_in).collect::<Result<_, _>>()?,
    })
}

fn report_in(x: wr::Report, clauses: &[rulings::Clause]) -> Result<rulings::Report, String> {
    if !(1..=7).contains(&x.week_starts) {
        return Err(format!("report `{}`: week-starts is {}: use 1 for Monday to 7 for Sunday", x.id, x.week_starts));
    }
    Ok(rulings::Report {
        id: x.id,
        title: x.title,
        every: x.every,
        week_starts: x.week_starts,
        due: x.due.map(|charge| charge_in(charge, clauses)).transpose()?,
        to: x.to,
        counted_tags: x.counted_tags,
        public: x.public,
    })
}

fn charge_in(x: wr::Charge, clauses: &[rulings::Clause]) -> Result<rulings::Charge, String> {
    let clause = clause_of("what the calendar demands", x.clause, clauses)?;
    Ok(rulings::Charge { clause, owner: x.owner, within_hours: x.within_hours, late_to: x.late_to })
}

fn place_in(x: wr::Place, clauses: &[rulings::Clause]) -> Result<rulings::Place, String> {
    let clause = clause_of("what says of a step where its place is", x.clause, clauses)?;
    Ok(rulings::Place { phase: phase_in(x.phase), clause })
}

/// The clause that a part of the charter cites.
fn clause_of(what: &str, index: u16, clauses: &[rulings::Clause]) -> Result<rulings::ClauseId, String> {
    let clause = clauses.get(usize::from(index)).ok_or_else(|| {
        format!("{what} cites clause {index}, and the catalogue has {}: cite one of it", clauses.len())
    })?;
    Ok(clause.id.clone())
}

fn promise_in(x: wr::Promise) -> rulings::Promise {
    rulings::Promise { phase: phase_in(x.phase), clause: x.clause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_its_place_by_a_clause_of_the_catalogue_or_the_charter_is_refused() {
        let clauses = [rulings::Clause { id: "1".into(), summary: "anything goes".to_owned(), phases: vec![] }];
        let place = |clause| place_in(wr::Place { phase: wt::Phase::Search, clause }, &clauses);
        let found = place(0).unwrap();
        assert_eq!((found.phase, &*found.clause), (terms::Phase::Search, "1"));
        let refused = place(1).unwrap_err();
        assert!(refused.contains("cites clause 1, and the catalogue has 1"), "{refused}");
    }
}
