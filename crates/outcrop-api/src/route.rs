//! From method and path to the operation.
//!
//! Paths are split while they are still percent-encoded: an ARN in a label is full of `%2F`. A slash at the end counts
//! for nothing, because SDKs differ in whether they send it. Letter case counts: `agentaliases` and `agentAliases` are
//! of different services.

use crate::model::{Operation, Segment, ServiceId, operations};
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

/// By method and number of segments; within, literals before labels, so that the first that fits is the right one.
static INDEX: LazyLock<HashMap<(&'static str, usize), Vec<&'static Operation>>> = LazyLock::new(|| {
    let mut index: HashMap<_, Vec<_>> = HashMap::new();
    for operation in operations() {
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
            assert_eq!(operation.index, count, "indexes are dense");
            count += 1;
        }
        assert_eq!(count, 160);
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
