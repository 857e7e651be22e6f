//! What concerns a result after its list was shown, and the Department's oversight of the whole.

use super::setting;
use magistrate_sdk::Setting;
use magistrate_sdk::settings::Default::{Flag, Number, Text, Texts};

/// Channels that no setting makes secured electronic means: two that anybody reads along, and those of 7(1)-c.
pub const UNSECURED_CHANNELS: &[&str] = &["ordinary-email", "text-message", "phone", "in-person", "paper"];

/// How many offices 4(2) names.
pub const OFFICES_NOTIFIED: usize = 4;

pub const MOST_LIKELY: Setting = setting(
    "most-likely-candidates",
    "Most likely candidates",
    "Most candidates a release returns to the requester; the directive gives no number (6.1(3)a).",
    Number(5, 1, 50),
);

pub const SECURED_CHANNELS: Setting = setting(
    "secured-channels",
    "Secured channels",
    "Channels that are secured electronic means (7(1)); secured-email goes to official addresses only.",
    Texts(&["secured-email", "portal"]),
);

pub const MAIL_DOMAINS: Setting = setting(
    "official-mail-domains",
    "Official mail domains",
    "Domains, their subdomains included, of official government e-mail addresses (7(1)).",
    Texts(&["gov"]),
);

pub const RETENTION_ROLES: Setting = setting(
    "retention-roles",
    "Retention roles",
    "Roles that may hold, extend, export or purge a probe (7(4)).",
    Texts(&["registrar", "laso", "ciu-supervisor", "ciu-commander"]),
);

pub const BOARD: Setting = setting(
    "board",
    "Board",
    "The office that receives the reports (6.2, 6.3).",
    Text("Board of Police Commissioners"),
);

pub const BOARD_ROLE: Setting = setting(
    "board-role",
    "Board role",
    "The role in which the Board's approval of a change is signed (6.4).",
    Text("board-of-police-commissioners"),
);

pub const REPORT_HOURS: Setting = setting(
    "report-hours",
    "Report deadline",
    "Hours after its period within which a report is drawn up, and then within which the Board has it (6.2, 6.3).",
    Number(168, 1, 720),
);

pub const PROTECTED_NOTICE_OFFICES: Setting = setting(
    "protected-notice-offices",
    "Offices notified under 4(2)",
    "Who is notified when facial recognition was used contrary to 3.5.",
    Texts(&[
        "Board of Police Commissioners",
        "Mayor of Detroit",
        "City Council President",
        "City Council President Pro Tem",
    ]),
);

pub const PROTECTED_NOTICE_HOURS: Setting = setting(
    "protected-notice-hours",
    "Notice under 4(2)",
    "Hours after the violation within which those offices are notified: 24 at most.",
    Number(24, 1, 24),
);

pub const MISCONDUCT_OFFICE: Setting = setting(
    "misconduct-office",
    "Misconduct office",
    "Who investigates a violation and reviews it for criminality (4(1)).",
    Text("professional-standards"),
);

pub const BREACH_NOTICE_HOURS: Setting = setting(
    "breach-notice-hours",
    "Breach notice",
    "Hours within which supervisor and LASO hear of a breach: the directive says without unreasonable delay (7(2)).",
    Number(24, 1, 72),
);

pub const BREACH_ASSESSMENT_HOURS: Setting = setting(
    "breach-assessment-hours",
    "Breach assessment",
    "Hours within which a breach is assessed and those concerned are notified: as soon as practicable (7(2)).",
    Number(72, 1, 720),
);

pub const DEFAULTS_REPLACED: Setting = setting(
    "default-passwords-replaced",
    "Default passwords replaced",
    "Whether no password of a manufacturer's is in use any more (7(7)); until none is, nothing operates.",
    Flag(false),
);

pub const PASSWORD_STANDARD: Setting = setting(
    "password-standard-met",
    "Password standard met",
    "Whether every password in use meets Manual Directive 307.4 (7(7)); until they do, nothing operates.",
    Flag(false),
);
