//! Which tool a clause asks for: its words against names, descriptions and parameters, rare words counting more.

use super::clauses::{Clause, Mode, deed};
use super::entities::{Entity, Kind, entities};
use super::tool::Tool;
use super::words::{self, Word, has, is_generic, name_stems, same, stem};
use std::cell::RefCell;
use std::collections::HashMap;

/// How well a tool fits a clause.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fit {
    /// Which tool.
    pub(super) tool: usize,
    /// Sum over the words; compares tools for one clause.
    pub(super) score: f64,
    /// Share of the tool's own name that the clause speaks of.
    pub(super) name_share: f64,
    /// Share of the clause's telling words that the tool knows.
    pub(super) clause_share: f64,
    /// The clause's words that the tool knows, as written.
    pub(super) shared: Vec<String>,
    /// An id in the clause has the shape of one of the tool's examples.
    pub(super) shape: bool,
}

impl Fit {
    /// Whether the fit would do if every value that the tool needs stands in the words, too.
    pub(super) fn is_plausible(&self) -> bool {
        self.clause_share >= 0.2 && (self.name_share >= 0.2 || self.shared.len() >= 2) || self.knows_all()
    }

    /// Whether the tool knows every telling word of the clause.
    pub(super) fn knows_all(&self) -> bool {
        self.clause_share > 0.99 && !self.shared.is_empty()
    }

    /// Whether the fit is good enough to act on.
    pub(super) fn is_accepted(&self) -> bool {
        let shape = if self.shape { 0.25 } else { 0.0 };
        self.name_share + shape >= 0.5 && self.clause_share + shape >= 0.25
            || self.name_share + shape >= 0.3 && self.clause_share + shape >= 0.5
            || self.clause_share >= 0.75 && self.shared.len() >= 2
    }
}

/// Words that a question implies without saying them.
const IMPLIED: &[(&str, &[&str])] = &[
    ("where", &["location", "status", "track", "address", "shipping"]),
    ("when", &["date", "time", "schedule", "eta"]),
    ("far", &["distance"]),
    ("long", &["duration", "length"]),
    ("old", &["age"]),
    ("hot", &["temperature", "weather"]),
    ("cold", &["temperature", "weather"]),
    ("warm", &["temperature", "weather"]),
    ("umbrella", &["weather", "rain"]),
    ("track", &["status", "location", "shipping"]),
    ("owe", &["balance", "bill"]),
    ("worth", &["value", "price"]),
    ("money", &["balance", "amount"]),
    ("arrive", &["eta", "delivery", "status"]),
    ("parcel", &["order", "shipment", "shipping", "delivery"]),
    ("package", &["order", "shipment", "shipping", "delivery"]),
    ("delivery", &["order", "shipment"]),
    ("active", &["status", "state"]),
    ("dollars", &["currency", "exchange"]),
    ("dollar", &["currency", "exchange"]),
    ("euros", &["currency", "exchange"]),
    ("euro", &["currency", "exchange"]),
    ("pounds", &["currency", "exchange"]),
    ("yen", &["currency", "exchange"]),
    ("odds", &["probability"]),
    ("chance", &["probability"]),
    ("directions", &["route", "navigate"]),
    ("heavy", &["weight", "mass"]),
    ("tall", &["height"]),
    ("fast", &["speed", "velocity"]),
    ("big", &["size", "area"]),
    ("expensive", &["price", "cost"]),
];

/// Verbs said in two words.
const IDIOMS: &[(&str, &str, &str)] = &[
    ("send", "back", "return"),
    ("give", "back", "return"),
    ("take", "back", "return"),
    ("money", "back", "refund"),
    ("call", "off", "cancel"),
    ("get", "rid", "delete"),
    ("set", "up", "create"),
];

/// Words that a text says in two others.
fn idioms(all: &[Word]) -> Vec<Word> {
    let at = |stem: &str| all.iter().position(|word| word.stem == words::stem(stem));
    let said = IDIOMS.iter().filter(|(first, second, _)| {
        at(first).zip(at(second)).is_some_and(|(first, second)| first < second && second - first <= 4)
    });
    said.map(|(_, _, meant)| Word { text: (*meant).to_owned(), stem: stem(meant), start: 0, end: 0 }).collect()
}

