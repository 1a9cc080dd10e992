//! From a request to its operation: by method and path, or by a name in header or form where a service's protocol is of
//! that kind.
//!
//! Paths are split while they are still percent-encoded: an ARN in a label is full of `%2F`. A slash at the end counts
//! for nothing, because SDKs differ in whether they send it. Letter case counts: `agentaliases` and `agentAliases` are
//! of different services.

use crate::decode::form;
use crate::model::{Operation, Protocol, Segment, Service, ServiceId, operations, services};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct Route {
    /// What it asks for.
    pub operation: &'static Operation,
    /// Labels by name, percent-decoded. What is no UTF-8 shows as replacement characters, which no constraint lets through.
    pub labels: Vec<(&'static str, String)>,
}

/// Finds the operation of a request; `None` when there is none with this method and path.
///
/// `raw_path` is the path as sent, without query. Body and the service name in the signature (`bedrock`, `lambda`) are
/// looked at only where operations of two services share a path.
pub fn find(method: &http::Method, raw_path: &str, body: &[u8], signing_service: Option<&str>) -> Option<Route> {
    let path = raw_path.strip_prefix('/')?;
    let slash_at_end = path.ends_with('/');
    let path = path.strip_suffix('/').unwrap_or(path);
    let candidates = INDEX.get(&(method.as_str(), path.split('/').count()))?;
    let parts: Vec<&str> = path.split('/').collect();
    let first = candidates.iter().position(|operation| fits(operation, &parts))?;
    let same_path = candidates[first..]
        .iter()
        .copied()
        .filter(|operation| fits(operation, &parts) && same_form(operation, candidates[first]));
    let request = Ambiguous { parts: &parts, slash_at_end, body, signing_service };
    let operation = request.choose(&same_path.collect::<Vec<_>>())?;
    let labels = operation.segments.iter().zip(&parts).filter_map(|(segment, part)| match segment {
        Segment::Label(name) => Some((*name, decoded(part).into_owned())),
        Segment::Literal(_) => None,
    });
    Some(Route { operation, labels: labels.collect() })
}

/// What a request says about its operation by name.
#[derive(Clone, Debug)]
pub enum Named {
    /// Nothing: [`find`] has to look at its path.
    Not,
    /// It asks for an operation.
    Found(Route),
    /// It asks for an operation that is not served.
    Unknown {
        /// In whose form to answer.
        protocol: Protocol,
        /// What it asks for, as it came.
        name: String,
    },
}

/// A request as far as a name is looked for in it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The path as sent.
    pub path: &'a str,
    /// The query as sent, without the question mark.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a http::HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// Finds the operation that a request names by the header `X-Amz-Target`, or by `Action` in a form. The service is the
/// one of the target's prefix, or the one it was signed for, or the one of the form's `Version`.
pub fn find_named(request: Request<'_>, signing_service: Option<&str>) -> Named {
    if let Some(target) = request.headers.get("x-amz-target") {
        let target = String::from_utf8_lossy(target.as_bytes());
        let (prefix, name) = target.rsplit_once('.').unwrap_or(("", &target));
        let fits = |service: &&Service| service.protocol_target() == Some(prefix);
        let protocol = services().find(fits).map_or(Protocol::Json { target_prefix: "" }, |service| service.protocol);
        return named(services().filter(fits), name, protocol);
    }
    if request.path != "/" {
        return Named::Not;
    }
    let form = if request.body.is_empty() { request.query } else { form_of(request).unwrap_or_default() };
    let Some(name) = form::value_of(form, "Action") else { return Named::Not };
    let version = form::value_of(form, "Version");
    let is_query = |service: &&Service| matches!(service.protocol, Protocol::Query { .. });
    let signed = |service: &&Service| Some(service.signing_name) == signing_service;
    let of_version = |service: &&Service| match service.protocol {
        Protocol::Query { version: its, .. } => version.as_deref().is_none_or(|version| version == its),
        _ => false,
    };
    let chosen: Vec<&Service> = match services().filter(is_query).find(signed) {
        Some(service) => vec![service],
        None => services().filter(of_version).collect(),
    };
    let protocol = chosen.first().map_or(Protocol::Query { version: "", namespace: "" }, |service| service.protocol);
    named(chosen.into_iter(), &name, protocol)
}

fn named<'a>(mut services: impl Iterator<Item = &'a Service>, name: &str, protocol: Protocol) -> Named {
    let operation = services.find_map(|service| service.operations.iter().find(|operation| operation.name == name));
    match operation {
        Some(operation) => Named::Found(Route { operation, labels: Vec::new() }),
        None => Named::Unknown { protocol, name: name.to_owned() },
    }
}

fn form_of<'a>(request: Request<'a>) -> Option<&'a str> {
    let kind = request.headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next()?.trim();
    let form = kind.eq_ignore_ascii_case("application/x-www-form-urlencoded").then_some(request.body)?;
    std::str::from_utf8(form).ok()
}

