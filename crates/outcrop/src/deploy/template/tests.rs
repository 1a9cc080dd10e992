use super::*;

/// Prints a tree on one line, quoting text that had quotes, with `@line` after what `lines` asks for.
fn print(node: &Node) -> String {
    match &node.kind {
        Kind::Null => "null".to_owned(),
        Kind::Unknown => "?".to_owned(),
        Kind::Absent => "absent".to_owned(),
        Kind::Scalar { text, plain: true } => text.clone(),
        Kind::Scalar { text, plain: false } => format!("{text:?}"),
        Kind::List(items) => format!("[{}]", items.iter().map(print).collect::<Vec<_>>().join(", ")),
        Kind::Map(entries) => {
            let entries: Vec<String> = entries.iter().map(|e| format!("{}: {}", e.key, print(&e.value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn check(source: &str, expected: &str) {
    assert_eq!(parse(source).map(|node| print(&node)).unwrap_or_else(|p| format!("{p:?}")), expected, "{source}");
}

fn check_problems(source: &str, expected: &[&str]) {
    let problems = parse(source).expect_err(source);
    let printed: Vec<String> =
        problems.iter().map(|p| format!("{}:{}: {}: {}", p.line, p.column, p.path, p.message)).collect();
    assert_eq!(printed, expected, "{source}");
}

#[test]
fn scalars_stay_as_written() {
    check("Account: 012345678901", "{Account: 012345678901}");
    check("A: '12'\nB: true\nC: ~\nD:\nE: \"x\\ty\"", "{A: \"12\", B: true, C: null, D: null, E: \"x\\ty\"}");
    check("A: |\n  one\n  two\n", "{A: \"one\\ntwo\\n\"}");
    check("A: !!str 012", "{A: \"012\"}");
    check("Version: 2012-10-17", "{Version: 2012-10-17}");
}

#[test]
fn short_forms_become_long_forms() {
    check("A: !Ref Agent", "{A: {Ref: Agent}}");
    check("A: !GetAtt Fn.Arn", "{A: {Fn::GetAtt: Fn.Arn}}");
    check("A: !Join [':', [a, !Ref B]]", "{A: {Fn::Join: [\":\", [a, {Ref: B}]]}}");
    check("A: !If [C, !Sub 'x', !Ref AWS::NoValue]", "{A: {Fn::If: [C, {Fn::Sub: \"x\"}, {Ref: AWS::NoValue}]}}");
    check(
        "C: !And [!Condition A, !Not [!Condition B]]",
        "{C: {Fn::And: [{Condition: A}, {Fn::Not: [{Condition: B}]}]}}",
    );
    check("A: !Sub\n  - '${x}'\n  - x: !Ref Y\n", "{A: {Fn::Sub: [\"${x}\", {x: {Ref: Y}}]}}");
}

#[test]
fn json_is_read_with_its_own_escapes_and_tabs() {
    check("{\n\t\"A\": [1, \"two\"],\n\t\"B\": {\"Ref\": \"X\"}\n}", "{A: [1, \"two\"], B: {Ref: \"X\"}}");
    check(r#"{"A": "\ud83d\ude00 \\ud83d\\ude00 \/ \u00e9"}"#, r#"{A: "😀 \\ud83d\\ude00 / é"}"#);
}

#[test]
fn problems_name_the_place() {
    check_problems("A: 1\nA: 2\nB:\n  C: !Nope x\n", &["2:1: A: written twice", "4:6: B.C: unknown function `!Nope`"]);
    check_problems("A: &x [1]\nB: *x\n", &["2:4: B: YAML aliases are not part of templates: write the value out"]);
    check_problems("A: 1\n---\nB: 2\n", &["2:1: : a template is one YAML document"]);
    check_problems("", &["1:1: : template is empty"]);
    let deep = "[".repeat(100);
    assert!(parse(&deep).expect_err("too deep")[0].message.contains("levels deep"));
    assert!(parse("A: [1\nB: 2").expect_err("syntax")[0].message.starts_with("not valid YAML: "));
}

#[test]
fn nodes_know_line_and_path() {
    let root = parse("Resources:\n  Agent:\n    Properties:\n      Groups:\n        - Name: x\n").expect("valid");
    let groups = root.get("Resources").and_then(|n| n.get("Agent")?.get("Properties")?.get("Groups")).expect("groups");
    let name = groups.items()[0].get("Name").expect("name");
    assert_eq!((name.line, name.column, name.path.as_str()), (5, 17, "Resources.Agent.Properties.Groups[0].Name"));
}

proptest::proptest! {
    #[test]
    fn noise_never_panics(source in "[ -~\n\t{}\\[\\]:!&*|>'\"\\\\ud8é😀-]{0,200}") {
        let _ = parse(&source);
        let _ = parse(&format!("{{{source}"));
    }
}
