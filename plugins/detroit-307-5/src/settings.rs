//! What a deployment may tune in policy.toml: who is who in its registry, numbers the directive leaves open, and the
//! alternative readings of the interpretation register.
//!
//! What concerns a request until its list is shown is here, what comes after in `after`, the readings in `readings`.

mod after;
mod readings;

pub use after::*;
pub use readings::*;

use crate::words::one_of;
use magistrate_sdk::calendar::days_between;
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::Problem;
use magistrate_sdk::settings::Default::{self, Flag, Number, Text, Texts};
use magistrate_sdk::text::blank;
use magistrate_sdk::{Case, Setting, Settings};

/// Booking fields that 2.5 calls highly restricted; no candidate list shows them, whatever the settings say.
pub const HIGHLY_RESTRICTED: &[&str] = &[
    "disability",
    "disability-information",
    "digitized-signature",
    "medical",
    "medical-information",
    "signature",
    "social-security",
    "social-security-number",
    "ssn",
];

// Who is who.

pub const OWN_AGENCIES: Setting = setting(
    "own-agencies",
    "Own agencies",
    "The agencies of this registry that are the Department itself; any other is an outside agency (5.5). Empty: all.",
    Texts(&["dpd"]),
);

pub const EXAMINING_UNIT: Setting =
    setting("examining-unit", "Examining unit", "The Crime Intelligence Unit's id in the registry (5.4).", Text("ciu"));

pub const EXAMINER_ROLE: Setting =
    setting("examiner-role", "Examiner role", "The role of those who search and compare (2.3).", Text("examiner"));

pub const EXAMINER_CURRICULUM: Setting = setting(
    "examiner-curriculum",
    "Examiner curriculum",
    "The advanced training that makes an examiner (2.3, 7(5)).",
    Text("facial-examination"),
);

pub const SUPERVISOR_ROLE: Setting = setting(
    "supervisor-role",
    "Supervisor role",
    "The role of a supervisor of the examining unit (2.4, 5.4).",
    Text("ciu-supervisor"),
);

pub const COMMANDER_ROLE: Setting = setting(
    "commander-role",
    "Commander role",
    "The role of the examining unit's commanding officer (6.1(3)).",
    Text("ciu-commander"),
);

pub const LASO_ROLE: Setting =
    setting("laso-role", "LASO role", "The role of the Local Agency Security Officer (6.1).", Text("laso"));

pub const REQUESTER_CURRICULUM: Setting = setting(
    "requester-curriculum",
    "Requester curriculum",
    "Training asked of members who request searches (6.1(3)d, 7(5)); the directive names none. Empty: none.",
    Text(""),
);

pub const ENROLLER_ROLES: Setting =
    setting("enroller-roles", "Enroller roles", "Roles that may change a gallery (7(4)).", Texts(&["registrar"]));

pub const NEED_REVIEW_DAYS: Setting = setting(
    "need-review-days",
    "Need-to-know review",
    "Days after which a person's need for access is due for review by the LASO (6.1(2)c).",
    Number(365, 1, 3650),
);

// Galleries.

pub const GALLERIES: Setting =
    setting("galleries", "Galleries", "The gallery ids that are SNAP (5.4(2)).", Texts(&["snap"]));

pub const GALLERY_CLASS: Setting = setting(
    "gallery-class",
    "Gallery class",
    "What those galleries hold: criminal mug shots (5.4(2)).",
    Text("mugshot"),
);

pub const STATE_DATABASE: Setting = setting(
    "state-database",
    "State database",
    "The jurisdiction id of the Michigan State Police, whose database may be asked to confirm a lead (5.4(2)).",
    Text("michigan-state-police"),
);

pub const ACCEPT_TEMPLATES: Setting = setting(
    "accept-templates",
    "Accept templates",
    "Whether a vendor's template may stand for the photograph, which the examining unit then holds itself (5.4(1)).",
    Flag(true),
);

// Vocabulary.

pub const INVESTIGATION_PURPOSES: Setting = setting(
    "investigation-purposes",
    "Investigation purposes",
    "Purpose codes that mean a criminal investigation (5.2).",
    Texts(&["crime", "criminal-investigation", "investigation"]),
);

pub const INCIDENT_NUMBERS: Setting = setting(
    "incident-number-kinds",
    "Incident number kinds",
    "Identifier kinds that are an incident number (5.4(1)).",
    Texts(&["incident-number", "incident"]),
);

pub const CASE_NUMBERS: Setting = setting(
    "case-number-kinds",
    "Case number kinds",
    "Identifier kinds that are a case number (5.5(b), 7(9)).",
    Texts(&["case-number", "case", "complaint-number", "complaint", "incident-number", "incident"]),
);

