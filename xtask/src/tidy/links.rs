//! Relative links in Markdown lead somewhere.

use super::Tree;

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.with_ending(".md") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut fenced = false;
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for target in targets(line) {
                let missing = match target.split_once('#') {
                    Some(("", _)) => continue,
                    Some((file, _)) => !tree.has(&resolve(folder, file)),
                    None => !tree.has(&resolve(folder, target)),
                };
                if missing {
                    complaints.push(format!("{path}:{}: {target} leads nowhere", number + 1));
                }
            }
        }
    }
    complaints
}

/// Targets of `[text](target)` within the project; addresses with a scheme lead out of it.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split_once(')')?.0;
        let target = target.split_whitespace().next()?;
        (!target.contains("://") && !target.starts_with("mailto:")).then_some(target)
    })
}

fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_page(text: &str, complaints: usize) {
        let tree =
            Tree::of(&[("docs/page.md", text), ("docs/other.md", ""), ("README.md", ""), ("examples/a/b.md", "")]);
        let found = check(&tree);
        assert_eq!(found.len(), complaints, "{text}: {found:?}");
    }

    #[test]
    fn links() {
        check_page("[a](other.md), [b](../README.md#top) and [c](#here)", 0);
        check_page("[a](../examples/a), [b](https://example.com/x)", 0);
        check_page("[a](missing.md) [b](../docs/missing.md#x)", 2);
        check_page("```\n[a](missing.md)\n```", 0);
        check_page("array[1](2", 0);
    }
}
