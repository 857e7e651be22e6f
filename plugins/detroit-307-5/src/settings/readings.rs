//! The alternative readings of the interpretation register, one setting each.

use super::setting;
use magistrate_sdk::Setting;
use magistrate_sdk::settings::Default::{Code, Flag};

pub const PROTECTED_ATTESTATION: Setting = setting(
    "protected-attestation",
    "IR-2: who says solely",
    "Whether a supervisor attests, beside requester and operator, that 3.5 does not apply.",
    Code("requester-and-operator", &["requester-and-operator", "supervisor"]),
);

pub const CRIME_READING: Setting = setting(
    "crime-reading",
    "IR-4: subtypes and attempts",
    "Whether carjacking, attempts and the like count as the Part 1 crime they belong to, or exact words only.",
    Code("table", &["table", "exact"]),
);

pub const VIDEO_STILLS: Setting = setting(
    "video-stills",
    "IR-5: stills from recordings",
    "Whether a single still taken from a recording may be searched.",
    Code("with-provenance", &["with-provenance", "none"]),
);

pub const SUPERVISOR_AS_EXAMINER: Setting = setting(
    "supervisor-counts-as-examiner",
    "IR-6: two hats",
    "Whether a supervisor who is trained also counts as one of the two examiners.",
    Flag(false),
);

pub const NO_LEAD: Setting = setting(
    "no-lead-corroboration",
    "IR-7: searches without a lead",
    "What corroborates a search that found no lead, at sign-off.",
    Code("second-look", &["second-look", "full-set"]),
);

pub const NOTIFY_DENIED: Setting = setting(
    "notify-denied-protected",
    "IR-8: denied 3.5 requests",
    "Whether a request denied under 3.5 is notified like a violation (4(2)).",
    Flag(false),
);

pub const SUSPEND_OUTSIDE: Setting = setting(
    "suspend-outside-requests",
    "IR-9: suspend all",
    "Set while any agency is out of compliance, where 5.5(c) is read as suspending all outside requests.",
    Flag(false),
);

pub const AGREEMENT_CHECKED: Setting = setting(
    "agreement-checked",
    "IR-10: agreement in force",
    "Whether an agreement must be in force at every phase or at the request only.",
    Code("every-phase", &["every-phase", "request-only"]),
);

pub const WEEK_STARTS: Setting = setting(
    "week-starts",
    "IR-13: week",
    "The first day of the weekly report's week (6.2).",
    Code("monday", &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]),
);

pub const PROBE_PURGE: Setting = setting(
    "probe-purge",
    "IR-15: purge",
    "What a purge destroys: the probe's bytes, or nothing until the audit trail itself may go.",
    Code("bytes", &["bytes", "keep-encrypted"]),
);

pub const INVOLVED: Setting = setting(
    "involved",
    "IR-18: who is involved",
    "Whether everyone who opened the candidate list has to sign, or only those who compared.",
    Code("opened-list", &["opened-list", "compared"]),
);

pub const NEED_REVIEW_LAPSED: Setting = setting(
    "need-review-lapsed",
    "DP-1: review of need overdue",
    "Whether a member whose need for access was not reviewed in time is refused, or only a task of the LASO's.",
    Code("refuse", &["refuse", "task"]),
);
