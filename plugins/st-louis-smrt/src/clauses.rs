//! The clause catalogue: every clause of the order that software can enforce, record or report, in the order's order.
//!
//! A clause with two requirements has two entries (`B.4-a`, `B.4-b`). Clause D.2 is absent from the order's text, and
//! parts of A.1, A.3 and D.1 are redacted: nothing is invented for them.

use magistrate_sdk::catalogue::Entry;
use magistrate_sdk::terms::Phase;
use magistrate_sdk::terms::Phase::{
    Access, Activation, Candidates, Disposition, Disseminate, Enroll, Outcome, Release, Report, Request, Retention,
    Search, SignOff, Violation, Waiver,
};

/// What `E.1` calls all transactions and queries.
const EVERY_PHASE: &[Phase] = &[
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

/// In which phases a rule of use is checked: as long as nothing has been shown.
const USE: &[Phase] = &[Request, Search, Candidates];

/// In which phases is checked what holds "in no event", and who may be given anything: as long as anything may still be
/// shown to anybody.
const UNTIL_HANDED_OVER: &[Phase] = &[Request, Search, Candidates, Disposition, SignOff, Release, Disseminate];

/// What a request leaves on record, from asking to what became of it.
const LIFE: &[Phase] = &[Request, Search, Disposition, SignOff, Release, Disseminate, Outcome];

/// The catalogue.
pub const CATALOGUE: &[Entry] = &[
    ("A.1-a", "The server provides the database, the query tool, history tracking and reporting.", &[Report]),
    (
        "A.1-b",
        "A probe is in temporary storage and compared with stored mugshots only; field images are not kept to be searched.",
        &[Enroll, Request, Search],
    ),
    (
        "A.2-a",
        "The result is an array of photographs similar to the submitted photo, not a positive identification.",
        &[Request, Search, Release],
    ),
    ("A.2-b", "Investigators follow leads up under proper legal authority.", &[Search, Release, Disseminate, Outcome]),
    (
        "A.3-a",
        "SLFC-authorized personnel query the database and view the returned images.",
        &[Request, Search, Candidates, Disposition, SignOff, Release, Disseminate, Access],
    ),
    ("A.3-b", "With a returned image, basic booking data is shown.", &[Candidates]),
    (
        "B.1",
        "The shared data is used for the listed purposes and resulting prosecutions.",
        &[Request, Search, Candidates, Disseminate],
    ),
    ("B.1-order", "A final court order may require or authorize a different use.", USE),
    ("B.1.a", "Investigation, detection or analysis of crime.", USE),
    ("B.1.b", "... of violation of Missouri, Illinois or federal criminal or other public safety law.", USE),
    ("B.1.c", "... of the operation of one or more terrorists.", USE),
    ("B.1.d", "... of missing or endangered persons.", USE),
    ("B.1.e", "Identity verification of persons encountered in public safety situations.", USE),
    (
        "B.2",
        "Other legitimate law enforcement uses for which booking mugshots are traditionally and lawfully examined.",
        &[Request, Search, Candidates, Disseminate],
    ),
    (
        "B.3",
        "In no event access solely concerning action or speech protected by the First Amendment.",
        UNTIL_HANDED_OVER,
    ),
    ("B.4-a", "In no event a query that no human initiated.", USE),
    ("B.4-b", "No automated mass query associated with data mining.", &[Request, Search]),
    (
        "B.5",
        "Mugshots known to reflect solely views, associations or activities: only if criminal conduct required them.",
        &[Enroll],
    ),
    ("C.1-a", "Detectives or officers request the use of SMRT.", UNTIL_HANDED_OVER),
    ("C.1-b", "... by contacting the Real-Time Crime Center.", &[Request, Search]),
    ("C.2", "They identify the reason, complaint number, or any other identifier or information.", &[Request]),
    ("C.3", "The highest quality image able to be obtained.", &[Request]),
    ("C.3.a", "Large images may be delivered on a CD, DVD or other storage device.", &[Request]),
    ("C.3.b", "The source of the image may be provided.", &[Request]),
    (
        "C.4",
        "The Real-Time Crime Center generates a Facial Recognition Image Compare Report.",
        &[Search, Candidates, Disposition, SignOff, Release, Disseminate],
    ),
    (
        "C.4-NOTE",
        "Comparisons are nonscientific, investigative leads only, never the sole basis of a decision, no identification.",
        &[Search, Release, Disseminate, Outcome],
    ),
    ("C.5", "A Compare Report used for a positive identification is seized as evidence.", &[Outcome, Retention]),
    (
        "C.6",
        "A positive identification made with the assistance of SMRT is documented in the I/Leads report.",
        &[Outcome],
    ),
    ("D.1", "The data is booking mugshots and routine identifying information from participating agencies.", &[Enroll]),
    (
        "D.3",
        "Data is stored no longer than ten days after its agency gave notice that it no longer retains the mugshot.",
        &[Enroll, Candidates, Release, Disseminate, Retention],
    ),
    ("D.4.a-1", "The Administrator is notified in writing of evidentiary value.", &[Retention]),
    ("D.4.a-2", "Without a written retention order the Administrator reviews the facts and decides.", &[Retention]),
    ("D.4.a-3", "Data of evidentiary value is transferred from the server to portable media.", &[Retention]),
    (
        "D.4.b-1",
        "A request to extend retention states the need, the circumstances, the case number and a point of contact.",
        &[Retention],
    ),
    ("D.4.b-2", "The SLFC may grant or deny it.", &[Retention]),
    ("E.1-a", "All transactions and queries are logged immutably.", EVERY_PHASE),
    ("E.1-b", "The logs are subject to review at any time.", &[Retention, Report]),
    ("E.1-c", "Misuse is subject to disciplinary action, up to criminal prosecution.", &[Outcome, Violation]),
    ("E.2", "Periodic and random audits monitor compliance.", &[Report]),
    ("E.2.a", "Logged: the identity and purpose of the user initiating the query.", LIFE),
    (
        "E.2.b",
        "Logged: the probe image element, which is not enrolled and is retained for audit only.",
        &[Enroll, Request, Search, Disposition, SignOff, Release, Disseminate, Outcome, Retention],
    ),
    ("E.2.c", "Logged: a valid reason for the search.", LIFE),
    ("E.2.d", "Logged: the date and time of the inquiry.", LIFE),
    (
        "F.1",
        "The Commander of the Real-Time Crime Center is responsible for compliance.",
        &[Access, Activation, Waiver],
    ),
    ("F.2", "The Commander designates an SMRT System Administrator.", &[Retention, Access, Activation]),
    ("F.3-a", "System reports are available to the public.", &[Report]),
    ("F.3-b", "The order is available to the public and updated as needed.", &[Activation, Report]),
];

/// A clause by its id; one that the catalogue does not list does not compile.
macro_rules! clause {
    ($id:literal) => {
        const { magistrate_sdk::catalogue::position($crate::clauses::CATALOGUE, $id) }
    };
}
