//! Scores the shipped detectors on the developers' sets: `scorecard DATA [--show | --folds]`, with `--folds` only what they do
//! on texts that they did not learn from.
//!
//! Everything goes through [`Guardrail::assess`], as ApplyGuardrail will. Sets that the classifiers learned from are
//! marked; what they do on texts that they did not learn from is printed by `examples/train`.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

#[path = "../train/corpus.rs"]
mod corpus;
#[path = "../train/subjects_definitions.rs"]
mod definitions;
#[path = "../train/fit.rs"]
mod fit;
mod folds;
mod pii;

use outcrop_guardrails::{
    Block, BlockAction, Configuration, ContentFilter, FilterType, GroundingFilter, GroundingType, Guardrail,
    ManagedWordList, Qualifier, Rule, Source, Strength, Topic, Verdict,
};
use serde_json::Value;
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let Some(data) = arguments.get(1) else {
        println!("usage: scorecard DATA [--show | --folds]");
        return;
    };
    let data = Path::new(data);
    let shows = arguments.iter().any(|argument| argument == "--show");
    if arguments.iter().any(|argument| argument == "--folds") {
        folds::content(data);
        folds::whole_sets(data);
        folds::grounding(data);
        return;
    }
    println!("| set | measure | result | goal |\n|---|---|---|---|");
    pii::generated(data, shows);
    pii::thirty_one(data, shows);
    attacks(data, shows);
    content(data, shows);
    folds::content(data);
    topics(data);
    words(data, shows);
    grounding(data);
    folds::grounding(data);
}

pub(crate) fn row(set: &str, measure: &str, result: &str, goal: &str) {
    println!("| {set} | {measure} | {result} | {goal} |");
}

fn filters(types: &[FilterType]) -> Guardrail {
    let filters = types
        .iter()
        .map(|kind| ContentFilter {
            r#type: *kind,
            input_strength: Strength::High,
            output_strength: if *kind == FilterType::PromptAttack { Strength::None } else { Strength::High },
            rule: Rule::both(BlockAction::Block),
        })
        .collect();
    Guardrail::compile(&Configuration { filters, ..Configuration::default() }).expect("valid")
}

fn blocks(guardrail: &Guardrail, source: Source, text: &str) -> bool {
    guardrail.assess(source, &[Block::plain(text)]).verdict == Verdict::Blocked
}

/// True positives, false positives, positives, negatives.
#[derive(Default)]
struct Tally(f64, f64, f64, f64);

impl Tally {
    fn add(&mut self, truth: bool, flagged: bool) {
        let one = f64::from(u8::from(flagged));
        if truth {
            self.0 += one;
            self.2 += 1.0;
        } else {
            self.1 += one;
            self.3 += 1.0;
        }
    }

    fn text(&self) -> String {
        let f1 = 2.0 * self.0 / (self.0 + self.1 + self.2).max(1.0);
        format!("F1 {f1:.3}, recall {:.3}, false positives {:.3}", self.0 / self.2.max(1.0), self.1 / self.3.max(1.0))
    }
}

fn attacks(data: &Path, shows: bool) {
    let guardrail = filters(&[FilterType::PromptAttack]);
    let folder = data.join("guardrails");
    let mut tally = Tally::default();
    for line in corpus::json_lines(&folder, "deepset_dev.jsonl") {
        let text = line["text"].as_str().unwrap_or_default();
        let flagged = blocks(&guardrail, Source::Input, text);
        tally.add(line["label"] == "INJECTION", flagged);
        if shows && flagged != (line["label"] == "INJECTION") {
            println!("<!-- deepset {} {text} -->", line["label"]);
        }
    }
    row("deepset_dev (learned from)", "prompt attack", &tally.text(), "F1 0.75 at 0.10");
    let (mut alike, mut user, mut passage) = (Tally::default(), Tally::default(), Tally::default());
    for entry in corpus::json(&folder, "injecguard_valid.json").as_array().into_iter().flatten() {
        let text = entry["prompt"].as_str().unwrap_or_default();
        let source = entry["source"].as_str().unwrap_or_default();
        let flagged = blocks(&guardrail, Source::Input, text);
        if source.starts_with("NotInject") {
            alike.add(false, flagged);
        } else if source.starts_with("BIPIA") {
            passage.add(true, blocks(&guardrail, Source::Passage, text));
        } else {
            user.add(entry["label"] == 1, flagged);
        }
        if source.starts_with("PINT_doc") || source.starts_with("PINT_hard") {
            passage.add(false, blocks(&guardrail, Source::Passage, text));
        }
    }
    row("injecguard look-alikes (learned from)", "flagged", &format!("{:.3}", alike.1 / alike.3), "at most 0.20");
    row("injecguard others (learned from)", "prompt attack", &user.text(), "");
    row("injecguard in passages (learned from)", "prompt attack", &passage.text(), "");
}

