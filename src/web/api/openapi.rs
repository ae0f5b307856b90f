//! The description of the API, OpenAPI 3.1, made from [`super::table`] and from the types that are answered.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter as Described3, ParameterBuilder, ParameterIn, ParameterStyle, PathItem,
    PathsBuilder,
};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HeaderBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required,
    ResponseBuilder, ResponsesBuilder, ServerBuilder, request_body::RequestBodyBuilder, tag::TagBuilder,
};

use super::parameters::{DEFAULT_LIMIT, LAST_SECOND, LONGEST, MOST, Parameter, Takes};
use super::table::{Answer, Operation, Verb, operations};
use super::writes::PendingWrite;

/// The name of the way in which a key is sent.
const SECURITY: &str = "api_key";

/// A type of an answer or a body: its name, its schema and those it refers to.
pub struct Described {
    /// Unique in the document.
    pub name: String,
    /// By name; its own is among them.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

/// Describes a type.
pub fn described<T: ToSchema>() -> Described {
    let name = T::name().into_owned();
    let mut schemas = vec![(name.clone(), T::schema())];
    T::schemas(&mut schemas);
    Described { name, schemas }
}

/// What every refusal looks like.
#[derive(Serialize, ToSchema)]
pub struct ErrorAnswer {
    /// What is wrong.
    error: ErrorDetail,
}

/// What is wrong.
#[derive(Serialize, ToSchema)]
pub struct ErrorDetail {
    /// The class: `invalid_request_error`, `authentication_error`, `permission_error`, `conflict_error`, `card_error`,
    /// `plan_error`, `rate_limit_error` or `api_error`.
    #[schema(example = "invalid_request_error")]
    r#type: String,
    /// What a program may branch on. Refusals of Stripe keep Stripe's code.
    #[schema(example = "parameter_invalid")]
    code: String,
    /// For people.
    message: String,
    /// The parameter or field at fault.
    param: Option<String>,
    /// The request, as in the header `Request-Id` and in the server's log.
    #[schema(example = "req_8f14e45fceea167a00000001")]
    request_id: String,
}

/// The whole document. `server` is where this installation is reached.
pub fn document(server: &str) -> OpenApi {
    let mut schemas = BTreeMap::new();
    let mut paths = PathsBuilder::new();
    schemas.extend(described::<ErrorAnswer>().schemas);
    schemas.extend(described::<PendingWrite>().schemas);
    for operation in operations() {
        let method = match operation.verb {
            Verb::Get => HttpMethod::Get,
            Verb::Post => HttpMethod::Post,
        };
        paths = paths.path(operation.path, PathItem::new(method, describe(operation, &mut schemas)));
    }
    let mut groups: Vec<&str> = Vec::new();
    for operation in operations() {
        if !groups.contains(&operation.group) {
            groups.push(operation.group);
        }
    }
    let key = Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("bs_ and 48 hex digits").description(Some(
        "An API key of a project, made on its page \"API keys\". Each operation names the scope that it needs.",
    ));
    let components = schemas.into_iter().fold(ComponentsBuilder::new(), |all, (name, schema)| all.schema(name, schema));
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("billfold").version("1").description(Some(
            "Reads answer from billfold's own copy of the Stripe account, so they cost none of its request limit. Every id may \
             be billfold's or Stripe's. Lists run newest first; `next_cursor` is what the next page's `starting_after` takes.",
        )))
        .servers(Some([ServerBuilder::new().url(server).build()]))
        .tags(Some(groups.into_iter().map(|group| TagBuilder::new().name(group).build())))
        .components(Some(components.security_scheme(SECURITY, SecurityScheme::Http(key.build())).build()))
        .security(Some([SecurityRequirement::new(SECURITY, Vec::<String>::new())]))
        .paths(paths.build())
        .build()
}

fn describe(operation: &Operation, schemas: &mut BTreeMap<String, RefOr<Schema>>) -> OperationBuilder {
    let text = format!("{} Needs the scope `{}`.", operation.text, operation.scope);
    let summary = operation.text.split(". ").next().unwrap_or_default().trim_end_matches('.');
    let mut built = OperationBuilder::new()
        .operation_id(Some(operation.id))
        .tag(operation.group)
        .summary(Some(summary))
        .description(Some(text))
        .responses(responses(operation, schemas));
    if operation.path.contains("{id}") {
        let id = text_schema().description(Some("An id, billfold's or Stripe's.")).build();
        built = built.parameter(
            ParameterBuilder::new()
                .name("id")
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some("An id, billfold's or Stripe's."))
                .schema(Some(id)),
        );
    }
    for parameter in operation.query {
        built = built.parameter(describe_parameter(parameter));
    }
    if operation.verb == Verb::Post {
        built = built.parameter(idempotency_key());
    }
    if let Some(body) = operation.body {
        let (described, example) = ((body.of)(), serde_json::from_str(body.example).ok());
        schemas.extend(described.schemas);
        let content =
            ContentBuilder::new().schema(Some(Ref::from_schema_name(&described.name))).example(example).build();
        built = built.request_body(Some(
            RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", content).build(),
        ));
    }
    built
}

