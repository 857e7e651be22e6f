//! Which case an entry of the audit log belongs to.
//!
//! St. Louis E.2 and Detroit 7(9) say what the log holds of whatever is requested, accessed, searched and disseminated. An entry
//! of a request's life takes it as one thing, [`OfRequest`], which cannot be made without any of it:
//!
//! | demanded | here |
//! |---|---|
//! | purpose (STL E.2.a) | not blank |
//! | the probe (STL E.2.b) | its digest |
//! | valid reason (STL E.2.c), justification (DET 7(9)d) | not blank |
//! | case number (DET 7(9)c) | every one that the request has, none blank |
//!
//! Whether a request may have no case number is for the policies: STL C.2 lets a reason do, DET 5.4(1) does not. Who, and when,
//! is said of every entry ([`Account`](crate::account::Account)).
//!
//! What is asked for without all of that is refused, and the refusal is on record with what was said, and what was not.

use crate::facts::{Identifier, Probe, Request};
use crate::terms::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A text that says something: it is not blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// The text, unless it is blank.
    pub fn new(text: &str) -> Option<Self> {
        (!is_blank(text)).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// A request, with all that its entries have to say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfRequest {
    case: Vec<Identifier>,
    purpose: Text,
    justification: Text,
    probe: Digest,
    request: String,
}

impl OfRequest {
    /// The request and its probe, as entries name them.
    ///
    /// # Errors
    /// What it does say, and what it lacks.
    pub fn of(request: &Request, probe: &Probe) -> Result<Self, Box<Stated>> {
        Self::try_from(Stated {
            case: request.identifiers.clone(),
            purpose: request.purpose.clone(),
            justification: request.reason.clone(),
            probe: Some(probe.digest),
            request: Some(request.id.clone()),
            lacking: vec![],
        })
    }
}

impl TryFrom<Stated> for OfRequest {
    type Error = Box<Stated>;

    fn try_from(stated: Stated) -> Result<Self, Self::Error> {
        let lacking = stated.blanks();
        let said = (Text::new(&stated.purpose), Text::new(&stated.justification), stated.probe, &stated.request);
        if let (Some(purpose), Some(justification), Some(probe), Some(request)) = said
            && lacking.is_empty()
        {
            let request = request.clone();
            return Ok(Self { case: stated.case, purpose, justification, probe, request });
        }
        Err(Box::new(Stated { lacking, ..stated }))
    }
}

/// Something that the entries of a request have to say, and that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lacking {
    /// A case number that is blank.
    Case,
    /// The purpose.
    Purpose,
    /// The reason.
    Justification,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Case => "a case number that is not blank",
            Self::Purpose => "the purpose",
            Self::Justification => "the reason",
        })
    }
}

/// Whatever an entry says of its case, field by field, as an [`Account`](crate::account::Account) has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// Case numbers.
    pub case: Vec<Identifier>,
    /// Purpose.
    pub purpose: String,
    /// Reason.
    pub justification: String,
    /// The probe's digest.
    pub probe: Option<Digest>,
    /// The request.
    pub request: Option<String>,
    /// What had to be said and was not.
    pub lacking: Vec<Lacking>,
}

impl Stated {
    /// What a request has to say, and this does not.
    fn blanks(&self) -> Vec<Lacking> {
        let looked_at = [
            (Lacking::Case, self.case.iter().any(|number| is_blank(&number.value))),
            (Lacking::Purpose, is_blank(&self.purpose)),
            (Lacking::Justification, is_blank(&self.justification)),
        ];
        looked_at.into_iter().filter_map(|(lacking, blank)| blank.then_some(lacking)).collect()
    }
}

/// Which case an entry belongs to. There is no default: whoever records something says which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A request's, in full.
    Request(OfRequest),
    /// Something asked for that lacks what an entry has to say. Nothing is ever done of it.
    Incomplete(Box<Stated>),
    /// A request's of which nothing else is told here: the host deals with something that earlier entries of it led to.
    About(String),
    /// No request's.
    Apart,
}

impl Subject {
    /// What is asked for, in full or as far as it goes.
    pub fn asked(request: &Request, probe: &Probe) -> Self {
        OfRequest::of(request, probe).map_or_else(Self::Incomplete, Self::Request)
    }

