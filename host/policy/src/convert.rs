//! The contract's types on the wire to and from the host's own: mechanical, one function a type.

use crate::bindings::magistrate::policy::{facts as wf, rulings as wr, terms as wt};
use model::terms::{Date, Digest, Instant};
use model::{facts, rulings, terms};

fn date_out(x: &Date) -> wt::Date {
    // A date of the host is between the years 1970 and 9999.
    wt::Date { year: x.year().unsigned_abs(), month: x.month().unsigned_abs(), day: x.day().unsigned_abs() }
}

fn date_in(x: wt::Date) -> Result<Date, String> {
    let part = |n: u8| i8::try_from(n).unwrap_or(0);
    i16::try_from(x.year)
        .ok()
        .and_then(|year| Date::new(year, part(x.month), part(x.day)).ok())
        .ok_or_else(|| format!("holds the impossible date {}-{}-{}", x.year, x.month, x.day))
}

fn digest_in(x: String) -> Result<Digest, String> {
    x.parse().map_err(|_| format!("holds `{x}`, which is not a sha-256 digest"))
}

fn value_out(x: &terms::Value) -> wt::Value {
    match x {
        terms::Value::Text(x) => wt::Value::Text(x.clone()),
        terms::Value::Flag(x) => wt::Value::Flag(*x),
        terms::Value::Number(x) => wt::Value::Number(*x),
        terms::Value::Date { date } => wt::Value::Date(date_out(date)),
        terms::Value::Instant { instant } => wt::Value::Instant(instant.0),
        terms::Value::Texts(x) => wt::Value::Texts(x.clone()),
    }
}

fn value_in(x: wt::Value) -> Result<terms::Value, String> {
    Ok(match x {
        wt::Value::Text(x) => terms::Value::Text(x),
        wt::Value::Flag(x) => terms::Value::Flag(x),
        wt::Value::Number(x) => terms::Value::Number(x),
        wt::Value::Date(x) => terms::Value::Date { date: date_in(x)? },
        wt::Value::Instant(x) => terms::Value::Instant { instant: Instant(x) },
        wt::Value::Texts(x) => terms::Value::Texts(x),
    })
}

pub(crate) fn matter_out(x: &facts::Matter) -> wf::Matter {
    wf::Matter {
        jurisdiction: x.jurisdiction.clone(),
        clock: clock_out(&x.clock),
        actor: party_out(&x.actor),
        requester: party_out(&x.requester),
        request: x.request.as_ref().map(request_out),
        probe: x.probe.as_ref().map(probe_out),
        gallery: x.gallery.as_ref().map(gallery_out),
        fields: x.fields.iter().map(field_out).collect(),
        history: history_out(&x.history),
        step: step_out(&x.step),
    }
}

fn clock_out(x: &facts::Clock) -> wf::Clock {
    wf::Clock { now: x.now.0, today: date_out(&x.today), weekday: x.weekday, minute_of_day: x.minute_of_day }
}

fn party_out(x: &facts::Party) -> wf::Party {
    wf::Party { person: person_out(&x.person), agency: agency_out(&x.agency) }
}

fn person_out(x: &facts::Person) -> wf::Person {
    wf::Person {
        id: x.id.clone(),
        name: x.name.clone(),
        unit: x.unit.clone(),
        rank: x.rank.clone(),
        roles: x.roles.clone(),
        trainings: x.trainings.iter().map(training_out).collect(),
        background_checked: x.background_checked.as_ref().map(date_out),
        need_reviewed: x.need_reviewed.as_ref().map(date_out),
        multi_factor: x.multi_factor,
        device: device_out(&x.device),
    }
}

fn training_out(x: &facts::Training) -> wf::Training {
    wf::Training {
        curriculum: x.curriculum.clone(),
        completed: date_out(&x.completed),
        expires: x.expires.as_ref().map(date_out),
    }
}

fn device_out(x: &facts::Device) -> wf::Device {
    match x {
        facts::Device::Fixed => wf::Device::Fixed,
        facts::Device::Mobile => wf::Device::Mobile,
        facts::Device::Service => wf::Device::Service,
    }
}

fn agency_out(x: &facts::Agency) -> wf::Agency {
    wf::Agency {
        id: x.id.clone(),
        name: x.name.clone(),
        kind: agency_kind_out(&x.kind),
        home: x.home.clone(),
        participant: x.participant,
        agreements: x.agreements.iter().map(agreement_out).collect(),
        suspended_since: x.suspended_since.as_ref().map(|at| at.0),
    }
}

