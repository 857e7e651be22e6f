//! The OpenAPI document, from the table of routes.

use crate::routes::{Audit, Caller, Route, has_head};
use crate::{api, case_api, office_api, registry_api, reporting};
use hyper::Method;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::{SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApiBuilder, PathsBuilder, RefOr, Required, ResponseBuilder,
    Schema,
};
use utoipa::{PartialSchema, ToSchema};

/// What the document calls the client certificate.
const CERTIFICATE: &str = "certificate";

pub(crate) fn document(routes: &[Route]) -> String {
    let info = InfoBuilder::new()
        .title("Magistrate")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Vetted, audited search of booking photographs. Every connection needs a client certificate that names a \
             person and a device, but at the address for everybody, where there is one: what needs no certificate is there, \
             and nothing else. Errors are RFC 9457 problem documents. So is 431 of a head of more than 32 KiB, its path and \
             headers; one of more than twice that, or of more than 100 headers over HTTP/1.1, gets a bare 431, and what is no \
             HTTP at all a bare 400.",
        ))
        .build();
    let paths = routes.iter().fold(PathsBuilder::new(), |paths, route| paths.path(route.path, item(route)));
    let certified = SecurityRequirement::new(CERTIFICATE, std::iter::empty::<String>());
    let document = OpenApiBuilder::new()
        .info(info)
        .paths(paths.build())
        .components(Some(components()))
        .security(Some([certified]))
        .build();
    // A document of plain values always serialises.
    document.to_pretty_json().unwrap_or_default()
}

fn components() -> utoipa::openapi::Components {
    fn named<T: ToSchema + PartialSchema>() -> (String, RefOr<Schema>) {
        (T::name().into_owned(), T::schema())
    }
    ComponentsBuilder::new()
        .schemas_from_iter([
            named::<api::RequestBody>(),
            named::<api::ProbeBody>(),
            named::<api::RecordBody>(),
            named::<api::FindingView>(),
            named::<api::ObligationView>(),
            named::<api::ReceiptView>(),
            named::<api::StatementView>(),
            named::<api::CandidateView>(),
            named::<api::JurisdictionView>(),
            named::<api::GalleryView>(),
            named::<case_api::DispositionBody>(),
            named::<case_api::CarriedBody>(),
            named::<case_api::DocumentView>(),
            named::<office_api::OwedView>(),
            named::<office_api::VersionView>(),
            named::<office_api::ApprovalView>(),
            named::<registry_api::PersonView>(),
            named::<registry_api::RoleView>(),
            named::<registry_api::AgencyView>(),
            named::<registry_api::AgreementView>(),
            named::<registry_api::AgreementTerms>(),
            named::<reporting::FileView>(),
        ])
        .security_scheme(
            CERTIFICATE,
            SecurityScheme::MutualTls {
                description: Some("A client certificate of an authority that the host trusts".to_owned()),
                deprecated: None,
                extensions: None,
            },
        )
        .build()
}

fn item(route: &Route) -> PathItem {
    let mut operation = OperationBuilder::new().summary(Some(route.summary)).description(Some(terms(route)));
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        // A parameter that takes the rest of the path is written with an asterisk.
        let name = name.trim_start_matches('*');
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
        operation = operation.parameter(parameter.build());
    }
    for (name, help) in route.query {
        let parameter = ParameterBuilder::new().name(*name).parameter_in(ParameterIn::Query).description(Some(*help));
        operation = operation.parameter(parameter.build());
    }
    if route.caller == Caller::Everybody {
        operation = operation.securities(Some(std::iter::empty::<SecurityRequirement>()));
    }
    if let Some(takes) = route.takes {
        let body = RequestBodyBuilder::new()
            .content("application/json", ContentBuilder::new().schema(Some(takes())).build())
            .required(Some(Required::True))
            .build();
        operation = operation.request_body(Some(body));
    }
    let done = if route.audit == Audit::Public { "Done" } else { "Done, and on record" };
    let mut ok = ResponseBuilder::new().description(done);
    if let Some(gives) = route.gives {
        ok = ok.content("application/json", ContentBuilder::new().schema(Some(gives())).build());
    }
    operation = operation.response("200", ok.build());
    if may_wait(route) {
        let waits = ResponseBuilder::new()
            .description("Permitted, and without effect until others approve or acknowledge: then take the step again")
            .content("application/json", ContentBuilder::new().schema(Some(case_api::WaitsView::schema())).build());
        operation = operation.response("202", waits.build());
    }
    let problem = ResponseBuilder::new()
        .description("A problem document: what stands in the way, and what would change it")
        .content(crate::problem::MEDIA_TYPE, ContentBuilder::new().build());
    operation = operation.response("default", problem.build());
    let method = if route.method == Method::POST { HttpMethod::Post } else { HttpMethod::Get };
    PathItem::new(method, operation.build())
}

/// How the paths end of steps that wait for nobody, or say so in an answer of their own.
const AT_ONCE: [&str; 6] = ["/requests", "/acknowledgements", "/completion", "/proposals", "/approvals", "/retention"];

/// Whether it is a step that is judged and may have to wait for others.
fn may_wait(route: &Route) -> bool {
    route.method == Method::POST && !AT_ONCE.iter().any(|end| route.path.ends_with(end))
}

/// Who may call a route, and what is on record of it.
fn terms(route: &Route) -> String {
    let recorded = match route.audit {
        Audit::Public if route.caller == Caller::Everybody => {
            "It is public: no entry is made. `HEAD` is answered, too."
        }
        Audit::Public => "Nothing is recorded: no entry is made. `HEAD` is answered, too.",
        Audit::Look => "The look is an entry.",
        Audit::Step if has_head(route) => "What comes of it, of `HEAD`, too, is an entry.",
        Audit::Step => "What comes of it is an entry.",
    };
    format!("{} {recorded}", who(route.caller))
}

fn who(caller: Caller) -> String {
    match caller {
        Caller::Member => "Anybody in the registry of this jurisdiction.".to_owned(),
        Caller::Everybody => {
            "Everybody: without a certificate at the address for that, where there is one, and with any at the other."
                .to_owned()
        }
        Caller::Certified => "Any client certificate.".to_owned(),
        Caller::Registered => {
            "Anybody in the registry of a jurisdiction of this host; the policies concerned decide the rest.".to_owned()
        }
        Caller::Role(role) => format!("Somebody of this jurisdiction with the role `{role}`."),
    }
}
