//! The clause catalogue: every clause that software can enforce, record or report, and where it binds.

use magistrate_sdk::catalogue::Entry;
use magistrate_sdk::terms::Phase::{
    self, Access, Activation, Candidates, Disposition, Disseminate, Enroll, Outcome, Release, Report, Request,
    Retention, Search, SignOff, Violation, Waiver,
};

/// A request is judged afresh at each of these.
const USE: &[Phase] = &[Request, Search, Candidates, Disposition, SignOff, Release];

/// The same, and when the result is handed over.
const USE_AND_HAND_OVER: &[Phase] = &[Request, Search, Candidates, Disposition, SignOff, Release, Disseminate];

/// The request is made and served.
const ASKING: &[Phase] = &[Request, Search, Candidates];

/// Whoever is at the system at these uses it.
const SYSTEM: &[Phase] = &[Search, Candidates, Disposition];

/// Everything done about a request, its probe's retention included.
const LIFE: &[Phase] = &[Request, Search, Candidates, Disposition, SignOff, Release, Disseminate, Outcome, Retention];

/// Every step but those that may put right what keeps the system from operating, and retention: what is due goes (5.4(6), 6.1(3)b)
/// and what is evidence stays, whatever operates. A version that takes effect is asked of itself.
const IN_OPERATION: &[Phase] = &[
    Enroll,
    Request,
    Search,
    Candidates,
    Disposition,
    SignOff,
    Release,
    Disseminate,
    Outcome,
    Activation,
    Report,
    Waiver,
];

/// Every step.
const EVERY: &[Phase] = &[
    Enroll,
    Request,
    Search,
    Candidates,
    Disposition,
    SignOff,
    Release,
    Disseminate,
    Outcome,
    Retention,
    Access,
    Activation,
    Violation,
    Report,
    Waiver,
];

