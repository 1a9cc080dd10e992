//! What a deployment tells while it runs and at its end.

use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{Result, Write};
use std::time::Duration;

/// What was done about one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// It was not there.
    Create,
    /// It was changed in place.
    Update,
    /// A new one took its place.
    Replace,
    /// Nothing: it was as wanted.
    #[serde(rename = "unchanged")]
    Keep,
    /// It was deleted.
    Delete,
    /// It went out of the template and stays, as its policy says.
    Retain,
}

/// A finished deployment.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeployReport {
    /// The stack's name.
    pub stack: String,
    /// Each resource in the order in which it was dealt with.
    pub resources: Vec<ResourceReport>,
    /// What one should know beside.
    pub notes: Vec<String>,
    /// The template's outputs.
    pub outputs: BTreeMap<String, String>,
}

/// One resource of a report.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceReport {
    /// What was done.
    pub action: Action,
    /// Its logical id.
    pub logical_id: String,
    /// CloudFormation's name of its type.
    pub r#type: String,
    /// What `Ref` gives.
    pub physical_id: String,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

impl DeployReport {
    /// True when anything on the server was changed.
    pub(crate) fn is_changed(&self) -> bool {
        self.resources.iter().any(|resource| resource.action != Action::Keep)
    }
}

/// Writes lines for people as things happen, or one JSON object at the end.
pub(crate) struct Reporter<'a> {
    out: &'a mut (dyn Write + Send),
    json: bool,
    id_width: usize,
    type_width: usize,
    report: DeployReport,
}

impl<'a> Reporter<'a> {
    /// Starts a report. `ids` and `types` of what is in the template set the width of the columns.
    pub(crate) fn new<'b>(
        out: &'a mut (dyn Write + Send),
        json: bool,
        stack: &str,
        resources: impl Iterator<Item = (&'b str, &'b str)>,
    ) -> Self {
        let widths = resources.fold((0, 0), |(id, kind), one| (id.max(one.0.len()), kind.max(one.1.len())));
        let report = DeployReport { stack: stack.to_owned(), ..DeployReport::default() };
        Self { out, json, id_width: widths.0, type_width: widths.1, report }
    }

    /// Tells what was done about a resource.
    pub(crate) fn resource(
        &mut self,
        action: Action,
        id: &str,
        kind: &str,
        physical_id: &str,
        took: Duration,
    ) -> Result<()> {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if !self.json {
            let (id_width, type_width) = (self.id_width, self.type_width);
            let time = if action == Action::Keep { String::new() } else { format!("  {}", seconds(millis)) };
            let line = format!("  {:<9}  {id:<id_width$}  {kind:<type_width$}  {physical_id}{time}", action.text());
            writeln!(self.out, "{}", line.trim_end())?;
            self.out.flush()?;
        }
        self.report.resources.push(ResourceReport {
            action,
            logical_id: id.to_owned(),
            r#type: kind.to_owned(),
            physical_id: physical_id.to_owned(),
            millis,
        });
        Ok(())
    }

    /// Tells something one should know.
    pub(crate) fn note(&mut self, note: String) -> Result<()> {
        if !self.json {
            writeln!(self.out, "  note: {note}")?;
        }
        self.report.notes.push(note);
        Ok(())
    }

    /// Tells the outputs and gives back the whole report.
    pub(crate) fn finish(mut self, outputs: &BTreeMap<String, String>) -> Result<DeployReport> {
        self.report.outputs.clone_from(outputs);
        if self.json {
            writeln!(self.out, "{}", serde_json::to_string(&self.report)?)?;
        } else {
            if !self.report.is_changed() {
                writeln!(self.out, "nothing to change")?;
            }
            let width = outputs.keys().map(String::len).max().unwrap_or_default();
            for (at, (name, value)) in outputs.iter().enumerate() {
                let head = if at == 0 { "outputs\n" } else { "" };
                writeln!(self.out, "{head}  {name:<width$}  {value}")?;
            }
        }
        self.out.flush()?;
        Ok(self.report)
    }
}

impl Action {
    fn text(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Keep => "unchanged",
            Self::Delete => "delete",
            Self::Retain => "retain",
        }
    }
}

fn seconds(millis: u64) -> String {
    format!("{}.{:02} s", millis / 1000, millis % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: bool) -> String {
        let mut out = Vec::new();
        let resources = [("Role", "AWS::IAM::Role"), ("Agent", "AWS::Bedrock::Agent")];
        let mut reporter = Reporter::new(&mut out, json, "shop", resources.into_iter());
        let tell = |reporter: &mut Reporter<'_>, action, at: usize, id: &str| {
            reporter.resource(action, resources[at].0, resources[at].1, id, Duration::from_millis(1234)).unwrap();
        };
        tell(&mut reporter, Action::Keep, 0, "shop-Role");
        tell(&mut reporter, Action::Create, 1, "AGENT00001");
        reporter.note("look".to_owned()).unwrap();
        reporter.finish(&BTreeMap::from([("AgentId".to_owned(), "AGENT00001".to_owned())])).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn people_get_lines_and_programs_get_json() {
        let lines = "  unchanged  Role   AWS::IAM::Role       shop-Role
  create     Agent  AWS::Bedrock::Agent  AGENT00001  1.23 s
  note: look
outputs
  AgentId  AGENT00001
";
        assert_eq!(written(false), lines);
        let json: serde_json::Value = serde_json::from_str(&written(true)).unwrap();
        let first = serde_json::json!({"action": "unchanged", "logicalId": "Role", "type": "AWS::IAM::Role",
            "physicalId": "shop-Role", "millis": 1234});
        assert_eq!(json["resources"][0], first);
        assert_eq!(json["outputs"]["AgentId"], "AGENT00001");
    }
}
