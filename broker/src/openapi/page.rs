//! `GET /docs`: the same description for people. Plain HTML without a script, so that nothing is loaded from anywhere.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::response::{Html, IntoResponse};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use serde_json::{Map, Value};
use tidegate_protocol::problem::{ProblemClass, ProblemCode};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}code{font:0.9em ui-monospace,monospace}\
    section{border-top:1px solid #8884;margin-top:1.5rem}table{border-collapse:collapse;width:100%}\
    td,th{border-bottom:1px solid #8884;padding:.2rem .6rem;text-align:left;vertical-align:top}:root{color-scheme:light dark}";
/// Inline styles, and nothing else, from nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let document = serde_json::to_value(super::api()).unwrap_or_default();
    page(&document)
});

pub(crate) async fn page_for_people() -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "public, max-age=300")], Html(PAGE.as_str()))
}

fn page(document: &Value) -> String {
    let info = &document["info"];
    let title = text(&info["title"]);
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body><h1>{title} {}</h1><p>{}</p>\
         <p>For programs: <a href=\"/openapi.json\">openapi.json</a></p>",
        text(&info["version"]),
        prose(&info["description"]),
    );
    for (path, methods) in members(&document["paths"]) {
        for method in METHODS {
            if let Some(operation) = methods.get(method) {
                page += &operation_section(path, method, operation);
            }
        }
    }
    page += "<h2>What is sent</h2>";
    for (name, schema) in members(&document["components"]["schemas"]) {
        page += &schema_section(name, schema);
    }
    page + &catalogue() + "</body></html>"
}

fn operation_section(path: &str, method: &str, operation: &Value) -> String {
    let mut section = format!(
        "<section id=\"{}\"><h2><code>{} {}</code></h2><p>{}</p>",
        escape(operation["operationId"].as_str().unwrap_or_default()),
        method.to_uppercase(),
        escape(path),
        prose(&operation["summary"]),
    );
    let _ = write!(section, "<p>{}</p>", prose(&operation["description"]));
    section += "<table>";
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = text(&parameter["name"]);
        let _ = write!(
            section,
            "<tr><td>{}: <code>{name}</code></td><td>{}</td></tr>",
            text(&parameter["in"]),
            prose(&parameter["description"])
        );
    }
    for (media_type, content) in members(&operation["requestBody"]["content"]) {
        let _ = write!(section, "<tr><td>body</td><td>{} ({})</td></tr>", kind(&content["schema"]), escape(media_type));
    }
    for (status, response) in members(&operation["responses"]) {
        let bodies: Vec<String> = members(&response["content"]).map(|(_, content)| kind(&content["schema"])).collect();
        let _ = write!(
            section,
            "<tr><td>{}</td><td>{} {}</td></tr>",
            escape(status),
            prose(&response["description"]),
            bodies.join(" or ")
        );
    }
    section + "</table></section>"
}

fn schema_section(name: &str, schema: &Value) -> String {
    let name = escape(name);
    let mut section = format!("<section id=\"{name}\"><h3>{name}</h3><p>{}</p>", prose(&schema["description"]));
    let variants = ["oneOf", "anyOf", "allOf"].iter().flat_map(|list| schema[*list].as_array().into_iter().flatten());
    for variant in variants {
        let _ = write!(section, "<p>{}: {}</p>", kind(variant), prose(&variant["description"]));
    }
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    section += "<table>";
    for (property, schema) in members(&schema["properties"]) {
        let needed = if required.contains(&property.as_str()) { "" } else { ", optional" };
        let _ = write!(
            section,
            "<tr><td><code>{}</code></td><td>{}{needed}</td><td>{}</td></tr>",
            escape(property),
            kind(schema),
            prose(&schema["description"])
        );
    }
    section + "</table></section>"
}

/// Every code that a problem may carry, by what an app should do.
fn catalogue() -> String {
    let mut page = "<h2 id=\"codes\">Codes of problems</h2>".to_owned();
    for class in ProblemClass::ALL {
        let _ = write!(page, "<section><h3>{}</h3><p>{}</p><table>", class.as_str(), code_marks(class.advice()));
        for code in ProblemCode::ALL.iter().filter(|code| code.class() == class) {
            let meaning = code_marks(code.meaning());
            let _ =
                write!(page, "<tr id=\"{code}\"><td><code>{code}</code></td><td>{}</td><td>{meaning}</td></tr>", code.status());
        }
        page += "</table></section>";
    }
    page
}

/// The type that a schema describes, with a link where it has a name.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("<a href=\"#{0}\">{0}</a>", escape(name));
    }
    for list in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[list].as_array() {
            let choices: Vec<String> = choices.iter().map(kind).collect();
            return choices.join(if list == "allOf" { " with " } else { " or " });
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(|value| format!("<code>{}</code>", text(value))).collect();
        return values.join(", ");
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) if name == "object" && schema["properties"].is_object() => {
            let names: Vec<String> = members(&schema["properties"])
                .map(|(name, schema)| format!("<code>{}</code>: {}", escape(name), kind(schema)))
                .collect();
            names.join(", ")
        }
        Value::String(name) => escape(name),
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "anything".to_owned(),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> String {
    value.as_str().map(escape).unwrap_or_default()
}

fn prose(value: &Value) -> String {
    code_marks(value.as_str().unwrap_or_default())
}

/// What stands between backticks as code.
fn code_marks(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) }).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
