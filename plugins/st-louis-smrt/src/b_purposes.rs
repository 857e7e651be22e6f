//! B.1 and B.2: what the shared SMRT data may be used for.
//!
//! The purpose is a code of the request form. It is looked up here; the clause it belongs to then asks for what makes
//! the code true. A code nobody knows is no purpose.

use crate::settings::CRIME_PURPOSES;
use crate::words::{self, anybody_chose, chosen, given};
use magistrate_sdk::{Case, Duties};

/// B.1.b.
pub const LAW_VIOLATION: &str = "law-violation";
/// B.1.c.
pub const TERRORISM: &str = "terrorism";
/// B.1.d.
pub const MISSING_PERSON: &str = "missing-person";
/// B.1.e.
pub const IDENTITY_VERIFICATION: &str = "identity-verification";
/// B.1, "and in any prosecution(s) resulting from such use".
pub const PROSECUTION: &str = "prosecution";
/// B.1, "absent a final court order".
pub const COURT_ORDERED: &str = "court-ordered";
/// B.2.
pub const OTHER: &str = "other";

/// The codes that do not mean crime.
pub const OTHER_CODES: &[&str] =
    &[LAW_VIOLATION, TERRORISM, MISSING_PERSON, IDENTITY_VERIFICATION, PROSECUTION, COURT_ORDERED, OTHER];

/// The laws whose violation B.1.b names.
pub const LAWS: &[&str] = &["missouri", "illinois", "federal"];

/// The subjects of B.1.d.
pub const MISSING_SUBJECTS: &[&str] = &["missing", "endangered"];

/// The situation B.1.e leaves open with "such as".
pub const OTHER_SITUATION: &str = "other-public-safety-situation";

/// The situations of B.1.e, in the order's order.
pub const ENCOUNTERS: &[&str] = &[
    "traffic-stop",
    "pedestrian-interview",
    "vehicle-accident",
    "workplace-injury",
    "assault-or-shooting-scene",
    "lost-or-found-elderly-person",
    "lost-or-found-mentally-disabled-person",
    "lost-or-found-non-communicative-person",
    "child-with-non-guardian",
    "false-or-altered-name",
    OTHER_SITUATION,
];

/// B.1 "Absent a final court order requiring or authorizing some different use(s), the shared SMRT data may be used for
/// the following purposes", which B.2 calls non-exclusive examples.
pub fn listed_purpose(case: &mut Case) {
    match code(case) {
        "" => {
            let ask = "no purpose was stated: state one that the order lists, or `other` with a narrative";
            case.clause(clause!("B.1")).needs(false, ask);
        }
        COURT_ORDERED => court_order(case),
        OTHER => other_legitimate_use(case),
        LAW_VIOLATION => listed(case, violation_of_law),
        TERRORISM => listed(case, terrorists),
        MISSING_PERSON => listed(case, missing_or_endangered),
        IDENTITY_VERIFICATION => listed(case, identity_verification),
        PROSECUTION => resulting_prosecution(case),
        code if case.settings().texts(&CRIME_PURPOSES).contains(code) => listed(case, crime),
        _ => case.clause(clause!("B.1")).violated(
            "the purpose is none this policy knows: state one that the order lists, or `other` with a narrative",
        ),
    }
}

/// The request's purpose, as the form or the settings spell it; as written where neither knows it.
pub fn code<'a>(case: &Case<'a>) -> &'a str {
    let written = case.purpose();
    code_of(case, written).unwrap_or(written)
}

/// How the form or the settings spell a purpose; absent where neither knows it.
fn code_of<'a>(case: &Case<'a>, written: &str) -> Option<&'a str> {
    let other: Option<&'a str> = OTHER_CODES.iter().copied().find(|code| words::is(written, code));
    other.or_else(|| case.settings().texts(&CRIME_PURPOSES).iter().find(|code| words::is(written, code)))
}

/// Whether the data goes on being used for what was asked, or for another purpose that B.1 lists.
pub fn of_the_request_or_listed(case: &Case, written: &str) -> bool {
    words::is(written, case.purpose())
        || code_of(case, written).is_some_and(|code| code != OTHER && code != COURT_ORDERED)
}

/// Whether this request rests on a court order that requires or authorizes its use, is final and is not stayed.
pub fn ordered_by_court(case: &Case) -> bool {
    code(case) == COURT_ORDERED
        && order_named(case)
        && case.affirmed("order-final") == Some(true)
        && case.flag("order-stayed") == Some(false)
}

fn listed(case: &mut Case, item: fn(&mut Case)) {
    case.clause(clause!("B.1")).satisfied();
    item(case);
}

