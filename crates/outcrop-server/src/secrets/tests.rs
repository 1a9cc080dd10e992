use super::*;
use serde_json::json;

fn check(text: &str, expected: &str) {
    assert_eq!(Secrets::default().without(text), expected, "{text}");
}

fn stays(text: &str) {
    check(text, text);
}

/// The text with the part between `<` and `>` being the secret.
fn goes(marked: &str) {
    let (before, rest) = marked.split_once('<').unwrap();
    let (secret, after) = rest.split_once('>').unwrap();
    check(&format!("{before}{secret}{after}"), &format!("{before}{REMOVED}{after}"));
}

#[test]
fn known_forms_go() {
    goes("key <AKIAIOSFODNN7EXAMPLE>.");
    goes("(<wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY>)");
    goes("curl -H 'Authorization: Bearer <abcdefghij0123456789>' x");
    goes("bearer <a1b2c3d4e5f6g7h8>, he said");
    goes("<eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U> is it");
    goes("<-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----->\nafter");
    goes("<-----BEGIN PRIVATE KEY-----\\nMIIE>");
    goes("use <sk-proj-abcdefghij0123456789klmnop> now");
    goes("<ghp_0123456789abcdefghijABCDEFGHIJ012345>");
    goes("<github_pat_11AAAAAAA0aaaaaaaaaaaaaaaa>");
    goes("<xoxb-123456789012-abcdef>");
    goes("<AIzaSyA0123456789abcdefghijklmnopqrstuv>");
    goes("postgres://user:<hunter2>@db.example/shop");
    goes("https://b.s3.amazonaws.com/k?X-Amz-Signature=<0123abcd>&x=1");
}

#[test]
fn names_in_texts_tell() {
    goes("password=<hunter2> and so on");
    goes("API_KEY=<abc>");
    goes("x-api-key: <abc123def>");
    goes("{\"password\": \"<correct horse>\", broken");
    goes("{\\\"client_secret\\\":\\\"<abc>\\\"} and");
    goes("Authorization: Basic <dXNlcjpwYXNz>");
    goes("Server=db;Uid=me;Pwd=<x>;");
    goes("What is known:\npin: <1234>\ncity: Bern");
}

#[test]
fn look_alikes_stay() {
    stays("da39a3ee5e6b4b0d3255bfef95601890afd80709");
    stays("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    stays("6f1c2c0e-3c7b-4b0e-9a51-2c8f0e6d7a11");
    stays("arn:aws:bedrock:us-east-1:000000000000:agent-alias/AGENT00001/TSTALIASID");
    stays("Reports/2025/Quarter1/InvoiceSummaryFile");
    stays("s3://bucket/Reports/2025/Quarter1/InvoicesSummary");
    stays("AKIDEXAMPLE and AKIAIOSFODNN7EXAMPLEAAAA");
    stays("a bearer of good news, and Bearer authentication-methods");
    stays("scikit: sk-learn, sk-SK, sk-a-very-long-name-with-hyphens");
    stays("eyJust.a.word and eyJhbGciOiJI alone");
    stays("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----");
    stays("the pin: a small thing\nA password: none");
    stays("the secret: be kind. Your password: must be long");
    stays("a password reset link was sent; 512 tokens: cheap");
    stays("if token == null { return }");
    stays("http://127.0.0.1:7600/agents and mail to a:b@c");
    stays("anthropic.claude-3-5-sonnet-20240620-v1:0");
    stays("naïve ••••: ü=ö");
}

#[test]
fn names_of_members_tell() {
    let document = |secret: &str| {
        json!({
            "Password": secret, "db_password": secret, "API key": secret, "x-api-key": secret, "clientSecret": secret,
            "access_token": secret, "Authorization": secret, "credentials": {"user": secret, "list": [secret]},
            "aws_secret_access_key": secret, "pin": secret,
        })
    };
    let mut shown = document("value-of-it");
    Secrets::default().remove(&mut shown);
    assert_eq!(shown, document(REMOVED));
    let same = json!({
        "inputTokens": 12, "maxTokens": 5, "nextToken": "abc", "clientToken": "abc", "tokenType": "x", "secretary": "Ann",
        "secretArn": "arn:x", "author": "Ann", "primaryKey": "id", "keyword": "w", "passwordRequired": true, "hasPassword": true,
        "compass": "north", "passenger": "Ann", "token": null,
    });
    let mut shown = same.clone();
    Secrets::default().remove(&mut shown);
    assert_eq!(shown, same);
}

#[test]
fn parameters_and_texts_of_json_are_looked_into() {
    let mut shown = json!({
        "parameters": [{"name": "password", "type": "string", "value": "hunter2"}, {"name": "user", "value": "ann"}],
        "text": json!({"messages": [{"content": json!({"token": "abc", "n": 1.5}).to_string()}]}).to_string(),
        "same": "{ \"a\" : 1 }",
    });
    Secrets::default().remove(&mut shown);
    let inner = json!({"messages": [{"content": json!({"token": REMOVED, "n": 1.5}).to_string()}]}).to_string();
    let expected = json!({
        "parameters": [{"name": "password", "type": "string", "value": REMOVED}, {"name": "user", "value": "ann"}],
        "text": inner,
        "same": "{ \"a\" : 1 }",
    });
    assert_eq!(shown, expected);
}

#[test]
fn what_the_configuration_holds_goes() {
    let secrets = Secrets::new(["correct horse", "correct horse battery", "x"].map(Secret::new));
    assert_eq!(secrets.without("say correct horse battery, x, correct horse"), format!("say {REMOVED}, x, {REMOVED}"));
    let mut shown = json!({"deep": [json!({"said": "a \"correct horse\""}).to_string()]});
    secrets.remove(&mut shown);
    assert_eq!(shown["deep"][0], json!({"said": format!("a \"{REMOVED}\"")}).to_string());
    assert!(!format!("{secrets:?}").contains("horse"));
}

#[test]
fn values_of_attributes_go_wherever_they_stand() {
    let attributes = [("accessToken", "for-ann-only"), ("pin", "1234"), ("city", "Bern-Bern")];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let secrets = Secrets::default().with_attributes(attributes.iter().map(|(name, value)| (name, value)));
    assert_eq!(secrets.without("1234 for-ann-only Bern-Bern"), format!("1234 {REMOVED} Bern-Bern"));
}

/// What could make a form look far ahead again and again. Without a bound these would take hours.
#[test]
fn long_texts_are_read_once() {
    for piece in [
        "eyJaaaaaaaaa.",
        "sk-",
        "a:",
        "://",
        "-----BEGIN ",
        "password=\"",
        "bearer ",
        "AKIA",
        "/a+",
        "[",
        "{\"a\":",
        "p=",
    ] {
        let text = piece.repeat(40_000);
        assert!(Secrets::default().without(&text).len() <= text.len() + 40_000 * REMOVED.len());
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_harm(text in "([a-zA-Z0-9:=/@\\\\\"' ._+-]|password|token|Bearer |eyJ|ü|-----BEGIN PRIVATE KEY-----){0,40}") {
        let shown = Secrets::default().without(&text);
        proptest::prop_assert!(shown == text || shown.contains(REMOVED));
    }
}
