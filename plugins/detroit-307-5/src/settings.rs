//! What a deployment may tune in policy.toml: who is who in its registry, numbers the directive leaves open, and the
//! alternative readings of the interpretation register.

use magistrate_sdk::rulings::Problem;
use magistrate_sdk::settings::Default::{self, Code, Flag, Number, Text, Texts};
use magistrate_sdk::{Case, Setting, Settings};

pub const OWN_AGENCIES: &str = "own-agencies";
pub const EXAMINING_UNIT: &str = "examining-unit";
pub const EXAMINER_ROLE: &str = "examiner-role";
pub const EXAMINER_CURRICULUM: &str = "examiner-curriculum";
pub const SUPERVISOR_ROLE: &str = "supervisor-role";
pub const COMMANDER_ROLE: &str = "commander-role";
pub const LASO_ROLE: &str = "laso-role";
pub const REQUESTER_CURRICULUM: &str = "requester-curriculum";
pub const ENROLLER_ROLES: &str = "enroller-roles";
pub const NEED_REVIEW_DAYS: &str = "need-review-days";
pub const GALLERIES: &str = "galleries";
pub const GALLERY_CLASS: &str = "gallery-class";
pub const STATE_DATABASE: &str = "state-database";
pub const ACCEPT_TEMPLATES: &str = "accept-templates";
pub const INVESTIGATION_PURPOSES: &str = "investigation-purposes";
pub const INCIDENT_NUMBERS: &str = "incident-number-kinds";
pub const CASE_NUMBERS: &str = "case-number-kinds";
pub const LAW_ENFORCEMENT_KINDS: &str = "law-enforcement-kinds";
pub const AGREEMENT_SCOPE: &str = "agreement-scope";
pub const MASS_LIMIT: &str = "mass-query-limit";
pub const FRAMES_LIMIT: &str = "frames-limit";
pub const CANDIDATES_LEAST: &str = "candidates-at-least";
pub const CANDIDATES_MOST: &str = "candidates-at-most";
pub const CANDIDATES_USUAL: &str = "candidates-usual";
pub const HIDE_SCORES: &str = "hide-scores";
pub const SHOWN_FIELDS: &str = "shown-fields";
pub const SHOWN_STATUSES: &str = "shown-statuses";
pub const AUDIT_DAYS: &str = "audit-days";
pub const PROBE_DAYS: &str = "probe-retention-days";
pub const NO_CANDIDATE_HOURS: &str = "no-candidate-purge-hours";
pub const REVIEWED_YEAR: &str = "last-reviewed-year";
pub const PROTECTED_ATTESTATION: &str = "protected-attestation";
pub const CRIME_READING: &str = "crime-reading";
pub const VIDEO_STILLS: &str = "video-stills";
pub const SUPERVISOR_AS_EXAMINER: &str = "supervisor-counts-as-examiner";
pub const NO_LEAD: &str = "no-lead-corroboration";
pub const NOTIFY_DENIED: &str = "notify-denied-protected";
pub const SUSPEND_OUTSIDE: &str = "suspend-outside-requests";
pub const AGREEMENT_CHECKED: &str = "agreement-checked";
pub const WEEK_STARTS: &str = "week-starts";
pub const PROBE_PURGE: &str = "probe-purge";
pub const INVOLVED: &str = "involved";

/// Booking fields that 2.5 calls highly restricted; no candidate list shows them, whatever the settings say.
pub const HIGHLY_RESTRICTED: &[&str] = &[
    "disability",
    "digitized-signature",
    "medical",
    "medical-information",
    "signature",
    "social-security-number",
    "ssn",
];

