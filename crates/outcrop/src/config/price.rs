//! `[[price]]`: what models cost, where the user knows better than the table.

use super::Source;
use super::file::{LongPriceEntry, PriceEntry};
use outcrop_models::{LongRow, PriceRow, Prices};

/// The table with these rows before it.
pub(super) fn mean(entries: Vec<PriceEntry>, source: &Source, problems: &mut Vec<String>) -> Prices {
    let rows = entries.into_iter().map(row).collect();
    Prices::new(rows).unwrap_or_else(|(index, bad)| {
        let text = bad.to_string();
        let (key, why) = text.split_once(": ").unwrap_or(("match", &text));
        let key = key.split('.').next().unwrap_or(key);
        problems.push(format!("{}: {why}", source.place("price", index, key)));
        Prices::default()
    })
}

fn row(entry: PriceEntry) -> PriceRow {
    PriceRow {
        provider: entry.provider,
        patterns: vec![entry.pattern],
        since: entry.since,
        input: entry.input,
        output: entry.output,
        cache_read: entry.cache_read,
        cache_write: entry.cache_write,
        cache_write_hour: entry.cache_write_hour,
        long_above: entry.long_above,
        long: entry.long.map(long),
        ..PriceRow::default()
    }
}

fn long(entry: LongPriceEntry) -> LongRow {
    LongRow {
        input: entry.input,
        output: entry.output,
        cache_read: entry.cache_read,
        cache_write: entry.cache_write,
        cache_write_hour: entry.cache_write_hour,
    }
}
