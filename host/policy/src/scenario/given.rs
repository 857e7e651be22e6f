//! What a scenario answers, and whether a form of the policy asks for it. A server takes no answer that is on no form and decides
//! nothing then, so that what would come of one proves nothing: it is misspelt, unless the scenario says that it is meant.

use crate::answers;
use model::rulings::Charter;
use model::terms::{Field, Phase};
use std::collections::BTreeSet;

/// An answer, and the phase in which it is given.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) phase: Phase,
    pub(super) answer: Field,
}

impl Given {
    /// All that somebody answers in a phase.
    pub(super) fn all(phase: Phase, answers: &[Field]) -> impl Iterator<Item = Self> {
        answers.iter().cloned().map(move |answer| Self { phase, answer })
    }
}

/// The answers that no form of the charter takes, but for those that are `meant` so, by name; and names that are `meant` so
/// without need. A policy without forms takes any answer.
pub(super) fn untaken(given: &[Given], meant: &BTreeSet<String>, charter: &Charter) -> Vec<String> {
    let (mut lines, mut unneeded) = (Vec::new(), meant.clone());
    for Given { phase, answer } in given {
        let checked = answers::check(&[charter], *phase, &answer.name, &answer.value);
        let Some(why) = checked.err().filter(|_| !charter.forms.is_empty()) else { continue };
        unneeded.remove(&answer.name);
        if !meant.contains(&answer.name) {
            lines.push(format!("answer `{}` {why}; where that is meant, list it under `on_no_form`", answer.name));
        }
    }
    let needless =
        |name: &String| format!("on_no_form: `{name}` is not answered, or as a form asks for it: leave it out");
    lines.extend(unneeded.iter().map(needless));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::tests::{charter, field, form};
    use model::rulings::FieldKind;
    use model::terms::Value;

    /// Asks for a crime with the request, and with the search whether the probe is suitable.
    fn asking() -> Charter {
        let crime = field("crime", FieldKind::Code, &["robbery"]);
        let suitable = field("probe-suitable", FieldKind::Flag, &[]);
        charter(vec![form(Phase::Request, vec![crime]), form(Phase::Search, vec![suitable])])
    }

    fn given(phase: Phase, name: &str, value: Value) -> Given {
        Given { phase, answer: Field::new(name, value) }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn found(given: &[Given], meant: &[&str]) -> Vec<String> {
        untaken(given, &meant.iter().map(|name| (*name).to_owned()).collect(), &asking())
    }

    #[test]
    fn what_a_form_asks_for_is_taken_ahead_of_its_phase_too() {
        let good = [
            given(Phase::Request, "crime", text("robbery")),
            given(Phase::Request, "probe-suitable", Value::Flag(true)),
            given(Phase::Search, "probe-suitable", Value::Flag(false)),
        ];
        assert_eq!(found(&good, &[]), Vec::<String>::new());
        assert_eq!(found(&[], &[]), Vec::<String>::new());
    }

    #[test]
    fn a_misspelt_name_another_kind_and_another_choice_are_found() {
        for (name, value, why) in [
            ("probe-suitble", Value::Flag(false), "is on no form"),
            ("probe-suitable", text("no"), "is `no`: it takes a flag"),
            ("crime", text("robery"), "is `robery`: it takes a code, one of `robbery`"),
        ] {
            let lines = found(&[given(Phase::Search, name, value.clone())], &[]);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].starts_with(&format!("answer `{name}` {why}")), "{lines:?}");
            assert_eq!(found(&[given(Phase::Search, name, value)], &[name]), Vec::<String>::new(), "it is meant");
        }
    }

    #[test]
    fn what_is_meant_without_need_is_found() {
        for good in [vec![], vec![given(Phase::Request, "crime", text("robbery"))]] {
            let lines = found(&good, &["crime"]);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains("on_no_form: `crime`"), "{lines:?}");
        }
        let both = [given(Phase::Request, "crime", text("robbery")), given(Phase::Search, "crime", text("theft"))];
        assert_eq!(found(&both, &["crime"]), Vec::<String>::new(), "somebody answers otherwise");
    }

    #[test]
    fn a_policy_without_forms_takes_any_answer() {
        let any = [given(Phase::Request, "anything", text("at all"))];
        assert_eq!(untaken(&any, &BTreeSet::new(), &charter(vec![])), Vec::<String>::new());
    }
}
