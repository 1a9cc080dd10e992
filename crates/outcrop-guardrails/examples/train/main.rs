//! Trains what the guardrails know, from public sets and the seeds: `train DATA [--write]`.
//!
//! DATA is a folder with `guardrails/`, `retrieval/` and `bfcl/`. Without `--write` it only prints how well the
//! classifiers do on folds that they were not trained on. The same input gives the same bytes.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

mod corpus;
mod fit;
mod subjects;
mod subjects_definitions;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const SEED: u64 = 20_260_105;
const FOLDS: u64 = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let Some(data) = arguments.get(1) else {
        println!("usage: train DATA [--write | --show] [--lift=CATEGORY:VALUE] [content|topics|grounding]");
        return;
    };
    let data = Path::new(data);
    let writes = arguments.iter().any(|argument| argument == "--write");
    let wants = |part: &str| {
        !["content", "topics", "grounding"].iter().any(|known| arguments.iter().any(|argument| argument == known))
            || arguments.iter().any(|argument| argument == part)
    };
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let write = |name: &str, bytes: &[u8]| {
        if writes {
            fs::write(target.join(name), bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            println!("wrote {name}, {} bytes", bytes.len());
        }
    };
    if wants("grounding") {
        grounding(data, &write);
    }
    if wants("topics") {
        topics(data, &write);
    }
    if wants("content") {
        let mut plan = fit::Plan::SHIPPED;
        for (category, lift) in
            arguments.iter().filter_map(|argument| argument.strip_prefix("--lift=")?.split_once(':'))
        {
            let (category, lift): (usize, f32) = (category.parse().expect("a number"), lift.parse().expect("a number"));
            plan.lift[category] = lift;
        }
        content(data, plan, arguments.iter().any(|argument| argument == "--show"), &write);
    }
}

fn content(data: &Path, plan: fit::Plan, shows: bool, write: &dyn Fn(&str, &[u8])) {
    let texts = corpus::content(data);
    let samples = fit::samples(&texts);
    println!("content: {} texts", texts.len());
    let predicted = fit::in_folds(&texts, &samples, FOLDS, SEED, &plan);
    println!("in {FOLDS} folds:");
    report(&texts, &predicted);
    calibration(&texts, &predicted);
    for set in ["deepset", "hatecheck", "harmbench", "injecguard", "seeds"] {
        let train: Vec<usize> = (0..texts.len()).filter(|index| texts[*index].set != set).collect();
        let model = fit::train(&samples, &train, SEED, &plan);
        let mut without = vec![[0.0_f64; 6]; texts.len()];
        for index in (0..texts.len()).filter(|index| texts[*index].set == set) {
            for (category, probability) in without[index].iter_mut().enumerate() {
                *probability = model.probability(category, &samples[index].features, 0.0);
            }
        }
        println!("trained without {set}:");
        for (text, scores) in texts.iter().zip(&without).filter(|(text, _)| shows && text.set == set) {
            println!("<!-- {:?} {scores:.2?} {} -->", text.labels, text.text);
        }
        let kept: Vec<usize> = (0..texts.len()).filter(|index| texts[*index].set == set).collect();
        report(
            &kept.iter().map(|index| texts[*index].clone()).collect::<Vec<_>>(),
            &kept.iter().map(|index| without[*index]).collect::<Vec<_>>(),
        );
    }
    let all: Vec<usize> = (0..texts.len()).collect();
    write("content.weights", &fit::train(&samples, &all, SEED, &plan).write());
}

fn report(texts: &[corpus::Text], predicted: &[[f64; 6]]) {
    const NAMES: [&str; 6] = ["insults", "hate", "sexual", "violence", "misconduct", "attack"];
    let sets: BTreeSet<&str> = texts.iter().map(|text| text.set).collect();
    for set in sets {
        let mut line = format!("  {set:14}");
        for (category, name) in NAMES.iter().enumerate() {
            let (mut tp, mut fp, mut positive, mut negative) = (0.0, 0.0, 0.0, 0.0);
            for (text, scores) in texts.iter().zip(predicted).filter(|(text, _)| text.set == set) {
                let flagged = f64::from(u8::from(scores[category] >= 0.5));
                match text.labels[category] {
                    Some(true) => {
                        positive += 1.0;
                        tp += flagged;
                    }
                    Some(false) => {
                        negative += 1.0;
                        fp += flagged;
                    }
                    None => {}
                }
            }
            if positive > 0.0 {
                let f1 = 2.0 * tp / (tp + fp + positive);
                line += &format!(" {name} F1 {f1:.2} R {:.2} FP {:.2};", tp / positive, fp / f64::max(negative, 1.0));
            } else if negative > 0.0 && fp > 0.0 {
                line += &format!(" {name} FP {:.3};", fp / negative);
            }
        }
        let harmful = predicted.iter().zip(texts).filter(|(_, text)| text.set == set);
        let (mut any, mut count) = (0.0, 0.0);
        for (scores, _) in harmful {
            count += 1.0;
            any += f64::from(u8::from(scores.iter().any(|score| *score >= 0.5)));
        }
        println!("{line} any flagged {:.3}", any / count);
    }
}

