//! RFC 9457 problem documents. `type` is stable; a denial carries its findings, so that a person reads which clause stopped
//! them and what would change it.

use crate::api::{ClauseView, FindingView, ReceiptView, findings};
use casework::{CaseError, Misstep};
use hyper::StatusCode;
use model::terms::Verdict;
use serde::Serialize;

/// Media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document. Its lists are boxed: it is what most functions here may fail with.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// What kind, for a program: `type` is `urn:magistrate:problem:` and this.
    #[serde(rename = "type", serialize_with = "as_urn")]
    pub kind: &'static str,
    /// What kind, for a reader.
    pub title: &'static str,
    /// The HTTP status.
    #[serde(serialize_with = "as_number")]
    pub status: StatusCode,
    /// What happened, and what would change it.
    pub detail: String,
    /// `deny` or `pend`, where a policy decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What the policies found.
    #[serde(skip_serializing_if = "is_empty")]
    pub findings: Box<[FindingView]>,
    /// The clauses that demand what the host found missing or altered, that have the step in another place, or that something was
    /// destroyed; and those on which whoever may not act was suspended.
    #[serde(skip_serializing_if = "is_empty")]
    pub clauses: Box<[ClauseView]>,
    /// The faces to choose from.
    #[serde(skip_serializing_if = "is_empty")]
    pub faces: Box<[FaceView]>,
    /// Where it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Box<ReceiptView>>,
}

/// A face to choose.
#[derive(Clone, Debug, Serialize)]
pub struct FaceView {
    /// Its number, for `probe.face`.
    pub face: usize,
    /// x, y, width, height in pixels of the upright photograph.
    pub bounding_box: [f32; 4],
}

fn is_empty<T>(list: &[T]) -> bool {
    list.is_empty()
}

fn as_urn<S: serde::Serializer>(kind: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("urn:magistrate:problem:{kind}"))
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem of this kind.
    pub fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title,
            status,
            detail: detail.into(),
            verdict: None,
            findings: Box::default(),
            clauses: Box::default(),
            faces: Box::default(),
            receipt: None,
        }
    }

    /// A body that cannot be used.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "what was sent cannot be used", detail)
    }

    /// Not for this asker.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "not for you to ask", detail)
    }

    /// Nothing can be decided now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "nothing can be decided now", detail)
    }
}

