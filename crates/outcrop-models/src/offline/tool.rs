//! Tools as the planner compares them: names, descriptions and schemas taken apart once for each call.

mod deeds;
mod hints;

use super::entities::{Entity, Kind, entities};
use super::fill::Part;
use super::words::{self, is_generic, is_stop, name_parts, name_stems, stem};
use deeds::deeds;
use hints::hints;
use outcrop_ports::ToolSpec;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Most of a description that is read, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 2_000;
/// Most parameters of a tool that are filled.
const PARAMETERS_MAX: usize = 60;
/// Deepest nesting of objects that is filled.
const DEPTH_MAX: usize = 4;

/// Sets of tools that a thread keeps taken apart.
const KEPT_MAX: usize = 8;

/// Sets of tools as offered, and taken apart.
type Kept = Vec<(Vec<ToolSpec>, Rc<Vec<Tool>>)>;

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Vec::new()) };
}

/// A tool taken apart.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    /// As offered.
    pub(super) name: String,
    /// Without the group's or the method's prefix.
    pub(super) short: String,
    pub(super) description: String,
    /// Stems of the short name that say something.
    pub(super) name_stems: Vec<String>,
    /// Every stem that describes it, with the weight of where it stands.
    pub(super) weights: HashMap<String, f64>,
    /// The greatest of these weights in each group of synonyms.
    pub(super) synonyms: HashMap<usize, f64>,
    pub(super) parameters: Vec<Parameter>,
    /// Stems of the verbs by which it changes something; empty for tools that only read.
    pub(super) deeds: Vec<String>,
    /// Whether its business is to ask the user.
    pub(super) asks_user: bool,
}

/// A parameter taken apart.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// The name in words: "order ID".
    pub(super) label: String,
    pub(super) stems: Vec<String>,
    pub(super) description: String,
    pub(super) description_stems: Vec<String>,
    pub(super) kind: Type,
    pub(super) required: bool,
    /// Values it may have and no other.
    pub(super) options: Vec<Value>,
    /// Values the description names; others may do.
    pub(super) hints: Vec<String>,
    pub(super) default: Option<Value>,
    /// Letters with which ids of other parameters begin, by their examples.
    pub(super) rivals: Vec<String>,
}

/// Type of a parameter.
#[derive(Clone, Debug)]
pub(super) enum Type {
    String,
    Integer,
    Number,
    Boolean,
    Array(Box<Type>),
    Object(Vec<Parameter>),
    /// Nothing is said.
    Any,
}

impl Tool {
    /// Like [`Self::all`], but takes the same specs apart only once as long as they are asked for in turn: an agent's tools
    /// are the same in each of its steps.
    pub(super) fn kept(specs: Vec<ToolSpec>) -> Rc<Vec<Self>> {
        KEPT.with_borrow_mut(|kept| {
            if let Some(at) = kept.iter().position(|(known, _)| *known == specs) {
                // What was used last stands last, and the first goes first.
                kept[at..].rotate_left(1);
            } else {
                let tools = Rc::new(Self::all(&specs, specs.len()));
                if kept.len() >= KEPT_MAX {
                    kept.remove(0);
                }
                kept.push((specs, tools));
            }
            kept.last().map(|(_, tools)| Rc::clone(tools)).unwrap_or_default()
        })
    }

    /// Takes specs apart, at most `count_max` of them.
    pub(super) fn all(specs: &[ToolSpec], count_max: usize) -> Vec<Self> {
        let mut tools: Vec<Self> = specs.iter().take(count_max).map(Self::new).collect();
        let parameters = tools.iter().flat_map(|tool| &tool.parameters);
        let known: Vec<(Vec<String>, Vec<String>)> = parameters
            .map(|parameter| (parameter.stems.clone(), parameter.example_ids().map(letters).collect()))
            .filter(|(_, letters): &(_, Vec<String>)| !letters.is_empty())
            .collect();
        for parameter in tools.iter_mut().flat_map(|tool| &mut tool.parameters) {
            let others = known.iter().filter(|(stems, _)| *stems != parameter.stems).flat_map(|(_, letters)| letters);
            parameter.rivals = others.cloned().collect();
        }
        tools
    }