fn content(data: &Path, shows: bool) {
    let folder = data.join("guardrails");
    let all = filters(&[
        FilterType::Insults,
        FilterType::Hate,
        FilterType::Sexual,
        FilterType::Violence,
        FilterType::Misconduct,
    ]);
    let hate = filters(&[FilterType::Hate]);
    let (mut of_hate, mut of_any) = (Tally::default(), Tally::default());
    for row in corpus::table(&corpus::read(&folder, "hatecheck_dev.csv"), ',').into_iter().skip(1) {
        of_hate.add(row[2] == "hateful", blocks(&hate, Source::Input, &row[1]));
        of_any.add(row[2] == "hateful", blocks(&all, Source::Input, &row[1]));
    }
    row("hatecheck_dev (learned from)", "HATE", &of_hate.text(), "F1 0.75 at 0.40");
    row("hatecheck_dev (learned from)", "any filter", &of_any.text(), "");
    let mut harm = Tally::default();
    let mut blocked = Vec::new();
    for row in corpus::table(&corpus::read(&folder, "harmbench_val.csv"), ',')
        .into_iter()
        .skip(1)
        .filter(|row| row[1] != "copyright")
    {
        let flagged = blocks(&all, Source::Input, &row[0]);
        harm.add(true, flagged);
        blocked.push((flagged, row[0].clone()));
    }
    row(
        "harmbench_val without copyright (learned from)",
        "any filter, recall",
        &format!("{:.3}", harm.0 / harm.2),
        "0.60",
    );
    for line in corpus::json(&folder, "clinc_dev.json")["val"].as_array().into_iter().flatten() {
        let text = line[0].as_str().unwrap_or_default();
        let flagged = blocks(&all, Source::Input, text);
        harm.add(false, flagged);
        if shows && flagged {
            println!("<!-- clinc {text} -->");
        }
    }
    row("harmbench_val and everyday requests", "any filter", &harm.text(), "F1 0.65 at 0.20");
}

fn topics(data: &Path) {
    let folder = data.join("guardrails");
    let clinc = corpus::json(&folder, "clinc_dev.json");
    let domains = corpus::json(&folder, "clinc_domains.json");
    let domain_of = |intent: &Value| {
        domains
            .as_object()
            .into_iter()
            .flatten()
            .find(|(_, intents)| intents.as_array().is_some_and(|list| list.contains(intent)))
            .map(|(domain, _)| domain.clone())
    };
    for (name, six) in
        [("first six domains", &definitions::DEFINITIONS[..6]), ("last six domains", &definitions::DEFINITIONS[4..])]
    {
        let topics = six
            .iter()
            .map(|(domain, name, definition)| {
                let own = clinc["train"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|line| domain_of(&line[1]).as_deref() == Some(domain))
                    .step_by(83);
                Topic {
                    name: (*name).to_owned(),
                    definition: (*definition).to_owned(),
                    examples: own.take(5).filter_map(|line| line[0].as_str().map(str::to_owned)).collect(),
                    rule: Rule::both(BlockAction::Block),
                }
            })
            .collect();
        let guardrail = Guardrail::compile(&Configuration { topics, ..Configuration::default() }).expect("valid");
        let mut tally = Tally::default();
        for line in
            clinc["val"].as_array().into_iter().flatten().chain(clinc["oos_val"].as_array().into_iter().flatten())
        {
            let domain = domain_of(&line[1]);
            let truth = six.iter().any(|(known, ..)| domain.as_deref() == Some(*known));
            tally.add(truth, blocks(&guardrail, Source::Input, line[0].as_str().unwrap_or_default()));
        }
        row(
            &format!("clinc_dev, {name} (vectors from other lines of it)"),
            "six denied topics",
            &tally.text(),
            "F1 0.68 at 0.15",
        );
    }
}

