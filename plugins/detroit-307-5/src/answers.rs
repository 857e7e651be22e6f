//! The questions of the forms, by the names their answers go under. `forms` holds what a person reads beside them.

/// The crime under investigation: one of `crimes`.
pub const CRIME: &str = "crime";
/// Whether the crime was attempted only.
pub const ATTEMPTED: &str = "attempted";
/// 2.6: a dwelling was entered unlawfully.
pub const DWELLING_ENTERED: &str = "dwelling-entered";
/// 2.6: with intent to commit, or committing, a felony, larceny or assault.
pub const FELONIOUS_INTENT: &str = "felonious-intent";
/// 2.6: the entrant was armed with a dangerous weapon.
pub const ENTRANT_ARMED: &str = "entrant-armed";
/// 2.6: another person was lawfully present in the dwelling.
pub const PERSON_PRESENT: &str = "person-lawfully-present";
/// 2.9: the facts and inferences the suspicion rests on.
pub const SUSPICION: &str = "suspicion";
/// Whether the requester vouches that this is reasonable suspicion.
pub const SUSPICION_ATTESTED: &str = "suspicion-attested";
/// Who the person in the photograph is to the case.
pub const SUBJECT_ROLE: &str = "subject-role";
/// 3.1.
pub const SURVEILLANCE: &str = "surveillance";
/// 3.2: whether the still was taken from a recording.
pub const FROM_VIDEO: &str = "extracted-from-video";
/// 3.2: whether each of many frames is needed.
pub const FRAMES_JUSTIFIED: &str = "frames-justified";
/// 3.4.
pub const PREDICTIVE: &str = "predictive-analysis";
/// 3.5.
pub const PROTECTED_SOLE: &str = "protected-sole";
/// 3.5: which of a, b and c.
pub const PROTECTED_CATEGORY: &str = "protected-category";
/// 3.6.
pub const IMMIGRATION: &str = "immigration-status";
/// 5.3: whether each of many probes stands on suspicion of its own.
pub const EACH_JUSTIFIED: &str = "individually-justified";
/// 5.4(1): the property number under 306.1.
pub const EVIDENCE_NUMBER: &str = "evidence-number";
/// 5.4(2): the lead that the state's database is asked to confirm.
pub const LEAD_REFERENCE: &str = "lead-reference";
/// 5.4(2): the formal request to the State Police.
pub const FORMAL_REQUEST: &str = "msp-formal-request";
/// 5.5(b).
pub const ADDRESS: &str = "requester-address";
/// 5.5(b).
pub const PHONE: &str = "requester-phone";
/// 5.5(b): agreement with the statement.
pub const ACKNOWLEDGED: &str = "statement-acknowledged";
/// 2.3: the examiner's judgement of the probe.
pub const PROBE_SUITABLE: &str = "probe-suitable";
/// 6.1(3)b: whether the probe is of evidentiary value.
pub const EVIDENTIARY: &str = "evidentiary-value";
/// Enrolment: what kind of image.
pub const IMAGE_KIND: &str = "image-kind";
/// Enrolment: where the images come from.
pub const CONTRIBUTOR: &str = "contributing-agency";
/// Enrolment: the names of the booking fields supplied; the host answers this one.
pub const BOOKING_FIELDS: &str = "booking-fields";
