//! What changes with the source of a text.

use crate::features::Features;

/// How much more an instruction counts in tool results and passages, on the scale of log-odds. Only texts that show a
/// sign of an instruction to a model get it: documents about prompts or with commands in them stay what they are.
pub(crate) fn foreign_shift(features: &Features) -> f64 {
    // Override, override in other languages, persona, instruction to the assistant, exfiltration, secrecy, reply format.
    const SIGNS: [u16; 8] = [30, 32, 34, 40, 48, 49, 50, 36];
    let present = features.signs.iter().filter(|sign| SIGNS.contains(sign)).count();
    match present {
        0 => 0.0,
        1 => 0.5,
        _ => 1.2,
    }
}