    /// Takes a spec apart.
    fn new(spec: &ToolSpec) -> Self {
        let short = spec.name.rsplit("__").find(|part| !part.is_empty()).unwrap_or(&spec.name).to_owned();
        let description = words::cut(&spec.description, DESCRIPTION_BYTES_MAX).to_owned();
        let parameters = parameters(&spec.input_schema, 0);
        let mut weights = HashMap::new();
        let prefix = spec.name.strip_suffix(&short).unwrap_or_default();
        weigh(&mut weights, &name_stems(prefix), 0.4);
        for parameter in &parameters {
            weigh(&mut weights, &parameter.description_stems, 0.6);
            for value in
                parameter.options.iter().filter_map(Value::as_str).chain(parameter.hints.iter().map(String::as_str))
            {
                weigh(&mut weights, &stems(value), 0.8);
            }
            weigh(&mut weights, &parameter.stems, 1.2);
        }
        weigh(&mut weights, &stems(&description), 1.5);
        weigh(&mut weights, &name_stems(&short), 3.0);
        let mut synonyms: HashMap<usize, f64> = HashMap::new();
        for (stem, weight) in &weights {
            if let Some(group) = words::synonyms(stem) {
                let old = synonyms.entry(group).or_insert(0.0);
                *old = old.max(*weight);
            }
        }
        let own: Vec<String> = name_stems(&short);
        let deeds = deeds(spec, &short);
        let tells = |stem: &&String| deeds.contains(stem) || !is_generic(stem) && !is_stop(stem);
        let telling: Vec<String> = own.iter().filter(tells).cloned().collect();
        let asks_user = name_parts(&short).concat() == "askuser";
        Self {
            deeds: if asks_user { Vec::new() } else { deeds },
            name: spec.name.clone(),
            name_stems: if telling.is_empty() { own } else { telling },
            short,
            description,
            weights,
            synonyms,
            parameters,
            asks_user,
        }
    }

    /// Whether calling it changes something.
    pub(super) fn is_guarded(&self) -> bool {
        !self.deeds.is_empty()
    }

    pub(super) fn required(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| parameter.required)
    }

    /// The name in words: "cancel order".
    pub(super) fn label(&self) -> String {
        name_parts(&self.short).join(" ")
    }
}

fn weigh(weights: &mut HashMap<String, f64>, stems: &[String], weight: f64) {
    for stem in stems {
        let old = weights.entry(stem.clone()).or_insert(0.0);
        *old = old.max(weight);
    }
}

/// Stems of the telling words of a text.
pub(super) fn stems(text: &str) -> Vec<String> {
    words::words(text).into_iter().filter(words::Word::is_content).map(|word| word.stem).collect()
}

/// The parameters of an object schema, the required ones in their order among the others.
fn parameters(schema: &Value, depth: usize) -> Vec<Parameter> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let all = properties.iter().take(PARAMETERS_MAX);
    all.map(|(name, property)| parameter(name, property, required.contains(&name.as_str()), depth)).collect()
}

fn parameter(name: &str, schema: &Value, required: bool, depth: usize) -> Parameter {
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = words::cut(description, DESCRIPTION_BYTES_MAX).to_owned();
    let options: Vec<Value> =
        schema.get("enum").and_then(Value::as_array).into_iter().flatten().take(200).cloned().collect();
    let mut hints = hints(&description);
    for member in ["example", "const"] {
        if let Some(text) = schema.get(member).and_then(Value::as_str) {
            hints.push(text.to_owned());
        }
    }
    hints.extend(
        schema
            .get("examples")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .take(10)
            .map(str::to_owned),
    );
    let item_options = schema.pointer("/items/enum").and_then(Value::as_array).into_iter().flatten().take(200).cloned();
    let options = if options.is_empty() { item_options.collect() } else { options };
    Parameter {
        label: label(name),
        stems: parameter_stems(name),
        description_stems: stems(&description),
        kind: kind(schema, depth),
        default: schema.get("default").cloned(),
        name: name.to_owned(),
        description,
        required,
        options,
        hints,
        rivals: Vec::new(),
    }
}

