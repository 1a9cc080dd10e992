//! Everything that can be said about a template before anything is changed.

use super::document::{Document, Resource};
use super::evaluate::{Evaluation, Found, Place, References, Scope, conditions};
use super::names::Names;
use super::order;
use super::package::Packages;
use super::parameters;
use super::resource::{TYPES, Type};
use super::template::{self, Node, Problem};
use super::wanted::{Wanted, Workshop, with_globals};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A template without mistakes that could be seen beforehand.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The template.
    pub document: Document,
    /// Parameters and conditions, settled.
    pub scope: Scope,
    /// The resources to deploy, each after what it needs.
    pub order: Vec<Live>,
    /// Their code.
    pub packages: Packages,
}

/// A resource that its condition does not leave out.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// Its logical id.
    pub id: String,
    /// Its type.
    pub kind: Type,
    /// Its properties, not evaluated; globals are merged in.
    pub properties: Node,
    /// To be left in place when it goes out of the template.
    pub retain: bool,
    /// Where it stands.
    pub line: usize,
}

/// Checks a template; all problems are reported at once, in the order of the file.
pub(crate) fn check(
    source: &str,
    base: PathBuf,
    given: &[(String, String)],
    place: Place,
) -> Result<Checked, Vec<Problem>> {
    let mut problems = Vec::new();
    let document = Document::read(&template::parse(source)?, &mut problems);
    let parameters = parameters::resolve(&document.parameters, given, &mut problems);
    let mappings = document.mappings.clone();
    let mut scope = Scope { parameters, mappings, conditions: BTreeMap::new(), place };
    scope.conditions = conditions(&scope, &document.conditions, &mut problems);
    let mut packages = Packages::new(base);
    let live = live(&document, &scope, &mut problems);
    let order = resources(&document, &scope, live, &mut packages, &mut problems);
    outputs(&document, &scope, &mut problems);
    if problems.is_empty() {
        return Ok(Checked { document, scope, order, packages });
    }
    problems.sort();
    problems.dedup();
    Err(problems)
}

impl Checked {
    /// What a resource shall be, now that what it refers to exists.
    pub(crate) fn wanted(&mut self, live: &Live, references: &dyn References) -> Result<Wanted, Vec<Problem>> {
        let mut evaluation = Evaluation::new(&self.scope, references);
        let node = evaluation.value(&live.properties);
        let (place, packages) = (&self.scope.place, &mut self.packages);
        let mut workshop = Workshop { place, packages, problems: evaluation.problems };
        let wanted = workshop.build(&live.id, live.kind, &node);
        if workshop.problems.is_empty() { Ok(wanted) } else { Err(workshop.problems) }
    }

    /// The outputs, now that everything exists.
    pub(crate) fn outputs(&self, references: &dyn References) -> Result<BTreeMap<String, String>, Vec<Problem>> {
        let mut evaluation = Evaluation::new(&self.scope, references);
        let mut values = BTreeMap::new();
        for output in self.document.outputs.iter().filter(|output| is_live(&self.scope, output.condition.as_ref())) {
            let value = evaluation.value(&output.value);
            values.insert(output.name.clone(), value.text().unwrap_or_default().to_owned());
        }
        if evaluation.problems.is_empty() { Ok(values) } else { Err(evaluation.problems) }
    }
}

/// References before anything exists: the names are checked, the values come later.
struct Declared<'a> {
    document: &'a Document,
    scope: &'a Scope,
}

impl References for Declared<'_> {
    fn find(&self, id: &str, attribute: Option<&str>) -> Found {
        let Some(resource) = self.document.resource(id) else {
            let what = if attribute.is_some() { "no resource" } else { "neither a resource nor a parameter" };
            return Found::No(format!("`{id}` is {what} of this template"));
        };
        if !is_live(self.scope, resource.condition.as_ref()) {
            return Found::No(format!("resource `{id}` is left out by its condition"));
        }
        // An unknown type is reported at the resource.
        let kind = resource.type_name.text().and_then(Type::of);
        match (kind, attribute) {
            (Some(kind), Some(attribute)) if !kind.attributes().contains(&attribute) => {
                let known = kind.attributes().join(", ");
                Found::No(format!("`{id}` ({}) has no attribute `{attribute}`; it has {known}", kind.name()))
            }
            _ => Found::Later,
        }
    }
}

