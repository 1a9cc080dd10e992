//! Logistic regression: content classifiers over features, and small fits over a few numbers.

use crate::corpus::{Random, Text, fold_of};
use outcrop_guardrails::training::{Features, Model, features_of, weights};

const BUCKETS: usize = 1 << 15;

pub(crate) struct Sample {
    pub(crate) features: Features,
    pub(crate) labels: [Option<bool>; 6],
    pub(crate) weight: f32,
}

impl Plan {
    /// What the weights in the tree were trained with: hashed features are held down hard, so that signs carry to texts
    /// of another kind; lifts leave false positives on sets of harmless texts below a few in a hundred.
    pub(crate) const SHIPPED: Self = Self {
        signs_decay: 2e-5,
        hashed_decay: 1.5e-3,
        epochs: 24,
        lift: [1.1, 0.5, 1.4, 1.4, 1.25, 1.1],
        hashed_rate: 0.05,
    };
}

/// Probabilities of every text by a model that did not learn from its fold.
pub(crate) fn in_folds(texts: &[Text], samples: &[Sample], folds: u64, seed: u64, plan: &Plan) -> Vec<[f64; 6]> {
    let mut predicted = vec![[0.0_f64; 6]; texts.len()];
    for fold in 0..folds {
        let (train_on, test): (Vec<usize>, Vec<usize>) =
            (0..texts.len()).partition(|index| fold_of(&texts[*index].group, folds) != fold);
        let model = train(samples, &train_on, seed, plan);
        for index in test {
            for (category, probability) in predicted[index].iter_mut().enumerate() {
                *probability = model.probability(category, &samples[index].features, 0.0);
            }
        }
    }
    predicted
}

pub(crate) fn samples(texts: &[Text]) -> Vec<Sample> {
    texts
        .iter()
        .map(|text| {
            let cut: String = text.text.chars().take(900).collect();
            Sample { features: features_of(&cut), labels: text.labels, weight: text.weight }
        })
        .collect()
}

/// How strongly weights are held near zero: little for signs, more for hashed features, of which there are many.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) signs_decay: f32,
    pub(crate) hashed_decay: f32,
    pub(crate) epochs: usize,
    /// What positives weigh beside negatives, by category. More where the sets hold few of many kinds.
    pub(crate) lift: [f32; 6],
    pub(crate) hashed_rate: f32,
}

/// Trains all categories on the samples at `indices`.
pub(crate) fn train(samples: &[Sample], indices: &[usize], seed: u64, plan: &Plan) -> Model {
    let signs = outcrop_guardrails::training::sign_count();
    let mut model = Model { bias: Vec::new(), signs: Vec::new(), scale: Vec::new(), hashed: Vec::new() };
    for category in 0..weights::CATEGORIES {
        let known: Vec<usize> =
            indices.iter().copied().filter(|index| samples[*index].labels[category].is_some()).collect();
        let mass = |wanted: bool| {
            known
                .iter()
                .filter(|index| samples[**index].labels[category] == Some(wanted))
                .map(|index| samples[*index].weight)
                .sum::<f32>()
        };
        // Positives are made to weigh a share of the whole: the doubt of a text seen in practice is near one to four.
        let (positive, negative) = (mass(true), mass(false));
        let lift = (negative * plan.lift[category] / positive.max(1.0)).clamp(0.2, 200.0);
        let (bias, of_signs, of_hashed) = descend(samples, &known, category, lift, signs, seed, plan);
        let largest = of_hashed.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs())).max(1e-6);
        let scale = largest / 127.0;
        model.bias.push(bias);
        model.signs.push(of_signs);
        model.scale.push(scale);
        model.hashed.push(of_hashed.iter().map(|weight| (weight / scale).round() as i8).collect());
    }
    model
}

fn descend(
    samples: &[Sample],
    known: &[usize],
    category: usize,
    lift: f32,
    signs: usize,
    seed: u64,
    plan: &Plan,
) -> (f32, Vec<f32>, Vec<f32>) {
    let mut order = known.to_vec();
    let mut random = Random(seed | 1);
    let (mut bias, mut of_signs, mut of_hashed) = (0.0_f32, vec![0.0_f32; signs], vec![0.0_f32; BUCKETS]);
    let (mut bias_sum, mut signs_sum, mut hashed_sum) = (1e-6_f32, vec![1e-6_f32; signs], vec![1e-6_f32; BUCKETS]);
    for epoch in 0..plan.epochs {
        // Signs first: they must carry what they can, before hashed features learn the training texts by heart.
        let learns_hashed = epoch * 3 >= plan.epochs;
        random.shuffle(&mut order);
        for index in &order {
            let sample = &samples[*index];
            let truth = sample.labels[category] == Some(true);
            let sum = bias
                + sample.features.signs.iter().map(|sign| of_signs[usize::from(*sign)]).sum::<f32>()
                + sample
                    .features
                    .hashed
                    .iter()
                    .map(|(bucket, value)| of_hashed[usize::from(*bucket)] * value)
                    .sum::<f32>();
            let probability = 1.0 / (1.0 + (-sum).exp());
            let error = (probability - f32::from(u8::from(truth))) * sample.weight * if truth { lift } else { 1.0 };
            bias_sum += error * error;
            bias -= 0.15 * error / bias_sum.sqrt();
            for sign in &sample.features.signs {
                let at = usize::from(*sign);
                let slope = error + plan.signs_decay * of_signs[at];
                signs_sum[at] += slope * slope;
                of_signs[at] -= 0.12 * slope / signs_sum[at].sqrt();
            }
            for (bucket, value) in sample.features.hashed.iter().filter(|_| learns_hashed) {
                let at = usize::from(*bucket);
                let slope = error * value + plan.hashed_decay * of_hashed[at];
                hashed_sum[at] += slope * slope;
                of_hashed[at] -= plan.hashed_rate * slope / hashed_sum[at].sqrt();
            }
        }
    }
    (bias, of_signs, of_hashed)
}

/// Weights and constant for rows of a few numbers.
pub(crate) fn fit_rows<const N: usize>(rows: &[([f32; N], bool, f64)], decay: f64) -> ([f64; N], f64) {
    let (mut weights, mut bias) = ([0.0_f64; N], 0.0_f64);
    let total: f64 = rows.iter().map(|(_, _, weight)| weight).sum();
    let (mut velocity, mut bias_velocity) = ([0.0_f64; N], 0.0_f64);
    for _ in 0..3_000 {
        let (mut slopes, mut bias_slope) = ([0.0_f64; N], 0.0_f64);
        for (row, truth, weight) in rows {
            let sum: f64 =
                bias + row.iter().zip(&weights).map(|(value, weight)| f64::from(*value) * weight).sum::<f64>();
            let error = (1.0 / (1.0 + (-sum).exp()) - f64::from(u8::from(*truth))) * weight;
            bias_slope += error;
            for (slope, value) in slopes.iter_mut().zip(row) {
                *slope += error * f64::from(*value);
            }
        }
        for at in 0..N {
            velocity[at] = 0.9 * velocity[at] - 0.3 * (slopes[at] / total + decay * weights[at]);
            weights[at] += velocity[at];
        }
        bias_velocity = 0.9 * bias_velocity - 0.3 * bias_slope / total;
        bias += bias_velocity;
    }
    (weights, bias)
}

pub(crate) fn apply<const N: usize>(row: &[f32; N], fit: &([f64; N], f64)) -> f64 {
    let sum: f64 = fit.1 + row.iter().zip(&fit.0).map(|(value, weight)| f64::from(*value) * weight).sum::<f64>();
    1.0 / (1.0 + (-sum).exp())
}