pub const LAW_ENFORCEMENT_KINDS: Setting = setting(
    "law-enforcement-kinds",
    "Law enforcement kinds",
    "Kinds of agency that are a law enforcement agency (5.5(b)): law-enforcement, federal, prosecutor, other.",
    Texts(&["law-enforcement", "federal"]),
);

pub const AGREEMENT_SCOPE: Setting = setting(
    "agreement-scope",
    "Agreement scope",
    "The word an agreement with a limited scope must list to cover these requests (5.5(a)).",
    Text("facial-recognition"),
);

// Numbers.

pub const MASS_LIMIT: Setting = setting(
    "mass-query-limit",
    "Mass query limit",
    "Distinct probes of one person in an hour, or in one action, above which each needs its own justification (5.3).",
    Number(20, 1, 500),
);

pub const FRAMES_LIMIT: Setting = setting(
    "frames-limit",
    "Frames limit",
    "Stills taken from recordings in one case or action above which each needs its own justification (3.2).",
    Number(5, 1, 100),
);

pub const CANDIDATES_LEAST: Setting = setting(
    "candidates-at-least",
    "Fewest candidates",
    "Fewest candidates that may be asked for (2.4).",
    Number(1, 1, 500),
);

pub const CANDIDATES_MOST: Setting =
    setting("candidates-at-most", "Most candidates", "Most candidates an examiner is shown (2.4).", Number(50, 1, 500));

pub const CANDIDATES_USUAL: Setting = setting(
    "candidates-usual",
    "Usual candidates",
    "Candidates where nobody asks for a number (2.4).",
    Number(20, 1, 500),
);

pub const HIDE_SCORES: Setting =
    setting("hide-scores", "Hide scores", "Whether examiners compare without seeing similarity scores.", Flag(false));

pub const SHOWN_FIELDS: Setting = setting(
    "shown-fields",
    "Shown fields",
    "Booking fields an examiner is shown with a candidate (2.5, 2.8). Highly restricted ones cannot be listed.",
    Texts(&[
        "name",
        "alias",
        "date-of-birth",
        "age",
        "booking-number",
        "booking-date",
        "booking-agency",
        "agency",
        "charge",
        "photo-date",
        "sex",
        "race",
        "height",
        "weight",
        "hair",
        "eyes",
    ]),
);

pub const SHOWN_STATUSES: Setting = setting(
    "shown-statuses",
    "Shown statuses",
    "Statuses a record may have when it is shown as a candidate (6.1(4)).",
    Texts(&["active"]),
);

pub const AUDIT_DAYS: Setting = setting(
    "audit-days",
    "Audit trail",
    "Days the audit trail is kept: a year at least (7(9)).",
    Number(365, 365, 36_500),
);

pub const PROBE_DAYS: Setting = setting(
    "probe-retention-days",
    "Probe retention",
    "Days after which a probe image is purged unless it is of evidentiary value (6.1(3)b).",
    Number(365, 1, 36_500),
);

pub const NO_CANDIDATE_HOURS: Setting = setting(
    "no-candidate-purge-hours",
    "No candidate",
    "Hours within which the requester hears that no candidate was found and the photograph is removed (5.4(5), (6)).",
    Number(24, 1, 720),
);

pub const REVIEWED_YEAR: Setting = setting(
    "last-reviewed-year",
    "Last reviewed",
    "The year of the directive's last annual review; the next is due on 16 December of the year after.",
    Number(2025, 2022, 2200),
);

/// Every setting, in the order of policy.toml.
pub const ALL: &[Setting] = &[
    OWN_AGENCIES,
    EXAMINING_UNIT,
    EXAMINER_ROLE,
    EXAMINER_CURRICULUM,
    SUPERVISOR_ROLE,
    COMMANDER_ROLE,
    LASO_ROLE,
    REQUESTER_CURRICULUM,
    ENROLLER_ROLES,
    NEED_REVIEW_DAYS,
    GALLERIES,
    GALLERY_CLASS,
    STATE_DATABASE,
    ACCEPT_TEMPLATES,
    INVESTIGATION_PURPOSES,
    INCIDENT_NUMBERS,
    CASE_NUMBERS,
    LAW_ENFORCEMENT_KINDS,
    AGREEMENT_SCOPE,
    MASS_LIMIT,
    FRAMES_LIMIT,
    CANDIDATES_LEAST,
    CANDIDATES_MOST,
    CANDIDATES_USUAL,
    HIDE_SCORES,
    SHOWN_FIELDS,
    SHOWN_STATUSES,
    AUDIT_DAYS,
    PROBE_DAYS,
    NO_CANDIDATE_HOURS,
    REVIEWED_YEAR,
    MOST_LIKELY,
    SECURED_CHANNELS,
    MAIL_DOMAINS,
    RETENTION_ROLES,
    BOARD,
    BOARD_ROLE,
    REPORT_HOURS,
    PROTECTED_NOTICE_OFFICES,
    PROTECTED_NOTICE_HOURS,
    MISCONDUCT_OFFICE,
    BREACH_NOTICE_HOURS,
    BREACH_ASSESSMENT_HOURS,
    DEFAULTS_REPLACED,
    PASSWORD_STANDARD,
    PROTECTED_ATTESTATION,
    CRIME_READING,
    VIDEO_STILLS,
    SUPERVISOR_AS_EXAMINER,
    NO_LEAD,
    NOTIFY_DENIED,
    SUSPEND_OUTSIDE,
    AGREEMENT_CHECKED,
    WEEK_STARTS,
    PROBE_PURGE,
    INVOLVED,
    NEED_REVIEW_LAPSED,
];

