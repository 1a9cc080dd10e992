//! What a tool changes, told by the verbs of its name, its method and its description.

use crate::offline::words::{self, name_stems, stem};
use outcrop_ports::ToolSpec;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Verbs that change something wherever they stand in a name.
const DEEDS: &[&str] = &[
    "cancel",
    "delete",
    "remove",
    "create",
    "update",
    "refund",
    "initiate",
    "send",
    "pay",
    "escalate",
    "submit",
    "approve",
    "reject",
    "terminate",
    "disable",
    "enable",
    "activate",
    "deactivate",
    "unsubscribe",
    "subscribe",
    "register",
    "enroll",
    "modify",
    "edit",
    "upload",
    "publish",
    "withdraw",
    "deposit",
    "purchase",
    "buy",
    "hire",
    "assign",
    "renew",
    "revoke",
    "freeze",
    "unlock",
    "reschedule",
    "reserve",
    "notify",
    "charge",
    "grant",
    "suspend",
    "drop",
    "insert",
    "write",
    "merge",
];
/// Verbs that change something when a name begins with them; elsewhere they are nouns.
const LEADING_DEEDS: &[&str] = &[
    "return", "book", "order", "transfer", "change", "place", "schedule", "post", "issue", "block", "set", "start",
    "stop", "add", "close", "report", "exchange", "replace", "move", "rename", "apply", "request", "file", "log",
    "make", "put", "lock", "extend", "invite", "share", "handoff", "email", "call", "message", "reset", "stop",
    "process", "wire", "save",
];
/// Verbs of tools that only read or reckon.
const READS: &[&str] = &[
    "get",
    "find",
    "retrieve",
    "fetch",
    "show",
    "look",
    "lookup",
    "search",
    "check",
    "list",
    "display",
    "calculate",
    "compute",
    "determine",
    "return",
    "view",
    "read",
    "query",
    "track",
    "estimate",
    "predict",
    "analyze",
    "convert",
    "compare",
    "describe",
    "verify",
    "validate",
    "count",
    "evaluate",
    "recommend",
    "provide",
    "identify",
    "locate",
    "generate",
    "open",
    "solve",
    "is",
];

fn stem_set(words: &[&str]) -> HashSet<String> {
    words.iter().map(|word| stem(word)).collect()
}

static DEED_STEMS: LazyLock<HashSet<String>> = LazyLock::new(|| stem_set(DEEDS));
static LEADING_DEED_STEMS: LazyLock<HashSet<String>> = LazyLock::new(|| stem_set(LEADING_DEEDS));
static READ_STEMS: LazyLock<HashSet<String>> = LazyLock::new(|| stem_set(READS));

/// Whether a tool needs the ID of something: what "Returns items" of an order does not tell what they are.
fn takes_records(spec: &ToolSpec) -> bool {
    let required = spec.input_schema.get("required").and_then(serde_json::Value::as_array).into_iter().flatten();
    required.filter_map(serde_json::Value::as_str).any(|name| name_stems(name).last().is_some_and(|last| last == "id"))
}

/// The deeds of a tool, by its name, then by its method, then by how its description begins.
pub(super) fn deeds(spec: &ToolSpec, short: &str) -> Vec<String> {
    let method = if spec.name.contains("__") { spec.name.split("__").next().unwrap_or_default() } else { "" };
    let parts = name_stems(short);
    let Some(first) = parts.first().filter(|_| method != "GET") else { return Vec::new() };
    if READ_STEMS.contains(first) && *first != stem("return") {
        return Vec::new();
    }
    let mut found: Vec<String> = parts.iter().filter(|part| DEED_STEMS.contains(*part)).cloned().collect();
    let opening = words::words(words::cut(&spec.description, 200)).into_iter().next();
    // "Returns the price" reads; "Return an item" does not.
    let description_reads = opening.as_ref().is_some_and(|word| {
        word.text == "returns" && !(*first == stem("return") && takes_records(spec))
            || READ_STEMS.contains(&word.stem) && word.stem != stem("return")
    });
    if LEADING_DEED_STEMS.contains(first) && !description_reads && !found.contains(first) {
        found.push(first.clone());
    }
    if !found.is_empty() {
        // "initiate_return", "request_refund": what is begun is the deed just as well.
        let nouns = parts.iter().skip(1).filter(|part| LEADING_DEED_STEMS.contains(*part) && **part != stem("order"));
        found.extend(nouns.cloned());
    }
    if found.is_empty() && matches!(method, "DELETE" | "PUT" | "PATCH") {
        found.push(first.clone());
    }
    if found.is_empty()
        && let Some(opening) = opening
        && DEED_STEMS.contains(&opening.stem)
    {
        found.push(opening.stem);
    }
    found.dedup();
    found
}