/// All tools that share a word with the clause, best first.
pub(super) fn rank(tools: &[Tool], text: &str) -> Vec<Fit> {
    let spans = entities(text);
    let mut all = words::words(text);
    all.extend(idioms(&all));
    let telling: Vec<&Word> = all.iter().filter(|word| word.is_content() && !is_value(word, &spans)).collect();
    let rarities = Rarities { tools, known: RefCell::default() };
    let mut fits: Vec<Fit> = (0..tools.len())
        .filter(|&index| !tools[index].asks_user)
        .filter_map(|index| fit(&rarities, index, &all, &telling, &spans))
        .collect();
    fits.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.tool.cmp(&other.tool)));
    fits
}

/// Whether a word is inside a span that will be a value; capitalised words may be both ("Calendar").
fn is_value(word: &Word, spans: &[Entity]) -> bool {
    spans.iter().any(|span| span.kind != Kind::Proper && word.start >= span.start && word.end <= span.end)
}

fn fit(rarities: &Rarities<'_>, index: usize, all: &[Word], telling: &[&Word], spans: &[Entity]) -> Option<Fit> {
    let tool = &rarities.tools[index];
    let mut score = 0.0;
    let mut shared: Vec<String> = Vec::new();
    let mut known = 0.0;
    let mut weights = 0.0;
    let mut seen: Vec<&str> = Vec::new();
    for word in telling {
        if seen.contains(&word.stem.as_str()) {
            continue;
        }
        seen.push(&word.stem);
        let generic = is_generic(&word.stem) && !tool.deeds.contains(&word.stem);
        let is_name =
            spans.iter().any(|span| span.kind == Kind::Proper && word.start >= span.start && word.end <= span.end);
        let weight = weight_in(tool, &word.stem);
        let importance = match (generic, is_name) {
            (true, _) => 0.2,
            (_, true) => 0.15,
            _ => 1.0,
        };
        weights += importance;
        if weight <= 0.0 && implied_weight(tool, &word.text) > 0.0 {
            known += importance;
            shared.push(word.text.clone());
        }
        if weight > 0.0 {
            score += weight * rarities.of(&word.stem) * if generic { 0.3 } else { 1.0 };
            known += importance;
            if !generic {
                shared.push(word.text.clone());
            }
        }
    }
    for word in all {
        let implied = IMPLIED.iter().filter(|(said, _)| *said == word.text).flat_map(|(_, implied)| implied.iter());
        let best = implied
            .map(|implied| stem(implied))
            .map(|implied| weight_in(tool, &implied) * 0.4 * rarities.of(&implied))
            .fold(0.0, f64::max);
        score += best;
    }
    let shape = spans
        .iter()
        .filter(|span| span.kind == Kind::Id)
        .any(|span| tool.parameters.iter().any(|parameter| parameter.fits_example(span) == Some(true)));
    let letters = shape
        && spans
            .iter()
            .any(|span| span.kind == Kind::Id && tool.parameters.iter().any(|parameter| parameter.fits_letters(span)));
    if shape {
        score += if letters { 3.0 } else { 1.0 };
    }
    let mismatch = spans.iter().filter(|span| span.kind == Kind::Id).any(|span| {
        let mut judged = tool.parameters.iter().filter_map(|parameter| parameter.fits_example(span)).peekable();
        judged.peek().is_some() && judged.all(|fits| !fits)
    });
    if mismatch {
        score *= 0.6;
    }
    if score <= 0.0 {
        return None;
    }
    let stems: Vec<String> = all.iter().map(|word| word.stem.clone()).collect();
    let named = tool.name_stems.iter().filter(|name| has(&stems, name) || implied_by(all, name)).count();
    // Of equal scores the tool wins whose name the clause covers more.
    let name_share = ratio(named, tool.name_stems.len());
    let clause_share = if weights > 0.0 { known / weights } else { 0.0 };
    score *= (0.6 + 0.4 * name_share) * (0.6 + 0.4 * clause_share);
    Some(Fit { tool: index, score, name_share, clause_share, shared, shape })
}

/// Weight in a tool of what a word implies.
fn implied_weight(tool: &Tool, said: &str) -> f64 {
    let implied = IMPLIED.iter().filter(|(word, _)| *word == said).flat_map(|(_, implied)| implied.iter());
    implied.map(|implied| weight_in(tool, &stem(implied))).fold(0.0, f64::max)
}

