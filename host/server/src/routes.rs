//! The table of routes: everything that authorisation, audit and the OpenAPI document need to know of each. How a request finds
//! its own is in `finding`.

mod finding;

pub(crate) use finding::{Match, Table, has_head};

use crate::bodies::FORM_BYTES;
use crate::endpoints::{self, Ask, Reply};
use crate::problem::Problem;
use crate::{
    api, case_api, case_endpoints, office_api, office_endpoints, openapi, public_log, registry_api, reporting,
    retention_api, survey,
};
use hyper::Method;
use std::future::Future;
use std::pin::Pin;
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

/// What an endpoint gives back.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send>>;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Everybody: without a certificate at the address for that, with any at the other.
    Everybody,
    /// Any certificate of the client authority: programs that watch the server need no registration.
    Certified,
    /// Anybody in the registry of a jurisdiction of this host; the policies decide the rest.
    Registered,
    /// Anybody in the registry of the jurisdiction in the path. Others are refused, and the attempt recorded.
    Member,
    /// Somebody of the jurisdiction in the path who holds this role. Others are refused, and the attempt recorded.
    Role(&'static str),
}

/// What is on record of a call by somebody who may make it. Of anybody else's, the attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audit {
    /// Nothing: it is for every certificate, or for everybody.
    Public,
    /// That they looked, for what and when. Written in one place for all of these, before the endpoint is asked.
    Look,
    /// What casework itself records: of a step what was decided and done, of a look what only it knows to say.
    Step,
}

/// One route.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) caller: Caller,
    pub(crate) audit: Audit,
    /// Largest body, in bytes.
    pub(crate) body: usize,
    pub(crate) summary: &'static str,
    pub(crate) query: &'static [(&'static str, &'static str)],
    pub(crate) takes: Option<fn() -> RefOr<Schema>>,
    pub(crate) gives: Option<fn() -> RefOr<Schema>>,
    pub(crate) answer: fn(Ask) -> Answering,
}

/// A form, which does not wait for room behind anything larger.
const FORM: usize = FORM_BYTES;

/// A form with a photograph of up to 20 MiB in base64.
const PHOTOGRAPH: usize = 32 << 20;

/// A thousand records with templates written out.
const BATCH: usize = 64 << 20;

/// A form with a policy component of up to 32 MiB in base64.
const COMPONENT: usize = 48 << 20;

const NOTHING: usize = 0;

macro_rules! answer {
    ($endpoint:path) => {
        |ask| Box::pin($endpoint(ask))
    };
}

