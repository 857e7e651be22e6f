//! What each route does: parse, ask casework, shape the answer. Nothing is decided here.

use crate::api::{self, findings, obligations};
use crate::case_endpoints;
use crate::metrics::Metrics;
use crate::problem::{MEDIA_TYPE, Problem};
use crate::public_log;
use crate::tls::Tls;
use bytes::Bytes;
use casework::chamber::{Impediment, Registered, no_policy};
use casework::intake::OpenRequest;
use casework::search_step::{Plan, Searched};
use casework::{Casework, PolicyState, Taken};
use hyper::StatusCode;
use model::combine::Rulings;
use model::registry::Principal;
use model::rulings::Duty;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, LazyLock};

/// What a route is asked.
pub(crate) struct Ask {
    pub(crate) casework: Arc<Casework>,
    pub(crate) metrics: Arc<Metrics>,
    /// By which those with certificates come in.
    pub(crate) tls: Tls,
    /// Who asks; absent only on routes for everybody, or for any certificate.
    pub(crate) caller: Option<Registered>,
    /// Whom the certificate names, registered or not.
    pub(crate) named: Option<Principal>,
    /// Whether it came in by the address for everybody, where nobody is named.
    pub(crate) for_everybody: bool,
    pub(crate) path: Vec<(String, String)>,
    /// Names and values, decoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// What a route answers.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(body).map_err(|e| Problem::unavailable(e.to_string()))?;
        Ok(Self { status: StatusCode::OK, content_type: "application/json", body })
    }

    /// What a problem is answered with.
    pub(crate) fn of(problem: Problem) -> Self {
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        Self { status: problem.status, content_type: MEDIA_TYPE, body }
    }

    fn text(content_type: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, content_type, body: body.into_bytes() }
    }
}

impl Ask {
    pub(crate) fn part(&self, name: &str) -> &str {
        self.path.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn caller(&self) -> Result<&Registered, Problem> {
        self.caller.as_ref().ok_or_else(|| Problem::forbidden("nobody is asking"))
    }

    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if self.body.is_empty() {
            return Err(Problem::invalid("the body is empty: send a JSON object"));
        }
        serde_json::from_slice(&self.body).map_err(|e| {
            let kind = if e.is_data() { "cannot be used" } else { "is not JSON" };
            Problem::invalid(format!("the body {kind}: {e}"))
        })
    }

    /// The same where nothing has to be said.
    pub(crate) fn body_if_any<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.body.is_empty() { Ok(T::default()) } else { self.body() }
    }

    fn number(&self, name: &str, absent: u64) -> Result<u64, Problem> {
        let wrong = |value: &str| Problem::invalid(format!("`{name}` is `{value}`: give a whole number"));
        self.asked(name).map_or(Ok(absent), |value| value.parse().map_err(|_| wrong(value)))
    }

    /// What the query says of this name.
    pub(crate) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) async fn healthz(ask: Ask) -> Result<Reply, Problem> {
    health(ask.casework.needs_restart())
}