fn agency_kind_out(x: &facts::AgencyKind) -> wf::AgencyKind {
    match x {
        facts::AgencyKind::LawEnforcement => wf::AgencyKind::LawEnforcement,
        facts::AgencyKind::Prosecutor => wf::AgencyKind::Prosecutor,
        facts::AgencyKind::Federal => wf::AgencyKind::Federal,
        facts::AgencyKind::Other => wf::AgencyKind::Other,
    }
}

fn agreement_out(x: &facts::Agreement) -> wf::Agreement {
    wf::Agreement {
        kind: x.kind.clone(),
        signed: x.signed.0,
        starts: date_out(&x.starts),
        ends: x.ends.as_ref().map(date_out),
        scope: x.scope.clone(),
    }
}

fn request_out(x: &facts::Request) -> wf::Request {
    wf::Request {
        id: x.id.clone(),
        opened: x.opened.0,
        channel: x.channel.clone(),
        initiator: initiator_out(&x.initiator),
        batch_size: x.batch_size,
        purpose: x.purpose.clone(),
        reason: x.reason.clone(),
        identifiers: x.identifiers.iter().map(identifier_out).collect(),
        case_status: case_status_out(&x.case_status),
    }
}

fn initiator_out(x: &facts::Initiator) -> wf::Initiator {
    match x {
        facts::Initiator::Human => wf::Initiator::Human,
        facts::Initiator::Automated => wf::Initiator::Automated,
    }
}

fn identifier_out(x: &facts::Identifier) -> wf::Identifier {
    wf::Identifier { kind: x.kind.clone(), value: x.value.clone() }
}

fn case_status_out(x: &facts::CaseStatus) -> wf::CaseStatus {
    match x {
        facts::CaseStatus::Open => wf::CaseStatus::Open,
        facts::CaseStatus::Active => wf::CaseStatus::Active,
        facts::CaseStatus::Closed => wf::CaseStatus::Closed,
    }
}

fn probe_out(x: &facts::Probe) -> wf::Probe {
    wf::Probe {
        digest: x.digest.to_string(),
        media: media_out(&x.media),
        frame: x.frame.as_ref().map(frame_out),
        source: x.source.clone(),
        faces: x.faces,
        selected: x.selected,
        edits: x.edits.iter().map(edit_out).collect(),
        width: x.width,
        height: x.height,
        inter_eye: x.inter_eye,
        quality: x.quality.as_ref().map(quality_out),
    }
}

fn media_out(x: &facts::Media) -> wf::Media {
    match x {
        facts::Media::Still => wf::Media::Still,
        facts::Media::Video => wf::Media::Video,
        facts::Media::LiveStream => wf::Media::LiveStream,
        facts::Media::Sketch => wf::Media::Sketch,
        facts::Media::Synthetic => wf::Media::Synthetic,
    }
}

fn frame_out(x: &facts::Frame) -> wf::Frame {
    wf::Frame { recording: x.recording.to_string(), number: x.number }
}

fn edit_out(x: &facts::Edit) -> wf::Edit {
    wf::Edit {
        operation: x.operation.clone(),
        by: x.by.clone(),
        before: x.before.to_string(),
        after: x.after.to_string(),
    }
}

fn quality_out(x: &facts::Quality) -> wf::Quality {
    wf::Quality { score: x.score, producer: x.producer.clone() }
}

fn gallery_out(x: &facts::Gallery) -> wf::Gallery {
    wf::Gallery {
        id: x.id.clone(),
        owner: x.owner.clone(),
        class: x.class.clone(),
        records: x.records,
        model: x.model.clone(),
        last_scrubbed: x.last_scrubbed.as_ref().map(date_out),
    }
}

pub(crate) fn field_out(x: &terms::Field) -> wt::Field {
    wt::Field {
        name: x.name.clone(),
        value: value_out(&x.value),
        attested_by: x.attested_by.clone(),
        attested_at: x.attested_at.as_ref().map(|at| at.0),
    }
}

