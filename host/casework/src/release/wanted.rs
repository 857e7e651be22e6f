//! Which documents a result has to leave with.
//!
//! Its own decision demands some. Where a candidate leaves, those count as well that earlier decisions on the request demanded:
//! who demands a document with the search need not say so again. Where none leaves, it is for the release's own decision to say
//! whether there is anything to draw up.
//!
//! An id is a document's within one charter, and a result holds one of each id: under it the document is sealed, handed over,
//! purged and disclosed. Where two jurisdictions call theirs the same, nothing leaves.

use crate::life::Imposed;
use crate::misstep::{Demanded, Misstep};
use model::rulings::Duty;

/// A document, and what demands it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) document: String,
    pub(super) by: Demanded,
}

impl Wanted {
    /// What a duty demands, if that is a document.
    pub(super) fn of(duty: &Duty, by: impl FnOnce() -> Demanded) -> Option<Self> {
        if let Duty::Document(id) = duty { Some(Self { document: id.clone(), by: by() }) } else { None }
    }
}

/// The documents to be drawn up, each once: what the release's own decision demands and, of a lead, what was imposed before.
///
/// # Errors
/// [`Misstep::SameDocument`], which is one for a result without a lead too: how earlier demands stand is told by the id.
pub(super) fn wanted(
    imposed: &[Imposed],
    own: impl Iterator<Item = Wanted>,
    lead: bool,
) -> Result<Vec<Wanted>, Misstep> {
    let mut all: Vec<(Wanted, bool)> = own.map(|wanted| (wanted, true)).collect();
    let earlier = imposed.iter().filter_map(|i| Wanted::of(&i.duty, || i.into()));
    all.extend(earlier.map(|wanted| (wanted, lead)));
    let mut drawn: Vec<Wanted> = Vec::new();
    let mut known: Vec<(String, Demanded)> = Vec::new();
    for (wanted, is_drawn) in all {
        let Wanted { document, by } = &wanted;
        if let Some((_, other)) =
            known.iter().find(|(id, other)| id == document && other.jurisdiction != by.jurisdiction)
        {
            let demanded = vec![other.clone(), by.clone()];
            return Err(Misstep::SameDocument { id: document.clone(), demanded });
        }
        known.push((document.clone(), by.clone()));
        if is_drawn && !drawn.iter().any(|d| d.document == *document) {
            drawn.push(wanted);
        }
    }
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::terms::Phase;

    fn by(jurisdiction: &str, clause: &str) -> Demanded {
        Demanded { jurisdiction: jurisdiction.into(), clause: clause.into() }
    }

    fn own(jurisdiction: &str, document: &str) -> Wanted {
        Wanted { document: document.into(), by: by(jurisdiction, "own") }
    }

    fn earlier(jurisdiction: &str, document: &str) -> Imposed {
        Imposed {
            jurisdiction: jurisdiction.into(),
            clause: "earlier".into(),
            duty: Duty::Document(document.into()),
            phase: Phase::Search,
        }
    }

    fn ids(wanted: &[Wanted]) -> Vec<&str> {
        wanted.iter().map(|w| w.document.as_str()).collect()
    }

    #[test]
    fn a_lead_leaves_with_what_was_demanded_before_and_no_lead_with_what_its_decision_demands() {
        let imposed = [earlier("north", "report"), earlier("south", "letter"), earlier("north", "report")];
        let of = |lead| wanted(&imposed, [own("north", "report"), own("north", "memo")].into_iter(), lead).unwrap();
        assert_eq!(ids(&of(true)), ["report", "memo", "letter"], "each once");
        assert_eq!(ids(&of(false)), ["report", "memo"]);
        assert_eq!(of(true)[0].by, by("north", "own"));
        assert_eq!(ids(&wanted(&imposed, std::iter::empty(), true).unwrap()), ["report", "letter"]);
        assert!(wanted(&imposed, std::iter::empty(), false).unwrap().is_empty());
        assert!(Wanted::of(&Duty::DisposeAll, || by("north", "c")).is_none());
    }

    #[test]
    fn two_jurisdictions_documents_of_one_id_let_nothing_leave() {
        let same = |demanded| Err(Misstep::SameDocument { id: "report".into(), demanded });
        let both = [earlier("south", "letter"), earlier("south", "report")];
        for lead in [true, false] {
            let refused = wanted(&both, [own("north", "report")].into_iter(), lead);
            assert_eq!(refused, same(vec![by("north", "own"), by("south", "earlier")]), "{lead}");
            let two = [own("south", "report"), own("north", "report")];
            assert_eq!(
                wanted(&[], two.into_iter(), lead),
                same(vec![by("south", "own"), by("north", "own")]),
                "{lead}"
            );
        }
    }
}