fn is_live(scope: &Scope, condition: Option<&Node>) -> bool {
    condition.and_then(Node::text).is_none_or(|name| scope.conditions.get(name).copied().unwrap_or(true))
}

fn live(document: &Document, scope: &Scope, problems: &mut Vec<Problem>) -> Vec<Live> {
    let conditions = document.resources.iter().filter_map(|resource| resource.condition.as_ref());
    for node in conditions.chain(document.outputs.iter().filter_map(|output| output.condition.as_ref())) {
        if let Some(name) = node.text()
            && !scope.conditions.contains_key(name)
        {
            problems.push(node.problem(format!("there is no condition `{name}`")));
        }
    }
    let mut live = Vec::new();
    for resource in document.resources.iter().filter(|resource| is_live(scope, resource.condition.as_ref())) {
        let name = resource.type_name.text().unwrap_or_default();
        let Some(kind) = Type::of(name) else {
            let known: Vec<&str> = TYPES.iter().map(|kind| kind.name()).collect();
            let message = format!("unsupported type `{name}`; supported are {}", known.join(", "));
            problems.push(resource.type_name.problem(message));
            continue;
        };
        let (id, retain, line) = (resource.id.clone(), resource.retain, resource.place.line);
        live.push(Live { id, kind, properties: merged(document, kind, resource), retain, line });
    }
    live
}

fn merged(document: &Document, kind: Type, resource: &Resource) -> Node {
    match (&document.function_globals, kind) {
        (Some(globals), Type::ServerlessFunction) => with_globals(globals, &resource.properties),
        _ => resource.properties.clone(),
    }
}

/// Checks the properties of each resource and sorts by what they refer to.
fn resources(
    document: &Document,
    scope: &Scope,
    live: Vec<Live>,
    packages: &mut Packages,
    problems: &mut Vec<Problem>,
) -> Vec<Live> {
    let declared = Declared { document, scope };
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut names = Names::default();
    for one in &live {
        let mut evaluation = Evaluation::new(scope, &declared);
        let node = evaluation.value(&one.properties);
        problems.append(&mut evaluation.problems);
        let mut used = evaluation.used;
        let mut workshop = Workshop { place: &scope.place, packages, problems: Vec::new() };
        let properties = workshop.build(&one.id, one.kind, &node).properties;
        problems.append(&mut workshop.problems);
        problems.extend(names.enter(one, &node, &properties, scope, &declared));
        for node in document.resource(&one.id).map_or(&[][..], |resource| &resource.depends_on) {
            let name = node.text().unwrap_or_default();
            if document.resource(name).is_none() {
                problems.push(node.problem(format!("there is no resource `{name}`")));
            }
            used.insert(name.to_owned());
        }
        needs.insert(one.id.clone(), used);
    }
    let ids: Vec<String> = live.iter().map(|one| one.id.clone()).collect();
    match order::sort(&ids, &needs) {
        Ok(sorted) => sorted.iter().filter_map(|id| live.iter().find(|one| one.id == *id)).cloned().collect(),
        Err(path) => {
            let at = path.first().and_then(|id| document.resource(id));
            if let Some(resource) = at {
                problems.push(resource.place.problem(format!("resources need each other: {}", path.join(" → "))));
            }
            live
        }
    }
}

fn outputs(document: &Document, scope: &Scope, problems: &mut Vec<Problem>) {
    let declared = Declared { document, scope };
    let mut evaluation = Evaluation::new(scope, &declared);
    for output in document.outputs.iter().filter(|output| is_live(scope, output.condition.as_ref())) {
        let value = evaluation.value(&output.value);
        if value.text().is_none() && !value.is_unknown() {
            problems.push(output.value.problem(format!("an output is text, not {}", value.noun())));
        }
    }
    problems.append(&mut evaluation.problems);
}

#[cfg(test)]
mod tests;
