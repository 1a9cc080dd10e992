//! What `cargo xtask codegen` writes, one module per service.
#![allow(missing_docs, reason = "AWS's texts are not copied; the names are AWS's own")]
#![allow(clippy::large_enum_variant, reason = "the shapes are AWS's; values live shortly")]

pub mod bedrock;
pub mod bedrock_agent;
pub mod bedrock_agent_runtime;
pub mod bedrock_runtime;
pub mod iam;
pub mod lambda;
pub mod opensearchserverless;
pub mod sts;

use crate::model::Service;

/// In the order of their operations' indexes.
pub(crate) static SERVICES: [&Service; 8] = [
    &bedrock_agent::tables::SERVICE,
    &bedrock_agent_runtime::tables::SERVICE,
    &bedrock::tables::SERVICE,
    &bedrock_runtime::tables::SERVICE,
    &lambda::tables::SERVICE,
    &sts::tables::SERVICE,
    &iam::tables::SERVICE,
    &opensearchserverless::tables::SERVICE,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Shape};
    use serde_json::{Value, json};

    /// A value with every member that a shape has, down to `depth`; `pick` chooses among a union's members.
    fn example(shape: &Shape, pick: usize, depth: usize) -> Value {
        match &shape.kind {
            Kind::Structure { union: true, members } => {
                let member = if depth > 0 { &members[pick % members.len()] } else { &members[0] };
                json!({ member.name: example(member.shape, pick, depth.saturating_sub(1)) })
            }
            Kind::Structure { members, .. } => {
                let shown = members.iter().filter(|member| member.required || depth > 0);
                Value::Object(
                    shown
                        .map(|member| (member.name.to_owned(), example(member.shape, pick, depth.saturating_sub(1))))
                        .collect(),
                )
            }
            Kind::List { .. } | Kind::Map { .. } if depth == 0 => match shape.kind {
                Kind::List { .. } => json!([]),
                _ => json!({}),
            },
            Kind::List { member, .. } => json!([example(member, pick, depth - 1)]),
            Kind::Map { value, .. } => json!({ "a key": example(value, pick, depth - 1) }),
            Kind::String { values: [], .. } => json!("text"),
            Kind::String { values, .. } => json!(values[pick % values.len()]),
            Kind::Integer { .. } | Kind::Long { .. } => json!(7),
            Kind::Float { .. } | Kind::Double { .. } => json!(0.5),
            Kind::Boolean => json!(true),
            Kind::Blob { .. } => json!("aGk="),
            Kind::Timestamp => json!("2025-06-01T10:00:00.123456Z"),
            Kind::Document => json!({ "any": [null, 1] }),
        }
    }

    #[test]
    fn types_and_tables_agree() {
        let probes = [
            bedrock_agent::PROBES,
            bedrock_agent_runtime::PROBES,
            bedrock::PROBES,
            bedrock_runtime::PROBES,
            lambda::PROBES,
            sts::PROBES,
            iam::PROBES,
            opensearchserverless::PROBES,
        ];
        for (service, probes) in SERVICES.iter().zip(probes) {
            assert_eq!(service.operations.len(), probes.len());
            for (operation, probes) in service.operations.iter().zip(probes) {
                for (shape, probe) in [operation.input, operation.output].into_iter().zip(probes) {
                    let Some(shape) = shape else { continue };
                    for pick in 0..24 {
                        let value = example(shape, pick, 9);
                        assert_eq!(probe(value.clone()).ok(), Some(value), "{} {}", service.name, shape.name);
                    }
                    // Nothing but what is required: absent members are no error and are not written.
                    let least = example(shape, 0, 0);
                    assert_eq!(probe(least.clone()).ok(), Some(least), "{} {}", service.name, shape.name);
                }
            }
        }
    }
}