/// Stems of a parameter's name: `charge1` is a charge, `username` a user's name.
fn parameter_stems(name: &str) -> Vec<String> {
    let parts = name_parts(name);
    let parts = parts.iter().flat_map(|part| {
        let bare = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let bare = if bare.len() > 1 { bare } else { part.as_str() };
        match JOINED.iter().find(|(joined, ..)| *joined == bare) {
            Some((_, one, other)) => vec![*one, *other],
            None => vec![bare],
        }
    });
    parts.map(stem).collect()
}

/// Words that names write as one.
const JOINED: &[(&str, &str, &str)] = &[
    ("username", "user", "name"),
    ("firstname", "first", "name"),
    ("lastname", "last", "name"),
    ("filename", "file", "name"),
    ("zipcode", "zip", "code"),
    ("orderid", "order", "id"),
    ("userid", "user", "id"),
];

fn kind(schema: &Value, depth: usize) -> Type {
    let name = match schema.get("type") {
        Some(Value::String(name)) => name.as_str(),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or_default()
        }
        _ if schema.get("properties").is_some() => "object",
        _ => "",
    };
    match name {
        "string" => Type::String,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "boolean" => Type::Boolean,
        "array" => {
            let items = schema.get("items").filter(|_| depth < DEPTH_MAX);
            Type::Array(Box::new(items.map_or(Type::Any, |items| kind(items, depth + 1))))
        }
        "object" if depth < DEPTH_MAX => Type::Object(parameters(schema, depth + 1)),
        _ => Type::Any,
    }
}

/// "orderId" as people say it: "order ID".
fn label(name: &str) -> String {
    let parts = name_parts(name);
    let said = parts.iter().map(|part| match part.as_str() {
        "id" => "ID",
        "ids" => "IDs",
        "num" => "number",
        "qty" => "quantity",
        other => other,
    });
    said.collect::<Vec<_>>().join(" ")
}

/// The letters an id begins with.
fn letters(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphabetic()).collect::<String>().to_uppercase()
}

/// The outline of an id: runs of letters become one `A`, of digits one `9`, the rest stays. `A-482` is `A-9`.
pub(super) fn shape(text: &str) -> String {
    let mut shape = String::new();
    for c in text.chars() {
        let class = match c {
            c if c.is_ascii_digit() => '9',
            c if c.is_alphabetic() => 'A',
            c => c,
        };
        if !(matches!(class, '9' | 'A') && shape.ends_with(class)) {
            shape.push(class);
        }
    }
    shape
}