const fn setting(name: &'static str, label: &'static str, help: &'static str, default: Default) -> Setting {
    Setting { name, label, help, default }
}

/// A setting that counts something.
pub fn count(case: &Case, setting: &Setting) -> u32 {
    u32::try_from(case.settings().number(setting)).unwrap_or(u32::MAX)
}

/// A year later, as a date counts. A 29 February that the other year lacks is its 1 March to the calendar's arithmetic.
const A_YEAR: u32 = 10_000;

/// Days from today on that the audit trail is kept: as set, but a year of the calendar at least, which may have a leap day.
pub fn audit_days(case: &Case) -> u32 {
    let year = days_between(case.today(), case.today().saturating_add(A_YEAR));
    count(case, &AUDIT_DAYS).max(u32::try_from(year).unwrap_or(u32::MAX))
}

/// The same, up to today.
pub fn audit_days_past(case: &Case) -> u32 {
    let year = days_between(case.today().saturating_sub(A_YEAR), case.today());
    count(case, &AUDIT_DAYS).max(u32::try_from(year).unwrap_or(u32::MAX))
}

/// What is wrong with settings that are each of the right kind.
pub fn problems(settings: &Settings) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut problem = |setting: &Setting, message: String| {
        found.push(Problem { setting: setting.name.to_owned(), message });
    };
    for text in [
        &EXAMINING_UNIT,
        &EXAMINER_ROLE,
        &EXAMINER_CURRICULUM,
        &SUPERVISOR_ROLE,
        &COMMANDER_ROLE,
        &LASO_ROLE,
        &BOARD,
        &BOARD_ROLE,
        &MISCONDUCT_OFFICE,
    ] {
        if blank(settings.text(text)) {
            problem(text, "is empty: name it as the registry does".to_owned());
        }
    }
    for list in [
        &GALLERIES,
        &INVESTIGATION_PURPOSES,
        &INCIDENT_NUMBERS,
        &CASE_NUMBERS,
        &ENROLLER_ROLES,
        &SECURED_CHANNELS,
        &MAIL_DOMAINS,
        &RETENTION_ROLES,
        &PROTECTED_NOTICE_OFFICES,
    ] {
        let texts = settings.texts(list);
        if texts.is_empty() || texts.iter().any(blank) {
            problem(list, "is empty or lists an empty text: list at least one".to_owned());
        }
    }
    for kind in settings.texts(&LAW_ENFORCEMENT_KINDS).iter() {
        if !["law-enforcement", "federal", "prosecutor", "other"].contains(&kind) {
            let message = format!("lists `{kind}`: use law-enforcement, federal, prosecutor or other");
            problem(&LAW_ENFORCEMENT_KINDS, message);
        }
    }
    for field in settings.texts(&SHOWN_FIELDS).iter() {
        if one_of(field.trim(), HIGHLY_RESTRICTED) {
            problem(&SHOWN_FIELDS, format!("lists `{field}`, which 2.5 calls highly restricted: leave it out"));
        }
    }
    for channel in settings.texts(&SECURED_CHANNELS).iter() {
        if one_of(channel.trim(), UNSECURED_CHANNELS) {
            problem(
                &SECURED_CHANNELS,
                format!("lists `{channel}`, which is no secured electronic means: leave it out"),
            );
        }
    }
    let offices = settings.texts(&PROTECTED_NOTICE_OFFICES).iter().count();
    if offices < OFFICES_NOTIFIED {
        let message = format!("lists {offices} offices: 4(2) names {OFFICES_NOTIFIED}, list them all");
        problem(&PROTECTED_NOTICE_OFFICES, message);
    }
    let [least, usual, most] =
        [&CANDIDATES_LEAST, &CANDIDATES_USUAL, &CANDIDATES_MOST].map(|setting| settings.number(setting));
    if usual < least || most < usual {
        let message =
            format!("is {usual}: keep it between candidates-at-least ({least}) and candidates-at-most ({most})");
        problem(&CANDIDATES_USUAL, message);
    }
    found
}
