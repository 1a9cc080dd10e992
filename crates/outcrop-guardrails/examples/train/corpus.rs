//! Reads the public sets and the seeds into labelled texts.

use serde_json::Value;
use std::fs;
use std::path::Path;

/// Order of `FilterType::ALL`.
pub(crate) const INSULTS: usize = 0;
pub(crate) const HATE: usize = 1;
pub(crate) const SEXUAL: usize = 2;
pub(crate) const VIOLENCE: usize = 3;
pub(crate) const MISCONDUCT: usize = 4;
pub(crate) const ATTACK: usize = 5;

/// A text with what is known of it; nothing where a set does not say.
#[derive(Clone)]
pub(crate) struct Text {
    pub(crate) set: &'static str,
    pub(crate) text: String,
    pub(crate) labels: [Option<bool>; 6],
    /// Texts of one group never stand on both sides of a fold.
    pub(crate) group: String,
    pub(crate) weight: f32,
}

pub(crate) fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&read(folder, name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn json_lines(folder: &Path, name: &str) -> Vec<Value> {
    read(folder, name)
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {error}")))
        .collect()
}

pub(crate) fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{}: {error}", folder.join(name).display()))
}

/// Rows of a table in CSV form, quoted fields with line breaks included; the first row is the head.
pub(crate) fn table(text: &str, separator: char) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let row = rows.last_mut().expect("never empty");
        match char {
            '"' if separator == ',' && quoted && chars.peek() == Some(&'"') => {
                chars.next();
                row.last_mut().expect("never empty").push('"');
            }
            '"' if separator == ',' => quoted = !quoted,
            '\n' if !quoted => rows.push(vec![String::new()]),
            '\r' if !quoted => {}
            char if char == separator && !quoted => row.push(String::new()),
            char => row.last_mut().expect("never empty").push(char),
        }
    }
    rows.retain(|row| row.len() > 1);
    rows
}

const NONE: [Option<bool>; 6] = [Some(false); 6];

fn only(category: usize, value: bool) -> [Option<bool>; 6] {
    let mut labels = [None; 6];
    labels[category] = Some(value);
    labels
}

