//! The host's types to the contract's: mechanical, one function a type.
//!
//! What goes out borrows from the matter, and what has to be laid out anew for it lies in an arena that the caller drops
//! whole: a decision takes microseconds, and a copy of every text in the matter would be a good part of them.

use crate::bindings::magistrate::policy::{facts as wf, terms as wt};
use bumpalo::Bump;
use model::terms::Date;
use model::{facts, terms};

fn date_out(x: &Date) -> wt::Date {
    // A date of the host is between the years 1970 and 9999.
    u32::from(x.year().unsigned_abs()) * 10_000
        + u32::from(x.month().unsigned_abs()) * 100
        + u32::from(x.day().unsigned_abs())
}

fn value_out<'a>(x: &'a terms::Value, arena: &'a Bump) -> wt::ValueParam<'a> {
    match x {
        terms::Value::Text(x) => wt::ValueParam::Text(x),
        terms::Value::Flag(x) => wt::ValueParam::Flag(*x),
        terms::Value::Number(x) => wt::ValueParam::Number(*x),
        terms::Value::Date { date } => wt::ValueParam::Date(date_out(date)),
        terms::Value::Instant { instant } => wt::ValueParam::Instant(instant.0),
        terms::Value::Texts(x) => wt::ValueParam::Texts(texts_out(x, arena)),
    }
}

fn texts_out<'a>(x: &'a [String], arena: &'a Bump) -> &'a [&'a str] {
    arena.alloc_slice_fill_iter(x.iter().map(String::as_str))
}

pub(crate) fn matter_out<'a>(x: &'a facts::Matter, arena: &'a Bump) -> wf::Matter<'a> {
    let mut parties = vec![&x.actor, &x.requester];
    if let facts::Step::Access(access) = &x.step {
        parties.push(&access.party);
    }
    wf::Matter {
        jurisdiction: &x.jurisdiction,
        clock: clock_out(&x.clock),
        parties: arena.alloc_slice_fill_iter(parties.into_iter().map(|x| party_out(x, arena))),
        request: x.request.as_ref().map(|x| request_out(x, arena)),
        probe: x.probe.as_ref().map(|x| probe_out(x, arena)),
        gallery: x.gallery.as_ref().map(gallery_out),
        attestations: arena.alloc_slice_fill_iter(x.attestations.iter().map(|x| attestation_out(x, arena))),
        history: history_out(&x.history, arena),
        step: step_out(&x.step, arena),
    }
}

fn clock_out(x: &facts::Clock) -> wf::Clock {
    wf::Clock { now: x.now.0, today: date_out(&x.today), weekday: x.weekday, minute_of_day: x.minute_of_day }
}

fn party_out<'a>(x: &'a facts::Party, arena: &'a Bump) -> wf::Party<'a> {
    wf::Party { person: person_out(&x.person, arena), agency: agency_out(&x.agency, arena) }
}

fn person_out<'a>(x: &'a facts::Person, arena: &'a Bump) -> wf::Person<'a> {
    wf::Person {
        id: &x.id,
        name: &x.name,
        unit: &x.unit,
        rank: &x.rank,
        roles: texts_out(&x.roles, arena),
        trainings: arena.alloc_slice_fill_iter(x.trainings.iter().map(training_out)),
        background_checked: x.background_checked.as_ref().map(date_out),
        need_reviewed: x.need_reviewed.as_ref().map(date_out),
        multi_factor: x.multi_factor,
        device: device_out(&x.device),
    }
}

