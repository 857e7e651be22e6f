//! The disposition phase: an examiner says of candidates what they are. Who is an examiner is in `definitions` (2.3).

use crate::requesting;
use magistrate_sdk::Case;
use magistrate_sdk::facts::{Disposition, Step};
use magistrate_sdk::text::same;

/// The rules of the disposition phase.
pub fn judge(case: &mut Case) {
    let Step::Disposition(dispositions) = &case.matter().step else { return };
    requesting::performed_by_the_unit(case);
    list_was_opened(case);
    reasons(case, dispositions);
    one_word_each(case, dispositions);
}

/// 5.4(3) "all examiners' involved" are those who opened the list (IR-18), and nobody else has seen what they judge.
fn list_was_opened(case: &mut Case) {
    let opened = has_opened_list(case);
    case.clause(clause!("5.4(3)-c"))
        .read_as(reading!("IR-18"))
        .requires(opened, "whoever takes this step has not opened the candidate list: open it first");
}

/// Whether the host's records show that the actor opened the candidate list.
pub fn has_opened_list(case: &Case) -> bool {
    case.history().opened_candidates.iter().any(|who| case.is_actor(who))
}

/// 5.4(4) "shall detail how the examiner came to their conclusion": what is not written down now cannot be detailed later.
fn reasons(case: &mut Case, dispositions: &[Disposition]) {
    let reasoned = dispositions.iter().all(|d| d.reasoned);
    case.clause(clause!("5.4(4)-b")).needs(reasoned, "write down for each candidate how you came to your conclusion");
}

/// 6.1(3)a "reviewing the results": at least one candidate in a step, and of each one thing. That none is left out in the end is
/// for whoever signs and releases.
fn one_word_each(case: &mut Case, dispositions: &[Disposition]) {
    if dispositions.is_empty() {
        case.clause(clause!("6.1(3)a-1")).missing("say of at least one candidate what it was found to be");
        return;
    }
    let twice = dispositions
        .iter()
        .enumerate()
        .any(|(i, d)| dispositions[..i].iter().any(|earlier| same(&earlier.record_id, &d.record_id)));
    case.clause(clause!("6.1(3)a-1")).forbids(twice, "a candidate is judged twice in one step: say one thing of each");
}