impl Parameter {
    /// Whether any of the name's stems means one of `these`.
    pub(super) fn named(&self, these: &[&'static str]) -> bool {
        these.iter().any(|word| self.stems.iter().any(|own| words::is_stem_of(own, word)))
    }

    /// Whether name or description speak of one of `these`.
    pub(super) fn speaks_of(&self, these: &[&'static str]) -> bool {
        self.named(these)
            || these.iter().any(|word| self.description_stems.iter().any(|own| words::is_stem_of(own, word)))
    }

    /// Whether it names a record.
    pub(super) fn is_id(&self) -> bool {
        self.named(&["id", "identifier", "sku", "reference", "code"]) || self.example_ids().next().is_some()
    }

    /// Examples that look like ids.
    pub(super) fn example_ids(&self) -> impl Iterator<Item = &str> {
        self.hints.iter().map(String::as_str).filter(|hint| {
            entities(hint).first().is_some_and(|entity| {
                entity.kind == Kind::Id && entity.text.len() == hint.trim_start_matches('#').len()
            })
        })
    }

    /// Whether an id fits the examples: it has the shape of one, and its letters where they say something. Letters that
    /// the examples of another parameter have speak for that one. `None` without examples.
    pub(super) fn fits_example(&self, entity: &Entity) -> Option<bool> {
        let own = letters(&entity.text);
        let mut examples = self.example_ids().peekable();
        if examples.peek().is_none() {
            return self.rivals.contains(&own).then_some(false);
        }
        let is_other = self.rivals.contains(&own);
        Some(examples.any(|example| {
            let same = letters(example) == own;
            shape(example) == shape(&entity.text) && (same || (letters(example).len() < 3 && !is_other))
        }))
    }

    /// Whether an id begins with the letters of an example.
    pub(super) fn fits_letters(&self, entity: &Entity) -> bool {
        self.fits_example(entity) == Some(true)
            && self.example_ids().any(|example| letters(example) == letters(&entity.text))
    }

    /// Which part of a person's name it takes.
    pub(super) fn name_part(&self) -> Option<Part> {
        if !matches!(self.kind, Type::String | Type::Any) || !self.named(&["name", "surname"]) {
            return None;
        }
        match self {
            _ if self.named(&["first", "given"]) => Some(Part::First),
            _ if self.named(&["last", "family", "surname"]) => Some(Part::Last),
            _ => None,
        }
    }

    /// Whether it takes people in words: how many, or who.
    pub(super) fn is_headcount(&self) -> bool {
        matches!(self.kind, Type::String | Type::Any)
            && self.options.is_empty()
            && (self.named(&[
                "people",
                "guests",
                "diners",
                "attendees",
                "passengers",
                "travelers",
                "headcount",
                "party",
            ]) || self.named(&["group"]) && self.named(&["size"]))
    }

    /// Whether what it takes can be told by its looks: a time, a day, an address for mail, a number, people, part of a name.
    pub(super) fn is_of_one_kind(&self) -> bool {
        matches!(self.kind, Type::Integer | Type::Number)
            || self.is_headcount()
            || self.name_part().is_some()
            || self.example_ids().next().is_some()
            || self.named(&["date", "day", "time", "email", "phone", "zip", "url"])
    }

    /// Whether it holds the user's agreement.
    pub(super) fn is_consent(&self) -> bool {
        matches!(self.kind, Type::Boolean)
            && self.speaks_of(&[
                "consent",
                "confirm",
                "confirmed",
                "confirmation",
                "agree",
                "agreed",
                "approved",
                "approval",
            ])
    }

    /// Whether it takes free words about why.
    pub(super) fn is_reason(&self) -> bool {
        let last = self.stems.last();
        last.is_some_and(|last| {
            ["reason", "summary", "issue", "complaint", "comment", "justification", "explanation"]
                .iter()
                .any(|word| stem(word) == *last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tool(name: &str, description: &str) -> Tool {
        Tool::new(&ToolSpec {
            name: name.into(),
            description: description.into(),
            input_schema: json!({"type": "object"}),
        })
    }

    #[test]
    fn tells_deeds_from_reads() {
        for (name, description, guarded) in [
            ("Shop__cancel_order", "", true),
            ("initiate_return", "", true),
            ("GET__orders__getOrderStatus", "", false),
            ("get_return_policy", "", false),
            ("order_status", "Look up an order.", false),
            ("DELETE__rooms__room", "", true),
            ("escalate_to_human", "", true),
            ("open_calendar", "", false),
            ("calculate_transfer_fee", "Calculate a fee.", false),
            ("book_flight", "Book a flight.", true),
        ] {
            assert_eq!(tool(name, description).is_guarded(), guarded, "{name}");
        }
    }

    #[test]
    fn descriptions_name_values() {
        assert_eq!(hints("The customer-facing order ID, e.g. A-482."), ["A-482"]);
        assert_eq!(hints("Either 'metric' or 'imperial'."), ["metric", "imperial"]);
        assert_eq!(hints("Unique customer ID (e.g., 'CUST-12345')"), ["CUST-12345"]);
        assert_eq!(hints("Dietary needs like vegan, vegetarian etc."), ["vegan", "vegetarian etc"]);
        assert_eq!(shape("CUST-12345"), "A-9");
    }
}
