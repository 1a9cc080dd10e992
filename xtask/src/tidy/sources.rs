//! What must not be in a Rust source.

use super::Tree;

/// Past this, look for a second subject in the file before adding to it. Generated files are flat lists and exempt.
const LINES_MAX: usize = 800;

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.with_ending(".rs") {
        let lines = text.lines().count();
        if lines > LINES_MAX && !path.contains("/generated/") {
            complaints.push(format!("{path}: {lines} lines, more than {LINES_MAX}; find the second subject in it"));
        }
        if path.ends_with("/mod.rs") {
            complaints.push(format!("{path}: a module lives beside its folder (`foo.rs` and `foo/`)"));
        }
        for (number, line) in text.lines().enumerate() {
            if let Some(problem) = problem_of(path, line) {
                complaints.push(format!("{path}:{}: {problem}", number + 1));
            }
        }
    }
    complaints
}

fn problem_of(path: &str, line: &str) -> Option<String> {
    let code = line.trim_start();
    // This file has to name what it looks for.
    if code.starts_with("//") || path == "xtask/src/tidy/sources.rs" {
        return None;
    }
    for left_open in ["todo!(", "unimplemented!("] {
        if code.contains(left_open) {
            return Some(format!("`{left_open})` leaves work open; do it or leave it out"));
        }
    }
    let of_store = path.starts_with("crates/outcrop-store/");
    if path.starts_with("crates/") && !of_store && looks_like_sql(code) {
        return Some("SQL lives in outcrop-store, behind a function named after the need".to_owned());
    }
    None
}

/// A literal that begins a statement. Words alone ("Selects the …") do not count: SQL is written in capitals here.
fn looks_like_sql(code: &str) -> bool {
    const STATEMENTS: [&str; 7] =
        ["SELECT ", "INSERT INTO ", "INSERT OR ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "PRAGMA "];
    STATEMENTS.iter().any(|statement| {
        code.match_indices(statement).any(|(at, _)| code[..at].ends_with('"') || code[..at].trim().is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_line(path: &str, line: &str, complaint: Option<&str>) {
        let problem = problem_of(path, line);
        match complaint {
            None => assert_eq!(problem, None, "{line}"),
            Some(part) => assert!(problem.as_deref().is_some_and(|text| text.contains(part)), "{line}: {problem:?}"),
        }
    }

    #[test]
    fn lines() {
        check_line("crates/outcrop-server/src/a.rs", "let rows = query(\"SELECT id FROM agent\");", Some("SQL lives"));
        check_line("crates/outcrop-server/src/a.rs", "        DELETE FROM agent", Some("SQL lives"));
        check_line("crates/outcrop-store/src/a.rs", "query(\"SELECT id FROM agent\");", None);
        check_line("crates/outcrop-server/src/a.rs", "/// SELECT is a word", None);
        check_line("crates/outcrop-server/src/a.rs", "say(\"please SELECT one\");", None);
        check_line("crates/outcrop-api/src/a.rs", "    todo!()", Some("leaves work open"));
    }

    #[test]
    fn files() {
        let long = "\n".repeat(LINES_MAX + 1);
        let check_file = |path: &str, complaints: usize| {
            let found = check(&Tree::of(&[(path, &long)]));
            assert_eq!(found.len(), complaints, "{path}: {found:?}");
        };
        check_file("crates/outcrop-api/src/generated/lambda.rs", 0);
        check_file("crates/outcrop-api/src/decode.rs", 1);
        check_file("crates/outcrop-api/src/decode/mod.rs", 2);
    }
}
