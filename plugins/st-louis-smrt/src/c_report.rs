//! C.4: the Facial Recognition Image Compare Report, from what an examiner says of a candidate to the hand-over of the
//! report, with the NOTE that goes wherever it goes.
//!
//! The order knows one report, drawn up by the Real-Time Crime Center, and no second examiner.

use crate::b_purposes::{PROSECUTION, of_the_request_or_listed};
use crate::c_inquiries::{COMPARE_REPORT, at_the_rtcc};
use crate::words::{self, stated};
use crate::{d_data, texts};
use magistrate_sdk::case::has_role;
use magistrate_sdk::facts::{Dissemination, ReleasePlan, Step};
use magistrate_sdk::rulings::{ClauseIndex, Duty};
use magistrate_sdk::text::same;
use magistrate_sdk::{Case, Duties};

/// C.4 "The RTCC will generate a Facial Recognition Image Compare Report": so whoever compares, signs, releases or
/// hands it over belongs to the Real-Time Crime Center.
pub fn drawn_up_by_the_rtcc(case: &mut Case) {
    let rtcc = at_the_rtcc(case);
    case.clause(clause!("C.4")).requires(
        rtcc,
        "the Compare Report is the Real-Time Crime Center's: have one of its authorized personnel take this step",
    );
}

/// C.4 The report is "to illustrate facial similarities or differences": of which candidates is known when all have been
/// compared. What is withheld (D.3) nobody compares.
pub fn each_is_compared(case: &mut Case) {
    let Step::Candidates(list) = &case.matter().step else { return };
    if list.iter().any(|c| !d_data::is_withheld(case, &c.status)) {
        case.clause(clause!("C.4")).notes("each candidate of the list is compared, and what was seen is written down");
        case.clause(clause!("C.4")).obliges(Duty::DisposeAll);
    }
}

/// C.4 So no report is drawn up of a list that holds candidates nobody compared.
pub fn all_were_compared(case: &mut Case) {
    let history = case.history();
    let all = history.candidates_disposed >= history.candidates_returned;
    case.clause(clause!("C.4")).needs(
        all,
        "candidates of the list were not compared yet: say of each which facial similarities or differences were seen",
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
    let own = case.is_actor(&signature.person) && has_role(case.actor(), &signature.role);
    case.clause(clause!("C.4")).requires(
        own,
        "nobody signs for somebody else, or in a role that is not theirs: sign with your own credential, in a role you hold",
    );
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
        case.clause(clause!("C.4"))
            .notes("the report gives no reasons beside those of each candidate; the order does not demand them");
    }
    if !altered(case, clause!("C.4-NOTE"), plan, texts::NOTE) {
        let carried = plan.statements.iter().any(|s| s.id == texts::NOTE);
        case.clause(clause!("C.4-NOTE"))
            .needs(carried, "the report does not carry the NOTE: add the statement `C.4-NOTE`, to the letter");
    }
    case.clause(clause!("C.4-NOTE")).obliges(Duties::statement(texts::NOTE));
    altered(case, clause!("A.2-a"), plan, texts::SIMILAR_NOT_IDENTIFIED);
    altered(case, clause!("A.2-b"), plan, texts::LEGAL_AUTHORITY);
}

/// Whether the report carries a statement of the order in other words anywhere, which its clause then forbids.
fn altered(case: &mut Case, clause: ClauseIndex, plan: &ReleasePlan, id: &str) -> bool {
    let mut carried = plan.statements.iter().filter(|s| s.id == id);
    let altered = carried.any(|s| texts::verbatim(&s.id, &s.text_digest) == Some(false));
    if altered {
        case.clause(clause)
            .violated("the report carries this statement in other words than the order's: restore it to the letter");
    }
    altered
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
    named(case, handed);
    if words::is(&handed.purpose, PROSECUTION) {
        to_the_prosecution(case);
        return;
    }
    for_a_purpose(case, handed);
    to_an_officer(case, handed);
    to_a_participant(case, handed);
}

/// E.1 "All transactions ... are logged": a hand-over is logged with whom it went to.
fn named(case: &mut Case, handed: &Dissemination) {
    if !stated(&handed.recipient) {
        case.clause(clause!("E.1-a")).missing("name the recipient: what nobody is named for cannot be logged");
    }
}

/// B.1 What is handed over goes on being used: for what was asked, or for something else that the order lists. A use
/// that it does not list is reviewed, as where it is asked for (B.2).
fn for_a_purpose(case: &mut Case, handed: &Dissemination) {
    if !stated(&handed.purpose) {
        case.clause(clause!("B.1")).missing("say what the recipient needs the report for");
    } else if of_the_request_or_listed(case, handed.purpose.trim()) {
        case.clause(clause!("B.1")).satisfied();
    } else {
        case.clause(clause!("B.1"))
            .notes("the report is handed over for a use that the order does not list; its list is not exclusive");
        case.clause(clause!("B.2"))
            .obliges(Duties::flag("a report handed over for a use that the order does not list"));
    }
}

fn to_the_prosecution(case: &mut Case) {
    let prosecutes = case.affirmed("recipient-prosecutes");
    case.clause(clause!("B.1")).affirms(
        prosecutes,
        "say in `recipient-prosecutes` whether the recipient conducts the prosecution that results from this search",
        "the recipient conducts no prosecution that results from this search: do not hand the report over",
    );
}

fn to_an_officer(case: &mut Case, handed: &Dissemination) {
    let (requester, recipient) = (case.requester(), handed.recipient.trim());
    let asked = same(recipient, &requester.id) || same(recipient, &requester.name);
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
    if requesters_agency(case, handed) || (own.participant && same(handed.recipient_agency.trim(), &own.id)) {
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
    same(handed.recipient_agency.trim(), &case.requester_agency().id)
}
