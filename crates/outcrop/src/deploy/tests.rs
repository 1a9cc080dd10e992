use super::*;
use outcrop_wire::Timestamp;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }
}

fn options(template: PathBuf, stack: &str) -> DeployOptions {
    DeployOptions {
        template,
        // A port that nothing listens on.
        signer: crate::client::Signer::Nobody,
        endpoint: "http://127.0.0.1:9".to_owned(),
        stack: stack.to_owned(),
        parameters: Vec::new(),
        refresh_aliases: false,
        json: false,
        clock: Arc::new(Stopped),
        ids: Arc::new(crate::ambient::RandomIds),
    }
}

fn deploy_file(source: &str, stack: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("template.yaml");
    std::fs::write(&template, source).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(run(options(template, stack), &mut Vec::new())).unwrap_err();
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn mistakes_in_a_template_are_told_without_a_server() {
    let wrong = "Resources:\n  A:\n    Type: AWS::IAM::Role\n    Properties:\n      Foo: 1\n";
    assert_eq!(deploy_file(wrong, "shop"), "template.yaml:5: Resources.A.Properties.Foo: unsupported property");
    assert_eq!(
        deploy_file("Resources: {}", "my stack"),
        "template.yaml: stack name `my stack`: letters, digits and hyphens, beginning with a letter, at most 128"
    );
    let right = deploy_file("Resources: {}", "shop");
    assert!(right.starts_with("no server answers at http://127.0.0.1:9 ("), "{right}");
    assert!(right.ends_with("); start one with `outcrop dev` or name another with --endpoint"), "{right}");
}

#[test]
fn inputs_are_the_template_and_local_code() {
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("template.yaml");
    let source = "\
Globals: {Function: {CodeUri: shared}}
Resources:
  A: {Type: AWS::Lambda::Function, Properties: {Code: functions/a}}
  B: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/b}}
  C: {Type: AWS::Serverless::Function, Properties: {CodeUri: s3://bucket/c}}
  D: {Type: AWS::Lambda::Function, Properties: {Code: {ZipFile: x}}}
";
    std::fs::write(&template, source).unwrap();
    let path = |name: &str| folder.path().join(name);
    assert_eq!(inputs(&template), [template.clone(), path("functions/a"), path("functions/b"), path("shared")]);
    std::fs::write(&template, "{{").unwrap();
    assert_eq!(inputs(&template), [template]);
}
