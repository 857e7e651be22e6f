//! What a jurisdiction under this order may set: names its registry uses, limits, and readings of ambiguous clauses.

use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::Problem;
use magistrate_sdk::settings::Default;
use magistrate_sdk::text::blank;
use magistrate_sdk::{Setting, Settings};

/// The unit that takes requests in and runs searches.
pub const INTAKE_UNIT: Setting = Setting {
    name: "intake-unit",
    label: "Real-Time Crime Center",
    help: "The unit, as the registry names it, that takes requests in and runs searches (C.1).",
    default: Default::Text("rtcc"),
};

/// The role of SLFC-authorized personnel.
pub const AUTHORISED_ROLE: Setting = Setting {
    name: "authorised-role",
    label: "SLFC-authorized personnel",
    help: "The role, as the registry names it, of those who may query the database and view what it returns (A.3).",
    default: Default::Text("slfc-authorised"),
};

/// The ranks that are detectives or officers.
pub const REQUESTER_RANKS: Setting = Setting {
    name: "requester-ranks",
    label: "Detectives and officers",
    help: "The ranks, as registries name them, that may request the use of SMRT (C.1; interpretation SL-1).",
    default: Default::Texts(&[
        "detective",
        "officer",
        "sergeant",
        "lieutenant",
        "captain",
        "major",
        "chief",
        "deputy",
        "trooper",
        "special-agent",
    ]),
};

/// What an agreement's scope must name, unless it is open.
pub const AGREEMENT_SCOPE: Setting = Setting {
    name: "agreement-scope",
    label: "Agreements that cover SMRT",
    help: "What the scope of another agency's agreement must name, unless its scope is open (interpretation SL-3).",
    default: Default::Text("smrt"),
};

/// Classes of galleries that hold mugshots.
pub const GALLERY_CLASSES: Setting = Setting {
    name: "gallery-classes",
    label: "Mugshot galleries",
    help: "The classes of galleries that may be searched and enrolled into (A.1).",
    default: Default::Texts(&["mugshot"]),
};

/// What counts as a submitted photo.
pub const PROBE_MEDIA: Setting = Setting {
    name: "probe-media",
    label: "Submitted photo",
    help: "What may be searched with: still, video, live-stream, sketch, synthetic (A.2; interpretation SL-2).",
    default: Default::Texts(&["still"]),
};

/// Purpose codes that mean the investigation, detection or analysis of crime.
pub const CRIME_PURPOSES: Setting = Setting {
    name: "crime-purposes",
    label: "Purposes that are crime",
    help: "Purpose codes, other jurisdictions' included, that mean investigation, detection or analysis of crime (B.1.a).",
    default: Default::Texts(&["crime", "criminal-investigation", "investigation"]),
};

/// Distinct probes per person and hour; also probes in one action.
pub const MASS_QUERY_LIMIT: Setting = Setting {
    name: "mass-query-limit",
    label: "Mass query",
    help: "Distinct probes that one person may search in an hour, and probes in one action (B.4, IR-3).",
    default: Default::Number(20, 1, 10_000),
};

/// IR-3.
pub const MASS_QUERY_READING: Setting = Setting {
    name: "mass-query-reading",
    label: "What is a mass query (IR-3)",
    help: "capped: a person beyond mass-query-limit waits; uncapped: whatever a human initiates is no mass query.",
    default: Default::Code("capped", &["capped", "uncapped"]),
};

/// IR-1.
pub const IDENTIFIER_READING: Setting = Setting {
    name: "identifier-reading",
    label: "Is the reason alone enough (IR-1)",
    help: "reason-alone: yes, flagged for audit; identifier-required: a number that identifies the case is needed too.",
    default: Default::Code("reason-alone", &["reason-alone", "identifier-required"]),
};