/// How often texts of a score are what the score says, over texts that were not learned from.
fn calibration(texts: &[corpus::Text], predicted: &[[f64; 6]]) {
    for (category, name) in [(corpus::HATE, "hate"), (corpus::MISCONDUCT, "misconduct"), (corpus::ATTACK, "attack")] {
        let mut bins = [(0.0, 0.0); 5];
        for (text, scores) in texts.iter().zip(predicted) {
            if let Some(truth) = text.labels[category] {
                let bin = &mut bins[((scores[category] * 5.0) as usize).min(4)];
                bin.0 += 1.0;
                bin.1 += f64::from(u8::from(truth));
            }
        }
        let shares: Vec<String> =
            bins.iter().map(|(count, right)| format!("{:.2} of {count}", right / f64::max(*count, 1.0))).collect();
        println!("  {name}, true by fifths of the score: {}", shares.join(", "));
    }
    let mut any = [0.0; 4];
    for (text, scores) in texts.iter().zip(predicted).filter(|(text, _)| text.set == "hatecheck") {
        let flagged = f64::from(u8::from(scores[..5].iter().any(|score| *score >= 0.5)));
        let at = if text.labels[corpus::HATE] == Some(true) { 0 } else { 2 };
        any[at] += flagged;
        any[at + 1] += 1.0;
    }
    println!("  hatecheck by any filter: recall {:.2}, FP {:.2}", any[0] / any[1], any[2] / any[3]);
}

fn topics(data: &Path, write: &dyn Fn(&str, &[u8])) {
    let requests = subjects::requests(data);
    let domains: Vec<&str> = subjects_definitions::DEFINITIONS.iter().map(|(domain, ..)| *domain).collect();
    let all: BTreeSet<&str> = domains.iter().copied().collect();
    // Vectors learned from four domains, weights fitted on them, judged on six topics of the other domains.
    for (name, held) in [("first six", &domains[..6]), ("last six", &domains[4..])] {
        let known: Vec<&str> = domains.iter().copied().filter(|domain| !held.contains(domain)).collect();
        let background = subjects::background(&requests, &known.iter().copied().collect());
        let fitted = subjects::fit(&requests, &background, &known, SEED);
        let (f1, recall, blocked) = subjects::judge(&requests, &background, &fitted, held, SEED + 1);
        println!("topics, {name} domains held out: F1 {f1:.3} recall {recall:.3} others blocked {blocked:.3}");
    }
    let background = subjects::background(&requests, &all);
    let fitted = subjects::fit(&requests, &background, &domains, SEED);
    for (name, six) in [("first six", &domains[..6]), ("last six", &domains[4..])] {
        let (f1, recall, blocked) = subjects::judge(&requests, &background, &fitted, six, SEED + 1);
        println!("topics, {name}, vectors from all domains: F1 {f1:.3} recall {recall:.3} others blocked {blocked:.3}");
    }
    subjects::features(&requests, &background, &domains, SEED);
    write("topics.background", &background.write());
    write("topics.fit", format!("{:.4?}\n", fitted.all.0).as_bytes());
    write("topics.bias", format!("{:.4}\n", fitted.all.1).as_bytes());
    write("topics.words.fit", format!("{:.4?}\n", fitted.words.0).as_bytes());
    write("topics.words.bias", format!("{:.4}\n", fitted.words.1).as_bytes());
}

fn grounding(data: &Path, write: &dyn Fn(&str, &[u8])) {
    use outcrop_guardrails::training::grounding_features;
    let rows: Vec<([f32; 12], bool, f64)> =
        corpus::table(&corpus::read(&data.join("guardrails"), "begin_dev_wow.tsv"), '\t')
            .into_iter()
            .skip(1)
            .map(|row| (grounding_features(&row[2], &row[4]), row[5].starts_with("Fully"), 1.0))
            .collect();
    let mut scored = Vec::new();
    for fold in 0..10 {
        let train: Vec<_> =
            rows.iter().enumerate().filter(|(index, _)| index % 10 != fold).map(|(_, row)| *row).collect();
        let fitted = fit::fit_rows(&train, 2e-3);
        scored.extend(
            rows.iter()
                .enumerate()
                .filter(|(index, _)| index % 10 == fold)
                .map(|(_, row)| (fit::apply(&row.0, &fitted), row.1)),
        );
    }
    println!(
        "grounding in 10 folds: AUROC {:.3}, balanced at 0.5 {:.3}, at 0.6 {:.3}, at 0.7 {:.3}",
        auroc(&scored),
        balanced(&scored, 0.5),
        balanced(&scored, 0.6),
        balanced(&scored, 0.7)
    );
    for (index, _) in rows[0].0.iter().enumerate() {
        let single: Vec<(f64, bool)> = rows.iter().map(|row| (f64::from(row.0[index]), row.1)).collect();
        println!("  feature {index} alone: AUROC {:.3}", auroc(&single));
    }
    let (weights, bias) = fit::fit_rows(&rows, 2e-3);
    // The point of doubt is put at 0.6, and the slope doubled: thresholds from 0.5 to 0.7 then judge nearly alike.
    let weights = weights.map(|weight| weight * 2.0);
    let bias = bias * 2.0 + (0.6_f64 / 0.4).ln();
    println!("  {weights:.2?} {bias:.2}");
    write("grounding.fit", format!("{weights:.4?}\n").as_bytes());
    write("grounding.bias", format!("{bias:.4}\n").as_bytes());
}

fn auroc(scored: &[(f64, bool)]) -> f64 {
    let (mut wins, mut pairs) = (0.0, 0.0);
    for (a, _) in scored.iter().filter(|(_, truth)| *truth) {
        for (b, _) in scored.iter().filter(|(_, truth)| !*truth) {
            pairs += 1.0;
            wins += if a > b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            };
        }
    }
    wins / pairs
}

fn balanced(scored: &[(f64, bool)], threshold: f64) -> f64 {
    let rate = |truth: bool| {
        let of: Vec<&(f64, bool)> = scored.iter().filter(|(_, known)| *known == truth).collect();
        of.iter().filter(|(score, _)| (*score >= threshold) == truth).count() as f64 / of.len() as f64
    };
    (rate(true) + rate(false)) / 2.0
}