fn training_out(x: &facts::Training) -> wf::Training<'_> {
    wf::Training {
        curriculum: &x.curriculum,
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

fn agency_out<'a>(x: &'a facts::Agency, arena: &'a Bump) -> wf::Agency<'a> {
    wf::Agency {
        id: &x.id,
        name: &x.name,
        kind: agency_kind_out(&x.kind),
        home: &x.home,
        participant: x.participant,
        agreements: arena.alloc_slice_fill_iter(x.agreements.iter().map(|x| agreement_out(x, arena))),
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

fn agreement_out<'a>(x: &'a facts::Agreement, arena: &'a Bump) -> wf::Agreement<'a> {
    wf::Agreement {
        kind: &x.kind,
        signed: x.signed.0,
        starts: date_out(&x.starts),
        ends: x.ends.as_ref().map(date_out),
        scope: texts_out(&x.scope, arena),
    }
}

fn request_out<'a>(x: &'a facts::Request, arena: &'a Bump) -> wf::Request<'a> {
    wf::Request {
        id: &x.id,
        opened: x.opened.0,
        channel: &x.channel,
        initiator: initiator_out(&x.initiator),
        batch_size: x.batch_size,
        purpose: &x.purpose,
        reason: &x.reason,
        identifiers: arena.alloc_slice_fill_iter(x.identifiers.iter().map(identifier_out)),
        case_status: case_status_out(&x.case_status),
    }
}

fn initiator_out(x: &facts::Initiator) -> wf::Initiator {
    match x {
        facts::Initiator::Human => wf::Initiator::Human,
        facts::Initiator::Automated => wf::Initiator::Automated,
    }
}

fn identifier_out(x: &facts::Identifier) -> wf::Identifier<'_> {
    wf::Identifier { kind: &x.kind, value: &x.value }
}

fn case_status_out(x: &facts::CaseStatus) -> wf::CaseStatus {
    match x {
        facts::CaseStatus::Open => wf::CaseStatus::Open,
        facts::CaseStatus::Active => wf::CaseStatus::Active,
        facts::CaseStatus::Closed => wf::CaseStatus::Closed,
    }
}

fn probe_out<'a>(x: &'a facts::Probe, arena: &'a Bump) -> wf::Probe<'a> {
    wf::Probe {
        digest: arena.alloc_str(&x.digest.to_string()),
        media: media_out(&x.media),
        frame: x.frame.as_ref().map(|x| frame_out(x, arena)),
        source: &x.source,
        faces: x.faces,
        selected: x.selected,
        edits: arena.alloc_slice_fill_iter(x.edits.iter().map(|x| edit_out(x, arena))),
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

fn frame_out<'a>(x: &'a facts::Frame, arena: &'a Bump) -> wf::Frame<'a> {
    wf::Frame { recording: arena.alloc_str(&x.recording.to_string()), number: x.number }
}

fn edit_out<'a>(x: &'a facts::Edit, arena: &'a Bump) -> wf::Edit<'a> {
    wf::Edit {
        operation: &x.operation,
        by: &x.by,
        before: arena.alloc_str(&x.before.to_string()),
        after: arena.alloc_str(&x.after.to_string()),
    }
}

fn quality_out(x: &facts::Quality) -> wf::Quality<'_> {
    wf::Quality { score: x.score, producer: &x.producer }
}

fn gallery_out(x: &facts::Gallery) -> wf::Gallery<'_> {
    wf::Gallery {
        id: &x.id,
        owner: &x.owner,
        class: &x.class,
        records: x.records,
        model: &x.model,
        last_scrubbed: x.last_scrubbed.as_ref().map(date_out),
    }
}

pub(crate) fn fields_out<'a>(fields: &'a [terms::Field], arena: &'a Bump) -> &'a [wt::Field<'a>] {
    let field = |x: &'a terms::Field| wt::Field { name: &x.name, value: value_out(&x.value, arena) };
    arena.alloc_slice_fill_iter(fields.iter().map(field))
}

fn attestation_out<'a>(x: &'a facts::Attestation, arena: &'a Bump) -> wf::Attestation<'a> {
    wf::Attestation { by: &x.by, at: x.at.0, answers: fields_out(&x.answers, arena) }
}

fn history_out<'a>(x: &'a facts::History, arena: &'a Bump) -> wf::History<'a> {
    wf::History {
        searches_by_person_last_hour: x.searches_by_person_last_hour,
        distinct_probes_by_person_last_hour: x.distinct_probes_by_person_last_hour,
        distinct_probes_in_case: x.distinct_probes_in_case,
        searches_of_request: x.searches_of_request,
        opened_candidates: texts_out(&x.opened_candidates, arena),
        signatures: arena.alloc_slice_fill_iter(x.signatures.iter().map(signature_out)),
        candidates_returned: x.candidates_returned,
        candidates_filtered: x.candidates_filtered,
        candidates_disposed: x.candidates_disposed,
        candidates_possible: x.candidates_possible,
        possible: texts_out(&x.possible, arena),
        released: x.released.as_ref().map(|at| at.0),
        open_obligations: texts_out(&x.open_obligations, arena),
    }
}

fn signature_out(x: &facts::Signature) -> wf::Signature<'_> {
    wf::Signature {
        person: &x.person,
        role: &x.role,
        unit: &x.unit,
        conclusion: conclusion_out(&x.conclusion),
        at: x.at.0,
        blind: x.blind,
    }
}

fn conclusion_out(x: &facts::Conclusion) -> wf::Conclusion {
    match x {
        facts::Conclusion::Lead => wf::Conclusion::Lead,
        facts::Conclusion::NoLead => wf::Conclusion::NoLead,
        facts::Conclusion::Approved => wf::Conclusion::Approved,
        facts::Conclusion::Refused => wf::Conclusion::Refused,
    }
}

fn step_out<'a>(x: &'a facts::Step, arena: &'a Bump) -> wf::Step<'a> {
    match x {
        facts::Step::Enroll(x) => {
            let (booking_fields, statuses) = (texts_out(&x.booking_fields, arena), texts_out(&x.statuses, arena));
            wf::Step::Enroll(wf::Enrolment { booking_fields, statuses })
        }
        facts::Step::Request => wf::Step::Request,
        facts::Step::Search(x) => wf::Step::Search(search_plan_out(x, arena)),
        facts::Step::Candidates(x) => {
            wf::Step::Candidates(arena.alloc_slice_fill_iter(x.iter().map(|x| candidate_out(x, arena))))
        }
        facts::Step::Disposition(x) => {
            wf::Step::Disposition(arena.alloc_slice_fill_iter(x.iter().map(disposition_out)))
        }
        facts::Step::SignOff(x) => wf::Step::SignOff(signature_out(x)),
        facts::Step::Release(x) => wf::Step::Release(release_plan_out(x, arena)),
        facts::Step::Disseminate(x) => wf::Step::Disseminate(dissemination_out(x, arena)),
        facts::Step::Outcome => wf::Step::Outcome,
        facts::Step::Retention(x) => wf::Step::Retention(retention_event_out(x)),
        facts::Step::Access(x) => wf::Step::Access(access_out(x, arena)),
        facts::Step::Activation(x) => wf::Step::Activation(activation_out(x, arena)),
        facts::Step::Violation(x) => wf::Step::Violation(x.0),
        facts::Step::Report(x) => wf::Step::Report(period_out(x)),
        facts::Step::Waiver(x) => wf::Step::Waiver(waiver_out(x)),
    }
}

fn search_plan_out<'a>(x: &'a facts::SearchPlan, arena: &'a Bump) -> wf::SearchPlan<'a> {
    wf::SearchPlan {
        at_most: x.at_most,
        filters: texts_out(&x.filters, arena),
        original_searched_first: x.original_searched_first,
    }
}

fn candidate_out<'a>(x: &'a facts::Candidate, arena: &'a Bump) -> wf::Candidate<'a> {
    wf::Candidate { rank: x.rank, record_id: &x.record_id, status: &x.status, shows: texts_out(&x.shows, arena) }
}

fn likeness_out(x: &facts::Likeness) -> wf::Likeness {
    match x {
        facts::Likeness::Possible => wf::Likeness::Possible,
        facts::Likeness::Excluded => wf::Likeness::Excluded,
        facts::Likeness::Inconclusive => wf::Likeness::Inconclusive,
    }
}

fn disposition_out(x: &facts::Disposition) -> wf::Disposition<'_> {
    wf::Disposition { record_id: &x.record_id, likeness: likeness_out(&x.likeness), reasoned: x.reasoned }
}

