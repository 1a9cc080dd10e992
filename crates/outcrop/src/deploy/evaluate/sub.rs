//! `Fn::Sub`: names in text.

use super::{Evaluation, scalar};
use crate::deploy::template::{Kind, Node};
use std::collections::BTreeMap;

impl Evaluation<'_> {
    pub(super) fn sub(&mut self, argument: &Node) -> Option<Kind> {
        let (template, own) = match (argument.text(), argument.items()) {
            (Some(_), _) => (argument, None),
            (None, [template, own]) if template.text().is_some() => (template, Some(own)),
            _ => return self.fail(argument, "`Fn::Sub` takes a text, or a list of a text and a mapping"),
        };
        let mut names = BTreeMap::new();
        for entry in own.map_or(&[][..], Node::entries) {
            names.insert(entry.key.as_str(), self.text(&entry.value));
        }
        let text = template.text().unwrap_or_default();
        let pieces = match pieces(text) {
            Ok(pieces) => pieces,
            Err(message) => return self.fail(template, message),
        };
        // All names are looked up even after one is unknown, so that every mistake is reported.
        let texts: Vec<Option<String>> = pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => Some(text),
                Piece::Name(name) => match names.get(name) {
                    Some(text) => text.clone(),
                    None => self.substitute(template, name),
                },
            })
            .collect();
        let texts: Option<Vec<String>> = texts.into_iter().collect();
        let texts = texts?;
        self.within(template, texts.iter().map(String::len).sum())?;
        Some(scalar(texts.concat()))
    }

    fn substitute(&mut self, place: &Node, name: &str) -> Option<String> {
        let kind = match name.split_once('.') {
            Some((id, attribute)) => self.look_up(place, id, Some(attribute)),
            None => self.named(place, name),
        };
        match kind? {
            Kind::Scalar { text, .. } => Some(text),
            Kind::Unknown => None,
            _ => self.fail(place, format!("`${{{name}}}` is not text")),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Text(String),
    Name(&'a str),
}

/// Cuts `a ${Name} ${!kept}` into text and names.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        let Some(end) = after.find('}') else {
            return Err("`${` without `}` in `Fn::Sub`".to_owned());
        };
        let name = &after[..end];
        if let Some(kept) = name.strip_prefix('!') {
            pieces.push(Piece::Text(format!("{before}${{{kept}}}")));
        } else if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:".contains(&b)) {
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Name(name));
        } else {
            return Err(format!("`${{{name}}}` is no name: to keep it as it is, write `${{!{name}}}`"));
        }
        rest = &after[end + 1..];
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}