    /// A request of which nothing else is told, if there is one.
    pub fn of_request(request: Option<&str>) -> Self {
        request.map_or(Self::Apart, |request| Self::About(request.to_owned()))
    }

    /// The request's id.
    pub fn request(&self) -> Option<&str> {
        match self {
            Self::Request(of) => Some(&of.request),
            Self::Incomplete(stated) => stated.request.as_deref(),
            Self::About(request) => Some(request),
            Self::Apart => None,
        }
    }

    /// What it had to say and does not.
    pub fn lacking(&self) -> &[Lacking] {
        match self {
            Self::Incomplete(stated) => &stated.lacking,
            Self::Request(_) | Self::About(_) | Self::Apart => &[],
        }
    }
}

impl From<OfRequest> for Subject {
    fn from(of: OfRequest) -> Self {
        Self::Request(of)
    }
}

/// As it was recorded.
impl From<Stated> for Subject {
    fn from(stated: Stated) -> Self {
        let stated = match OfRequest::try_from(stated) {
            Ok(of) => return Self::Request(of),
            Err(stated) => stated,
        };
        let nothing = stated.case.is_empty() && stated.purpose.is_empty() && stated.justification.is_empty();
        if nothing && stated.probe.is_none() {
            return Self::of_request(stated.request.as_deref());
        }
        Self::Incomplete(stated)
    }
}

impl From<Subject> for Stated {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Request(OfRequest { case, purpose, justification, probe, request }) => Self {
                case,
                purpose: purpose.0,
                justification: justification.0,
                probe: Some(probe),
                request: Some(request),
                lacking: vec![],
            },
            Subject::Incomplete(stated) => *stated,
            Subject::About(request) => Self { request: Some(request), ..Self::default() },
            Subject::Apart => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Stated {
        Stated {
            case: vec![Identifier { kind: "incident".into(), value: "26-1".into() }],
            purpose: "criminal-investigation".into(),
            justification: "the till was robbed".into(),
            probe: Some(Digest::of(b"probe")),
            request: Some("r".into()),
            lacking: vec![],
        }
    }

    fn lacking(stated: Stated) -> Vec<Lacking> {
        OfRequest::try_from(stated).map_or_else(|stated| stated.lacking, |_| vec![])
    }

    #[test]
    fn a_request_is_in_full_or_it_says_what_is_missing() {
        assert!(OfRequest::try_from(whole()).is_ok());
        assert!(OfRequest::try_from(Stated { case: vec![], ..whole() }).is_ok(), "which is for the policies to judge");
        let blank = Identifier { kind: "incident".into(), value: " \t".into() };
        let case = [whole().case, vec![blank]].concat();
        assert_eq!(lacking(Stated { case, ..whole() }), [Lacking::Case]);
        for nothing in ["", " ", "\n\t"] {
            assert_eq!(lacking(Stated { purpose: nothing.into(), ..whole() }), [Lacking::Purpose], "{nothing:?}");
            let silent = Stated { justification: nothing.into(), purpose: nothing.into(), ..whole() };
            assert_eq!(lacking(silent), [Lacking::Purpose, Lacking::Justification], "{nothing:?}");
        }
        for without in [Stated { probe: None, ..whole() }, Stated { request: None, ..whole() }] {
            assert!(OfRequest::try_from(without.clone()).is_err(), "{without:?}");
        }
    }

    #[test]
    fn what_is_read_of_an_account_is_what_was_recorded() {
        let incomplete = Subject::from(Stated { purpose: String::new(), ..whole() });
        assert_eq!(incomplete.lacking(), [Lacking::Purpose]);
        let of_host = Subject::of_request(Some("r"));
        let full = Subject::from(whole());
        assert!(matches!(full, Subject::Request(_)));
        for subject in [full, incomplete, of_host, Subject::Apart, Subject::of_request(None)] {
            assert_eq!(Subject::from(Stated::from(subject.clone())), subject);
        }
        let nothing = Stated { probe: Some(Digest::of(b"probe")), request: Some("r".into()), ..Stated::default() };
        let nothing = Subject::from(nothing);
        assert_eq!(nothing.lacking(), [Lacking::Purpose, Lacking::Justification], "it was asked for, and nothing said");
        assert_eq!(nothing.request(), Some("r"));
        assert_eq!(Subject::Apart.request(), None);
    }
}