/// A text of one line, of a length that every value may have.
fn text_schema() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .min_length(Some(1))
        .max_length(Some(LONGEST))
        .pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]+$"))
}

fn describe_parameter(parameter: &Parameter) -> Described3 {
    let number = || ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer));
    let words = |words: &[&str]| {
        ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some(words.to_vec()))
    };
    let builder = ParameterBuilder::new()
        .name(parameter.name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(parameter.text));
    let schema: Schema = match parameter.takes {
        Takes::Limit => {
            let limit = number().minimum(Some(1)).maximum(Some(MOST)).default(Some(DEFAULT_LIMIT.into()));
            limit.build().into()
        }
        Takes::Time => number().minimum(Some(0)).maximum(Some(LAST_SECOND as f64)).build().into(),
        Takes::Id | Takes::Text => text_schema().build().into(),
        Takes::Currency => {
            text_schema().max_length(None).min_length(None).pattern(Some("^[A-Za-z]{3}$")).build().into()
        }
        Takes::OneOf(all) => words(all).build().into(),
        Takes::Expand(all) => {
            let list = ArrayBuilder::new().items(words(all).build()).build();
            return builder.style(Some(ParameterStyle::Form)).explode(Some(true)).schema(Some(list)).build();
        }
    };
    builder.schema(Some(schema)).build()
}

fn idempotency_key() -> Described3 {
    let key = text_schema().pattern(Some("^[\\x20-\\x7e]+$")).build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Any text that is unique to this write. Sent again within 24 hours, the write is not done again and the answer is \
             the first one's.",
        ))
        .schema(Some(key))
        .build()
}

/// What goes wrong, besides what an operation is for.
const REFUSALS: &[(&str, &str)] = &[
    ("400", "The request cannot be understood."),
    ("401", "The key is missing, unknown, expired or revoked."),
    ("403", "The key has not the scope that the operation needs."),
    ("422", "A parameter or field is unknown or has a value that it cannot have."),
    ("429", "The key made too many requests."),
    ("503", "Not now; `Retry-After` says when."),
];

fn responses(operation: &Operation, schemas: &mut BTreeMap<String, RefOr<Schema>>) -> ResponsesBuilder {
    let (name, described) = match operation.answer {
        Answer::One(of) => {
            let described = of();
            (described.name.clone(), described)
        }
        Answer::List(of) => {
            let mut described = of();
            let name = format!("{}List", described.name);
            described.schemas.push((name.clone(), list_schema(&described.name)));
            (name, described)
        }
    };
    schemas.extend(described.schemas);
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(&name))).build();
    let mut good = ResponseBuilder::new().description("Done.").content("application/json", content);
    for (name, text) in [
        ("RateLimit-Limit", "Requests per second that the key may make."),
        ("RateLimit-Remaining", "Requests that are left of them now."),
        ("RateLimit-Reset", "Seconds until all are there again."),
    ] {
        let number = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).build();
        good = good.header(name, HeaderBuilder::new().schema(Some(number)).description(Some(text)).build());
    }
    let refusal = |text: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorAnswer"))).build();
        ResponseBuilder::new().description(text).content("application/json", content).build()
    };
    let mut responses = ResponsesBuilder::new().response("200", good.build());
    for (status, text) in REFUSALS {
        responses = responses.response(*status, refusal(text));
    }
    let names_objects = operation.path.contains("{id}") || matches!(operation.answer, Answer::List(_));
    if names_objects {
        responses = responses.response("404", refusal("There is no such object, or it is somebody else's."));
    }
    if operation.verb == Verb::Post {
        let pending = ContentBuilder::new().schema(Some(Ref::from_schema_name("PendingWrite"))).build();
        let pending = ResponseBuilder::new()
            .description("Stripe has not answered; billfold goes on trying. The same request with the same Idempotency-Key tells.")
            .content("application/json", pending);
        responses = responses
            .response("202", pending.build())
            .response("402", refusal("Stripe refused the payment, or the plan of the business does not allow it."))
            .response(
                "409",
                refusal("The state of the object, or an earlier request with this Idempotency-Key, does not allow it."),
            )
            .response("413", refusal("The body is too large."))
            .response("415", refusal("The body is not of the type `application/json`."));
    }
    responses.response("default", refusal("Any other refusal."))
}

fn list_schema(of: &str) -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    let cursor = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some("What `starting_after` takes for the next page; none on the last one."));
    let more = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Boolean))
        .description(Some("Whether there is a next page."));
    let data = ArrayBuilder::new().items(Ref::from_schema_name(of)).description(Some("The objects, in order.")).build();
    let list = ObjectBuilder::new()
        .description(Some("One page of a list."))
        .property("object", text().enum_values(Some(["list"])).description(Some("Always `list`.")).build())
        .property("data", data)
        .property("has_more", more.build())
        .property("next_cursor", cursor.build());
    let list = ["object", "data", "has_more", "next_cursor"].into_iter().fold(list, ObjectBuilder::required);
    RefOr::T(list.build().into())
}