impl From<CaseError> for Problem {
    fn from(error: CaseError) -> Self {
        let detail = error.to_string();
        match error {
            CaseError::Refused { rulings, receipt } => {
                let found = findings([&*rulings]);
                let deciding = found
                    .iter()
                    .filter(|f| {
                        use model::rulings::Outcome::{Missing, Violated};
                        matches!(f.finding.outcome, Violated | Missing)
                    })
                    .map(|f| {
                        let why = f.finding.explanation.as_deref().unwrap_or_default();
                        format!("{} {}: {why}", f.jurisdiction, f.finding.clause)
                    });
                let detail = deciding.collect::<Vec<_>>().join("; ");
                let verdict = rulings.verdict();
                let mut problem = if verdict == Verdict::Pend {
                    Self::new(StatusCode::CONFLICT, "pending", "more is needed before this can be permitted", detail)
                } else {
                    Self::new(StatusCode::FORBIDDEN, "denied", "denied by policy", detail)
                };
                problem.verdict = Some(verdict);
                problem.findings = found.into();
                problem.receipt = receipt.map(|r| Box::new((*r).into()));
                problem
            }
            // Judged steps are answered otherwise: see `case_endpoints::answered`.
            CaseError::Waits(_) => {
                Self::new(StatusCode::CONFLICT, "waits", "permitted, and without effect until others act", detail)
            }
            CaseError::Rejected(rejection) => {
                let mut problem = Self::forbidden(detail);
                problem.clauses = rejection.demanded().iter().map(ClauseView::of).collect();
                problem.receipt = rejection.into_receipt().map(|r| Box::new((*r).into()));
                problem
            }
            CaseError::OutOfPlace(misstep, receipt) => {
                let mut problem = match &misstep {
                    Misstep::NotTheirRole { .. }
                    | Misstep::NotTheRequester { .. }
                    | Misstep::NotTheirTask { .. }
                    | Misstep::NoRole => Self::forbidden(detail),
                    Misstep::Elsewhere => Self::new(StatusCode::CONFLICT, "elsewhere", "another host is at it", detail),
                    _ => {
                        let title = "it does not fit where things stand";
                        Self::new(StatusCode::CONFLICT, "out-of-place", title, detail)
                    }
                };
                problem.clauses = misstep.demanded().iter().map(ClauseView::of).collect();
                problem.receipt = receipt.map(|r| Box::new((*r).into()));
                problem
            }
            CaseError::Policy(_) | CaseError::OtherPolicy { .. } => {
                let title = "the policy revision or its text cannot be used";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "policy", title, detail)
            }
            CaseError::NoDraughting(_) | CaseError::Draught { .. } => {
                let title = "a document cannot be drawn up or read";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "document", title, detail)
            }
            CaseError::Unknown { .. } => Self::new(StatusCode::NOT_FOUND, "unknown", "there is no such thing", detail),
            CaseError::Pruned(_) => Self::new(StatusCode::GONE, "pruned", "it was pruned from the log", detail),
            CaseError::Exists(_) => Self::new(StatusCode::CONFLICT, "exists", "it is there already", detail),
            CaseError::SeveralFaces(faces) => {
                let title = "the photograph shows several faces";
                let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "several-faces", title, detail);
                let view = |(face, f): (usize, &_)| FaceView { face, bounding_box: bounding_box(f) };
                problem.faces = faces.iter().enumerate().map(view).collect();
                problem
            }
            CaseError::Photograph(_) | CaseError::PhotographOf { .. } => {
                let title = "the photograph cannot be used";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "photograph", title, detail)
            }
            CaseError::NoFaceModel => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "no-face-model", "no face model is configured", detail)
            }
            CaseError::Invalid(_) => Self::invalid(detail),
            CaseError::TooLarge { .. } => {
                let title = "what would be on record is too large";
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", title, detail)
            }
            CaseError::Fault(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failure", "the host failed", detail),
            CaseError::Unreadable(_) => {
                let title = "what is on record cannot be read";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unreadable", title, detail)
            }
            CaseError::Clock(_)
            | CaseError::Log(_)
            | CaseError::Unwritten(_)
            | CaseError::Store(_)
            | CaseError::Gallery(_)
            | CaseError::Mending { .. }
            | CaseError::NoChancery
            | CaseError::Media(_)
            | CaseError::Unerased(_)
            | CaseError::Unpruned(_)
            | CaseError::Lapsed
            | CaseError::Stopping => Self::unavailable(detail),
        }
    }
}

fn bounding_box(face: &casework::error::Face) -> [f32; 4] {
    face.bounding_box
}

#[cfg(test)]
mod tests {
    use super::*;
    use casework::misstep::Demanded;

    #[test]
    fn what_cannot_be_read_and_what_cannot_be_written_are_two_problems() {
        let of = |error: CaseError| {
            let problem = Problem::from(error);
            (problem.status.as_u16(), problem.kind)
        };
        assert_eq!(of(CaseError::Unreadable("row `e1` is damaged".to_owned())), (503, "unreadable"));
        assert_eq!(of(CaseError::Log("no disk".to_owned())), (503, "unavailable"));
    }