fn release_plan_out<'a>(x: &'a facts::ReleasePlan, arena: &'a Bump) -> wf::ReleasePlan<'a> {
    wf::ReleasePlan {
        statements: arena.alloc_slice_fill_iter(x.statements.iter().map(|x| statement_shown_out(x, arena))),
        candidates: arena.alloc_slice_fill_iter(x.candidates.iter().map(selected_out)),
        reasoning_given: x.reasoning_given,
    }
}

fn selected_out(x: &facts::Selected) -> wf::Selected<'_> {
    wf::Selected { record_id: &x.record_id, status: &x.status }
}

fn statement_shown_out<'a>(x: &'a facts::StatementShown, arena: &'a Bump) -> wf::StatementShown<'a> {
    wf::StatementShown { id: &x.id, text_digest: arena.alloc_str(&x.text_digest.to_string()) }
}

fn dissemination_out<'a>(x: &'a facts::Dissemination, arena: &'a Bump) -> wf::Dissemination<'a> {
    wf::Dissemination {
        channel: &x.channel,
        recipient: &x.recipient,
        recipient_agency: &x.recipient_agency,
        purpose: &x.purpose,
        designee: x.designee,
        candidates: arena.alloc_slice_fill_iter(x.candidates.iter().map(selected_out)),
    }
}

