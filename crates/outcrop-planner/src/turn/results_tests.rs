use super::*;
use proptest::prelude::*;
use serde_json::json;

fn use_of(input: Value) -> ToolUse {
    ToolUse { tool_use_id: "t".into(), name: READ_TOOL.into(), input }
}

fn check(whole: &str, input: Value, expected: &str) {
    let told = match asked(&use_of(input), 60) {
        Ok(asked) => read(whole, &asked),
        Err(problem) => problem,
    };
    assert_eq!(told, expected);
}

#[test]
fn reads_pieces() {
    let lines = "first line\nsecond line\nthird line\nfourth line\nfifth line\nsixth line\n";
    check(
        lines,
        json!({"reference": "r", "length": "48"}),
        "Bytes 0 to 46 of 68. Read on from offset 46.\nfirst line\nsecond line\nthird line\nfourth line\n",
    );
    check(lines, json!({"reference": "r", "offset": 46}), "Bytes 46 to 68 of 68.\nfifth line\nsixth line\n");
    check(lines, json!({"reference": "r", "offset": 68}), "The result has only 68 bytes.");
    check("ééé", json!({"reference": "r", "offset": 1, "length": 1}), "Bytes 0 to 2 of 6. Read on from offset 2.\né");
    check("", json!({"reference": "r"}), "Bytes 0 to 0 of 0.\n");
    check("x", json!({"offset": 1}), "The arguments of outcrop_read_result do not fit: reference is missing.");
    check(
        "x",
        json!({"reference": "r", "offset": -1}),
        "The arguments of outcrop_read_result do not fit: offset must be at least 0.",
    );
    check("x", json!("no"), "The arguments of outcrop_read_result must be a JSON object.");
}

#[test]
fn finds_places() {
    let lines = "a: 1\nb: 2\na: 3\n";
    check(
        lines,
        json!({"reference": "r", "search": "a: "}),
        "2 found, and no more from byte 0 on.\n--- at byte 0\na: 1\n--- at byte 10\na: 3",
    );
    check(
        lines,
        json!({"reference": "r", "search": "a: ", "offset": 1}),
        "1 found, and no more from byte 1 on.\n--- at byte 10\na: 3",
    );
    check(
        &"needle\n".repeat(30),
        json!({"reference": "r", "search": "needle", "length": 10}),
        "The first 1 from byte 0 on; there are more from offset 7.\n--- at byte 0\nneedle",
    );
    check(
        lines,
        json!({"reference": "r", "search": "A: "}),
        "The text \"A: \" does not stand in the result from byte 0 on; upper and lower case count.",
    );
}

#[test]
fn an_excerpt_names_its_reference_and_so_does_its_stand_in() {
    let whole: String = (0..2_000).map(|line| format!("line {line}\n")).collect();
    let shown = excerpt(&whole, 300).unwrap();
    let reference = reference_in(&shown).unwrap();
    assert!(shown.contains("The result has 18890 bytes;") && shown.ends_with("line 1998\nline 1999\n"), "{shown}");
    assert!(shown.len() < 300 + 250, "{}", shown.len());
    let kept = kept(&whole).unwrap();
    assert_eq!(kept.reference, reference);
    let known = BTreeMap::from([(kept.reference.clone(), kept.clone())]);
    let stands = stand_in("orders__list", &shown, &known);
    assert_eq!(
        stands,
        format!(
            "(The result of orders__list, 18890 bytes, is no longer shown. Read it with outcrop_read_result, reference \"{reference}\".)"
        )
    );
    assert_eq!(reference_in(&stands), Some(reference));
    assert_eq!(stand_in("orders__list", &whole, &known), stands, "whole or cut, it is the same result");
    let gone = "(The result of orders__list, 18890 bytes, is no longer shown. Call the tool again if you need it.)";
    assert_eq!(stand_in("orders__list", &whole, &BTreeMap::new()), gone);
    assert_eq!(excerpt("short", 5), None);
}

proptest! {
    #[test]
    fn reading_on_gives_every_byte_once(whole in "[a-zé\n😀]{0,400}", length in 1_usize..50) {
        let mut read_so_far = String::new();
        loop {
            let asked = ReadResult {
                tool_use_id: String::new(), reference: String::new(), turn: None, offset: read_so_far.len(), length, search: None,
            };
            let told = read(&whole, &asked);
            let (_, piece) = told.split_once('\n').unwrap_or_default();
            read_so_far.push_str(piece);
            if read_so_far.len() >= whole.len() || piece.is_empty() {
                break;
            }
        }
        prop_assert_eq!(read_so_far, whole);
    }

    #[test]
    fn nothing_is_out_of_bounds(whole in "[a-bé\n]{0,60}", search in "[a-bé]{1,3}", offset in 0_usize..80, length in 0_usize..80) {
        let asked = ReadResult {
            tool_use_id: String::new(), reference: String::new(), turn: None, offset, length: length.max(1), search: Some(search.clone()),
        };
        let told = read(&whole, &asked);
        prop_assert!(told.len() <= 200 + 2 * AROUND_BYTES + asked.length, "{}", told.len());
        let (head, tail) = ends(&whole, length);
        prop_assert!(head.len() + tail.len() <= length.max(whole.len().min(length)) && whole.starts_with(head) && whole.ends_with(tail));
        let _ = excerpt(&whole, length);
        let _ = reference_in(&whole);
    }
}
