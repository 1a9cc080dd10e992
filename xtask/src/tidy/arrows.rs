//! Which crate may depend on which.

use super::Tree;

/// Crates of the workspace, and which others each may depend on. An arrow that is not here is a decision: it comes
/// into ARCHITECTURE.md first, then into this table.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("outcrop-wire", &[]),
    ("outcrop-http", &[]),
    ("outcrop-aws", &["outcrop-http", "outcrop-wire"]),
    ("outcrop-api", &["outcrop-wire"]),
    ("outcrop-ports", &["outcrop-api", "outcrop-wire"]),
    ("outcrop-planner", &["outcrop-api", "outcrop-ports", "outcrop-wire"]),
    ("outcrop-models", &["outcrop-api", "outcrop-http", "outcrop-ports", "outcrop-wire"]),
    ("outcrop-tools", &["outcrop-api", "outcrop-http", "outcrop-ports", "outcrop-wire"]),
    ("outcrop-guardrails", &["outcrop-api", "outcrop-ports"]),
    ("outcrop-objects", &["outcrop-ports"]),
    ("outcrop-store", &["outcrop-api", "outcrop-wire"]),
    ("outcrop-knowledge", &["outcrop-api", "outcrop-ports", "outcrop-store"]),
    // The server meets models and tools only through the ports; who they are is the binary's business.
    (
        "outcrop-server",
        &[
            "outcrop-api",
            "outcrop-guardrails",
            "outcrop-knowledge",
            "outcrop-objects",
            "outcrop-planner",
            "outcrop-ports",
            "outcrop-store",
            "outcrop-wire",
        ],
    ),
    ("outcrop-eval", &["outcrop-api", "outcrop-wire"]),
    (
        "outcrop",
        &[
            "outcrop-api",
            "outcrop-aws",
            "outcrop-eval",
            "outcrop-guardrails",
            "outcrop-http",
            "outcrop-knowledge",
            "outcrop-models",
            "outcrop-ports",
            "outcrop-server",
            "outcrop-store",
            "outcrop-tools",
            "outcrop-wire",
        ],
    ),
    ("outcrop-testkit", &["outcrop-api", "outcrop-ports", "outcrop-wire"]),
];

/// Names that say nothing, and so take in everything.
const VAGUE: [&str; 6] = ["common", "core", "helpers", "shared", "util", "utils"];

pub(super) fn between_crates(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.with_ending("/Cargo.toml").filter(|(path, _)| path.starts_with("crates/")) {
        let manifest: toml::Table = match text.parse() {
            Ok(manifest) => manifest,
            Err(error) => {
                complaints.push(format!("{path}: {error}"));
                continue;
            }
        };
        let name = manifest.get("package").and_then(|package| package.get("name")?.as_str()).unwrap_or_default();
        check_crate(path, name, &manifest, &mut complaints);
    }
    complaints
}

fn check_crate(path: &str, name: &str, manifest: &toml::Table, complaints: &mut Vec<String>) {
    if path != format!("crates/{name}/Cargo.toml") {
        complaints.push(format!("{path}: folder and crate name differ ({name})"));
    }
    if let Some(vague) = name.split('-').find(|part| VAGUE.contains(part)) {
        complaints.push(format!("{path}: `{vague}` names no room; say what the crate is for"));
    }
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
        complaints.push(format!("{path}: {name} has no row in xtask/src/tidy/arrows.rs"));
        return;
    };
    for dependency in dependencies(manifest, "dependencies").chain(dependencies(manifest, "build-dependencies")) {
        if !allowed.contains(&dependency) {
            complaints.push(format!("{path}: {name} may not depend on {dependency} (xtask/src/tidy/arrows.rs)"));
        }
    }
    for dependency in dependencies(manifest, "dev-dependencies") {
        if dependency != "outcrop-testkit" && !allowed.contains(&dependency) {
            complaints.push(format!("{path}: tests of {name} may not depend on {dependency}; test where both meet"));
        }
    }
}

/// Dependencies within the workspace, those for some target only included.
fn dependencies<'a>(manifest: &'a toml::Table, kind: &'a str) -> impl Iterator<Item = &'a str> {
    let own = manifest.get(kind);
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let of_targets = targets.into_iter().flat_map(toml::Table::values).filter_map(move |target| target.get(kind));
    own.into_iter()
        .chain(of_targets)
        .filter_map(toml::Value::as_table)
        .flat_map(toml::Table::keys)
        .map(String::as_str)
        .filter(|name| *name == "outcrop" || name.starts_with("outcrop-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, manifest: &str, complaint: &str) {
        let path = format!("crates/{name}/Cargo.toml");
        let text = format!("[package]\nname = \"{name}\"\n{manifest}");
        let found = between_crates(&Tree::of(&[(&path, &text)]));
        let matches =
            if complaint.is_empty() { found.is_empty() } else { found.len() == 1 && found[0].contains(complaint) };
        assert!(matches, "{name}: {found:?}");
    }

    #[test]
    fn arrows() {
        check("outcrop-planner", "[dependencies]\noutcrop-ports.workspace = true\nserde = \"1\"", "");
        check("outcrop-planner", "[dependencies]\noutcrop-models.workspace = true", "may not depend on outcrop-models");
        check("outcrop-planner", "[dev-dependencies]\noutcrop-testkit.workspace = true", "");
        check("outcrop-planner", "[dev-dependencies]\noutcrop-store.workspace = true", "tests of outcrop-planner");
        check("outcrop-wire", "[target.'cfg(unix)'.dependencies]\noutcrop-api.workspace = true", "outcrop-api");
        check("outcrop-server", "[build-dependencies]\noutcrop.workspace = true", "may not depend on outcrop ");
        check("outcrop-new", "", "has no row");
        check("outcrop-wire", "x = ", "crates/outcrop-wire/Cargo.toml");
    }

    #[test]
    fn names() {
        let found =
            between_crates(&Tree::of(&[("crates/outcrop-util/Cargo.toml", "[package]\nname = \"outcrop-util\"")]));
        assert!(found.iter().any(|complaint| complaint.contains("names no room")), "{found:?}");
    }

    #[test]
    fn every_row_names_known_crates_in_order() {
        for (name, allowed) in ALLOWED {
            assert!(allowed.is_sorted(), "{name}");
            for other in allowed {
                assert!(ALLOWED.iter().any(|(known, _)| known == other), "{name}: {other}");
            }
        }
    }
}