fn retention_event_out(x: &facts::RetentionEvent) -> wf::RetentionEvent<'_> {
    wf::RetentionEvent {
        subject: &x.subject,
        kind: &x.kind,
        record_id: &x.record_id,
        origin: &x.origin,
        recorded: x.recorded.as_ref().map(|at| at.0),
        noticed: x.noticed.as_ref().map(date_out),
        held: x.held,
        extended: x.extended.as_ref().map(date_out),
        exported: x.exported.as_ref().map(|at| at.0),
        status: x.status.as_deref(),
        documents: x.documents,
    }
}

fn access_change_out(x: &facts::AccessChange) -> wf::AccessChange {
    match x {
        facts::AccessChange::Grant => wf::AccessChange::Grant,
        facts::AccessChange::Review => wf::AccessChange::Review,
        facts::AccessChange::Suspend => wf::AccessChange::Suspend,
        facts::AccessChange::Reinstate => wf::AccessChange::Reinstate,
        facts::AccessChange::Withdraw => wf::AccessChange::Withdraw,
    }
}

fn holder_out(x: terms::Holder) -> wt::Holder {
    match x {
        terms::Holder::Person => wt::Holder::Person,
        terms::Holder::Agency => wt::Holder::Agency,
    }
}

fn access_out<'a>(x: &'a facts::Access, arena: &'a Bump) -> wf::Access<'a> {
    wf::Access { change: access_change_out(&x.change), whose: holder_out(x.whose), roles: texts_out(&x.roles, arena) }
}

fn activation_out<'a>(x: &'a facts::Activation, arena: &'a Bump) -> wf::Activation<'a> {
    wf::Activation {
        component: arena.alloc_str(&x.component.to_string()),
        settings: arena.alloc_str(&x.settings.to_string()),
        approvals: arena.alloc_slice_fill_iter(x.approvals.iter().map(signature_out)),
    }
}

fn waiver_out(x: &facts::Waiver) -> wf::Waiver<'_> {
    wf::Waiver {
        obligation: &x.obligation,
        clause: &x.clause,
        duty: &x.duty,
        owner: &x.owner,
        since: x.since.0,
        due: x.due.as_ref().map(|at| at.0),
        overdue: x.overdue,
        reason: &x.reason,
    }
}

fn period_out(x: &facts::Period) -> wf::Period<'_> {
    wf::Period { report: &x.report, first: date_out(&x.first), last: date_out(&x.last) }
}