fn history_out(x: &facts::History) -> wf::History {
    wf::History {
        searches_by_person_last_hour: x.searches_by_person_last_hour,
        distinct_probes_by_person_last_hour: x.distinct_probes_by_person_last_hour,
        distinct_probes_in_case: x.distinct_probes_in_case,
        searches_of_request: x.searches_of_request,
        opened_candidates: x.opened_candidates.clone(),
        signatures: x.signatures.iter().map(signature_out).collect(),
        candidates_returned: x.candidates_returned,
        candidates_disposed: x.candidates_disposed,
        candidates_possible: x.candidates_possible,
        open_obligations: x.open_obligations.clone(),
    }
}

fn signature_out(x: &facts::Signature) -> wf::Signature {
    wf::Signature {
        person: x.person.clone(),
        role: x.role.clone(),
        unit: x.unit.clone(),
        conclusion: conclusion_out(&x.conclusion),
        at: x.at.0,
        blind: x.blind,
    }
}

fn conclusion_out(x: &facts::Conclusion) -> wf::Conclusion {
    match x {
        facts::Conclusion::Lead => wf::Conclusion::Lead,
        facts::Conclusion::NoLead => wf::Conclusion::NoLead,
        facts::Conclusion::Refused => wf::Conclusion::Refused,
    }
}

fn step_out(x: &facts::Step) -> wf::Step {
    match x {
        facts::Step::Enroll(x) => wf::Step::Enroll(x.iter().map(field_out).collect()),
        facts::Step::Request => wf::Step::Request,
        facts::Step::Search(x) => wf::Step::Search(search_plan_out(x)),
        facts::Step::Candidates(x) => wf::Step::Candidates(x.iter().map(candidate_out).collect()),
        facts::Step::SignOff(x) => wf::Step::SignOff(signature_out(x)),
        facts::Step::Release(x) => wf::Step::Release(release_plan_out(x)),
        facts::Step::Disseminate(x) => wf::Step::Disseminate(dissemination_out(x)),
        facts::Step::Outcome(x) => wf::Step::Outcome(x.iter().map(field_out).collect()),
        facts::Step::Retention(x) => wf::Step::Retention(retention_event_out(x)),
        facts::Step::Access(x) => wf::Step::Access(person_out(x)),
        facts::Step::Activation(x) => wf::Step::Activation(activation_out(x)),
        facts::Step::Violation(x) => wf::Step::Violation(x.0),
        facts::Step::Report(x) => wf::Step::Report(period_out(x)),
    }
}

fn search_plan_out(x: &facts::SearchPlan) -> wf::SearchPlan {
    wf::SearchPlan {
        at_most: x.at_most,
        filters: x.filters.clone(),
        original_searched_first: x.original_searched_first,
    }
}

fn candidate_out(x: &facts::Candidate) -> wf::Candidate {
    wf::Candidate { rank: x.rank, record_id: x.record_id.clone(), status: x.status.clone(), shows: x.shows.clone() }
}

fn release_plan_out(x: &facts::ReleasePlan) -> wf::ReleasePlan {
    wf::ReleasePlan {
        statements: x.statements.iter().map(statement_shown_out).collect(),
        candidates: x.candidates.clone(),
        reasoning_given: x.reasoning_given,
    }
}

fn statement_shown_out(x: &facts::StatementShown) -> wf::StatementShown {
    wf::StatementShown { id: x.id.clone(), text_digest: x.text_digest.to_string() }
}

fn dissemination_out(x: &facts::Dissemination) -> wf::Dissemination {
    wf::Dissemination {
        channel: x.channel.clone(),
        recipient: x.recipient.clone(),
        recipient_agency: x.recipient_agency.clone(),
        purpose: x.purpose.clone(),
        designee: x.designee,
        details: x.details.iter().map(field_out).collect(),
    }
}

fn retention_event_out(x: &facts::RetentionEvent) -> wf::RetentionEvent {
    wf::RetentionEvent {
        subject: x.subject.clone(),
        kind: x.kind.clone(),
        record_id: x.record_id.clone(),
        noticed: x.noticed.as_ref().map(date_out),
        details: x.details.iter().map(field_out).collect(),
    }
}

fn activation_out(x: &facts::Activation) -> wf::Activation {
    wf::Activation {
        component: x.component.to_string(),
        settings: x.settings.to_string(),
        approvals: x.approvals.iter().map(signature_out).collect(),
    }
}

fn period_out(x: &facts::Period) -> wf::Period {
    wf::Period { report: x.report.clone(), first: date_out(&x.first), last: date_out(&x.last) }
}

