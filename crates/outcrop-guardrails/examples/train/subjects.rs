//! The word background of denied topics, and the fit of their score.

use crate::corpus::{Random, json, json_lines};
use crate::fit::{apply, fit_rows};
use crate::subjects_definitions::DEFINITIONS;
use outcrop_guardrails::training::background::{Background, DIMENSIONS, key};
use outcrop_guardrails::training::{Profile, TopicWords, stems_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(crate) struct Requests {
    pub(crate) train: Vec<(String, String)>,
    pub(crate) val: Vec<(String, String)>,
    pub(crate) outside: Vec<String>,
    pub(crate) domain_of: BTreeMap<String, String>,
    others: Vec<String>,
}

pub(crate) fn requests(data: &Path) -> Requests {
    let guardrails = data.join("guardrails");
    let clinc = json(&guardrails, "clinc_dev.json");
    let lines = |part: &str| -> Vec<(String, String)> {
        let text = |entry: &Value, at: usize| entry[at].as_str().unwrap_or_default().to_owned();
        clinc[part].as_array().into_iter().flatten().map(|entry| (text(entry, 0), text(entry, 1))).collect()
    };
    let mut domain_of = BTreeMap::new();
    for (domain, intents) in json(&guardrails, "clinc_domains.json").as_object().into_iter().flatten() {
        for intent in intents.as_array().into_iter().flatten() {
            domain_of.insert(intent.as_str().unwrap_or_default().to_owned(), domain.clone());
        }
    }
    let mut others = Vec::new();
    for name in ["bfcl_simple_python.jsonl", "bfcl_multiple.jsonl", "bfcl_irrelevance.jsonl"] {
        others.extend(
            json_lines(&data.join("bfcl"), name).iter().filter_map(|entry| {
                entry["question"].pointer("/0/0/content").and_then(Value::as_str).map(str::to_owned)
            }),
        );
    }
    Requests {
        train: lines("train"),
        val: lines("val"),
        outside: lines("oos_val").into_iter().map(|(text, _)| text).collect(),
        domain_of,
        others,
    }
}

/// Rarity and vectors of words. Vectors are learned from requests of the domains in `from` only.
pub(crate) fn background(requests: &Requests, from: &BTreeSet<&str>) -> Background {
    let mut frequency: BTreeMap<String, f32> = BTreeMap::new();
    let mut documents = 0.0_f32;
    let mut with_class: BTreeMap<String, BTreeMap<&str, f32>> = BTreeMap::new();
    let mut class_size: BTreeMap<&str, f32> = BTreeMap::new();
    // Vectors are learned from one part and the score is fitted on the other: it must not take what was learned by heart
    // for what is met in practice.
    for (text, intent) in &requests.train {
        let stems = stems_of(text);
        documents += 1.0;
        let domain = requests.domain_of[intent].as_str();
        for stem in &stems {
            *frequency.entry(stem.clone()).or_default() += 1.0;
            if from.contains(domain) {
                for class in [intent.as_str(), domain] {
                    *with_class.entry(stem.clone()).or_default().entry(class).or_default() += 1.0;
                }
            }
        }
        if from.contains(domain) {
            *class_size.entry(intent).or_default() += 1.0;
            *class_size.entry(domain).or_default() += 1.0;
        }
    }
    for text in &requests.others {
        documents += 1.0;
        for stem in stems_of(text) {
            *frequency.entry(stem).or_default() += 1.0;
        }
    }
    let total: f32 = class_size.values().sum::<f32>() / 2.0;
    let mut background = Background::default();
    for (stem, count) in &frequency {
        let idf = (documents / count).ln() / documents.ln();
        let mut vector = [0.0_f32; DIMENSIONS];
        if *count >= 2.0
            && let Some(classes) = with_class.get(stem)
        {
            let seen: f32 = classes.values().sum::<f32>() / 2.0;
            for (class, joint) in classes {
                let surprise = ((joint + 0.1) * total / (seen * class_size[class] + 5.0)).ln().max(0.0)
                    * if requests.domain_of.contains_key(*class) { 0.6 } else { 1.6 };
                for (at, value) in vector.iter_mut().enumerate() {
                    *value += surprise * direction(class, at);
                }
            }
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        let scaled = vector.map(|value| if length > 0.0 { (value / length * 120.0).round() as i8 } else { 0 });
        background.insert(key(stem), idf.sqrt(), scaled);
    }
    background
}

/// A fixed random direction for a class.
fn direction(class: &str, at: usize) -> f32 {
    // Mixed by multiplication: shifts and exclusive-or alone would give every class the same direction.
    let mut mixed = key(class).wrapping_add((at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    if (mixed ^ (mixed >> 31)) & 4096 == 0 { 1.0 } else { -1.0 }
}

/// The fit of all features, and that of the first five, which need no vectors.
pub(crate) struct Fitted {
    pub(crate) all: ([f64; 8], f64),
    pub(crate) words: ([f64; 5], f64),
}

impl Fitted {
    fn of_words(row: &[f32; 8]) -> [f32; 5] {
        [row[0], row[1], row[2], row[3], row[4]]
    }

    fn detects(&self, row: &[f32; 8]) -> bool {
        apply(row, &self.all) >= 0.5 || apply(&Self::of_words(row), &self.words) >= 0.5
    }
}

/// One draw: a topic per domain in `domains` with five examples; every request beside every topic.
fn draw<'r>(
    requests: &'r Requests,
    background: &Background,
    domains: &[&str],
    texts: &[(&'r str, &str)],
    random: &mut Random,
) -> Vec<Vec<[f32; 8]>> {
    let profiles: Vec<Profile> = domains
        .iter()
        .map(|domain| {
            let (_, name, definition) = DEFINITIONS.iter().find(|(known, ..)| known == domain).expect("defined");
            let own: Vec<&String> = requests
                .train
                .iter()
                .filter(|(_, intent)| requests.domain_of[intent] == *domain)
                .map(|(text, _)| text)
                .collect();
            let examples: Vec<&str> = (0..5).map(|_| own[random.below(own.len())].as_str()).collect();
            Profile::new(background, name, definition, examples.into_iter())
        })
        .collect();
    texts
        .iter()
        .map(|(text, _)| {
            let words = TopicWords::of(background, text);
            profiles.iter().map(|profile| profile.features(&words)).collect()
        })
        .collect()
}

/// Fits weights on some domains as topics. The constants are then set so that six topics at a time block 8 % of other
/// requests by all features, and 6 % by words alone; both together stay near 12 %.
pub(crate) fn fit(requests: &Requests, background: &Background, domains: &[&str], seed: u64) -> Fitted {
    let mut random = Random(seed | 1);
    let texts: Vec<(&str, &str)> = texts(requests);
    let mut rows = Vec::new();
    let mut draws = Vec::new();
    for _ in 0..3 {
        let drawn = draw(requests, background, domains, &texts, &mut random);
        for (features, (_, domain)) in drawn.iter().zip(&texts).step_by(2) {
            for (row, topic) in features.iter().zip(domains) {
                rows.push((*row, topic == domain, if topic == domain { 3.0 } else { 1.0 }));
            }
        }
        draws.push(drawn);
    }
    let words: Vec<([f32; 5], bool, f64)> =
        rows.iter().map(|(row, truth, weight)| (Fitted::of_words(row), *truth, *weight)).collect();
    let mut fitted = Fitted { all: fit_rows(&rows, 1e-4), words: fit_rows(&words, 1e-4) };
    let cut = |share: f64, probability: &dyn Fn(&[f32; 8]) -> f64| {
        let mut highest = Vec::new();
        for drawn in &draws {
            for (features, (_, domain)) in drawn.iter().zip(&texts) {
                // Every six topics in turn, so that no choice of them decides.
                for first in 0..domains.len() {
                    let six: Vec<usize> = (0..domains.len().min(6)).map(|at| (first + at) % domains.len()).collect();
                    if !six.iter().any(|at| domains[*at] == *domain) {
                        let best = six.iter().map(|at| probability(&features[*at])).fold(1e-9, f64::max);
                        highest.push((best / (1.0 - best).max(1e-9)).ln());
                    }
                }
            }
        }
        highest.sort_by(f64::total_cmp);
        highest[(highest.len() as f64 * (1.0 - share)) as usize]
    };
    let by_all = cut(0.08, &|row| apply(row, &fitted.all));
    let by_words = cut(0.06, &|row| apply(&Fitted::of_words(row), &fitted.words));
    fitted.all.1 -= by_all;
    fitted.words.1 -= by_words;
    fitted
}

fn texts(requests: &Requests) -> Vec<(&str, &str)> {
    let own = requests.val.iter().map(|(text, intent)| (text.as_str(), requests.domain_of[intent].as_str()));
    own.chain(requests.outside.iter().map(|text| (text.as_str(), "outside"))).collect()
}

/// F1 and share of other requests blocked, six topics at a time, with fresh examples.
pub(crate) fn judge(
    requests: &Requests,
    background: &Background,
    fitted: &Fitted,
    domains: &[&str],
    seed: u64,
) -> (f64, f64, f64) {
    let mut random = Random(seed | 1);
    let texts = texts(requests);
    let (mut hit, mut missed, mut blocked, mut others) = (0.0, 0.0, 0.0, 0.0);
    for _ in 0..4 {
        for (features, (_, domain)) in draw(requests, background, domains, &texts, &mut random).iter().zip(&texts) {
            let flags: Vec<bool> = features.iter().map(|row| fitted.detects(row)).collect();
            match domains.iter().position(|topic| topic == domain) {
                Some(_) if flags.contains(&true) => hit += 1.0,
                Some(_) => missed += 1.0,
                None => {
                    others += 1.0;
                    blocked += f64::from(u8::from(flags.contains(&true)));
                }
            }
        }
    }
    (2.0 * hit / (2.0 * hit + missed + blocked), hit / (hit + missed), blocked / others)
}

/// What each feature tells by itself.
pub(crate) fn features(requests: &Requests, background: &Background, domains: &[&str], seed: u64) {
    let texts = texts(requests);
    let drawn = draw(requests, background, domains, &texts, &mut Random(seed | 1));
    for at in 0..8 {
        let scored: Vec<(f64, bool)> = drawn
            .iter()
            .zip(&texts)
            .step_by(3)
            .flat_map(|(features, (_, domain))| {
                features.iter().zip(domains).map(move |(row, topic)| (f64::from(row[at]), topic == domain))
            })
            .collect();
        println!("  topic feature {at} alone: AUROC {:.3}", crate::auroc(&scored));
    }
}
