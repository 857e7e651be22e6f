//! C.4: the Facial Recognition Image Compare Report, from what an examiner says of a candidate to the hand-over of the
//! report, with the NOTE that goes wherever it goes.
//!
//! The order knows one report, drawn up by the Real-Time Crime Center, and no second examiner.

use crate::c_inquiries::{COMPARE_REPORT, at_the_rtcc};
use crate::texts;
use magistrate_sdk::facts::{Dissemination, Step};
use magistrate_sdk::text::{blank, same};
use magistrate_sdk::{Case, Duties};

/// The purpose of handing a report to a prosecutor: B.1, "and in any prosecution(s) resulting from such use".
pub const PROSECUTION: &str = "prosecution";

/// C.4 "The RTCC will generate a Facial Recognition Image Compare Report": so whoever compares, signs, releases or
/// hands it over belongs to the Real-Time Crime Center.
pub fn drawn_up_by_the_rtcc(case: &mut Case) {
    let rtcc = at_the_rtcc(case);
    case.clause(clause!("C.4")).requires(
        rtcc,
        "the Compare Report is the Real-Time Crime Center's: have one of its authorized personnel take this step",
    );
}

/// C.4 The report is "to illustrate facial similarities or differences between two subjects": what an examiner says of
/// a candidate says which.
pub fn similarities_or_differences(case: &mut Case) {
    let Step::Disposition(list) = &case.matter().step else { return };
    if list.is_empty() {
        case.clause(clause!("C.4")).missing("nothing is said of any candidate: say it of at least one");
        return;
    }
    let reasoned = list.iter().all(|d| d.reasoned);
    case.clause(clause!("C.4")).needs(
        reasoned,
        "a candidate was judged without a written reason: write down the facial similarities or differences seen",
    );
}

/// C.4 No signature is demanded, so one is noted. A person signs for themselves, and once.
pub fn signed_once(case: &mut Case) {
    let Step::SignOff(signature) = &case.matter().step else { return };
    let own = same(&signature.person, &case.actor().id);
    case.clause(clause!("C.4")).requires(own, "nobody signs for somebody else: sign with your own credential");
    let again = case.history().signatures.iter().any(|s| same(&s.person, &signature.person));
    let twice = case.clause(clause!("C.4")).forbids(
        again,
        "this person has signed already, and a second signature adds nobody: have somebody else sign, or release",
    );
    if own && !twice {
        case.clause(clause!("C.4")).notes("the order demands no second examiner: the signature goes on record");
    }
}

/// C.4 and its NOTE: the report that leaves carries the NOTE, to the byte, and no other statement of the order altered.
pub fn released_with_the_note(case: &mut Case) {
    let Step::Release(plan) = &case.matter().step else { return };
    case.clause(clause!("C.4")).obliges(Duties::document(COMPARE_REPORT));
    if !plan.reasoning_given {
        case.clause(clause!("C.4")).notes("the report gives no reasons; the order does not demand them");
    }
    let carried = plan.statements.iter().any(|s| s.id == texts::NOTE);
    let altered = |note: bool| {
        let mut own = plan.statements.iter().filter(|s| (s.id == texts::NOTE) == note);
        own.any(|s| texts::verbatim(&s.id, &s.text_digest) == Some(false))
    };
    let (note_altered, other_altered) = (altered(true), altered(false));
    if note_altered {
        case.clause(clause!("C.4-NOTE"))
            .violated("the report carries the NOTE in other words than the order's: restore it to the letter");
    } else {
        case.clause(clause!("C.4-NOTE"))
            .needs(carried, "the report does not carry the NOTE: add the statement `C.4-NOTE`, to the letter");
    }
    case.clause(clause!("C.4-NOTE")).obliges(Duties::statement(texts::NOTE));
    if other_altered {
        case.clause(clause!("A.2-a"))
            .violated("the report carries A.2 in other words than the order's: restore them to the letter");
    }
}

/// C.4 What is handed over is the report, as it was released, and the NOTE goes with it.
pub fn handed_over_with_the_note(case: &mut Case) {
    let released = case.history().released.is_some();
    case.clause(clause!("C.4")).requires(released, "the Compare Report has not been released: release it first");
    case.clause(clause!("C.4-NOTE")).notes("the NOTE goes to the recipient with the report");
    case.clause(clause!("C.4-NOTE")).obliges(Duties::statement(texts::NOTE));
}

/// C.1 and the order's policy paragraph: a result goes to the detective or officer who asked, or to another of a
/// participating agency; B.1: and to whoever conducts a prosecution that results.
pub fn rightful_recipient(case: &mut Case) {
    let Step::Disseminate(handed) = &case.matter().step else { return };
    if blank(&handed.purpose) {
        case.clause(clause!("B.1")).missing("say what the recipient needs the report for");
    } else if same(handed.purpose.trim(), PROSECUTION) {
        to_the_prosecution(case, handed);
        return;
    } else {
        case.clause(clause!("B.1")).satisfied();
    }
    to_an_officer(case, handed);
    to_a_participant(case, handed);
}

fn to_the_prosecution(case: &mut Case, handed: &Dissemination) {
    let prosecutes = case.affirmed("recipient-prosecutes");
    case.clause(clause!("B.1")).affirms(
        prosecutes,
        "say in `recipient-prosecutes` whether the recipient conducts the prosecution that results from this search",
        "the recipient conducts no prosecution that results from this search: do not hand the report over",
    );
    if blank(&handed.recipient) {
        case.clause(clause!("E.1-a")).missing("name the recipient: what nobody is named for cannot be logged");
    }
}

fn to_an_officer(case: &mut Case, handed: &Dissemination) {
    if blank(&handed.recipient) {
        case.clause(clause!("E.1-a")).missing("name the recipient: what nobody is named for cannot be logged");
        return;
    }
    let requester = case.requester();
    let asked = same(&handed.recipient, &requester.id) || same(&handed.recipient, &requester.name);
    if (asked && requesters_agency(case, handed)) || handed.designee {
        case.clause(clause!("C.1-a")).satisfied();
        return;
    }
    let officer = case.affirmed("recipient-is-officer");
    case.clause(clause!("C.1-a")).affirms(
        officer,
        "the recipient did not ask for the search: say in `recipient-is-officer` whether they are a detective or officer",
        "the recipient is neither who asked nor a detective or officer: hand the report to the requester",
    );
}

fn to_a_participant(case: &mut Case, handed: &Dissemination) {
    let own = case.actor_agency();
    if requesters_agency(case, handed) || (own.participant && same(&handed.recipient_agency, &own.id)) {
        case.clause(clause!("C.1-a")).satisfied();
        return;
    }
    let participates = case.affirmed("recipient-agency-participates");
    case.clause(clause!("C.1-a")).affirms(
        participates,
        "say in `recipient-agency-participates` whether the recipient's agency participates in the data sharing project",
        "the recipient's agency does not participate in the SMRT Data Sharing Project: do not hand the report over",
    );
}

/// The requester's agency, whose standing a rule of its own checks.
fn requesters_agency(case: &Case, handed: &Dissemination) -> bool {
    same(&handed.recipient_agency, &case.requester_agency().id)
}
