//! Sensitive information.

use crate::{corpus, row};
use outcrop_guardrails::{
    Block, Configuration, Guardrail, PiiEntity, PiiFinding, PiiType, Rule, SensitiveAction, Source,
};
use std::collections::BTreeMap;
use std::path::Path;

fn all_types() -> Guardrail {
    let pii_entities = PiiType::ALL
        .iter()
        .map(|kind| PiiEntity { r#type: *kind, rule: Rule::both(SensitiveAction::Anonymize) })
        .collect();
    Guardrail::compile(&Configuration { pii_entities, ..Configuration::default() }).expect("valid")
}

/// Presidio's names for the types that both sides know.
fn mapped(kind: &str) -> Option<PiiType> {
    Some(match kind {
        "CREDIT_CARD" => PiiType::CreditDebitCardNumber,
        "PHONE_NUMBER" => PiiType::Phone,
        "EMAIL_ADDRESS" => PiiType::Email,
        "US_SSN" => PiiType::UsSocialSecurityNumber,
        "IBAN_CODE" => PiiType::InternationalBankAccountNumber,
        "DOMAIN_NAME" => PiiType::Url,
        "US_DRIVER_LICENSE" => PiiType::DriverId,
        "IP_ADDRESS" => PiiType::IpAddress,
        "PERSON" => PiiType::Name,
        "ADDRESS" | "LOCATION" => PiiType::Address,
        _ => return None,
    })
}

fn is_structured(kind: PiiType) -> bool {
    !matches!(kind, PiiType::Name | PiiType::Address | PiiType::Age)
}

fn same(a: &str, b: &str) -> bool {
    let plain = |text: &str| text.chars().filter(|char| char.is_alphanumeric()).collect::<String>().to_lowercase();
    plain(a) == plain(b)
}

pub(crate) fn generated(data: &Path, shows: bool) {
    let guardrail = all_types();
    let (mut structured, mut found, mut right, mut predicted) = (0.0, 0.0, 0.0, 0.0);
    let (mut all, mut exact, mut within) = (0.0, 0.0, 0.0);
    let mut by_type: BTreeMap<String, (f64, f64, f64)> = BTreeMap::new();
    let (mut clean, mut touched) = (0.0, 0.0);
    for entry in corpus::json(&data.join("guardrails"), "pii_generated_large.json").as_array().into_iter().flatten() {
        let text = entry["full_text"].as_str().unwrap_or_default();
        let assessment = guardrail.assess(Source::Input, &[Block::plain(text)]);
        let spans: Vec<(&str, PiiType, &str)> = entry["spans"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|span| {
                Some((
                    span["entity_type"].as_str()?,
                    mapped(span["entity_type"].as_str()?)?,
                    span["entity_value"].as_str()?,
                ))
            })
            .collect();
        if entry["spans"].as_array().is_some_and(Vec::is_empty) {
            clean += 1.0;
            touched += f64::from(u8::from(!assessment.pii_entities.is_empty()));
            if shows && !assessment.pii_entities.is_empty() {
                println!("<!-- touched {:?} in {text} -->", brief(&assessment.pii_entities));
            }
        }
        for (name, kind, value) in &spans {
            let equal =
                assessment.pii_entities.iter().any(|finding| finding.r#type == *kind && same(&finding.r#match, value));
            let contained = equal
                || assessment
                    .pii_entities
                    .iter()
                    .any(|finding| finding.r#type == *kind && finding.r#match.contains(value));
            let entry = by_type.entry((*name).to_owned()).or_default();
            entry.0 += 1.0;
            entry.1 += f64::from(u8::from(equal));
            entry.2 += f64::from(u8::from(contained));
            all += 1.0;
            exact += f64::from(u8::from(equal));
            within += f64::from(u8::from(contained));
            if is_structured(*kind) {
                structured += 1.0;
                found += f64::from(u8::from(equal));
                if shows && !equal {
                    println!("<!-- missed {kind:?} {value} in {text:?}: {:?} -->", brief(&assessment.pii_entities));
                }
            }
        }
        for finding in assessment.pii_entities.iter().filter(|finding| is_structured(finding.r#type)) {
            predicted += 1.0;
            let truth = spans.iter().any(|(_, kind, value)| *kind == finding.r#type && same(&finding.r#match, value));
            right += f64::from(u8::from(truth));
            if shows && !truth {
                println!("<!-- wrong {:?} {} in {text:?} -->", finding.r#type, finding.r#match);
            }
        }
    }
    row(
        "pii generated_large",
        "structured types",
        &format!("precision {:.3}, recall {:.3} of {structured}", right / predicted, found / structured),
        "0.92, 0.90",
    );
    row(
        "pii generated_large",
        "all types",
        &format!("recall {:.3} exact, {:.3} inside a finding, of {all}", exact / all, within / all),
        "0.50",
    );
    row("pii generated_large", "lines without any span", &format!("{:.3} touched of {clean}", touched / clean), "");
    if shows {
        for (name, (count, exact, within)) in by_type {
            println!("<!-- {name}: {:.2} exact, {:.2} inside, of {count} -->", exact / count, within / count);
        }
    }
}

fn brief(findings: &[PiiFinding]) -> Vec<(PiiType, &str)> {
    findings.iter().map(|finding| (finding.r#type, finding.r#match.as_str())).collect()
}

pub(crate) fn thirty_one(data: &Path, shows: bool) {
    let guardrail = all_types();
    let mut by_type: BTreeMap<PiiType, (f64, f64, f64)> = BTreeMap::new();
    let (mut values, mut leaked, mut harmless, mut touched) = (0.0, 0.0, 0.0, 0.0);
    for line in corpus::json_lines(&data.join("guardrails"), "pii31_dev.jsonl") {
        let text = line["text"].as_str().unwrap_or_default();
        let assessment = guardrail.assess(Source::Input, &[Block::plain(text)]);
        if line["kind"] == "neg" {
            harmless += 1.0;
            touched += f64::from(u8::from(!assessment.pii_entities.is_empty()));
            if shows && !assessment.pii_entities.is_empty() {
                println!("<!-- touched {:?} in {text} -->", brief(&assessment.pii_entities));
            }
        }
        for span in line["spans"].as_array().into_iter().flatten() {
            let kind = PiiType::from_name(span["type"].as_str().unwrap_or_default()).expect("known");
            let value = span["value"].as_str().unwrap_or_default();
            let equal =
                assessment.pii_entities.iter().any(|finding| finding.r#type == kind && same(&finding.r#match, value));
            // AWS counts the unit to an age: "46 years" for 46.
            let contained = equal
                || assessment
                    .pii_entities
                    .iter()
                    .any(|finding| finding.r#type == kind && finding.r#match.contains(value));
            let leaks = assessment.outputs[0].contains(value);
            let entry = by_type.entry(kind).or_default();
            entry.0 += 1.0;
            entry.1 += f64::from(u8::from(equal));
            entry.2 += f64::from(u8::from(contained));
            values += 1.0;
            leaked += f64::from(u8::from(leaks));
            if shows && (!equal || leaks) {
                println!("<!-- missed {kind:?} {value} in {text:?}: {:?} -->", brief(&assessment.pii_entities));
            }
        }
    }
    let macro_of =
        |pick: &dyn Fn(&(f64, f64, f64)) -> f64| by_type.values().map(pick).sum::<f64>() / by_type.len() as f64;
    let (exact, within) = (macro_of(&|entry| entry.1 / entry.0), macro_of(&|entry| entry.2 / entry.0));
    row("pii31_dev", "31 types, macro recall", &format!("{exact:.3} exact, {within:.3} inside a finding"), "0.85");
    row("pii31_dev", "values leaked", &format!("{:.3} of {values}", leaked / values), "at most 0.12");
    row("pii31_dev", "harmless lines touched", &format!("{:.3} of {harmless}", touched / harmless), "at most 0.08");
}
