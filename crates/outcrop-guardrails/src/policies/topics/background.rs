//! How rare words are in requests to assistants, and a vector for each that puts words of one subject together.

use std::collections::HashMap;

/// Length of a word's vector.
pub const DIMENSIONS: usize = 32;

/// A vector of a text.
pub type Vector = [f32; DIMENSIONS];

/// What a word that was never met weighs: it is rare, so it says much.
const UNKNOWN_IDF: f32 = 0.9;

/// Words by the hash of their stem.
#[derive(Clone, Debug, Default)]
pub struct Background {
    words: HashMap<u64, (u8, [i8; DIMENSIONS])>,
}

/// The key of a stem.
pub fn key(stem: &str) -> u64 {
    stem.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Background {
    /// Rarity from 0 to 1, and the vector if the word is known.
    pub fn get(&self, key: u64) -> (f32, Option<&[i8; DIMENSIONS]>) {
        match self.words.get(&key) {
            Some((idf, vector)) => (f32::from(*idf) / 255.0, Some(vector)),
            None => (UNKNOWN_IDF, None),
        }
    }

    /// Takes a word in.
    pub fn insert(&mut self, key: u64, idf: f32, vector: [i8; DIMENSIONS]) {
        self.words.insert(key, ((idf.clamp(0.0, 1.0) * 255.0) as u8, vector));
    }

    /// Reads what [`Background::write`] wrote.
    pub fn read(bytes: &[u8]) -> Self {
        let mut background = Self::default();
        for entry in bytes.chunks_exact(9 + DIMENSIONS) {
            let mut key = [0; 8];
            key.copy_from_slice(&entry[..8]);
            let mut vector = [0; DIMENSIONS];
            for (value, byte) in vector.iter_mut().zip(&entry[9..]) {
                *value = *byte as i8;
            }
            background.words.insert(u64::from_le_bytes(key), (entry[8], vector));
        }
        background
    }

    /// Entries in order of their key, so that the same training gives the same bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut keys: Vec<&u64> = self.words.keys().collect();
        keys.sort_unstable();
        let mut bytes = Vec::new();
        for key in keys {
            let (idf, vector) = &self.words[key];
            bytes.extend(key.to_le_bytes());
            bytes.push(*idf);
            bytes.extend(vector.iter().map(|value| *value as u8));
        }
        bytes
    }
}