/// Everything the content classifiers are trained from. `data` is the folder with `guardrails/` and its neighbours.
pub(crate) fn content(data: &Path) -> Vec<Text> {
    let mut texts = Vec::new();
    let guardrails = data.join("guardrails");
    let mut add = |set: &'static str, text: &str, labels, group: &str, weight: f32| {
        texts.push(Text { set, text: text.trim().to_owned(), labels, group: format!("{set}:{group}"), weight });
    };
    for row in table(&read(&guardrails, "hatecheck_dev.csv"), ',').into_iter().skip(1) {
        let mut labels = only(HATE, row[2] == "hateful");
        labels[ATTACK] = Some(false);
        labels[SEXUAL] = Some(false);
        // Counter-speech, talk about things and praise is no harm of another kind either; abuse of one person may be.
        if row[2] != "hateful"
            && !row[0].starts_with("target_indiv")
            && !row[0].starts_with("target_group")
            && !row[0].starts_with("profanity")
        {
            labels[INSULTS] = Some(false);
            labels[VIOLENCE] = Some(false);
            labels[MISCONDUCT] = Some(false);
        }
        add("hatecheck", &row[1], labels, &row[1], 0.5);
    }
    for (index, line) in json_lines(&guardrails, "deepset_dev.jsonl").iter().enumerate() {
        let attack = line["label"] == "INJECTION";
        let mut labels = if attack { [None; 6] } else { NONE };
        labels[ATTACK] = Some(attack);
        // German and English forms of one text follow one another: folds take them in blocks.
        add("deepset", line["text"].as_str().unwrap_or_default(), labels, &(index / 4).to_string(), 1.0);
    }
    for (index, entry) in json(&guardrails, "injecguard_valid.json").as_array().into_iter().flatten().enumerate() {
        let attack = entry["label"] == 1;
        let source = entry["source"].as_str().unwrap_or_default();
        if source.starts_with("BIPIA") {
            // Attacks only inside documents; as a user's words they are ordinary requests.
            add("bipia", entry["prompt"].as_str().unwrap_or_default(), only(ATTACK, true), &index.to_string(), 0.3);
            continue;
        }
        let mut labels = [None; 6];
        labels[ATTACK] = Some(attack);
        let weight = if source.starts_with("NotInject") { 2.0 } else { 1.0 };
        let set = if source.starts_with("NotInject") { "look-alikes" } else { "injecguard" };
        add(set, entry["prompt"].as_str().unwrap_or_default(), labels, &index.to_string(), weight);
    }
    for row in table(&read(&guardrails, "harmbench_val.csv"), ',').into_iter().skip(1) {
        if row[1] == "copyright" {
            continue;
        }
        let mut labels = only(MISCONDUCT, true);
        labels[ATTACK] = Some(false);
        add("harmbench", &row[0], labels, &row[5], 1.5);
    }
    let seeds = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data"), "seeds.txt");
    let seeds = seeds.lines().filter(|line| !line.starts_with('#'));
    for (index, (kind, pattern)) in seeds.filter_map(|line| line.split_once('|')).enumerate() {
        let mut labels = NONE;
        for letter in kind.chars() {
            let category = match letter {
                'I' => INSULTS,
                'H' => HATE,
                'S' => SEXUAL,
                'V' => VIOLENCE,
                'M' => MISCONDUCT,
                'P' => ATTACK,
                _ => continue,
            };
            labels[category] = Some(true);
        }
        // What hate, insults and violence share is left open rather than denied.
        if kind.contains('H') || kind.contains('V') || kind.contains('I') {
            for category in [HATE, INSULTS, VIOLENCE, MISCONDUCT] {
                if labels[category] == Some(false) {
                    labels[category] = None;
                }
            }
        }
        for text in expand(pattern, 12, index as u64) {
            add("seeds", &text, labels, &index.to_string(), 0.8);
        }
    }
    let clinc = json(&guardrails, "clinc_dev.json");
    for part in ["train", "val", "oos_val"] {
        for (index, entry) in clinc[part].as_array().into_iter().flatten().enumerate() {
            if index % 2 == 0 {
                add("clinc", entry[0].as_str().unwrap_or_default(), NONE, entry[1].as_str().unwrap_or_default(), 0.25);
            }
        }
    }
    for (index, row) in table(&read(&guardrails, "begin_dev_wow.tsv"), '\t').into_iter().skip(1).enumerate() {
        add("begin", &row[2], NONE, &index.to_string(), 0.3);
        add("begin", &row[3], NONE, &index.to_string(), 0.3);
    }
    let mut pages: Vec<_> = fs::read_dir(data.join("docs_dev"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    pages.sort();
    for page in pages.iter().filter(|page| page.starts_with("handbook__") && page.ends_with(".md")) {
        for paragraph in read(&data.join("docs_dev"), page).split("\n\n").filter(|paragraph| paragraph.len() > 60) {
            add("handbook", paragraph, NONE, page, 0.4);
        }
    }
    for (index, entry) in json(&data.join("retrieval"), "anth_docs.json").as_array().into_iter().flatten().enumerate() {
        let text = entry["text"].as_str().or_else(|| entry["content"].as_str()).unwrap_or_default();
        let short: String = text.chars().take(600).collect();
        add("documentation", &short, NONE, &index.to_string(), 0.5);
    }
    for (index, line) in json_lines(&guardrails, "pii31_dev.jsonl").iter().enumerate() {
        add("pii", line["text"].as_str().unwrap_or_default(), NONE, &format!("a{index}"), 0.4);
    }
    for (index, entry) in json(&guardrails, "pii_generated_large.json").as_array().into_iter().flatten().enumerate() {
        if index % 3 == 0 {
            add(
                "pii",
                entry["full_text"].as_str().unwrap_or_default(),
                NONE,
                &format!("b{}", entry["template_id"]),
                0.3,
            );
        }
    }
    for name in ["bfcl_simple_python.jsonl", "bfcl_multiple.jsonl", "bfcl_irrelevance.jsonl"] {
        for (index, entry) in json_lines(&data.join("bfcl"), name).iter().enumerate() {
            let question = entry["question"].pointer("/0/0/content").and_then(Value::as_str).unwrap_or_default();
            add("bfcl", question, NONE, &format!("{name}{index}"), 0.4);
        }
    }
    texts.retain(|text| !text.text.is_empty());
    texts
}

/// Up to `count` different ways to choose among alternatives; the same seed gives the same.
pub(crate) fn expand(pattern: &str, count: usize, seed: u64) -> Vec<String> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut texts: Vec<String> = (0..count)
        .map(|_| {
            let mut text = String::new();
            let mut rest = pattern;
            while let Some((before, after)) = rest.split_once('{') {
                let Some((choices, tail)) = after.split_once('}') else { break };
                let choices: Vec<&str> = choices.split('|').collect();
                text.push_str(before);
                text.push_str(choices[random.below(choices.len())]);
                rest = tail;
            }
            text + rest
        })
        .collect();
    texts.sort();
    texts.dedup();
    texts
}

/// xorshift: enough for shuffling, and the same everywhere.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 11) as usize % bound.max(1)
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }
}

pub(crate) fn fold_of(group: &str, folds: u64) -> u64 {
    let hash = group
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 17) % folds
}
