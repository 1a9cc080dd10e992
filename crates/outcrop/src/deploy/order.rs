//! In which order resources are made: what is referred to comes first.

use std::collections::{BTreeMap, BTreeSet};

/// Sorts `ids` so that each comes after what it needs; where there is a choice, the order given is kept.
///
/// `needs` may name ids that are not in `ids`; they do not count. On a circle the error is its path, first id repeated.
pub(crate) fn sort(ids: &[String], needs: &BTreeMap<String, BTreeSet<String>>) -> Result<Vec<String>, Vec<String>> {
    let known: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut sorted = Vec::with_capacity(ids.len());
    let waits = |id: &str, done: &BTreeSet<&str>| {
        let open = needs.get(id).into_iter().flatten().map(String::as_str);
        open.filter(|need| known.contains(need)).find(|need| !done.contains(need)).map(str::to_owned)
    };
    while sorted.len() < ids.len() {
        let free = ids.iter().find(|id| !done.contains(id.as_str()) && waits(id, &done).is_none());
        let Some(id) = free else {
            return Err(circle(ids, &done, waits));
        };
        done.insert(id);
        sorted.push(id.clone());
    }
    Ok(sorted)
}

/// Every open id waits for an open id, so following the waits must come back.
fn circle<'a>(
    ids: &[String],
    done: &BTreeSet<&'a str>,
    waits: impl Fn(&str, &BTreeSet<&'a str>) -> Option<String>,
) -> Vec<String> {
    let mut path: Vec<String> = ids.iter().filter(|id| !done.contains(id.as_str())).take(1).cloned().collect();
    while let Some(next) = path.last().and_then(|id| waits(id, done)) {
        if let Some(at) = path.iter().position(|seen| *seen == next) {
            path.drain(..at);
            path.push(next);
            return path;
        }
        path.push(next);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ids: &str, needs: &[(&str, &str)], expected: Result<&str, &str>) {
        let ids: Vec<String> = ids.split(' ').map(str::to_owned).collect();
        let mut map: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (id, need) in needs {
            map.entry((*id).to_owned()).or_default().insert((*need).to_owned());
        }
        let found = sort(&ids, &map).map(|ids| ids.join(" ")).map_err(|path| path.join(" "));
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn what_is_needed_comes_first_and_circles_are_told() {
        check("A B C", &[], Ok("A B C"));
        check("Alias Agent Fn", &[("Alias", "Agent"), ("Agent", "Fn")], Ok("Fn Agent Alias"));
        check("A B", &[("A", "Parameter")], Ok("A B"));
        check("X A B C", &[("A", "B"), ("B", "C"), ("C", "A")], Err("A B C A"));
        check("A B C", &[("A", "B"), ("B", "C"), ("C", "B")], Err("B C B"));
        check("A", &[("A", "A")], Err("A A"));
    }
}
