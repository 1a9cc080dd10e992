use super::*;
use crate::deploy::document::Document;
use crate::deploy::parameters;
use crate::deploy::template::parse;

/// A world with one resource that exists, and one that does not yet.
struct World;

impl References for World {
    fn find(&self, id: &str, attribute: Option<&str>) -> Found {
        match (id, attribute) {
            ("Agent", None) => Found::Text("AGENT00001".to_owned()),
            ("Agent", Some("AgentArn")) => Found::Text("arn:agent".to_owned()),
            ("Later", _) => Found::Later,
            (id, Some(attribute)) => Found::No(format!("no {id}.{attribute}")),
            (id, None) => Found::No(format!("no {id}")),
        }
    }
}

const HEAD: &str = "
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Count: {Type: Number, Default: 3, MinValue: 1, MaxValue: 9}
  Zones: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Name: {Type: String, Default: x, AllowedPattern: '[a-z]+', MaxLength: 5, ConstraintDescription: small letters}
Mappings:
  Models:
    dev: {Id: small, List: [p, q]}
    prod: {Id: large}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
  Both: !And [!Condition IsProd, !Condition IsDev]
  Any: !Or [!Condition IsProd, !Equals [!FindInMap [Models, !Ref Stage, Id], small]]
Resources: {}
";

fn scope(head: &str, given: &[(&str, &str)]) -> (Scope, Vec<Problem>) {
    let mut problems = Vec::new();
    let document = Document::read(&parse(head).expect("syntax"), &mut problems);
    let given: Vec<_> = given.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let parameters = parameters::resolve(&document.parameters, &given, &mut problems);
    let place = Place { region: "eu-west-1".into(), account_id: "012345678901".into(), stack: "shop".into() };
    let mut scope = Scope { parameters, mappings: document.mappings, conditions: BTreeMap::new(), place };
    scope.conditions = conditions(&scope, &document.conditions, &mut problems);
    (scope, problems)
}

fn print(kind: &Kind) -> String {
    match kind {
        Kind::Scalar { text, .. } => text.clone(),
        Kind::List(items) => format!("[{}]", items.iter().map(|n| print(&n.kind)).collect::<Vec<_>>().join("|")),
        Kind::Map(entries) => {
            let entries: Vec<_> = entries.iter().map(|e| format!("{}={}", e.key, print(&e.value.kind))).collect();
            format!("{{{}}}", entries.join(","))
        }
        other => format!("{other:?}"),
    }
}

fn check_with(given: &[(&str, &str)], expression: &str, expected: &str) {
    let (scope, problems) = scope(HEAD, given);
    assert_eq!(problems, []);
    let mut evaluation = Evaluation::new(&scope, &World);
    let root = parse(&format!("V: {expression}")).expect(expression);
    let value = evaluation.value(&root);
    let problems: Vec<_> = evaluation.problems.iter().map(|p| p.message.as_str()).collect();
    let printed = value.get("V").map_or("gone".to_owned(), |node| print(&node.kind));
    let found = if problems.is_empty() { printed } else { format!("error: {}", problems.join("; ")) };
    assert_eq!(found, expected, "{expression}");
}

fn check(expression: &str, expected: &str) {
    check_with(&[], expression, expected);
}

fn check_head(head: &str, given: &[(&str, &str)], expected: &[&str]) {
    let (_, problems) = scope(head, given);
    let printed: Vec<String> = problems.iter().map(|p| format!("{}: {}: {}", p.line, p.path, p.message)).collect();
    assert_eq!(printed, expected, "{head}");
}

#[test]
fn references() {
    check("!Ref Stage", "dev");
    check("!Ref Agent", "AGENT00001");
    check("!GetAtt Agent.AgentArn", "arn:agent");
    check("{'Fn::GetAtt': [Agent, AgentArn]}", "arn:agent");
    check("!Ref Later", "Unknown");
    check("!Ref Nobody", "error: no Nobody");
    check("!GetAtt Agent.Foo", "error: no Agent.Foo");
    check("!GetAtt Agent", "error: `Fn::GetAtt` takes a resource and an attribute, such as `Agent.AgentArn`");
    check("!Ref AWS::NoValue", "gone");
    check("[a, !Ref AWS::NoValue, b]", "[a|b]");
    check("{a: 1, b: !Ref AWS::NoValue}", "{a=1}");
    check("!Ref AWS::AccountId", "012345678901");
    check("!Ref AWS::Partition", "aws");
    check("!Ref AWS::URLSuffix", "amazonaws.com");
    check("!Ref AWS::StackId", "arn:aws:cloudformation:eu-west-1:012345678901:stack/shop/shop");
}