/// IR-2.
pub const PROTECTED_READING: Setting = Setting {
    name: "protected-reading",
    label: "Who attests that it is not solely protected activity (IR-2)",
    help: "requester-and-operator: whoever asks and whoever searches; supervisor-too: a supervisor besides.",
    default: Default::Code("requester-and-operator", &["requester-and-operator", "supervisor-too"]),
};

/// IR-16.
pub const ORDER_READING: Setting = Setting {
    name: "order-reading",
    label: "A court order on protected activity (IR-16)",
    help: "in-no-event: B.3 beats the order; order-wins: a final order that is not stayed prevails.",
    default: Default::Code("in-no-event", &["in-no-event", "order-wins"]),
};

/// IR-11.
pub const NOTICE_READING: Setting = Setting {
    name: "notice-reading",
    label: "A record whose agency gave notice (IR-11)",
    help: "not-searchable: it is not shown from the notice on; until-purge: it is shown until it is purged.",
    default: Default::Code("not-searchable", &["not-searchable", "until-purge"]),
};

/// IR-12.
pub const DAY_READING: Setting = Setting {
    name: "day-reading",
    label: "How ten days are counted (IR-12)",
    help: "calendar-days: up to the end of the day that is notice-days after the notice; hours-240: by the hour, from the start of the day of the notice.",
    default: Default::Code("calendar-days", &["calendar-days", "hours-240"]),
};

/// IR-17.
pub const AUDIT_PROBE_READING: Setting = Setting {
    name: "audit-probe-reading",
    label: "How long the probe is kept for audit (IR-17)",
    help: "limited: for audit-probe-days, then destroyed; forever: it is not destroyed.",
    default: Default::Code("limited", &["limited", "forever"]),
};

/// How long the probe is kept for audit, in days.
pub const AUDIT_PROBE_DAYS: Setting = Setting {
    name: "audit-probe-days",
    label: "Days the probe is kept for audit",
    help: "The order sets no number: set your own (E.2.b, IR-17).",
    default: Default::Number(365, 1, 36_500),
};

/// Record statuses that may be shown.
pub const SHOWN_STATUSES: Setting = Setting {
    name: "shown-statuses",
    label: "Records that are shown",
    help: "Record statuses a candidate may have. `notice-received` is the business of notice-reading.",
    default: Default::Texts(&["active"]),
};

/// Booking fields that routinely accompany a mugshot.
pub const BOOKING_DATA: Setting = Setting {
    name: "booking-data",
    label: "Routine identifying information",
    help: "Booking fields that routinely accompany a mugshot and may be enrolled with it (D.1).",
    default: Default::Texts(&[
        "name",
        "alias",
        "date-of-birth",
        "age",
        "sex",
        "race",
        "height",
        "weight",
        "eyes",
        "hair",
        "booking-number",
        "booking-date",
        "booking-agency",
        "charge",
        "photo-date",
        "state-id",
    ]),
};

/// Of these, the basic ones.
pub const BASIC_BOOKING_DATA: Setting = Setting {
    name: "basic-booking-data",
    label: "Basic booking data",
    help: "The booking fields that are shown with a returned image (A.3.b).",
    default: Default::Texts(&[
        "name",
        "alias",
        "date-of-birth",
        "age",
        "sex",
        "race",
        "booking-number",
        "booking-date",
        "booking-agency",
        "charge",
        "photo-date",
    ]),
};

/// Image quality below which a better image is asked for.
pub const LOW_QUALITY: Setting = Setting {
    name: "low-quality",
    label: "Low image quality",
    help: "A quality score, 0 to 100, below which the requester is told to look for a better image (C.3).",
    default: Default::Number(30, 0, 100),
};

/// The role of the Commander of the Real-Time Crime Center.
pub const COMMANDER_ROLE: Setting = Setting {
    name: "commander-role",
    label: "Commander of the Real-Time Crime Center",
    help: "The role, as the registry names it, of the officer responsible for compliance (F.1), who is told of misuse.",
    default: Default::Text("rtcc-commander"),
};