/// Every route.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/healthz",
        caller: Caller::Everybody,
        audit: Audit::Public,
        body: NOTHING,
        summary: "Whether the process answers and another start would change nothing; 503 where the host has to be restarted",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(endpoints::healthz),
    },
    Route {
        method: Method::GET,
        path: "/readyz",
        caller: Caller::Everybody,
        audit: Audit::Public,
        body: NOTHING,
        summary: "Whether anything can be decided now, and what stands in the way: of another jurisdiction only that something does",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(endpoints::readyz),
    },
    Route {
        method: Method::GET,
        path: "/metrics",
        caller: Caller::Certified,
        audit: Audit::Public,
        body: NOTHING,
        summary: "Prometheus metrics",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(endpoints::metrics),
    },
    Route {
        method: Method::GET,
        path: "/openapi.json",
        caller: Caller::Everybody,
        audit: Audit::Public,
        body: NOTHING,
        summary: "This document",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(endpoints::openapi),
    },
    Route {
        method: Method::GET,
        path: "/v1/jurisdictions",
        caller: Caller::Certified,
        audit: Audit::Public,
        body: NOTHING,
        summary: "The jurisdictions of this host, their policies, galleries and logs",
        query: &[],
        takes: None,
        gives: Some(<Vec<api::JurisdictionView>>::schema),
        answer: answer!(endpoints::jurisdictions),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/charter",
        caller: Caller::Certified,
        audit: Audit::Public,
        body: NOTHING,
        summary: "What the policy says of itself: clauses, statements, forms, interpretations",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(endpoints::charter),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/log/checkpoint",
        caller: Caller::Everybody,
        audit: Audit::Public,
        body: NOTHING,
        summary: "The log's signed checkpoint (C2SP tlog-checkpoint), with its witnesses' cosignatures where it needs them",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(endpoints::checkpoint),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/log/key",
        caller: Caller::Everybody,
        audit: Audit::Public,
        body: NOTHING,
        summary: "The key under which the log's checkpoints verify (C2SP signed-note); compare it with one had otherwise",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(public_log::key),
    },
    Route {
        method: Method::GET,
        path: public_log::TILE,
        caller: Caller::Everybody,
        audit: Audit::Public,
        body: NOTHING,
        summary: "A tile or entry bundle of the log (C2SP tlog-tiles)",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(public_log::tile),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/log/pruned",
        caller: Caller::Everybody,
        audit: Audit::Public,
        body: NOTHING,
        summary: "The signed note that says which entries were pruned from the log; their bundles are gone",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(public_log::pruned),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/audit/entries",
        caller: Caller::Role("auditor"),
        audit: Audit::Step,
        body: NOTHING,
        summary: "Entries of the decision log; looking is itself an entry",
        query: &[
            ("first", "Index of the first entry; 0 where absent"),
            (
                "count",
                "How many, 1000 at most; 100 where absent. Fewer come where their accounts are large: ask on from there",
            ),
        ],
        takes: None,
        gives: Some(api::EntriesView::schema),
        answer: answer!(endpoints::entries),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/galleries/{gallery}/records",
        caller: Caller::Role("registrar"),
        audit: Audit::Step,
        body: BATCH,
        summary: "Enrols booking photographs, all of a batch or none",
        query: &[],
        takes: Some(api::EnrollBody::schema),
        gives: Some(api::EnrolledView::schema),
        answer: answer!(endpoints::enroll),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/requests",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: PHOTOGRAPH,
        summary: "Opens a request for a search",
        query: &[],
        takes: Some(api::RequestBody::schema),
        gives: Some(case_api::TakenView::schema),
        answer: answer!(endpoints::open_request),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/requests/{request}/search",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Searches for a request on record",
        query: &[],
        takes: Some(api::SearchBody::schema),
        gives: Some(api::SearchedView::schema),
        answer: answer!(endpoints::search),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/searches",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: PHOTOGRAPH,
        summary: "Opens a request and searches for it, in one step",
        query: &[],
        takes: Some(api::SearchNowBody::schema),
        gives: Some(api::SearchedView::schema),
        answer: answer!(endpoints::search_now),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/requests",
        caller: Caller::Registered,
        audit: Audit::Look,
        body: NOTHING,
        summary: "Requests, the latest first: where each stands and what comes next. A long past comes in parts: `before` in the \
                  answer says where to go on. Looking is itself an entry",
        query: &[
            (
                "state",
                "Only those that stand there: open, searched, listed, disposed, signed, released, disseminated, concluded",
            ),
            ("mine", "`true`: only those you made or took a step of"),
            ("since", "Only those opened then or later; of the last month where absent"),
            ("before", "Only those before where an earlier answer ended: its `before`"),
        ],
        takes: None,
        gives: None,
        answer: answer!(case_endpoints::worklist),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/requests/{request}",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: NOTHING,
        summary: "A request's life, without its candidates; the look is an entry",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(case_endpoints::view),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/requests/{request}/candidates",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Looks at the candidate list again: judged, and counted as opening it",
        query: &[],
        takes: Some(case_api::AnswersBody::schema),
        gives: Some(case_api::LookedView::schema),
        answer: answer!(case_endpoints::look),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/requests/{request}/dispositions",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Says of candidates what they are",
        query: &[],
        takes: Some(case_api::DispositionsBody::schema),
        gives: Some(case_api::TakenView::schema),
        answer: answer!(case_endpoints::dispose),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/requests/{request}/sign-offs",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Signs a conclusion, or refuses to",
        query: &[],
        takes: Some(case_api::SignOffBody::schema),
        gives: Some(case_api::TakenView::schema),
        answer: answer!(case_endpoints::sign),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/requests/{request}/acknowledgements",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "The requester acknowledges a statement, word for word",
        query: &[],
        takes: Some(case_api::AcknowledgementBody::schema),
        gives: Some(case_api::RecordedView::schema),
        answer: answer!(case_endpoints::acknowledge),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/requests/{request}/release",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Releases the result: its documents are drawn up",
        query: &[],
        takes: Some(case_api::ReleaseBody::schema),
        gives: Some(case_api::ReleasedView::schema),
        answer: answer!(case_endpoints::release),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/requests/{request}/disseminations",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Hands the released result to one recipient, with its document",
        query: &[],
        takes: Some(case_api::DisseminationBody::schema),
        gives: Some(case_api::DisseminatedView::schema),
        answer: answer!(case_endpoints::disseminate),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/requests/{request}/outcome",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Reports what became of the result",
        query: &[],
        takes: Some(case_api::AnswersBody::schema),
        gives: Some(case_api::TakenView::schema),
        answer: answer!(case_endpoints::report_outcome),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/obligations",
        caller: Caller::Member,
        audit: Audit::Look,
        body: NOTHING,
        summary: "Obligations still to be met, the most urgent first, and of last month's requests (of up to 500) the approvals and \
                  acknowledgements that count no more; looking is itself an entry",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(case_endpoints::obligations_of),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/obligations/{obligation}/completion",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Says that a task is done",
        query: &[],
        takes: Some(case_api::CompletionBody::schema),
        gives: Some(case_api::RecordedView::schema),
        answer: answer!(case_endpoints::complete),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/obligations/{obligation}/waiver",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Sets an obligation aside, if the policy that imposed it permits that",
        query: &[],
        takes: Some(case_api::WaiverBody::schema),
        gives: Some(case_api::WaivedView::schema),
        answer: answer!(case_endpoints::waive),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/people",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Registers a person and gives them access",
        query: &[],
        takes: Some(registry_api::PersonBody::schema),
        gives: Some(office_api::AccessView::schema),
        answer: answer!(registry_api::register_person),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/people",
        caller: Caller::Member,
        audit: Audit::Look,
        body: NOTHING,
        summary: "The people of the registry, with their roles, trainings and checks; looking is itself an entry",
        query: &[],
        takes: None,
        gives: Some(<Vec<registry_api::PersonView>>::schema),
        answer: answer!(registry_api::people),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/people/{person}/record",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Puts trainings, a background check, a unit on record of a person, with a review of their access",
        query: &[],
        takes: Some(registry_api::PersonRecordBody::schema),
        gives: Some(office_api::AccessView::schema),
        answer: answer!(registry_api::record_of_person),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/people/{person}/access",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Grants, reviews, suspends, reinstates or withdraws a person's access",
        query: &[],
        takes: Some(office_api::AccessBody::schema),
        gives: Some(office_api::AccessView::schema),
        answer: answer!(office_endpoints::person_access),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/agencies",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Registers an agency with its agreements, and lets its requests in",
        query: &[],
        takes: Some(registry_api::AgencyBody::schema),
        gives: Some(office_api::AccessView::schema),
        answer: answer!(registry_api::register_agency),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/agencies",
        caller: Caller::Member,
        audit: Audit::Look,
        body: NOTHING,
        summary: "The agencies of the registry, with their agreements; looking is itself an entry",
        query: &[],
        takes: None,
        gives: Some(<Vec<registry_api::AgencyView>>::schema),
        answer: answer!(registry_api::agencies),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/agencies/{agency}/agreements",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Puts an agreement with an agency on record, and lets its requests in",
        query: &[],
        takes: Some(registry_api::AgreementBody::schema),
        gives: Some(office_api::AccessView::schema),
        answer: answer!(registry_api::record_agreement),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/agencies/{agency}/agreements/{agreement}/end",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Ends an agreement with an agency, and suspends its requests",
        query: &[],
        takes: Some(registry_api::EndBody::schema),
        gives: Some(office_api::AccessView::schema),
        answer: answer!(registry_api::end_agreement),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/agencies/{agency}/suspension",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Suspends an agency's requests, or reinstates it",
        query: &[],
        takes: Some(office_api::AccessBody::schema),
        gives: Some(office_api::AccessView::schema),
        answer: answer!(office_endpoints::agency_suspension),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/violations",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Records a violation of the directive, or a breach",
        query: &[],
        takes: Some(office_api::ViolationBody::schema),
        gives: Some(office_api::ViolationView::schema),
        answer: answer!(office_endpoints::violation),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/policy",
        caller: Caller::Everybody,
        audit: Audit::Public,
        body: NOTHING,
        summary: "The policy: title, citation, and its revisions with their digests, approvals and since when each is in force",
        query: &[],
        takes: None,
        gives: Some(office_api::PolicyView::schema),
        answer: answer!(office_endpoints::policy),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/policy/text",
        caller: Caller::Everybody,
        audit: Audit::Public,
        body: NOTHING,
        summary: "The directive's text, as the policy cites it by digest",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(office_endpoints::policy_text),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/policy/proposals",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: COMPONENT,
        summary: "Puts a policy revision forward: another component, other settings, or both",
        query: &[],
        takes: Some(office_api::ProposalBody::schema),
        gives: Some(office_api::RevisionView::schema),
        answer: answer!(office_endpoints::propose),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/policy/proposals/{revision}/approvals",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Signs for or against a policy revision",
        query: &[],
        takes: Some(office_api::ApprovalBody::schema),
        gives: Some(office_api::RevisionView::schema),
        answer: answer!(office_endpoints::approve),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/policy/proposals/{revision}/activation",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Puts a policy revision in force, if the policy in force permits it",
        query: &[],
        takes: Some(case_api::AnswersBody::schema),
        gives: Some(office_api::ActivatedView::schema),
        answer: answer!(office_endpoints::activate),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/retention",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Says how long a record stays: gives notice, holds, lifts, extends, exports, seals, unseals or purges; prunes the log",
        query: &[],
        takes: Some(retention_api::RetentionBody::schema),
        gives: Some(retention_api::RetentionView::schema),
        answer: answer!(retention_api::retain),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/retention",
        caller: Caller::Member,
        audit: Audit::Look,
        body: NOTHING,
        summary: "Records that are noticed, held, extended, exported, sealed, purged or due to be, the most urgent first; looking is itself an entry",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(retention_api::dockets),
    },
    Route {
        method: Method::POST,
        path: "/v1/{jurisdiction}/reports",
        caller: Caller::Registered,
        audit: Audit::Step,
        body: FORM,
        summary: "Draws up a report of the charter from the log of its days",
        query: &[],
        takes: Some(reporting::ReportBody::schema),
        gives: Some(reporting::DrawnView::schema),
        answer: answer!(reporting::draw),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/reports",
        caller: Caller::Everybody,
        audit: Audit::Public,
        body: NOTHING,
        summary: "The reports that are published, the latest first",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(reporting::published),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/reports/{file}",
        caller: Caller::Everybody,
        audit: Audit::Public,
        body: NOTHING,
        summary: "A published report: its id, with .html, .pdf, .csv or .json",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(reporting::published_file),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/audit/reports",
        caller: Caller::Role("auditor"),
        audit: Audit::Step,
        body: NOTHING,
        summary: "Every report, published or not; looking is itself an entry",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(reporting::all),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/audit/reports/{file}",
        caller: Caller::Role("auditor"),
        audit: Audit::Step,
        body: NOTHING,
        summary: "Any report: its id, with .html, .pdf, .csv or .json; looking is itself an entry",
        query: &[],
        takes: None,
        gives: None,
        answer: answer!(reporting::any_file),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/audit/anomalies",
        caller: Caller::Role("auditor"),
        audit: Audit::Step,
        body: NOTHING,
        summary: "Searches unlike others and rules not kept, each with its entries; looking is itself an entry",
        query: &[
            ("from", "The first day; a month before today where absent"),
            ("to", "The last day, of 366 at most; today where absent"),
            ("times_peers", "List people who search so many times the median of their peers; 3 where absent"),
            ("searches", "... and so often at least; 10 where absent"),
            ("subjects_per_case", "List case numbers with so many different probes; 5 where absent"),
            ("cases_per_probe", "List probes under so many case numbers; 2 where absent"),
            ("night_from", "The first hour of the night; 22 where absent"),
            ("night_to", "The first hour that is no night any more; 6 where absent"),
            ("unsigned_hours", "List leads without a signature after so many hours; 72 where absent"),
            (
                "concurrent_minutes",
                "List who acts from two kinds of device in less than so many minutes; 5 where absent",
            ),
        ],
        takes: None,
        gives: None,
        answer: answer!(survey::anomalies),
    },
    Route {
        method: Method::GET,
        path: "/v1/{jurisdiction}/audit/sample",
        caller: Caller::Role("auditor"),
        audit: Audit::Step,
        body: NOTHING,
        summary: "Entries drawn at random, the same ones for whoever draws again; looking is itself an entry",
        query: &[
            ("seed", "Letters, digits, -, ., _ or ~: agreed on beforehand, or chosen by nobody"),
            ("n", "How many; 20 where absent"),
            ("size", "Draw from the first so many entries, to repeat an earlier draw; all where absent"),
        ],
        takes: None,
        gives: None,
        answer: answer!(survey::sample),
    },
];

