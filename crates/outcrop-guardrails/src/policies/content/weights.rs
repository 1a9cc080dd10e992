//! Weights of the classifiers as they are stored: 8 bits each, with a scale a category.

use crate::features::{BUCKETS, Features, sign_count};

/// Categories in the order of `FilterType::ALL`.
pub const CATEGORIES: usize = 6;

/// Everything the classifiers know.
#[derive(Clone, Debug)]
pub struct Model {
    /// Per category: the constant term.
    pub bias: Vec<f32>,
    /// Per category: one weight a sign.
    pub signs: Vec<Vec<f32>>,
    /// Per category: the scale of the hashed weights.
    pub scale: Vec<f32>,
    /// Per category: one weight a bucket.
    pub hashed: Vec<Vec<i8>>,
}

impl Model {
    /// Log-odds of a category.
    pub fn log_odds(&self, category: usize, features: &Features) -> f64 {
        let signs = &self.signs[category];
        let hashed = &self.hashed[category];
        let of_signs: f32 = features.signs.iter().map(|sign| signs[usize::from(*sign)]).sum();
        let of_hashed: f32 =
            features.hashed.iter().map(|(bucket, value)| f32::from(hashed[usize::from(*bucket)]) * value).sum();
        f64::from(self.bias[category] + of_signs + of_hashed * self.scale[category])
    }

    /// The probability of a category, its log-odds shifted.
    pub fn probability(&self, category: usize, features: &Features, shift: f64) -> f64 {
        1.0 / (1.0 + (-(self.log_odds(category, features) + shift)).exp())
    }

    /// Reads what [`Model::write`] wrote. The weights are part of the program, so a wrong length is a broken build.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut model = Self { bias: Vec::new(), signs: Vec::new(), scale: Vec::new(), hashed: Vec::new() };
        let mut at = 0;
        let float = |at: &mut usize| {
            let value = f32::from_le_bytes([bytes[*at], bytes[*at + 1], bytes[*at + 2], bytes[*at + 3]]);
            *at += 4;
            value
        };
        for _ in 0..CATEGORIES {
            model.bias.push(float(&mut at));
            model.scale.push(float(&mut at));
            model.signs.push((0..sign_count()).map(|_| float(&mut at)).collect());
            model.hashed.push(bytes[at..at + BUCKETS].iter().map(|byte| *byte as i8).collect());
            at += BUCKETS;
        }
        assert_eq!(at, bytes.len(), "the weights are of another feature set; run examples/train.rs");
        model
    }

    /// The stored form: per category bias, scale, signs (32 bits each, little endian), buckets (8 bits each).
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for category in 0..CATEGORIES {
            bytes.extend(self.bias[category].to_le_bytes());
            bytes.extend(self.scale[category].to_le_bytes());
            bytes.extend(self.signs[category].iter().flat_map(|weight| weight.to_le_bytes()));
            bytes.extend(self.hashed[category].iter().map(|weight| *weight as u8));
        }
        bytes
    }
}