pub(crate) fn decision_in(x: wr::Decision) -> rulings::Decision {
    rulings::Decision {
        verdict: verdict_in(x.verdict),
        findings: x.findings.into_iter().map(finding_in).collect(),
        obligations: x.obligations.into_iter().map(obligation_in).collect(),
        tags: x.tags.into_iter().map(tag_in).collect(),
    }
}

fn verdict_in(x: wt::Verdict) -> terms::Verdict {
    match x {
        wt::Verdict::Permit => terms::Verdict::Permit,
        wt::Verdict::Deny => terms::Verdict::Deny,
        wt::Verdict::Pend => terms::Verdict::Pend,
    }
}

fn finding_in(x: wr::Finding) -> rulings::Finding {
    rulings::Finding {
        clause: x.clause,
        outcome: outcome_in(x.outcome),
        explanation: x.explanation,
        interpretation: x.interpretation,
    }
}

fn outcome_in(x: wr::Outcome) -> rulings::Outcome {
    match x {
        wr::Outcome::Satisfied => rulings::Outcome::Satisfied,
        wr::Outcome::Violated => rulings::Outcome::Violated,
        wr::Outcome::Missing => rulings::Outcome::Missing,
        wr::Outcome::Noted => rulings::Outcome::Noted,
    }
}

fn obligation_in(x: wr::Obligation) -> rulings::Obligation {
    rulings::Obligation { clause: x.clause, duty: duty_in(x.duty) }
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
        wr::Duty::DisposeAll => rulings::Duty::DisposeAll,
        wr::Duty::Flag(x) => rulings::Duty::Flag(x),
        wr::Duty::Suspend(x) => rulings::Duty::Suspend(x),
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

fn tag_in(x: wr::Tag) -> rulings::Tag {
    rulings::Tag { name: x.name, value: x.value }
}

pub(crate) fn charter_in(x: wr::Charter) -> Result<rulings::Charter, String> {
    Ok(rulings::Charter {
        id: x.id,
        title: x.title,
        authority: x.authority,
        authority_text: digest_in(x.authority_text)?,
        effective: date_in(x.effective)?,
        expires: x.expires.map(date_in).transpose()?,
        review_due: x.review_due.map(date_in).transpose()?,
        time_zone: x.time_zone,
        clauses: x.clauses.into_iter().map(clause_in).collect(),
        statements: x.statements.into_iter().map(statement_in).collect(),
        interpretations: x.interpretations.into_iter().map(interpretation_in).collect(),
        settings: x.settings.into_iter().map(form_field_in).collect::<Result<_, _>>()?,
        forms: x.forms.into_iter().map(form_in).collect::<Result<_, _>>()?,
        reports: x.reports.into_iter().map(report_in).collect(),
        promised: x.promised.into_iter().map(promise_in).collect(),
    })
}

fn clause_in(x: wr::Clause) -> rulings::Clause {
    rulings::Clause { id: x.id, summary: x.summary, phases: x.phases.into_iter().map(phase_in).collect() }
}

fn phase_in(x: wt::Phase) -> terms::Phase {
    match x {
        wt::Phase::Enroll => terms::Phase::Enroll,
        wt::Phase::Request => terms::Phase::Request,
        wt::Phase::Search => terms::Phase::Search,
        wt::Phase::Candidates => terms::Phase::Candidates,
        wt::Phase::SignOff => terms::Phase::SignOff,
        wt::Phase::Release => terms::Phase::Release,
        wt::Phase::Disseminate => terms::Phase::Disseminate,
        wt::Phase::Outcome => terms::Phase::Outcome,
        wt::Phase::Retention => terms::Phase::Retention,
        wt::Phase::Access => terms::Phase::Access,
        wt::Phase::Activation => terms::Phase::Activation,
        wt::Phase::Violation => terms::Phase::Violation,
        wt::Phase::Report => terms::Phase::Report,
    }
}

fn statement_in(x: wr::Statement) -> rulings::Statement {
    rulings::Statement { id: x.id, text: x.text }
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

fn report_in(x: wr::Report) -> rulings::Report {
    rulings::Report {
        id: x.id,
        title: x.title,
        every: x.every,
        to: x.to,
        counted_tags: x.counted_tags,
        public: x.public,
    }
}

fn promise_in(x: wr::Promise) -> rulings::Promise {
    rulings::Promise { phase: phase_in(x.phase), clause: x.clause }
}
