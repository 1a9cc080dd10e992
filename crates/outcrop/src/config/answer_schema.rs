//! `[[answer_schema]]`: JSON Schemas of answers, read and checked at start.

use super::Source;
use super::file::AnswerSchemaEntry;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads the schemas. What is wrong with one stands among the problems.
pub(super) fn mean(
    entries: Vec<AnswerSchemaEntry>,
    source: &Source,
    problems: &mut Vec<String>,
) -> BTreeMap<String, Arc<Value>> {
    let mut schemas = BTreeMap::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let place = |key: &str| source.place("answer_schema", index, key);
        let is_name = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if entry.name.is_empty() || !entry.name.chars().all(is_name) {
            problems.push(format!("{}: a name has letters, digits, hyphens, underscores and dots", place("name")));
            continue;
        }
        match read(&entry, source) {
            Ok(schema) => {
                if schemas.insert(entry.name.clone(), Arc::new(schema)).is_some() {
                    problems.push(format!("{}: {} is given twice", place("name"), entry.name));
                }
            }
            Err(why) => problems.push(format!("{}: {}: {why}", place("file"), entry.file.display())),
        }
    }
    schemas
}

fn read(entry: &AnswerSchemaEntry, source: &Source) -> Result<Value, String> {
    let text = std::fs::read_to_string(source.resolve(&entry.file)).map_err(|error| error.to_string())?;
    let schema = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    outcrop_server::check_answer_schema(&schema).map_err(|problems| problems.join("; "))?;
    Ok(schema)
}
