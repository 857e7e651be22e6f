//! The statements that a result carries.
//!
//! An id is a statement's within one charter: where two jurisdictions demand one of the same id, the result carries both.

use super::Carried;
use crate::chamber::Chamber;
use crate::misstep::{Demanded, Misstep, each};
use crate::sitting::Sitting;
use model::rulings::{Duty, Statement};
use model::terms::Digest;
use std::sync::Arc;

/// A statement, and the jurisdiction whose charter holds it.
struct Verbatim<'c> {
    jurisdiction: &'c str,
    statement: Statement,
}

/// The statements the result carries, word for word: those named, or all that decisions on this request have demanded.
pub(super) fn statements(sitting: &Sitting, carried: Option<&[Carried]>) -> Result<Vec<Statement>, Misstep> {
    let demanded: Vec<(&str, Demanded)> = sitting
        .life
        .imposed
        .iter()
        .filter_map(|i| if let Duty::Statement(id) = &i.duty { Some((id.as_str(), Demanded::from(i))) } else { None })
        .collect();
    let all = each(demanded.iter().map(|(_, by)| by.clone()));
    let demands = |v: &Verbatim<'_>| {
        let by = demanded.iter().find(|(id, by)| *id == v.statement.id && by.jurisdiction == v.jurisdiction);
        by.map(|(_, by)| by.clone())
    };
    let mut found: Vec<Verbatim<'_>> = Vec::new();
    match carried {
        None => {
            for (id, by) in &demanded {
                let theirs = named(sitting, id).into_iter().find(|v| v.jurisdiction == by.jurisdiction);
                let unknown = || Misstep::UnknownStatement { id: (*id).to_owned(), demanded: vec![by.clone()] };
                found.push(theirs.ok_or_else(unknown)?);
            }
        }
        Some(carried) => {
            for carried in carried {
                found.extend(carries(carried, named(sitting, &carried.id), demands, &all)?);
            }
            for (id, by) in &demanded {
                if !found.iter().any(|v| v.statement.id == *id && v.jurisdiction == by.jurisdiction) {
                    return Err(Misstep::MissingStatement { id: (*id).to_owned(), demanded: by.clone() });
                }
            }
        }
    }
    let mut statements: Vec<Statement> = Vec::with_capacity(found.len());
    for Verbatim { statement, .. } in found {
        if !statements.contains(&statement) {
            statements.push(statement);
        }
    }
    Ok(statements)
}

/// The statements of this id, in the charter of each jurisdiction concerned.
fn named<'c>(sitting: &'c Sitting, id: &str) -> Vec<Verbatim<'c>> {
    let verbatim = |c: &'c Arc<Chamber>| c.statement(id).map(|statement| Verbatim { jurisdiction: c.id(), statement });
    sitting.concerned.iter().filter_map(verbatim).collect()
}

/// What is carried under one name, of all statements that are `named` so: those of these words that are `demanded` or, where none
/// is, the first. `all` is what demands statements, whatever they are called.
fn carries<'c>(
    carried: &Carried,
    named: Vec<Verbatim<'c>>,
    demanded: impl Fn(&Verbatim<'c>) -> Option<Demanded>,
    all: &[Demanded],
) -> Result<Vec<Verbatim<'c>>, Misstep> {
    let Carried { id, text, digest } = carried;
    let right = |v: &Verbatim<'_>| Digest::of(v.statement.text.as_bytes());
    let word_for_word = |v: &Verbatim<'_>| {
        text.as_ref().is_none_or(|text| *text == v.statement.text) && digest.is_none_or(|digest| digest == right(v))
    };
    // As it should have been: of those demanded, if any is.
    let meant = named.iter().find(|v| demanded(v).is_some()).or(named.first());
    let Some(meant) = meant else {
        return Err(Misstep::UnknownStatement { id: id.clone(), demanded: all.to_vec() });
    };
    let altered = Misstep::AlteredStatement { id: id.clone(), digest: right(meant), demanded: demanded(meant) };
    let mut fitting: Vec<_> = named.into_iter().filter(word_for_word).collect();
    if fitting.iter().any(|v| demanded(v).is_some()) {
        fitting.retain(|v| demanded(v).is_some());
    } else {
        fitting.truncate(1);
    }
    if fitting.is_empty() { Err(altered) } else { Ok(fitting) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verbatim(jurisdiction: &'static str, text: &str) -> Verbatim<'static> {
        let statement = Statement { id: "lead".to_owned(), text: text.to_owned() };
        Verbatim { jurisdiction, statement }
    }

    fn carried(text: Option<&str>, digest: Option<&str>) -> Carried {
        let digest = digest.map(|text| Digest::of(text.as_bytes()));
        Carried { id: "lead".to_owned(), text: text.map(str::to_owned), digest }
    }

    /// Whose statements are carried, where these jurisdictions demand theirs.
    fn whose(carried: &Carried, demanding: &[&str]) -> Result<Vec<&'static str>, Misstep> {
        let named = vec![verbatim("north", "a lead"), verbatim("south", "no proof")];
        let demanded = |v: &Verbatim<'_>| {
            let demands = demanding.contains(&v.jurisdiction);
            demands.then(|| Demanded { jurisdiction: v.jurisdiction.to_owned(), clause: "c".into() })
        };
        Ok(carries(carried, named, demanded, &[])?.into_iter().map(|v| v.jurisdiction).collect())
    }

    #[test]
    fn one_name_means_what_each_jurisdiction_calls_so() {
        let bare = carried(None, None);
        assert_eq!(whose(&bare, &["north", "south"]), Ok(vec!["north", "south"]), "all that are demanded");
        assert_eq!(whose(&bare, &["south"]), Ok(vec!["south"]));
        assert_eq!(whose(&bare, &[]), Ok(vec!["north"]), "nobody demands it");
        for given in [carried(Some("no proof"), None), carried(None, Some("no proof"))] {
            assert_eq!(whose(&given, &["north", "south"]), Ok(vec!["south"]), "by its words");
            assert_eq!(whose(&given, &["north"]), Ok(vec!["south"]), "which north's demand is not met by");
        }
    }

    #[test]
    fn other_words_are_altered_whoever_would_have_demanded_them() {
        for given in
            [carried(Some("proof"), None), carried(None, Some("proof")), carried(Some("a lead"), Some("proof"))]
        {
            let altered = whose(&given, &["south"]).unwrap_err();
            let Misstep::AlteredStatement { digest, demanded, .. } = &altered else { panic!("{altered}") };
            assert_eq!(*digest, Digest::of(b"no proof"), "as it should have been");
            assert_eq!(demanded.as_ref().map(|d| d.jurisdiction.as_str()), Some("south"));
        }
        let all = [Demanded { jurisdiction: "north".to_owned(), clause: "c".into() }];
        let unknown = carries(&carried(None, None), vec![], |_| None, &all).map(|found| found.len());
        let demanded = all.to_vec();
        assert_eq!(unknown, Err(Misstep::UnknownStatement { id: "lead".to_owned(), demanded }), "what to name instead");
    }
}