/// The role of the SMRT System Administrator.
pub const ADMINISTRATOR_ROLE: Setting = Setting {
    name: "administrator-role",
    label: "SMRT System Administrator",
    help: "The role, as the registry names it, of whom the Commander designated (F.2).",
    default: Default::Text("smrt-administrator"),
};

/// The role of the Administrator's designee.
pub const DESIGNEE_ROLE: Setting = Setting {
    name: "designee-role",
    label: "The Administrator's designee",
    help: "The role, as the registry names it, of whoever decides in the Administrator's stead (D.4.a).",
    default: Default::Text("smrt-administrator-designee"),
};

/// The role of those who decide for the St. Louis Fusion Center.
pub const SLFC_ROLE: Setting = Setting {
    name: "slfc-role",
    label: "St. Louis Fusion Center",
    help: "The role, as the registry names it, of those who authorize personnel (A.3) and grant extensions (D.4.b) for the SLFC.",
    default: Default::Text("slfc-authority"),
};

/// The role of auditors.
pub const AUDITOR_ROLE: Setting = Setting {
    name: "auditor-role",
    label: "Auditors",
    help: "The role, as the registry names it, of those who review the logs beside the Commander and the Administrator (E.1, E.2).",
    default: Default::Text("auditor"),
};

/// IR-10.
pub const STANDING_READING: Setting = Setting {
    name: "standing-reading",
    label: "When an agency's agreement must be in force (IR-10)",
    help: "every-step: at each step afresh; request-only: when it asks. A suspension counts at every step either way.",
    default: Default::Code("every-step", &["every-step", "request-only"]),
};

/// D.3's ten days.
pub const NOTICE_DAYS: Setting = Setting {
    name: "notice-days",
    label: "Days of storage after the notice",
    help: "The order allows no more than ten (D.3); a jurisdiction may allow fewer.",
    default: Default::Number(10, 0, 10),
};

/// SL-4.
pub const TRANSFER_READING: Setting = Setting {
    name: "transfer-reading",
    label: "The server's copy of what was transferred (SL-4)",
    help: "with-the-period: it is purged when D.3 says; at-once: with the transfer, notice or not.",
    default: Default::Code("with-the-period", &["with-the-period", "at-once"]),
};

/// SL-5.
pub const EXTENSION_READING: Setting = Setting {
    name: "extension-reading",
    label: "Until when an extension may be asked for (SL-5)",
    help: "before-the-end: while the retention period runs; any-time: after it, too.",
    default: Default::Code("before-the-end", &["before-the-end", "any-time"]),
};

/// For how long evidence is held before it is reviewed.
pub const EVIDENCE_DAYS: Setting = Setting {
    name: "evidence-days",
    label: "Days a seized report is held",
    help: "C.5 leaves it to Department policy: the days before the hold on a seized Compare Report is reviewed.",
    default: Default::Number(3_650, 1, 36_500),
};

/// How soon data of evidentiary value is on portable media.
pub const TRANSFER_HOURS: Setting = Setting {
    name: "transfer-hours",
    label: "Hours for a transfer to portable media",
    help: "Also for telling the Administrator of a notice (D.3) or of evidence. The order sets no number (D.4.a); where the ten days of D.3 end sooner, their end counts.",
    default: Default::Number(72, 1, 240),
};

/// How soon what the order leaves open is followed up.
pub const FOLLOW_UP_HOURS: Setting = Setting {
    name: "follow-up-hours",
    label: "Hours for a follow-up",
    help: "For seizing a report (C.5), documenting an identification (C.6) and deciding on a violation (E.1).",
    default: Default::Number(72, 1, 8_760),
};

/// How soon the Commander hears of misuse.
pub const MISUSE_NOTICE_HOURS: Setting = Setting {
    name: "misuse-notice-hours",
    label: "Hours for telling the Commander",
    help: "Of misuse, from when it happened, and of an overdue purge, from when it is found. The order sets no number (E.1).",
    default: Default::Number(24, 1, 720),
};

