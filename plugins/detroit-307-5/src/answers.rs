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
/// 5.4(3)-c: why a signer refuses to sign.
pub const REFUSAL_REASON: &str = "refusal-reason";
/// 7(1)-b: the e-mail address a result is sent to.
pub const RECIPIENT_ADDRESS: &str = "recipient-address";
/// 7(1)-d: the number called.
pub const PHONE_NUMBER: &str = "phone-number";
/// 7(1)-d: who saw it released.
pub const WITNESS: &str = "witness";
/// 6.3-b: whether the result assisted the investigation.
pub const CASE_ASSISTED: &str = "case-assisted";
/// 1-b: whether somebody was positively identified.
pub const POSITIVE_IDENTIFICATION: &str = "positive-identification";
/// 1-b: the further investigation that identified them.
pub const IDENTIFICATION_BASIS: &str = "identification-basis";
/// 6.3-b: whether the lead turned out to be the wrong person.
pub const MISIDENTIFICATION: &str = "misidentification";
/// 6.3-b: lawsuits, of a result or of a year.
pub const LAWSUITS: &str = "lawsuits";
/// 6.3-b: settlements, of a result or of a year.
pub const SETTLEMENTS: &str = "settlements";
/// 6.3-b: any other relevant factor.
pub const OTHER_FACTORS: &str = "other-factors";
/// 6.1(3)b and 6.1(4): why a record is held, extended, exported or lifted, sealed or unsealed.
pub const RETENTION_REASON: &str = "retention-reason";
/// 6.1(2)c and 7(5): the position and duties that need the access.
pub const NEED_TO_KNOW: &str = "need-to-know";
/// 7(6): whether the credential is one person's alone.
pub const CREDENTIAL_PERSONAL: &str = "credential-personal";
/// 5.5(c): whether a suspended agency complies with the directive again.
pub const AGENCY_COMPLIES: &str = "agency-complies";
/// 7(7): whether every manufacturer's default password was replaced.
pub const DEFAULTS_REPLACED: &str = "default-passwords-replaced";
/// 7(7): whether passwords meet Manual Directive 307.4.
pub const PASSWORD_STANDARD: &str = "password-standard-met";
/// 7(3): whether equipment and software are maintained as recommended.
pub const MAINTAINED: &str = "maintained";
/// Part 4: the clause violated, as the catalogue names it.
pub const VIOLATED_CLAUSE: &str = "violated-clause";
/// 6.2: whether the violation is confirmed.
pub const CONFIRMED: &str = "violation-confirmed";
/// 5.5(c): the agency found not in compliance.
pub const OFFENDING_AGENCY: &str = "offending-agency";
/// 7(2): whether information was, or may have been, breached.
pub const BREACH: &str = "breach";
/// 7(2): whether the breach is assessed.
pub const BREACH_ASSESSED: &str = "breach-assessed";
/// 7(2): nature and scope of the breach.
pub const BREACH_SCOPE: &str = "breach-scope";
/// 7(2): whether affected individuals are notified.
pub const INDIVIDUALS_NOTIFIED: &str = "individuals-notified";
/// 6.2: upgrades of the software.
pub const UPGRADES: &str = "software-upgrades";
/// 6.2: planned changes to the contract.
pub const CONTRACT_CHANGES: &str = "contract-changes";
/// 6.2: confirmed violations.
pub const CONFIRMED_VIOLATIONS: &str = "confirmed-violations";
/// 6.3: the evaluation of efficacy.
pub const EFFICACY: &str = "efficacy";
/// 6.1(2)d and 6.1(3)c: how the sample was drawn.
pub const SAMPLE: &str = "sample";
/// 6.1(2)d and 6.1(3)c: what it showed.
pub const SAMPLE_FINDINGS: &str = "sample-findings";