fn words(data: &Path, shows: bool) {
    let rule = Rule::both(BlockAction::Block);
    let guardrail = Guardrail::compile(&Configuration {
        managed_word_lists: vec![ManagedWordList { rule }],
        ..Configuration::default()
    })
    .expect("valid");
    let folder = data.join("guardrails");
    let mut tally = Tally::default();
    for row in corpus::table(&corpus::read(&folder, "surge_profanity.csv"), ',').into_iter().skip(1) {
        tally.add(true, blocks(&guardrail, Source::Input, &row[0]));
    }
    let mut harmless: Vec<String> = Vec::new();
    for part in ["train", "val", "oos_val"] {
        harmless.extend(
            corpus::json(&folder, "clinc_dev.json")[part]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|line| line[0].as_str().map(str::to_owned)),
        );
    }
    harmless.extend(
        corpus::json(&data.join("retrieval"), "xquad_en.json")["data"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|article| article["paragraphs"].as_array().cloned().unwrap_or_default())
            .filter_map(|paragraph| paragraph["context"].as_str().map(str::to_owned)),
    );
    harmless.extend(
        corpus::json_lines(&folder, "pii31_dev.jsonl")
            .iter()
            .filter_map(|line| line["text"].as_str().map(str::to_owned)),
    );
    for row in corpus::table(&corpus::read(&folder, "begin_dev_wow.tsv"), '\t').into_iter().skip(1) {
        harmless.push(row[2].clone());
    }
    for text in &harmless {
        let flagged = blocks(&guardrail, Source::Input, text);
        tally.add(false, flagged);
        if shows && flagged {
            let found = guardrail.assess(Source::Input, &[Block::plain(text)]).managed_words;
            println!("<!-- profanity in: {:?} -->", found.iter().map(|word| &word.r#match).collect::<Vec<_>>());
        }
    }
    row(
        "surge (the list is made from it)",
        "profanity",
        &format!("recall {:.3}, harmless lines {:.0} of {:.0}", tally.0 / tally.2, tally.1, tally.3),
        "0.60, 0 (against another list)",
    );
}

fn grounding(data: &Path) {
    let filter = |kind| GroundingFilter { r#type: kind, threshold: 0.7, action: BlockAction::Block, enabled: true };
    let guardrail = Guardrail::compile(&Configuration {
        grounding: vec![filter(GroundingType::Grounding), filter(GroundingType::Relevance)],
        ..Configuration::default()
    })
    .expect("valid");
    let mut scored = Vec::new();
    for row in corpus::table(&corpus::read(&data.join("guardrails"), "begin_dev_wow.tsv"), '\t').into_iter().skip(1) {
        let blocks = [
            Block { text: &row[2], qualifiers: &[Qualifier::GroundingSource] },
            Block { text: &row[3], qualifiers: &[Qualifier::Query] },
            Block::plain(&row[4]),
        ];
        let assessment = guardrail.assess(Source::Output, &blocks);
        scored.push((assessment.grounding[0].score, row[5].starts_with("Fully")));
    }
    row("begin_dev_wow (learned from)", "grounding", &ranking(&scored, &[0.5, 0.7]), "AUROC 0.93, balanced 0.83");
}

/// How well scores rank, and how well thresholds part.
pub(crate) fn ranking(scored: &[(f64, bool)], thresholds: &[f64]) -> String {
    let (mut wins, mut pairs) = (0.0, 0.0);
    for (a, _) in scored.iter().filter(|(_, truth)| *truth) {
        for (b, _) in scored.iter().filter(|(_, truth)| !*truth) {
            pairs += 1.0;
            wins += f64::from(u8::from(a > b)) + f64::from(u8::from(a == b)) / 2.0;
        }
    }
    let rate = |threshold: f64, truth: bool| {
        let of: Vec<&(f64, bool)> = scored.iter().filter(|(_, known)| *known == truth).collect();
        of.iter().filter(|(score, _)| (*score >= threshold) == truth).count() as f64 / of.len() as f64
    };
    let balanced: Vec<String> =
        thresholds.iter().map(|at| format!("{:.3} at {at}", (rate(*at, true) + rate(*at, false)) / 2.0)).collect();
    format!("AUROC {:.3}, balanced {}", wins / pairs, balanced.join(", "))
}