/// Whether the process is as good as another would be.
pub(crate) fn health(needs_restart: bool) -> Result<Reply, Problem> {
    let status = if needs_restart { "restart the host" } else { "ok" };
    let mut reply = Reply::json(&serde_json::json!({"status": status, "version": env!("CARGO_PKG_VERSION")}))?;
    if needs_restart {
        reply.status = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(reply)
}

pub(crate) async fn readyz(ask: Ask) -> Result<Reply, Problem> {
    let mut found = ask.casework.impediments().await;
    found.extend(ask.tls.troubles().into_iter().map(Impediment::from));
    if ask.for_everybody { in_brief(&found) } else { readiness(found, ask.named.as_ref()) }
}

/// How far anything can be decided.
fn how_ready(found: &[Impediment]) -> (bool, &'static str) {
    match (found.iter().all(|i| i.partial), found.is_empty()) {
        (true, true) => (true, "ready"),
        (true, false) => (true, "partly ready"),
        (false, _) => (false, "not ready"),
    }
}

/// The same and no more: what everybody may know.
pub(crate) fn in_brief(found: &[Impediment]) -> Result<Reply, Problem> {
    let (ready, status) = how_ready(found);
    let mut reply = Reply::json(&serde_json::json!({"status": status}))?;
    if !ready {
        reply.status = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(reply)
}

/// Whether anything can be decided; and what stands in the way, as far as it is for whoever asks.
pub(crate) fn readiness(found: Vec<Impediment>, asker: Option<&Principal>) -> Result<Reply, Problem> {
    let (ready, status) = how_ready(&found);
    let mut impediments = Vec::with_capacity(found.len());
    for impediment in found {
        let told = told_to(asker, impediment);
        if !impediments.contains(&told) {
            impediments.push(told);
        }
    }
    let mut reply = Reply::json(&serde_json::json!({"status": status, "impediments": impediments}))?;
    if !ready {
        reply.status = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(reply)
}

/// A jurisdiction's own people are told what it is, for it may speak of disputes, files and photographs; others that there is
/// something, and so is whoever the certificate does not name.
fn told_to(asker: Option<&Principal>, impediment: Impediment) -> String {
    let Impediment { jurisdiction, partial, text } = impediment;
    let status = if partial { "partly ready" } else { "not ready" };
    match (jurisdiction, asker) {
        (Some(own), Some(asker)) if own == asker.jurisdiction => text,
        (Some(other), _) => format!("{other}: {status}"),
        (None, Some(_)) => text,
        (None, None) => format!("host: {status}"),
    }
}

pub(crate) async fn metrics(ask: Ask) -> Result<Reply, Problem> {
    let text = ask.metrics.text(&ask.casework);
    Ok(Reply::text("application/openmetrics-text; version=1.0.0; charset=utf-8", text))
}

pub(crate) async fn openapi(_: Ask) -> Result<Reply, Problem> {
    // Made once: whoever has no certificate may ask for it, too, as often as they like.
    static DOCUMENT: LazyLock<String> = LazyLock::new(crate::routes::document);
    Ok(Reply::text("application/json", DOCUMENT.clone()))
}

pub(crate) async fn jurisdictions(ask: Ask) -> Result<Reply, Problem> {
    let view = |chamber: &Arc<casework::Chamber>| {
        let state = chamber.policy();
        let (policy, impediment) = match &*state {
            PolicyState::Ready(policy) => (Some(policy), None),
            PolicyState::Absent(reason) => (None, Some(no_policy(chamber.id(), reason, ask.named.as_ref()))),
        };
        api::JurisdictionView {
            id: chamber.id().to_owned(),
            policy: policy.map(|p| p.charter().title.clone()),
            authority: policy.map(|p| p.charter().authority.clone()),
            component: policy.map(|p| p.reference().component.to_string()),
            impediment,
            log: chamber.log().origin().to_owned(),
            log_entries: chamber.log().size(),
            galleries: chamber.halls().iter().map(|hall| gallery(hall)).collect(),
        }
    };
    Reply::json(&ask.casework.chambers().map(view).collect::<Vec<_>>())
}

fn gallery(hall: &casework::gallery::Hall) -> api::GalleryView {
    let (registered, state) = (hall.registered(), hall.state());
    api::GalleryView {
        id: registered.id.clone(),
        class: registered.class.clone(),
        model: registered.model.clone(),
        dim: registered.dim,
        records: state.records,
        generation: state.generation,
        digest: state.digest.to_string(),
        filters: registered.filters.clone(),
    }
}

pub(crate) async fn charter(ask: Ask) -> Result<Reply, Problem> {
    let jurisdiction = ask.part("jurisdiction");
    match &*ask.casework.chamber(jurisdiction)?.policy() {
        PolicyState::Ready(policy) => Reply::json(policy.charter()),
        PolicyState::Absent(reason) => Err(Problem::unavailable(no_policy(jurisdiction, reason, ask.named.as_ref()))),
    }
}

pub(crate) async fn checkpoint(ask: Ask) -> Result<Reply, Problem> {
    let published = ask.casework.chamber(ask.part("jurisdiction"))?.published_checkpoint();
    let checkpoint = published.ok_or_else(|| {
        let title = "no checkpoint is published yet";
        let detail = "no checkpoint has the cosignatures of witnesses that it needs, for which no step waits: ask again in \
                      some seconds, and if that lasts, see whether the witnesses run";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, public_log::UNPUBLISHED, title, detail)
    })?;
    Ok(Reply::text("text/plain; charset=utf-8", checkpoint.to_string()))
}

pub(crate) async fn entries(ask: Ask) -> Result<Reply, Problem> {
    let (first, count) = (ask.number("first", 0)?, ask.number("count", 100)?);
    let jurisdiction = ask.part("jurisdiction");
    let entries = ask.casework.inspect(ask.caller()?, jurisdiction, first, count).await?;
    let log = ask.casework.chamber(jurisdiction)?.log();
    let view = api::EntriesView { log: log.origin().to_owned(), checkpoint: log.checkpoint().to_string(), entries };
    Reply::json(&view)
}

pub(crate) async fn enroll(ask: Ask) -> Result<Reply, Problem> {
    let batch = ask.body::<api::EnrollBody>()?.batch();
    let (jurisdiction, gallery) = (ask.part("jurisdiction"), ask.part("gallery"));
    let done = ask.casework.enroll(ask.caller()?, jurisdiction, gallery, batch).await;
    case_endpoints::answered(&ask.casework, done, |done| {
        Reply::json(&api::EnrolledView {
            records: done.records,
            generation: done.generation,
            findings: summarized(&ask.casework, [&done.rulings]),
            receipt: done.receipt.map(Into::into),
        })
    })
}

pub(crate) async fn open_request(ask: Ask) -> Result<Reply, Problem> {
    let intake = ask.body::<api::RequestBody>()?.intake();
    let opened = ask.casework.open_request(ask.caller()?, ask.part("jurisdiction"), intake).await?;
    let request = opened.request.request.id;
    let step = Taken { rulings: opened.rulings, receipt: opened.receipt };
    let mut answer = case_endpoints::taken(&ask.casework, &request, step);
    answer.waits_for = opened.awaited;
    Reply::json(&answer)
}

pub(crate) async fn search(ask: Ask) -> Result<Reply, Problem> {
    let body: api::SearchBody = ask.body()?;
    let request = ask.casework.request(ask.part("jurisdiction"), ask.part("request")).await?;
    let plan = Plan { candidates: body.candidates, answers: body.answers, filter: body.filter };
    let searched = ask.casework.search(ask.caller()?, &request, plan).await;
    case_endpoints::answered(&ask.casework, searched, |searched| Reply::json(&view(&ask.casework, &request, searched)))
}

pub(crate) async fn search_now(ask: Ask) -> Result<Reply, Problem> {
    let body: api::SearchNowBody = ask.body()?;
    let plan = Plan { candidates: body.candidates, answers: body.answers, filter: body.filter };
    let intake = body.request.intake();
    let caller = ask.caller()?;
    let done = ask.casework.search_now(caller, ask.part("jurisdiction"), intake, plan).await;
    case_endpoints::answered(&ask.casework, done, |(opened, searched)| {
        let mut answer = view(&ask.casework, &opened.request, searched);
        let mut found = summarized(&ask.casework, [&opened.rulings]);
        found.append(&mut answer.findings);
        answer.findings = found;
        Reply::json(&answer)
    })
}

pub(crate) fn summarized<'a>(
    casework: &Casework,
    rulings: impl IntoIterator<Item = &'a Rulings>,
) -> Vec<api::FindingView> {
    let mut found = findings(rulings);
    api::summarize(&mut found, casework);
    found
}

/// The statements that have to be shown, verbatim.
pub(crate) fn statements(casework: &Casework, obligations: &[api::ObligationView]) -> Vec<api::StatementView> {
    let mut statements = Vec::new();
    for due in obligations {
        if let Duty::Statement(id) = &due.obligation.duty
            && let Ok(chamber) = casework.chamber(&due.jurisdiction)
            && let PolicyState::Ready(policy) = &*chamber.policy()
            && let Some(statement) = policy.charter().statements.iter().find(|s| s.id == *id)
        {
            statements.push(api::StatementView { id: id.clone(), text: statement.text.clone() });
        }
    }
    statements
}

fn view(casework: &Casework, request: &OpenRequest, searched: Searched) -> api::SearchedView {
    let rulings = [&searched.search, &searched.shown];
    let obligations = obligations(rulings);
    api::SearchedView {
        request: request.request.id.clone(),
        search: searched.id,
        verdict: "permit",
        gallery: format!("{}/{}", request.owner, request.gallery),
        generation: searched.generation,
        gallery_digest: searched.digest.to_string(),
        filter: searched.filter,
        rows_compared: searched.rows,
        rows_reranked: searched.reranked,
        bound: searched.bound,
        candidates: searched
            .candidates
            .into_iter()
            .map(|c| api::CandidateView {
                rank: c.rank,
                record_id: c.record_id,
                status: c.status,
                score: c.score,
                booking: c.booking,
            })
            .collect(),
        statements: statements(casework, &obligations),
        findings: summarized(casework, rulings),
        obligations,
        receipt: searched.receipt.map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::facts::Device;

    fn of(jurisdiction: Option<&str>, partial: bool, text: &str) -> Impediment {
        Impediment { jurisdiction: jurisdiction.map(str::to_owned), partial, text: text.to_owned() }
    }

    /// What somebody of this jurisdiction is told, or somebody whom the certificate does not name.
    fn told(found: Vec<Impediment>, asker: Option<&str>) -> (u16, serde_json::Value) {
        let named = |jurisdiction: &str| Principal {
            jurisdiction: jurisdiction.to_owned(),
            person: "p".to_owned(),
            device: Device::Service,
        };
        let reply = readiness(found, asker.map(named).as_ref()).unwrap();
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap())
    }

    #[test]
    fn what_is_wrong_is_told_to_the_jurisdictions_own_people() {
        let found = || {
            vec![
                of(None, true, "store: it is slow"),
                of(Some("north"), true, "north: `w1` disputes the log"),
                of(Some("north"), true, "north: /srv/photographs is full"),
                of(Some("south"), true, "south: no policy in force"),
            ]
        };
        let expected =
            |impediments: &[&str]| (200, serde_json::json!({"status": "partly ready", "impediments": impediments}));
        let own = ["store: it is slow", "north: `w1` disputes the log", "north: /srv/photographs is full"];
        assert_eq!(told(found(), Some("north")), expected(&[&own[..], &["south: partly ready"]].concat()));
        let others = ["store: it is slow", "north: partly ready", "south: no policy in force"];
        assert_eq!(told(found(), Some("south")), expected(&others), "once, however much it is");
        let nobodys = ["host: partly ready", "north: partly ready", "south: partly ready"];
        assert_eq!(told(found(), None), expected(&nobodys));
    }

    #[test]
    fn everybody_is_told_whether_and_no_more() {
        let partly = || of(Some("north"), true, "north: `w1` disputes the log");
        let wrong = || of(None, false, "store: /srv is full");
        for (found, told) in [
            (vec![], (200, "ready")),
            (vec![partly()], (200, "partly ready")),
            (vec![partly(), wrong()], (503, "not ready")),
        ] {
            let reply = in_brief(&found).unwrap();
            let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!((reply.status.as_u16(), body), (told.0, serde_json::json!({"status": told.1})));
        }
    }

    #[test]
    fn who_is_not_told_why_is_told_that() {
        let found = || vec![of(Some("north"), false, "north: the audit log cannot be written: /srv is full")];
        for (asker, says) in
            [(Some("north"), "/srv is full"), (Some("south"), "north: not ready"), (None, "north: not ready")]
        {
            let (status, body) = told(found(), asker);
            assert_eq!((status, &body["status"]), (503, &"not ready".into()), "{body}");
            assert!(body["impediments"][0].as_str().unwrap().ends_with(says), "{asker:?}: {body}");
        }
        assert_eq!(told(vec![], None), (200, serde_json::json!({"status": "ready", "impediments": []})));
    }

    #[test]
    fn only_what_another_start_makes_good_is_no_health() {
        let of = |needs_restart| health(needs_restart).unwrap();
        assert_eq!(of(false).status, 200);
        assert_eq!(of(true).status, 503);
        assert!(String::from_utf8_lossy(&of(true).body).contains("restart the host"));
    }
}