/// By method and number of segments; within, literals before labels, so that the first that fits is the right one.
static INDEX: LazyLock<HashMap<(&'static str, usize), Vec<&'static Operation>>> = LazyLock::new(|| {
    let mut index: HashMap<_, Vec<_>> = HashMap::new();
    let by_path = |operation: &&Operation| operation.service.service().protocol == Protocol::RestJson;
    for operation in operations().filter(by_path) {
        index.entry((operation.method, operation.segments.len())).or_default().push(operation);
    }
    for entries in index.values_mut() {
        entries.sort_by_key(|operation| operation.segments.iter().map(is_label).collect::<Vec<_>>());
    }
    index
});

/// What is left to look at when a path alone does not decide.
struct Ambiguous<'a> {
    parts: &'a [&'a str],
    slash_at_end: bool,
    body: &'a [u8],
    signing_service: Option<&'a str>,
}

impl Ambiguous<'_> {
    fn choose(&self, candidates: &[&'static Operation]) -> Option<&'static Operation> {
        let signed = |operation: &Operation| Some(operation.service.service().signing_name) == self.signing_service;
        let (signed, others): (Vec<_>, Vec<_>) = candidates.iter().copied().partition(|operation| signed(operation));
        let candidates = if signed.is_empty() { others } else { signed };
        if candidates.len() < 2 {
            return candidates.first().copied();
        }
        // Both Bedrock services are signed alike.
        let service = if self.is_for_runtime() { ServiceId::BedrockAgentRuntime } else { ServiceId::BedrockAgent };
        candidates.iter().find(|operation| operation.service == service).or(candidates.first()).copied()
    }

    fn is_for_runtime(&self) -> bool {
        match self.parts {
            ["tags", arn] => decoded(arn).contains(":session/"),
            // PrepareAgent has no body, InvokeInlineAgent cannot do without one. Clients that send `{}` for no body
            // are those that keep the slash.
            ["agents", _] => {
                let mut body = self.body.iter().filter(|byte| !byte.is_ascii_whitespace()).take(3);
                let start = [body.next(), body.next(), body.next()];
                let is_empty_object = start == [Some(&b'{'), Some(&b'}'), None];
                start[0].is_some() && !(self.slash_at_end && is_empty_object)
            }
            _ => false,
        }
    }
}

fn fits(operation: &Operation, parts: &[&str]) -> bool {
    operation.segments.iter().zip(parts).all(|(segment, part)| match segment {
        Segment::Literal(text) => *text == *part || (part.contains('%') && *text == decoded(part)),
        Segment::Label(_) => true,
    })
}

fn same_form(one: &Operation, other: &Operation) -> bool {
    one.segments.iter().map(is_label).eq(other.segments.iter().map(is_label))
}

fn is_label(segment: &Segment) -> bool {
    matches!(segment, Segment::Label(_))
}

fn decoded(part: &str) -> Cow<'_, str> {
    percent_decode_str(part).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn found(method: &Method, path: &str, body: &[u8]) -> String {
        match find(method, path, body, Some("bedrock")) {
            Some(route) => {
                let labels: Vec<String> = route.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{} {} {}", route.operation.service.service().name, route.operation.name, labels.join(" "))
            }
            None => "none".to_owned(),
        }
    }

    #[test]
    fn every_operation_is_found_by_its_own_path() {
        let mut count = 0;
        for operation in operations() {
            assert_eq!(operation.index, count, "indexes are dense");
            count += 1;
            if operation.service.service().protocol != Protocol::RestJson {
                continue;
            }
            let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
            let path = operation.uri.replace(['{', '}'], "");
            let (path, body): (String, &[u8]) = match (operation.name, operation.service) {
                ("InvokeInlineAgent", _) => (path, b"{\"foundationModel\":\"m\"}"),
                (_, ServiceId::BedrockAgentRuntime) if path.starts_with("/tags/") => {
                    (path.replace("resourceArn", "arn%3Aaws%3A%3Asession%2Fx"), b"")
                }
                _ => (path, b""),
            };
            for path in
                [path.clone(), format!("{}/", path.trim_end_matches('/')), path.trim_end_matches('/').to_owned()]
            {
                let route = find(&method, &path, body, Some(operation.service.service().signing_name))
                    .unwrap_or_else(|| panic!("no route for {method} {path}"));
                assert_eq!((route.operation.index, route.operation.name), (operation.index, operation.name), "{path}");
                let labels = operation.segments.iter().filter(|segment| is_label(segment)).count();
                assert_eq!(route.labels.len(), labels);
            }
        }
        assert_eq!(count, 217);
    }

    /// What a request to the root names, by header `X-Amz-Target` or form.
    fn named(target: Option<&str>, form: &str, signed_for: Option<&str>) -> String {
        let kind = (http::header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8".parse().unwrap());
        let mut headers = http::HeaderMap::from_iter([kind]);
        if let Some(target) = target {
            headers.insert("x-amz-target", target.parse().unwrap());
        }
        let request = Request { path: "/", query: "", headers: &headers, body: form.as_bytes() };
        match find_named(request, signed_for) {
            Named::Not => "not".to_owned(),
            Named::Found(route) => format!("{} {}", route.operation.service.service().name, route.operation.name),
            Named::Unknown { protocol, name } => format!("unknown {name} of {protocol:?}"),
        }
    }

    #[test]
    fn operations_without_a_path_are_found_by_name() {
        for operation in operations() {
            let service = operation.service.service();
            let found = match service.protocol {
                Protocol::RestJson => continue,
                Protocol::Json { target_prefix } => {
                    named(Some(&format!("{target_prefix}.{}", operation.name)), "{}", None)
                }
                Protocol::Query { version, .. } => {
                    named(None, &format!("Version={version}&Action={}", operation.name), None)
                }
            };
            assert_eq!(found, format!("{} {}", service.name, operation.name));
        }
        assert_eq!(named(None, "Action=GetRole&RoleName=x", Some("iam")), "iam GetRole");
        assert_eq!(named(None, "Action=GetRole&Version=2000-01-01", Some("iam")), "iam GetRole");
        assert!(named(None, "Action=GetRole&Version=2011-06-15", Some("sts")).starts_with("unknown GetRole of Query"));
        assert!(named(None, "Action=ListQueues&Version=2012-11-05", Some("sqs")).starts_with("unknown ListQueues"));
        assert!(named(Some("DynamoDB_20120810.ListTables"), "{}", None).starts_with("unknown ListTables of Json"));
        assert!(named(Some("nothing"), "{}", None).starts_with("unknown nothing of Json"));
        assert_eq!(named(None, "x=y", Some("iam")), "not");
        assert_eq!(named(None, "{\"Action\":\"GetRole\"}", None), "not");
        let presigned = Request {
            path: "/",
            query: "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60",
            headers: &http::HeaderMap::new(),
            body: b"",
        };
        assert!(
            matches!(find_named(presigned, None), Named::Found(route) if route.operation.name == "GetCallerIdentity")
        );
    }

    #[test]
    fn what_shares_a_path_is_told_apart() {
        let check = |method: Method, path: &str, body: &str, expected: &str| {
            assert_eq!(found(&method, path, body.as_bytes()).trim_end(), expected, "{method} {path} {body}");
        };
        let prepare = "bedrock-agent PrepareAgent agentId=X";
        let inline = "bedrock-agent-runtime InvokeInlineAgent sessionId=X";
        check(Method::POST, "/agents/X/", "", prepare);
        check(Method::POST, "/agents/X", "", prepare);
        check(Method::POST, "/agents/X/", " { } ", prepare);
        check(Method::POST, "/agents/X", "{}", inline);
        check(Method::POST, "/agents/X/", "{\"a\":1}", inline);
        check(Method::POST, "/agents/X", "no json", inline);
        check(Method::POST, "/agents/", "{}", "bedrock-agent ListAgents");
        check(Method::POST, "/agents", "", "bedrock-agent ListAgents");
        check(Method::POST, "/flows/validate-definition", "{}", "bedrock-agent ValidateFlowDefinition");
        check(Method::POST, "/flows/F/", "", "bedrock-agent PrepareFlow flowIdentifier=F");
        check(
            Method::GET,
            "/tags/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Aagent%2FABCDEFGHIJ",
            "",
            "bedrock-agent ListTagsForResource resourceArn=arn:aws:bedrock:us-east-1:000000000000:agent/ABCDEFGHIJ",
        );
        check(
            Method::DELETE,
            "/tags/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Asession%2Fx",
            "",
            "bedrock-agent-runtime UntagResource resourceArn=arn:aws:bedrock:us-east-1:000000000000:session/x",
        );
        check(
            Method::POST,
            "/agents/A/agentAliases/B/sessions/a%3Ab.c/text",
            "{}",
            "bedrock-agent-runtime InvokeAgent agentId=A agentAliasId=B sessionId=a:b.c",
        );
        check(Method::POST, "/agents/A/agentaliases/B/sessions/c/text", "{}", "none");
        check(Method::GET, "/agents/A/agentaliases/B/", "", "bedrock-agent GetAgentAlias agentId=A agentAliasId=B");
        check(Method::GET, "/agents//", "", "bedrock-agent GetAgent agentId=");
        check(Method::GET, "/agents/%FF%zz", "", "bedrock-agent GetAgent agentId=\u{fffd}%zz");
        check(Method::POST, "/2015-03-31/functions/f/invocations", "", "lambda Invoke FunctionName=f");
        check(Method::PATCH, "/agents/A", "", "none");
        check(Method::GET, "/", "", "none");
        check(Method::GET, "", "", "none");
    }
}