/// Every setting, in the order of policy.toml.
pub const ALL: &[Setting] = &[
    // Who is who.
    setting(
        OWN_AGENCIES,
        "Own agencies",
        "The agencies of this registry that are the Department itself; any other is an outside agency (5.5). Empty: all.",
        Texts(&["dpd"]),
    ),
    setting(EXAMINING_UNIT, "Examining unit", "The Crime Intelligence Unit's id in the registry (5.4).", Text("ciu")),
    setting(EXAMINER_ROLE, "Examiner role", "The role of those who search and compare (2.3).", Text("examiner")),
    setting(
        EXAMINER_CURRICULUM,
        "Examiner curriculum",
        "The advanced training that makes an examiner (2.3, 7(5)).",
        Text("facial-examination"),
    ),
    setting(
        SUPERVISOR_ROLE,
        "Supervisor role",
        "The role of a supervisor of the examining unit (2.4, 5.4).",
        Text("ciu-supervisor"),
    ),
    setting(
        COMMANDER_ROLE,
        "Commander role",
        "The role of the examining unit's commanding officer (6.1(3)).",
        Text("ciu-commander"),
    ),
    setting(LASO_ROLE, "LASO role", "The role of the Local Agency Security Officer (6.1).", Text("laso")),
    setting(
        REQUESTER_CURRICULUM,
        "Requester curriculum",
        "Training asked of members who request searches (6.1(3)d, 7(5)); the directive names none. Empty: none.",
        Text(""),
    ),
    setting(ENROLLER_ROLES, "Enroller roles", "Roles that may change a gallery (7(4)).", Texts(&["registrar"])),
    setting(
        NEED_REVIEW_DAYS,
        "Need-to-know review",
        "Days after which a person's need for access is due for review (6.1(2)c); the LASO gets a task.",
        Number(365, 1, 3650),
    ),
    // Galleries.
    setting(GALLERIES, "Galleries", "The gallery ids that are SNAP (5.4(2)).", Texts(&["snap"])),
    setting(GALLERY_CLASS, "Gallery class", "What those galleries hold: criminal mug shots (5.4(2)).", Text("mugshot")),
    setting(
        STATE_DATABASE,
        "State database",
        "The jurisdiction id of the Michigan State Police, whose database may be asked to confirm a lead (5.4(2)).",
        Text("michigan-state-police"),
    ),
    setting(
        ACCEPT_TEMPLATES,
        "Accept templates",
        "Whether a vendor's template may stand for the photograph, which the examining unit then holds itself (5.4(1)).",
        Flag(true),
    ),
    // Vocabulary.
    setting(
        INVESTIGATION_PURPOSES,
        "Investigation purposes",
        "Purpose codes that mean a criminal investigation (5.2).",
        Texts(&["crime", "criminal-investigation", "investigation"]),
    ),
    setting(
        INCIDENT_NUMBERS,
        "Incident number kinds",
        "Identifier kinds that are an incident number (5.4(1)).",
        Texts(&["incident-number", "incident"]),
    ),
    setting(
        CASE_NUMBERS,
        "Case number kinds",
        "Identifier kinds that are a case number (5.5(b), 7(9)).",
        Texts(&["case-number", "case", "complaint-number", "complaint", "incident-number", "incident"]),
    ),
    setting(
        LAW_ENFORCEMENT_KINDS,
        "Law enforcement kinds",
        "Kinds of agency that are a law enforcement agency (5.5(b)): law-enforcement, federal, prosecutor, other.",
        Texts(&["law-enforcement", "federal"]),
    ),
    setting(
        AGREEMENT_SCOPE,
        "Agreement scope",
        "The word an agreement with a limited scope must list to cover these requests (5.5(a)).",
        Text("facial-recognition"),
    ),
    // Numbers.
    setting(
        MASS_LIMIT,
        "Mass query limit",
        "Distinct probes of one person in an hour, or in one action, above which each needs its own justification (5.3).",
        Number(20, 1, 500),
    ),
    setting(
        FRAMES_LIMIT,
        "Frames limit",
        "Stills taken from recordings in one case or action above which each needs its own justification (3.2).",
        Number(5, 1, 100),
    ),
    setting(CANDIDATES_LEAST, "Fewest candidates", "Fewest candidates that may be asked for (2.4).", Number(1, 1, 500)),
    setting(CANDIDATES_MOST, "Most candidates", "Most candidates an examiner is shown (2.4).", Number(50, 1, 500)),
    setting(
        CANDIDATES_USUAL,
        "Usual candidates",
        "Candidates where nobody asks for a number (2.4).",
        Number(20, 1, 500),
    ),
    setting(HIDE_SCORES, "Hide scores", "Whether examiners compare without seeing similarity scores.", Flag(false)),
    setting(
        SHOWN_FIELDS,
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
    ),
    setting(
        SHOWN_STATUSES,
        "Shown statuses",
        "Statuses a record may have when it is shown as a candidate (6.1(4)).",
        Texts(&["active"]),
    ),
    setting(
        AUDIT_DAYS,
        "Audit trail",
        "Days the audit trail is kept: a year at least (7(9)).",
        Number(365, 365, 36_500),
    ),
    setting(
        PROBE_DAYS,
        "Probe retention",
        "Days after which a probe image is purged unless it is of evidentiary value (6.1(3)b).",
        Number(365, 1, 36_500),
    ),
    setting(
        NO_CANDIDATE_HOURS,
        "No candidate",
        "Hours within which the requester hears that no candidate was found and the photograph is removed (5.4(5), (6)).",
        Number(24, 1, 720),
    ),
    setting(
        REVIEWED_YEAR,
        "Last reviewed",
        "The year of the directive's last annual review; the next is due on 16 December of the year after.",
        Number(2025, 2022, 2200),
    ),
    // Readings.
    setting(
        PROTECTED_ATTESTATION,
        "IR-2: who says solely",
        "Whether a supervisor attests, beside requester and operator, that 3.5 does not apply.",
        Code("requester-and-operator", &["requester-and-operator", "supervisor"]),
    ),
    setting(
        CRIME_READING,
        "IR-4: subtypes and attempts",
        "Whether carjacking, attempts and the like count as the Part 1 crime they belong to, or exact words only.",
        Code("table", &["table", "exact"]),
    ),
    setting(
        VIDEO_STILLS,
        "IR-5: stills from recordings",
        "Whether a single still taken from a recording may be searched.",
        Code("with-provenance", &["with-provenance", "none"]),
    ),
    setting(
        SUPERVISOR_AS_EXAMINER,
        "IR-6: two hats",
        "Whether a supervisor who is trained also counts as one of the two examiners.",
        Flag(false),
    ),
    setting(
        NO_LEAD,
        "IR-7: searches without a lead",
        "What corroborates a search that found no lead, at sign-off.",
        Code("second-look", &["second-look", "full-set"]),
    ),
    setting(
        NOTIFY_DENIED,
        "IR-8: denied 3.5 requests",
        "Whether a request denied under 3.5 is notified like a violation (4(2)).",
        Flag(false),
    ),
    setting(
        SUSPEND_OUTSIDE,
        "IR-9: suspend all",
        "Set while any agency is out of compliance, where 5.5(c) is read as suspending all outside requests.",
        Flag(false),
    ),
    setting(
        AGREEMENT_CHECKED,
        "IR-10: agreement in force",
        "Whether an agreement must be in force at every phase or at the request only.",
        Code("every-phase", &["every-phase", "request-only"]),
    ),
    setting(
        WEEK_STARTS,
        "IR-13: week",
        "The first day of the weekly report's week (6.2).",
        Code("monday", &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]),
    ),
    setting(
        PROBE_PURGE,
        "IR-15: purge",
        "What a purge destroys: the probe's bytes, or nothing until the audit trail itself may go.",
        Code("bytes", &["bytes", "keep-encrypted"]),
    ),
    setting(
        INVOLVED,
        "IR-18: who is involved",
        "Whether everyone who opened the candidate list has to sign, or only those who compared.",
        Code("opened-list", &["opened-list", "compared"]),
    ),
];

