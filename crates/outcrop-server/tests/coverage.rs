//! `coverage/operations.txt` names what is routed but not built. It tells the truth, and it only shrinks: no command
//! writes it.

use std::collections::BTreeSet;

#[test]
fn the_list_of_missing_operations_is_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../coverage/operations.txt");
    let text = std::fs::read_to_string(path).expect("the list is there");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let listed: BTreeSet<String> = lines.map(str::to_owned).collect();
    let table = outcrop_server::ops::table();
    let missing: BTreeSet<String> = outcrop_api::operations()
        .filter(|operation| table.handler(operation).is_none())
        .map(|operation| format!("{} {}", operation.service.service().name, operation.name))
        .collect();
    let unlisted: Vec<_> = missing.difference(&listed).collect();
    let built: Vec<_> = listed.difference(&missing).collect();
    assert!(unlisted.is_empty(), "not built and not listed: {unlisted:#?}");
    assert!(built.is_empty(), "listed, and built by now (take them off the list): {built:#?}");
}
