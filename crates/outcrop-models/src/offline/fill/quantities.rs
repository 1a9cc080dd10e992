//! Units and what they measure: "9.8 m/s^2" is an acceleration, "20 kg" a mass.

use crate::offline::tool::Parameter;
use regex::Regex;
use std::sync::LazyLock;

/// Names of what is measured; a parameter of one of these names takes its units and no others.
const QUANTITIES: &[(&str, &[&str], &[&str])] = &[
    (
        "length",
        &[
            "m",
            "km",
            "cm",
            "mm",
            "nm",
            "mi",
            "ft",
            "in",
            "meter",
            "metre",
            "kilometer",
            "kilometre",
            "centimeter",
            "centimetre",
            "millimeter",
            "nanometer",
            "mile",
            "foot",
            "feet",
            "inch",
            "inche",
            "yard",
        ],
        &[
            "distance",
            "length",
            "height",
            "radius",
            "width",
            "breadth",
            "depth",
            "diameter",
            "wavelength",
            "displacement",
            "thickness",
            "altitude",
            "separation",
            "perimeter",
            "proximity",
            "side",
            "base",
            "range",
        ],
    ),
    (
        "mass",
        &["kg", "g", "mg", "lb", "lbs", "oz", "kilogram", "gram", "milligram", "ton", "tonne", "ounce"],
        &["mass", "weight"],
    ),
    (
        "time",
        &["s", "sec", "second", "ms", "min", "minute", "h", "hr", "hour", "day", "week", "month", "year"],
        &[
            "time", "duration", "period", "interval", "year", "day", "month", "hour", "minute", "second", "week",
            "term", "age", "night",
        ],
    ),
    (
        "temperature",
        &["c", "f", "k", "°c", "°f", "°", "celsius", "fahrenheit", "kelvin", "degree"],
        &["temperature", "temp"],
    ),
    ("speed", &["m/s", "km/h", "mph", "kmh", "kph", "ft/s", "km/s"], &["velocity", "speed"]),
    ("acceleration", &["m/s^2", "m/s²", "m/s2", "ft/s^2"], &["acceleration", "gravity", "gravitational"]),
    ("charge", &["c", "coulomb", "µc", "nc"], &["charge"]),
    ("current", &["a", "amp", "ampere", "ma"], &["current"]),
    ("voltage", &["v", "volt", "kv", "mv"], &["voltage", "potential"]),
    ("resistance", &["ohm", "ω", "kω"], &["resistance", "resistivity"]),
    ("frequency", &["hz", "khz", "mhz", "ghz", "hertz"], &["frequency"]),
    ("pressure", &["pa", "kpa", "atm", "bar", "psi", "pascal", "atmosphere"], &["pressure"]),
    ("force", &["n", "kn", "newton"], &["force"]),
    ("energy", &["j", "kj", "joule", "cal", "kcal", "calorie", "kwh", "ev"], &["energy", "heat", "calorie"]),
    ("power", &["w", "kw", "watt", "kilowatt", "mw", "megawatt", "hp"], &["power"]),
    (
        "volume",
        &["l", "ml", "liter", "litre", "milliliter", "gallon", "m^3", "m³", "cm^3", "cm³"],
        &["volume", "capacity"],
    ),
    ("area", &["m^2", "m²", "km^2", "km²", "acre", "hectare", "sqft", "sq", "square"], &["area", "size"]),
    ("capacitance", &["farad", "µf", "nf", "pf", "uf"], &["capacitance"]),
    ("inductance", &["henry", "henrie", "mh", "µh"], &["inductance"]),
    ("amount", &["mol", "mole"], &["mole", "amount"]),
    ("density", &["kg/m^3", "kg/m³", "g/cm^3", "g/cm³"], &["density"]),
];

static UNIT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s?-?((?:[A-Za-zµΩω°]+)(?:\s?/\s?[A-Za-z]+(?:\s?\^?-?\d|[²³])?|\^\d|[²³])?|°[CFK]?)")
        .expect("the pattern is written here and tested")
});

/// What stands behind a number as its unit, lower case.
pub(super) fn unit(rest: &str) -> Option<String> {
    let found = UNIT.captures(rest)?;
    let text = found.get(1)?.as_str().to_lowercase().replace(' ', "");
    let text = text
        .replace("meters/second", "m/s")
        .replace("metres/second", "m/s")
        .replace("meter/second", "m/s")
        .replace("kilometers/hour", "km/h");
    let follows = rest.get(found.get(0)?.end()..).unwrap_or_default();
    let words = follows.trim_start().to_lowercase();
    // "Meters per second squared".
    if words.starts_with("per second") && text.starts_with('m') {
        let squared = words.starts_with("per second squared") || words.starts_with("per second per second");
        return Some(if squared { "m/s^2" } else { "m/s" }.to_owned());
    }
    if words.starts_with("per hour") {
        return Some("km/h".to_owned());
    }
    Some(text)
}

/// Whether a unit is one of what a parameter is named after: yes, no, or nothing is known.
pub(super) fn agrees(parameter: &Parameter, unit: &str) -> Option<bool> {
    let bare = unit.strip_suffix('s').filter(|bare| bare.len() > 2).unwrap_or(unit);
    let measures: Vec<&(&str, &[&str], &[&str])> =
        QUANTITIES.iter().filter(|(_, units, _)| units.contains(&unit) || units.contains(&bare)).collect();
    if measures.is_empty() {
        return None;
    }
    if measures.iter().any(|(_, _, names)| parameter.named(names)) {
        return Some(true);
    }
    let other = QUANTITIES.iter().any(|(_, _, names)| parameter.named(names));
    other.then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_behind_numbers() {
        for (rest, expected) in [
            ("kg of water", Some("kg")),
            (" m/s^2 for", Some("m/s^2")),
            (" meters per second", Some("m/s")),
            (" meters/second^2", Some("m/s^2")),
            ("°C to", Some("°c")),
            (", and", None),
        ] {
            assert_eq!(unit(rest).as_deref(), expected, "{rest}");
        }
    }
}