/// How soon what is public is published.
pub const PUBLICATION_HOURS: Setting = Setting {
    name: "publication-hours",
    label: "Hours for publication",
    help: "For system reports and new versions of the policy. The order sets no number (F.3).",
    default: Default::Number(168, 1, 8_760),
};

/// How often queries are audited.
pub const AUDIT_EVERY: Setting = Setting {
    name: "audit-every",
    label: "Periodic audits",
    help: "How often the periodic audit is due. The order sets no number (E.2).",
    default: Default::Code("month", &["week", "month", "year", "demand"]),
};

/// How soon the periodic audit is there.
pub const AUDIT_HOURS: Setting = Setting {
    name: "audit-hours",
    label: "Hours for a periodic audit",
    help: "After the end of its period. The order sets no number (E.2).",
    default: Default::Number(240, 1, 8_760),
};

/// What is set where policy.toml is silent.
pub const SETTINGS: &[Setting] = &[
    INTAKE_UNIT,
    AUTHORISED_ROLE,
    REQUESTER_RANKS,
    AGREEMENT_SCOPE,
    GALLERY_CLASSES,
    PROBE_MEDIA,
    CRIME_PURPOSES,
    MASS_QUERY_LIMIT,
    MASS_QUERY_READING,
    IDENTIFIER_READING,
    PROTECTED_READING,
    ORDER_READING,
    NOTICE_READING,
    DAY_READING,
    AUDIT_PROBE_READING,
    AUDIT_PROBE_DAYS,
    SHOWN_STATUSES,
    BOOKING_DATA,
    BASIC_BOOKING_DATA,
    LOW_QUALITY,
    COMMANDER_ROLE,
    ADMINISTRATOR_ROLE,
    DESIGNEE_ROLE,
    SLFC_ROLE,
    AUDITOR_ROLE,
    STANDING_READING,
    NOTICE_DAYS,
    TRANSFER_READING,
    EXTENSION_READING,
    EVIDENCE_DAYS,
    TRANSFER_HOURS,
    FOLLOW_UP_HOURS,
    MISUSE_NOTICE_HOURS,
    PUBLICATION_HOURS,
    AUDIT_EVERY,
    AUDIT_HOURS,
];

/// A setting that counts something.
pub fn count(settings: &Settings, setting: &Setting) -> u32 {
    u32::try_from(settings.number(setting)).unwrap_or(u32::MAX)
}

/// Texts that would match nobody or anybody, and words nobody knows.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |setting: &Setting, message: &str| {
        problems.push(Problem { setting: setting.name.to_owned(), message: message.to_owned() });
    };
    let roles = [&COMMANDER_ROLE, &ADMINISTRATOR_ROLE, &DESIGNEE_ROLE, &SLFC_ROLE, &AUDITOR_ROLE];
    for text in [&INTAKE_UNIT, &AUTHORISED_ROLE, &AGREEMENT_SCOPE].into_iter().chain(roles) {
        if blank(settings.text(text)) {
            problem(text, "is empty: name it as the registry does");
        }
    }
    for list in [&REQUESTER_RANKS, &GALLERY_CLASSES, &PROBE_MEDIA, &CRIME_PURPOSES, &SHOWN_STATUSES] {
        let words = settings.texts(list);
        if words.is_empty() || words.iter().any(blank) {
            problem(list, "is empty or holds an empty text: list at least one word");
        }
    }
    if settings.texts(&PROBE_MEDIA).iter().any(|word| !crate::a_system::MEDIA.contains(&word)) {
        problem(&PROBE_MEDIA, "holds an unknown word: use still, video, live-stream, sketch or synthetic");
    }
    if settings.texts(&CRIME_PURPOSES).iter().any(|word| crate::words::among(crate::b_purposes::OTHER_CODES, word)) {
        problem(&CRIME_PURPOSES, "holds a code that this policy reads otherwise: leave it out");
    }
    problems
}