fn implied_by(all: &[Word], name: &str) -> bool {
    all.iter().any(|word| {
        IMPLIED
            .iter()
            .filter(|(said, _)| *said == word.text)
            .any(|(_, implied)| implied.iter().any(|implied| stem(implied) == *name))
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Weight of a stem in a tool, synonyms included.
fn weight_in(tool: &Tool, stem: &str) -> f64 {
    if let Some(weight) = tool.weights.get(stem) {
        return *weight;
    }
    words::synonyms(stem).and_then(|group| tool.synonyms.get(&group)).map_or(0.0, |weight| words::SYNONYM * weight)
}

/// How rare words are among the tools, each worked out once for a clause rather than for every tool.
struct Rarities<'a> {
    tools: &'a [Tool],
    known: RefCell<HashMap<String, f64>>,
}

impl Rarities<'_> {
    fn of(&self, stem: &str) -> f64 {
        if let Some(known) = self.known.borrow().get(stem) {
            return *known;
        }
        let rarity = rarity(self.tools, stem);
        self.known.borrow_mut().insert(stem.to_owned(), rarity);
        rarity
    }
}

/// Inverse document frequency over the tools on offer, never below one half so that it also works for one tool.
#[expect(clippy::cast_precision_loss, reason = "counts of tools are small")]
fn rarity(tools: &[Tool], stem: &str) -> f64 {
    let with = tools.iter().filter(|tool| weight_in(tool, stem) > 0.0).count() as f64;
    (1.0 + (tools.len() as f64 - with + 0.5) / (with + 0.5)).ln() + 0.5
}

/// Verbs that ask to be shown or told something.
const READS: &[&str] = &[
    "get",
    "give",
    "show",
    "tell",
    "look",
    "check",
    "list",
    "retrieve",
    "display",
    "fetch",
    "read",
    "view",
    "describe",
    "summarize",
    "explain",
    "track",
    "see",
    "find",
];

/// How far a clause goes in having a tool change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// The user tells to do it.
    Granted,
    /// The user asks whether it may be done: to be confirmed.
    ToConfirm,
    /// Nothing of the kind.
    Withheld,
}

/// Whether the clause asks for what a guarded tool does. Word overlap in a question is not enough.
pub(super) fn leave(tool: &Tool, clause: &Clause) -> Leave {
    if !tool.is_guarded() {
        return if clause.mode == Mode::Refusal { Leave::Withheld } else { Leave::Granted };
    }
    let mut opening = words::words(deed(&clause.core));
    for meant in idioms(&opening) {
        opening.insert(0, meant);
    }
    // The verb comes first; light verbs ("make a", "process the", "get me a") put it a few words later.
    let first: Vec<&Word> = opening.iter().filter(|word| word.is_content() || word.text == "want").take(4).collect();
    let does = |word: &&Word| tool.deeds.iter().any(|deed| same(deed, &word.stem));
    let mut asked = first.iter().any(does);
    // "Get details of the last booking" reads; "get me a refund" and "make a booking" do.
    let reads = first.first().is_some_and(|word| READS.contains(&word.text.as_str()) && !does(word));
    if reads {
        asked = matches!(first[0].text.as_str(), "get" | "give") && first.get(1).is_some_and(does);
    }
    if !asked {
        // "talk to a human": another verb, but the tool's own object.
        let object: Vec<String> = name_stems(&tool.short)
            .into_iter()
            .filter(|stem| !tool.deeds.contains(stem) && !words::is_stop(stem))
            .collect();
        let connects = first.iter().any(|word| {
            matches!(
                word.text.as_str(),
                "speak" | "talk" | "connect" | "get" | "give" | "hand" | "transfer" | "file" | "open" | "raise"
            )
        });
        asked = connects
            && !object.is_empty()
            && object.iter().all(|stem| opening.iter().any(|word| same(stem, &word.stem)));
    }
    match clause.mode {
        Mode::Request if asked => Leave::Granted,
        // "Refund for order 5, please": no verb at the front, but nothing else can be meant.
        Mode::Statement
            if first.first().is_some_and(|word| {
                tool.deeds.iter().any(|deed| same(deed, &word.stem)) && word.text == plain(&word.text)
            }) =>
        {
            Leave::ToConfirm
        }
        Mode::Permission if asked => Leave::ToConfirm,
        _ => Leave::Withheld,
    }
}

/// The word itself when it is no past form.
fn plain(word: &str) -> &str {
    if word.ends_with("ed") { "" } else { word }
}
