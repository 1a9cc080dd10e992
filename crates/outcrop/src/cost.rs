//! `outcrop cost`: what models cost, read from the server.

use crate::client::{Client, ClientError, Signer, with_query};
use crate::serve::Failure;
use serde_json::Value;
use std::io::{ErrorKind, Write};

/// What to show.
#[derive(Clone, Debug)]
pub(crate) struct CostOptions {
    /// What sums are told by, as the server names it.
    pub by: &'static str,
    /// Parameters of the request beside it: days, agent, session, model.
    pub which: Vec<(&'static str, String)>,
    /// The server's address.
    pub endpoint: String,
    /// How it is shown who asks.
    pub signer: Signer,
    /// JSON instead of text for people.
    pub json: bool,
}

/// Prints the sums.
pub(crate) async fn run(options: CostOptions, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let client = Client::new(&options.endpoint).signed_by(options.signer.clone());
    let mut which = vec![("by", options.by.to_owned())];
    which.extend(options.which);
    let told = client.read(&with_query("/outcrop/cost", &which, None)).await.map_err(|error| {
        Failure::Failed(match &error {
            ClientError::Service { code, .. } if code == "UnknownOperationException" => {
                "the server is of an older version, which keeps no costs".to_owned()
            }
            _ => error.to_string(),
        })
    })?;
    let text = if options.json { format!("{told}\n") } else { crate::chat::clean(&table(&told, options.by)) };
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("the terminal cannot be used: {error}")))
        }
        _ => Ok(()),
    }
}

/// Columns of numbers, each with what it is called.
const COLUMNS: [(&str, &str); 5] = [
    ("calls", "calls"),
    ("inputTokens", "input"),
    ("outputTokens", "output"),
    ("cacheReadInputTokens", "cache read"),
    ("cacheWriteInputTokens", "cache write"),
];

/// The sums as a table.
fn table(told: &Value, by: &str) -> String {
    let rows = told["rows"].as_array().map_or(&[][..], Vec::as_slice);
    if rows.is_empty() {
        return "no model was asked\n".to_owned();
    }
    let key = match by {
        "model" => "modelId",
        "agent" => "agentId",
        "session" => "sessionId",
        by => by,
    };
    let title = |row: &Value| {
        let id = row[key].as_str().filter(|id| !id.is_empty()).unwrap_or("(nobody who is paid)").to_owned();
        match row["agentName"].as_str() {
            Some(name) => format!("{name} ({id})"),
            None => id,
        }
    };
    let mut lines: Vec<Vec<String>> = Vec::new();
    let head = match by {
        "answeredBy" => "answered by",
        by => by,
    };
    lines.push(
        [head].into_iter().chain(COLUMNS.iter().map(|(_, name)| *name)).chain(["cost"]).map(str::to_owned).collect(),
    );
    lines.extend(rows.iter().map(|row| line(title(row), row)));
    if rows.len() > 1 {
        lines.push(line("total".to_owned(), &told["total"]));
    }
    let widths: Vec<usize> = (0..COLUMNS.len() + 2)
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in &lines {
        for (column, cell) in line.iter().enumerate() {
            let width = widths[column];
            match column {
                0 => text.push_str(&format!("{cell:width$}")),
                _ => text.push_str(&format!("  {cell:>width$}")),
            }
        }
        text.push('\n');
    }
    let unpriced = told["total"]["unpricedCalls"].as_u64().unwrap_or(0);
    if unpriced > 0 {
        let calls = if unpriced == 1 { "1 call is".to_owned() } else { format!("{unpriced} calls are") };
        text.push_str(&format!(
            "\n{calls} not in the sums: the price of the model is not known. Write a [[price]] for it into outcrop.toml.\n"
        ));
    }
    text
}

fn line(title: String, row: &Value) -> Vec<String> {
    let numbers = COLUMNS.iter().map(|(name, _)| grouped(row[*name].as_u64().unwrap_or(0)));
    [title].into_iter().chain(numbers).chain([dollars(row["costUsd"].as_f64().unwrap_or(0.0))]).collect()
}

/// Cents and what is below them as far as it matters.
pub(crate) fn dollars(amount: f64) -> String {
    match amount {
        0.0 => "$0".to_owned(),
        small if small < 0.01 => format!("${small:.6}"),
        small if small < 1.0 => format!("${small:.4}"),
        amount => format!("${amount:.2}"),
    }
}

/// `1234567` → `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sums_stand_in_columns() {
        let row = |model: &str, calls: u64, input: u64, cost: f64| {
            json!({
                "modelId": model, "calls": calls, "inputTokens": input, "outputTokens": 9, "cacheReadInputTokens": 0,
                "cacheWriteInputTokens": 0, "costUsd": cost,
            })
        };
        let mut total = row("", 13, 1_234_577, 3.21);
        total["unpricedCalls"] = json!(1);
        let told = json!({"rows": [row("large", 12, 1_234_567, 3.2), row("small", 1, 10, 0.01)], "total": total});
        let expected = "\
model  calls      input  output  cache read  cache write     cost
large     12  1,234,567       9           0            0    $3.20
small      1         10       9           0            0  $0.0100
total     13  1,234,577       9           0            0    $3.21

1 call is not in the sums: the price of the model is not known. Write a [[price]] for it into outcrop.toml.
";
        assert_eq!(table(&told, "model"), expected);
        assert_eq!(table(&json!({"rows": []}), "day"), "no model was asked\n");
    }

    #[test]
    fn amounts_show_what_matters() {
        for (amount, text) in [(0.0, "$0"), (0.000_123, "$0.000123"), (0.5, "$0.5000"), (12.345, "$12.35")] {
            assert_eq!(dollars(amount), text);
        }
    }
}
