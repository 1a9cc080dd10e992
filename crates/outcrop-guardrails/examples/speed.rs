//! How fast the lexical policies are: `speed [MEGABYTES]`.
//!
//! Prints the time for one text unit (1,000 characters) with all entity types, a custom pattern and profanity, the
//! throughput beside a bare pass of one regular expression over the same text, and how time grows on hostile input.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use outcrop_guardrails::{
    Block, BlockAction, Configuration, CustomRegex, Guardrail, ManagedWordList, PiiEntity, PiiType, Rule,
    SensitiveAction, Source,
};
use std::time::Instant;

fn main() {
    let megabytes: usize = std::env::args().nth(1).and_then(|argument| argument.parse().ok()).unwrap_or(100);
    let guardrail = Guardrail::compile(&Configuration {
        pii_entities: PiiType::ALL
            .iter()
            .map(|kind| PiiEntity { r#type: *kind, rule: Rule::both(SensitiveAction::Anonymize) })
            .collect(),
        regexes: vec![CustomRegex {
            name: "member".to_owned(),
            pattern: "HG-[0-9]{6}".to_owned(),
            rule: Rule::both(SensitiveAction::Anonymize),
        }],
        managed_word_lists: vec![ManagedWordList { rule: Rule::both(BlockAction::Block) }],
        ..Configuration::default()
    })
    .expect("valid");
    let unit = text_unit();
    guardrail.assess(Source::Input, &[Block::plain(&unit)]);
    let mut times: Vec<u128> = (0..5_000)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(guardrail.assess(Source::Input, &[Block::plain(std::hint::black_box(&unit))]));
            start.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    println!("one text unit: p50 {:.0} us, p99 {:.0} us", times[2_500] as f64 / 1e3, times[4_950] as f64 / 1e3);

    let text = unit.repeat(4_000);
    let start = Instant::now();
    std::hint::black_box(guardrail.assess(Source::Input, &[Block::plain(&text)]));
    let ours = text.len() as f64 / 1e6 / start.elapsed().as_secs_f64();
    let bare = regex::Regex::new(r"[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}|[a-z]+@[a-z]+\.com").expect("valid");
    let start = Instant::now();
    std::hint::black_box(bare.find_iter(&text).count());
    let floor = text.len() as f64 / 1e6 / start.elapsed().as_secs_f64();
    println!("throughput: {ours:.1} MB/s; a bare regular expression {floor:.0} MB/s; ratio {:.3}", ours / floor);

    for (name, make) in hostile() {
        let time = |size: usize| {
            let text = make(size);
            let start = Instant::now();
            std::hint::black_box(guardrail.assess(Source::Input, &[Block::plain(&text)]));
            start.elapsed().as_secs_f64()
        };
        let (small, large) = (time(megabytes * 1_000_000 / 10), time(megabytes * 1_000_000));
        println!("{name}: {} MB in {large:.2} s, {:.1} times the tenth of it", megabytes, large / small);
    }
}

fn text_unit() -> String {
    let text = "My name is Priya Brennan and I live at 509 Kingsway, Bristol BS1 4DJ. Please call +44 20 7946 0349 or write to priya@example.com about \
        card 5463 3621 2590 0004, which expires 09/29. The order shipped last week, but the tracking page says that it is still waiting at the depot, and \
        nobody there could tell me when the driver would come. I would like to change the delivery to Saturday morning if that is possible, since I am at \
        work on the other days. The parcel holds two lamps and a small table for my sister. ";
    text.chars().cycle().take(1_000).collect()
}

type Maker = fn(usize) -> String;

fn hostile() -> Vec<(&'static str, Maker)> {
    fn repeated(part: &str, size: usize) -> String {
        part.repeat(size / part.len() + 1)
    }
    vec![
        ("plain text", |size| repeated(&text_unit(), size)),
        ("one letter", |size| repeated("a", size)),
        ("digits", |size| repeated("1", size)),
        ("digit groups", |size| repeated("1234 ", size)),
        ("at signs", |size| repeated("a@", size)),
        ("points", |size| repeated("a.", size)),
        ("single letters", |size| repeated("f u ", size)),
        ("cues", |size| repeated("password card phone ", size)),
        ("schemes", |size| repeated("a://", size)),
        ("names", |size| repeated("Anna ", size)),
        ("streets", |size| repeated("1 Main ", size)),
        ("stars", |size| repeated("*", size)),
        ("all planes", |size| {
            let mut text = String::with_capacity(size + 4);
            let mut code = 0;
            while text.len() < size {
                code = (code + 257) % 0x11_0000;
                text.extend(char::from_u32(code));
            }
            text
        }),
    ]
}
