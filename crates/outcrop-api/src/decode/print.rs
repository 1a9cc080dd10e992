//! Values as AWS's messages show them.

use crate::model::{Kind, Shape};
use serde_json::Value;

/// Longest value in a message, in characters.
const SHOWN_MAX: usize = 1_024;

/// A value in Java's manner: text bare, `[a, b]`, `{key=value}`; cut at 1,024 characters, without what is sensitive.
pub(super) fn printed(shape: &Shape, value: &Value) -> String {
    let mut printer = Printer { out: String::new(), room: SHOWN_MAX };
    printer.value(Some(shape), value);
    printer.out
}

struct Printer {
    out: String,
    room: usize,
}

impl Printer {
    fn value(&mut self, shape: Option<&Shape>, value: &Value) {
        if shape.is_some_and(|shape| shape.sensitive) {
            return self.text("***");
        }
        match value {
            Value::String(text) => self.text(text),
            Value::Array(elements) => {
                self.text("[");
                for (at, element) in elements.iter().enumerate() {
                    if self.room == 0 {
                        return;
                    }
                    self.text(if at > 0 { ", " } else { "" });
                    self.value(element_of(shape), element);
                }
                self.text("]");
            }
            Value::Object(members) => {
                self.text("{");
                for (at, (name, member)) in members.iter().enumerate() {
                    if self.room == 0 {
                        return;
                    }
                    self.text(if at > 0 { ", " } else { "" });
                    self.text(name);
                    self.text("=");
                    self.value(member_of(shape, name), member);
                }
                self.text("}");
            }
            scalar => self.text(&scalar.to_string()),
        }
    }

    fn text(&mut self, text: &str) {
        let end = text.char_indices().nth(self.room).map_or(text.len(), |(at, _)| at);
        let shown = &text[..end];
        self.room -= shown.chars().count();
        self.out.push_str(shown);
    }
}

fn element_of(shape: Option<&Shape>) -> Option<&'static Shape> {
    match shape.map(|shape| &shape.kind) {
        Some(Kind::List { member, .. }) => Some(member),
        _ => None,
    }
}

fn member_of(shape: Option<&Shape>, name: &str) -> Option<&'static Shape> {
    match shape.map(|shape| &shape.kind) {
        Some(Kind::Structure { members, .. }) => {
            members.iter().find(|member| member.name == name).map(|member| member.shape)
        }
        Some(Kind::Map { value, .. }) => Some(value),
        _ => None,
    }
}
