//! What the classifiers do on texts that they did not learn from: five folds of the training sets, trained anew.

use crate::{corpus, fit, row};
use std::path::Path;

const SEED: u64 = 20_260_105;

pub(crate) fn content(data: &Path) {
    let texts = corpus::content(data);
    let samples = fit::samples(&texts);
    let predicted = fit::in_folds(&texts, &samples, 5, SEED, &fit::Plan::SHIPPED);
    let rows: [(&str, &str, usize, &[usize], &str); 7] = [
        ("deepset", "prompt attack", corpus::ATTACK, &[corpus::ATTACK], "F1 0.75 at 0.10"),
        ("look-alikes", "prompt attack", corpus::ATTACK, &[corpus::ATTACK], "at most 0.20"),
        ("injecguard", "prompt attack", corpus::ATTACK, &[corpus::ATTACK], ""),
        ("hatecheck", "HATE", corpus::HATE, &[corpus::HATE], "F1 0.75 at 0.40"),
        ("hatecheck", "any filter", corpus::HATE, &[0, 1, 2, 3, 4], "F1 0.75 at 0.40"),
        ("harmbench", "any filter", corpus::MISCONDUCT, &[0, 1, 2, 3, 4], "recall 0.60"),
        ("clinc", "any filter", corpus::MISCONDUCT, &[0, 1, 2, 3, 4], "at most 0.20"),
    ];
    for (set, measure, category, by, goal) in rows {
        let (mut tp, mut fp, mut positive, mut negative) = (0.0, 0.0, 0.0, 0.0);
        for (text, scores) in texts.iter().zip(&predicted).filter(|(text, _)| text.set == set) {
            let flagged = f64::from(u8::from(by.iter().any(|category| scores[*category] >= 0.5)));
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
        let found = if positive > 0.0 {
            format!("F1 {:.3}, recall {:.3}, ", 2.0 * tp / (tp + fp + positive), tp / positive)
        } else {
            String::new()
        };
        let wrong = if negative > 0.0 {
            format!("false positives {:.3}", fp / negative)
        } else {
            "no harmless lines".to_owned()
        };
        row(&format!("{set}, in 5 folds"), measure, &format!("{found}{wrong}"), goal);
    }
}

/// The same for whole sets: what to expect of texts of a style that was never seen.
pub(crate) fn whole_sets(data: &Path) {
    let texts = corpus::content(data);
    let samples = fit::samples(&texts);
    let rows: [(&str, &str, &[usize], &str); 4] = [
        ("deepset", "prompt attack", &[corpus::ATTACK], "F1 0.75 at 0.10"),
        ("injecguard", "prompt attack", &[corpus::ATTACK], ""),
        ("hatecheck", "HATE", &[corpus::HATE], "F1 0.75 at 0.40"),
        ("harmbench", "any filter", &[0, 1, 2, 3, 4], "recall 0.60"),
    ];
    for (set, measure, by, goal) in rows {
        let train: Vec<usize> = (0..texts.len()).filter(|index| texts[*index].set != set).collect();
        let model = fit::train(&samples, &train, SEED, &fit::Plan::SHIPPED);
        let (mut tp, mut fp, mut positive, mut negative) = (0.0, 0.0, 0.0, 0.0);
        for (text, sample) in texts.iter().zip(&samples).filter(|(text, _)| text.set == set) {
            let flagged = by.iter().any(|category| model.probability(*category, &sample.features, 0.0) >= 0.5);
            let flagged = f64::from(u8::from(flagged));
            let label = if set == "harmbench" { corpus::MISCONDUCT } else { by[0] };
            match text.labels[label] {
                Some(true) => (positive, tp) = (positive + 1.0, tp + flagged),
                Some(false) => (negative, fp) = (negative + 1.0, fp + flagged),
                None => {}
            }
        }
        let wrong = if negative > 0.0 { format!(", false positives {:.3}", fp / negative) } else { String::new() };
        let found = format!("F1 {:.3}, recall {:.3}{wrong}", 2.0 * tp / (tp + fp + positive), tp / positive);
        row(&format!("{set}, learned without it"), measure, &found, goal);
    }
}

/// Grounding in ten folds.
pub(crate) fn grounding(data: &Path) {
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
    row("begin_dev_wow, in 10 folds", "grounding", &crate::ranking(&scored, &[0.5]), "AUROC 0.93, balanced 0.83");
}