/// The catalogue, in the directive's order.
pub const CLAUSES: &[Entry] = &[
    ("hdr", "The directive is reviewed annually.", &[Activation]),
    ("1-a", "Only with reasonable suspicion of relevance to an active or ongoing investigation.", USE),
    (
        "1-b",
        "A match is an investigative lead; the requester continues the investigation.",
        &[Candidates, Release, Outcome],
    ),
    ("2.3-a", "An examiner has received advanced training.", &[Search, Candidates, Disposition, SignOff]),
    ("2.3-b", "An examiner assesses image quality and appropriateness.", &[Search]),
    (
        "2.4",
        "Two examiners and one supervisor corroborate every search.",
        &[Search, Candidates, Disposition, SignOff, Release],
    ),
    ("2.5", "Highly restricted personal information.", &[Enroll, Candidates]),
    ("2.6", "Home Invasion I: a dwelling entered with felonious intent, armed or while a person is present.", USE),
    ("2.7", "Part 1 violent crimes are robbery, sexual assault, aggravated assault and homicide.", USE),
    ("2.8", "Personally identifiable information.", &[Candidates]),
    ("3.1", "No surveillance of the public.", USE_AND_HAND_OVER),
    ("3.2", "No live stream and no recorded video.", USE),
    ("3.3", "No mobile facial recognition.", USE),
    ("3.4", "No predictive analysis.", USE_AND_HAND_OVER),
    ("3.5-a", "No search based solely on religious, political or social views or activities.", USE_AND_HAND_OVER),
    (
        "3.5-b",
        "No search based solely on participation in a noncriminal organization or lawful event.",
        USE_AND_HAND_OVER,
    ),
    ("3.5-c", "No search based solely on a classification protected by law.", USE_AND_HAND_OVER),
    ("3.5-req", "The Department does not request such a search either.", USE_AND_HAND_OVER),
    ("3.6", "No assessment of immigration status.", USE_AND_HAND_OVER),
    ("4(1)", "Violations are major misconduct, investigated and reviewed for criminality.", &[Violation]),
    (
        "4(2)",
        "A use contrary to 3.5 is notified to four offices within 24 hours.",
        &[Request, Search, Candidates, Disposition, SignOff, Release, Disseminate, Violation],
    ),
    ("5.1", "A still image of an individual only.", USE),
    ("5.2", "In support of an active or ongoing Part 1 violent crime or Home Invasion I investigation.", USE),
    ("5.3", "On any person only with reasonable suspicion of relevance.", USE),
    ("5.4(1)-a", "Submitted to the CIU with photograph, incident number, crime type, pertinent information.", ASKING),
    ("5.4(1)-b", "Photographs are handled as evidence property under 306.1.", &[Request, Outcome, Retention]),
    ("5.4(2)-a", "The CIU performs the search.", SYSTEM),
    ("5.4(2)-b", "The search utilizes SNAP, criminal mug shots.", &[Enroll, Request, Search, Candidates]),
    ("5.4(2)-c", "The State Police's database only to confirm a lead, by formal request.", ASKING),
    ("5.4(2)-d", "A CIU supervisor approves a request to the State Police.", &[Request, Search, Candidates, Release]),
    ("5.4(3)-a", "A lead is corroborated by at least one other examiner.", &[Search, SignOff, Release]),
    ("5.4(3)-b", "A lead is corroborated by a CIU supervisor.", &[Search, SignOff, Release]),
    ("5.4(3)-c", "The supervisor and all examiners involved sign.", &[Search, Disposition, SignOff, Release]),
    (
        "5.4(4)-a",
        "Upon final approval the requester receives a supplemental incident report.",
        &[Search, Release, Disseminate],
    ),
    ("5.4(4)-b", "The report details how the examiner came to their conclusion.", &[Disposition, Release]),
    ("5.4(4)-c", "The report includes the directive's statement.", &[Search, Release]),
    ("5.4(5)", "Without a viable candidate the requester is notified.", &[Candidates, Release]),
    ("5.4(6)", "Without a viable candidate the photograph is removed.", &[Candidates, Release, Retention]),
    ("5.5-a", "An outside agency has a formal agreement before it makes the request.", USE_AND_HAND_OVER),
    ("5.5-b1", "An outside agency is a law enforcement agency.", USE),
    ("5.5-b2", "An outside agency's purpose is within the authorized uses.", USE),
    ("5.5-b3", "An outside requester gives case number, name, agency, address and phone number.", USE),
    ("5.5-b4", "An outside requester acknowledges the statement.", USE),
    (
        "5.5-c",
        "The requests of an agency not in compliance are suspended.",
        &[Request, Search, Candidates, Disposition, SignOff, Release, Disseminate, Access, Violation],
    ),
    ("6.1(1)", "The LASO is responsible for the program.", &[Access]),
    ("6.1(2)a", "The LASO oversees and administers the program.", &[Access, Activation, Waiver]),
    ("6.1(2)b", "The LASO authorises individual access.", &[Access]),
    (
        "6.1(2)c",
        "Accounts are kept current, on a need-to-know basis.",
        &[Request, Search, Candidates, Disposition, SignOff, Release, Disseminate, Access],
    ),
    ("6.1(2)d", "Random evaluations of compliance are conducted and documented.", &[Report]),
    (
        "6.1(3)a-1",
        "The CIU's commanding officer has requests and results reviewed, every candidate of them.",
        &[Search, Candidates, Disposition, SignOff, Release],
    ),
    (
        "6.1(3)a-2",
        "Only the most likely candidates are returned to the requester.",
        &[Search, Candidates, Release, Disseminate],
    ),
    (
        "6.1(3)b",
        "Facial recognition information is purged on schedule unless evidentiary.",
        &[Search, Outcome, Retention],
    ),
    ("6.1(3)c", "Random audits confirm purges.", &[Report]),
    (
        "6.1(3)d",
        "Personnel and external requesters meet all prerequisites.",
        &[Request, Search, Candidates, Disposition, SignOff, Release, Access],
    ),
    (
        "6.1(4)",
        "Privacy, civil rights and civil liberties guide access and disclosure.",
        &[Enroll, Candidates, Release, Disseminate, Retention],
    ),
    ("6.2-a", "Weekly report: requests fulfilled, crimes, leads.", &[Report]),
    ("6.2-b", "With it: upgrades, contract changes, confirmed violations.", &[Violation, Report]),
    ("6.3-a", "Annual report: summary of the weekly reports.", &[Report]),
    ("6.3-b", "Annual report: evaluation of efficacy.", &[Outcome, Report]),
    ("6.3-c", "Annual report: electronic copy for the public.", &[Report]),
    ("6.4", "The Board approves every change of the policy.", &[Activation]),
    ("7(1)-a", "Secure facility, multifactor authentication, encryption, secure networks.", EVERY),
    ("7(1)-b", "Results are disseminated by secured electronic means.", &[Disseminate]),
    ("7(1)-c", "Otherwise in person or by phone with the requester or designee.", &[Disseminate]),
    ("7(1)-d", "Such dissemination is memorialized: to whom, when, in what manner.", &[Disseminate]),
    ("7(2)-a", "A breach is reported to the supervisor and the LASO.", &[Violation]),
    ("7(2)-b", "The originating agency is notified of a breach.", &[Enroll, Violation]),
    ("7(2)-c", "The Department determines whether individuals are notified of a breach.", &[Violation]),
    ("7(3)", "Equipment and software are maintained.", &[Activation]),
    ("7(4)", "Only authorised members modify, access or purge.", &[Enroll, Retention]),
    ("7(5)", "Access needs position, background check and training.", EVERY),
    ("7(6)", "Credentials are not shared.", &[Access]),
    ("7(7)", "Default passwords are replaced.", IN_OPERATION),
    ("7(8)-a", "Queries are logged with the user who initiates them.", EVERY),
    ("7(8)-b", "All access, participating agencies' included, is subject to audit.", &[Report]),
    ("7(9)-a", "An audit trail of what is requested, accessed, searched and disseminated.", EVERY),
    ("7(9)-b", "The audit trail is kept for a year at least.", EVERY),
    ("7(9)-c", "Audit logs hold name, unit, date, case number and justification.", LIFE),
    ("7(9)-d", "Audit logs hold what was disseminated to each individual.", &[Disseminate]),
];

/// A clause by its id; one that the catalogue does not list does not compile.
macro_rules! clause {
    ($id:literal) => {
        const { magistrate_sdk::catalogue::position($crate::catalogue::CLAUSES, $id) }
    };
}