const fn setting(name: &'static str, label: &'static str, help: &'static str, default: Default) -> Setting {
    Setting { name, label, help, default }
}

/// A setting that counts something.
pub fn count(case: &Case, name: &str) -> u32 {
    u32::try_from(case.settings().number(name)).unwrap_or(u32::MAX)
}

/// What is wrong with settings that are each of the right kind.
pub fn problems(settings: &Settings) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut problem = |setting: &str, message: String| {
        found.push(Problem { setting: setting.to_owned(), message });
    };
    for name in [EXAMINING_UNIT, EXAMINER_ROLE, EXAMINER_CURRICULUM, SUPERVISOR_ROLE, COMMANDER_ROLE, LASO_ROLE] {
        if settings.text(name).trim().is_empty() {
            problem(name, "is empty: name it as the registry does".to_owned());
        }
    }
    for name in [GALLERIES, INVESTIGATION_PURPOSES, INCIDENT_NUMBERS, CASE_NUMBERS, ENROLLER_ROLES] {
        let texts = settings.texts(name);
        if texts.is_empty() || texts.iter().any(|t| t.trim().is_empty()) {
            problem(name, "is empty or lists an empty text: list at least one".to_owned());
        }
    }
    for kind in settings.texts(LAW_ENFORCEMENT_KINDS) {
        if !["law-enforcement", "federal", "prosecutor", "other"].contains(&kind) {
            let message = format!("lists `{kind}`: use law-enforcement, federal, prosecutor or other");
            problem(LAW_ENFORCEMENT_KINDS, message);
        }
    }
    for field in settings.texts(SHOWN_FIELDS) {
        if HIGHLY_RESTRICTED.contains(&field) {
            problem(SHOWN_FIELDS, format!("lists `{field}`, which 2.5 calls highly restricted: leave it out"));
        }
    }
    let [least, usual, most] = [CANDIDATES_LEAST, CANDIDATES_USUAL, CANDIDATES_MOST].map(|name| settings.number(name));
    if usual < least || most < usual {
        let message =
            format!("is {usual}: keep it between candidates-at-least ({least}) and candidates-at-most ({most})");
        problem(CANDIDATES_USUAL, message);
    }
    found
}