    #[test]
    fn what_does_not_fit_is_called_so_whether_or_not_it_is_of_a_request() {
        let of = |misstep: Misstep| Problem::from(CaseError::from(misstep));
        let beyond = of(Misstep::NotInLog { last: 99_999, size: 7 });
        assert_eq!((beyond.status.as_u16(), beyond.kind), (409, "out-of-place"));
        assert!(!beyond.title.contains("request"), "{}", beyond.title);
        assert_eq!(of(Misstep::NoRole).status.as_u16(), 403);
        let there = CaseError::from(casework::error::StoreError::Exists { id: "r1".to_owned() });
        let there = Problem::from(there);
        assert_eq!((there.status.as_u16(), there.kind), (409, "exists"));
        assert!(there.detail.contains("`r1`") && !there.detail.contains("database"), "{}", there.detail);
        let other = CaseError::OtherPolicy { proposed: "a".to_owned(), in_force: "b".to_owned() };
        assert_eq!(Problem::from(other).status.as_u16(), 422);
    }

    #[test]
    fn whose_fault_it_is_is_told_by_the_status() {
        let of = |error: CaseError| Problem::from(error).status.as_u16();
        assert_eq!(of(CaseError::Fault("a request on record cannot be read".to_owned())), 500);
        assert_eq!(of(CaseError::Stopping), 503);
        assert_eq!(of(CaseError::Lapsed), 503);
        assert_eq!(of(Misstep::Elsewhere.into()), 409);
        assert_eq!(of(CaseError::Mending { gallery: "mugshots".to_owned() }), 503);
        assert_eq!(of(CaseError::Invalid("a number is missing".to_owned())), 422);
        assert_eq!(of(CaseError::TooLarge { bytes: 5 << 20 }), 413);
        assert!(CaseError::TooLarge { bytes: 5 << 20 }.to_string().contains("nothing was done"));
    }

    #[test]
    fn a_refusal_of_the_hosts_own_names_the_clause_that_demands_what_is_missing() {
        let demanded = |clause: &str| Demanded { jurisdiction: "north".to_owned(), clause: clause.into() };
        let receipt = casework::Receipt {
            origin: "here/north".to_owned(),
            index: 7,
            entry: "{}".to_owned(),
            proof: "proof".to_owned(),
        };
        let receipt = || Some(Box::new(receipt.clone()));
        let shown = |error: CaseError| serde_json::to_value(Problem::from(error)).unwrap();
        let missteps = [
            Misstep::Unsigned { wanting: vec!["two have to sign".to_owned()], demanded: vec![demanded("c")] },
            Misstep::Wanting { demanded: vec![demanded("c")] },
            Misstep::NotListed { demanded: vec![demanded("c")] },
            Misstep::NotReleased { demanded: vec![demanded("c")] },
            Misstep::NotATask { duty: "purge", instead: "have the record purged", demanded: demanded("c") },
            Misstep::Undisposed { records: vec!["r".to_owned()], demanded: vec![demanded("c")] },
            Misstep::MissingStatement { id: "lead".to_owned(), demanded: demanded("c") },
            Misstep::AlteredStatement {
                id: "lead".to_owned(),
                digest: model::terms::Digest::default(),
                demanded: Some(demanded("c")),
            },
        ];
        for misstep in missteps {
            let problem = shown(CaseError::OutOfPlace(misstep, receipt()));
            assert_eq!((&problem["status"], &problem["receipt"]["index"]), (&409.into(), &7.into()), "{problem}");
            assert_eq!(problem["clauses"], serde_json::json!([{"jurisdiction": "north", "clause": "c"}]), "{problem}");
        }
        let theirs = Misstep::NotTheirTask { role: "chief".to_owned(), demanded: demanded("c") };
        let problem = shown(CaseError::OutOfPlace(theirs, receipt()));
        assert_eq!((&problem["status"], &problem["receipt"]["index"]), (&403.into(), &7.into()), "{problem}");
        assert_eq!(problem["clauses"][0]["clause"], "c", "{problem}");
        let problem = shown(CaseError::OutOfPlace(Misstep::NoRole, receipt()));
        assert!(problem.get("clauses").is_none(), "no clause demands anything: {problem}");
        let unrecorded = shown(CaseError::Rejected("not here".to_owned().into()));
        assert!(unrecorded.get("receipt").is_none(), "{unrecorded}");
    }
}