#[test]
fn text_functions() {
    check(
        "!Sub '${AWS::StackName}-${Stage}-${Agent}-${Agent.AgentArn}-${!kept}'",
        "shop-dev-AGENT00001-arn:agent-${kept}",
    );
    check("!Sub ['${a}${Stage}', {a: !Join ['-', [x, !Ref Stage]]}]", "x-devdev");
    check("!Sub 'x${Later.Arn}'", "Unknown");
    check("!Sub '${Nobody} ${Later} ${Other.Arn}'", "error: no Nobody; no Other.Arn");
    check("!Sub '${ a b }'", "error: `${ a b }` is no name: to keep it as it is, write `${! a b }`");
    check("!Sub 'a ${b'", "error: `${` without `}` in `Fn::Sub`");
    check("!Sub '$ { } $$ ${Stage}$'", "$ { } $$ dev$");
    check("!Join ['', [a, !Ref Count, !Ref Agent]]", "a3AGENT00001");
    check("!Join [',', !Ref Zones]", "a,b,c");
    check("!Join [',', x]", "error: expected a list, found a plain value");
    check("!Select [1, !Ref Zones]", "b");
    check("!Select [7, !Ref Zones]", "error: no item 7 in a list of 3");
    check("!Select [0, !Split ['|', 'AG|AL']]", "AG");
    check("!Select [0, !Split ['|', !Ref Later]]", "Unknown");
    check("!Base64 hi", "aGk=");
    check("!FindInMap [Models, !Ref Stage, List]", "[p|q]");
    check("!FindInMap [Models, prod, Nope]", "error: Mappings has no Models.prod.Nope");
    check("!ImportValue x", "error: function `Fn::ImportValue` is not supported");
    check("{Fn::Sub: a, b: c}", "error: a function stands alone in its mapping");
}

#[test]
fn conditions_choose() {
    check("!If [IsDev, yes, no]", "yes");
    check_with(&[("Stage", "prod")], "!If [IsDev, yes, no]", "no");
    check("!If [Both, yes, no]", "no");
    check("!If [Any, yes, no]", "yes");
    check("!If [IsProd, !Ref Nobody, !Ref AWS::NoValue]", "gone");
    check("!If [Nope, 1, 2]", "error: there is no such condition");
    check("!Equals [1, 1]", "error: `Fn::Equals` is for Conditions only");
    // IAM policies have a key of that name.
    check("{Condition: {StringEquals: 1}}", "{Condition={StringEquals=1}}");
}

#[test]
fn conditions_in_error() {
    let head = "Resources: {}\nConditions:\n  A: !Not [!Condition B]\n  B: !Condition A\n  C: !Equals [!Ref Agent, x]\n  D: yes\n";
    check_head(
        head,
        &[],
        &[
            "4: Conditions.B: conditions go in a circle: A → B → A",
            "5: Conditions.C[0]: `Agent` is no parameter; conditions cannot depend on resources",
            "6: Conditions.D: expected a condition function such as `Fn::Equals`",
        ],
    );
}

#[test]
fn parameters_are_checked() {
    check_head(HEAD, &[("Stage", "test")], &["3: Parameters.Stage: value `test` is not one of dev, prod"]);
    check_head(HEAD, &[("Count", "10")], &["4: Parameters.Count: value `10` is above 9"]);
    check_head(HEAD, &[("Count", "many")], &["4: Parameters.Count: value `many` is not a number"]);
    check_head(
        HEAD,
        &[("Name", "A")],
        &["6: Parameters.Name: value `A` does not match AllowedPattern (small letters)"],
    );
    check_head(
        HEAD,
        &[("Name", "abcdef")],
        &["6: Parameters.Name: value `abcdef` has a length above 5 (small letters)"],
    );
    check_head(
        HEAD,
        &[("Nope", "1")],
        &["1: Parameters: --parameter Nope: the template has no such parameter (it has Stage, Count, Zones, Name)"],
    );
    check_head(
        "Resources: {}\nParameters:\n  A: {Type: String}\n  B: {Type: 'AWS::SSM::Parameter::Name', Default: x}\n  C: {Default: 1}\n",
        &[],
        &[
            "3: Parameters.A: has no default: give it with --parameter A=VALUE",
            "4: Parameters.B.Type: unsupported type of parameter: expected String, Number, CommaDelimitedList or List<Number>",
            "5: Parameters.C: a parameter needs a `Type`",
        ],
    );
}