/// B.1.a "the investigation, detection, or analysis of crime".
fn crime(case: &mut Case) {
    let named = given(case, "crime").is_some();
    case.clause(clause!("B.1.a")).needs(named, "say in `crime` which crime is investigated, detected or analysed");
}

/// B.1.b "... of violation of Missouri, and/or Illinois, and/or federal criminal or other public safety law".
fn violation_of_law(case: &mut Case) {
    let law = chosen(case, "law", LAWS);
    case.clause(clause!("B.1.b")).affirms(
        law,
        "say in `law` whose law was violated: missouri, illinois or federal",
        "the law violated is not Missouri, Illinois or federal law: no other law is among the listed purposes",
    );
}

/// B.1.c "... of the operation of one or more terrorist(s)". As a crime is named (B.1.a), so is the operation: the word alone
/// opens no way in.
fn terrorists(case: &mut Case) {
    let named = given(case, "narrative").is_some();
    case.clause(clause!("B.1.c")).needs(
        named,
        "describe in `narrative` the operation of one or more terrorists that is investigated, detected or analysed",
    );
}

/// B.1.d "... of missing or endangered person(s)". No crime is needed.
fn missing_or_endangered(case: &mut Case) {
    let subject = chosen(case, "subject-role", MISSING_SUBJECTS);
    case.clause(clause!("B.1.d")).affirms(
        subject,
        "say in `subject-role` whether the person is missing or endangered",
        "the person is neither missing nor endangered: state the purpose that fits",
    );
}

/// B.1.e "to enable law enforcement personnel to gain accurate identification verification regarding persons
/// encountered in public safety situations, such as ...". No crime is needed. What "such as" leaves open needs a
/// narrative and is reviewed.
fn identity_verification(case: &mut Case) {
    let encounter = chosen(case, "encounter", ENCOUNTERS);
    case.clause(clause!("B.1.e")).affirms(
        encounter,
        "say in `encounter` in what situation the person was encountered",
        "the situation is none this policy knows: choose one, or `other-public-safety-situation` with a narrative",
    );
    if anybody_chose(case, "encounter", OTHER_SITUATION) {
        let narrated = given(case, "narrative").is_some();
        case.clause(clause!("B.1.e"))
            .needs(narrated, "describe in `narrative` the public safety situation in which the person was encountered");
        case.clause(clause!("B.1.e")).obliges(Duties::flag("a public safety situation that the order does not name"));
    }
}

/// B.1 "(and in any prosecution(s) resulting from such use)": of a use that the order lists, so it is named.
fn resulting_prosecution(case: &mut Case) {
    let named = given(case, "prosecution").is_some();
    case.clause(clause!("B.1"))
        .needs(named, "name in `prosecution` the prosecution, and the use of SMRT data that it results from");
}

/// B.1 "absent a final court order requiring or authorizing some different use(s)". An order that is not final, or is
/// stayed, changes nothing.
fn court_order(case: &mut Case) {
    case.clause(clause!("B.1")).notes("the use is none that the order lists: it stands or falls with the court order");
    let named = order_named(case);
    case.clause(clause!("B.1-order")).needs(
        named,
        "name the court and number of the order in `order-id`, and the use it requires or authorizes in `order-use`",
    );
    let (is_final, stayed) = (case.affirmed("order-final"), case.flag("order-stayed"));
    case.clause(clause!("B.1-order")).affirms(
        is_final,
        "say in `order-final` whether the court order is final",
        "a court order that is not final authorizes no different use: wait until it is",
    );
    case.clause(clause!("B.1-order")).denies(
        stayed,
        "say in `order-stayed` whether the court order is stayed",
        "a court order that is stayed authorizes no different use: wait until the stay is lifted",
    );
}

fn order_named(case: &Case) -> bool {
    given(case, "order-id").is_some() && given(case, "order-use").is_some()
}

/// B.2 "This policy is not meant to inhibit other legitimate law enforcement use(s) of the SMRT system for any other
/// purpose(s) for which visual examination of booking mugshots traditionally and lawfully occurs."
fn other_legitimate_use(case: &mut Case) {
    case.clause(clause!("B.1")).notes("the purpose is none that the order lists; its list is not exclusive");
    let narrated = given(case, "narrative").is_some();
    case.clause(clause!("B.2")).needs(narrated, "describe in `narrative` the law enforcement use, and why mugshots are traditionally and lawfully examined for it");
    case.clause(clause!("B.2")).obliges(Duties::flag("a use that the order does not list"));
}