/// The OpenAPI document of this table, as JSON.
pub fn document() -> String {
    openapi::document(ROUTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_every_route_and_who_may_call_it() {
        let document: serde_json::Value = serde_json::from_str(&document()).unwrap();
        for route in ROUTES {
            let method = route.method.as_str().to_lowercase();
            let operation = &document["paths"][route.path][&method];
            assert_eq!(operation["summary"], route.summary, "{} {}", route.method, route.path);
            if route.path.ends_with("/searches") || route.path.ends_with("/release") {
                assert!(operation["responses"]["202"].is_object(), "{} may wait for others", route.path);
            }
            if let Caller::Role(role) = route.caller {
                let text = operation["description"].as_str().unwrap_or_default();
                assert!(text.contains(role), "{text}");
            }
        }
    }
    #[test]
    fn what_is_not_for_every_certificate_is_on_record_and_the_document_says_so() {
        let document: serde_json::Value = serde_json::from_str(&document()).unwrap();
        for route in ROUTES {
            let method = route.method.as_str().to_lowercase();
            let public = matches!(route.caller, Caller::Everybody | Caller::Certified);
            assert_eq!(route.audit == Audit::Public, public, "{} {}", route.method, route.path);
            assert!(public || route.path.starts_with("/v1/{jurisdiction}/"), "in whose log? {}", route.path);
            assert!(route.audit != Audit::Look || route.method == Method::GET, "{}: a look is no step", route.path);
            let text = document["paths"][route.path][&method]["description"].as_str().unwrap();
            assert_eq!(text.contains("no entry is made"), public, "{} {}: {text}", route.method, route.path);
        }
    }

    #[test]
    fn what_is_for_everybody_is_read_only_and_the_document_says_so() {
        let document: serde_json::Value = serde_json::from_str(&document()).unwrap();
        assert_eq!(document["security"], serde_json::json!([{"certificate": []}]));
        assert_eq!(document["components"]["securitySchemes"]["certificate"]["type"], "mutualTLS");
        let mut public = Vec::new();
        for route in ROUTES {
            let operation = &document["paths"][route.path][&route.method.as_str().to_lowercase()];
            let everybody = route.caller == Caller::Everybody;
            let expected = everybody.then(|| serde_json::json!([]));
            assert_eq!(operation.get("security"), expected.as_ref(), "{} {}", route.method, route.path);
            if everybody {
                assert!(route.method == Method::GET && route.body == NOTHING, "{} {}", route.method, route.path);
                assert_eq!(route.audit, Audit::Public, "{}", route.path);
                public.push(route.path.strip_prefix("/v1/{jurisdiction}").unwrap_or(route.path));
            }
        }
        // Whatever is added here is told to the whole world.
        let expected = [
            "/healthz",
            "/readyz",
            "/openapi.json",
            "/log/checkpoint",
            "/log/key",
            "/log/tile/{*path}",
            "/log/pruned",
            "/policy",
            "/policy/text",
            "/reports",
            "/reports/{file}",
        ];
        assert_eq!(public, expected);
    }
}
