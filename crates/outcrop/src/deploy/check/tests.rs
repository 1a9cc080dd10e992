use super::*;
use serde_json::{Value, json};

fn place() -> Place {
    Place { region: "eu-west-1".into(), account_id: "012345678901".into(), stack: "shop".into() }
}

fn run(source: &str) -> Result<Checked, Vec<Problem>> {
    check(source, PathBuf::from("/nowhere"), &[], place())
}

fn check_problems(source: &str, expected: &[&str]) {
    let problems = run(source).expect_err("has problems");
    let printed: Vec<String> = problems.iter().map(|p| format!("{}: {}: {}", p.line, p.path, p.message)).collect();
    assert_eq!(printed, expected, "{source}");
}

/// Physical ids as if everything were there.
struct All;

impl References for All {
    fn find(&self, id: &str, attribute: Option<&str>) -> Found {
        let text = match (id, attribute) {
            ("AgentRole", Some("Arn")) => "arn:aws:iam::012345678901:role/r",
            ("OrderToolsFn", Some("Arn")) => "arn:aws:lambda:eu-west-1:012345678901:function:f",
            ("SupportAgent", None) => "AGENT00001",
            (id, attribute) => return Found::Text(format!("<{id}.{}>", attribute.unwrap_or("Ref"))),
        };
        Found::Text(text.to_owned())
    }
}

fn check_wanted(source: &str, id: &str, expected: &Value) {
    let mut checked = run(source).unwrap_or_else(|problems| panic!("{problems:?}"));
    let live = checked.order.iter().find(|live| live.id == id).cloned().expect(id);
    let wanted = checked.wanted(&live, &All).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(wanted.properties, *expected, "{source}");
}

/// The template of the articles that newcomers arrive with.
const ARTICLE: &str = "\
Resources:
  SupportAgent:
    Type: AWS::Bedrock::Agent
    Properties:
      AgentName: support-bot
      FoundationModel: anthropic.claude-opus-4-7
      Instruction: |
        You are a helpful customer support assistant. Use the OrderTools action group
        for order lookups and the HR knowledge base for policy questions.
      AgentResourceRoleArn: !GetAtt AgentRole.Arn
      IdleSessionTTLInSeconds: 1800
      ActionGroups:
        - ActionGroupName: OrderTools
          ActionGroupExecutor:
            Lambda: !GetAtt OrderToolsFn.Arn
          FunctionSchema:
            Functions:
              - Name: get_order_status
                Description: Look up shipping status by order ID.
                Parameters:
                  order_id: { Type: string, Required: true }
  SupportAgentAlias:
    Type: AWS::Bedrock::AgentAlias
    Properties:
      AgentId: !Ref SupportAgent
      AgentAliasName: PROD
";

/// What the article leaves to its reader.
const REST: &str = "  AgentRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: bedrock.amazonaws.com}, Action: sts:AssumeRole}]
  OrderToolsFn:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Role: !GetAtt AgentRole.Arn
      Environment: {Variables: {TABLE_name: !Sub '${AWS::StackName}-orders', Count: 012}}
      Tags: [{Key: Team, Value: shop}]
      Code:
        ZipFile: |
          def handler(event, context):
              return event
Outputs:
  AgentId: {Value: !Ref SupportAgent}
  Both: {Value: !Sub '${SupportAgent.AgentArn} ${SupportAgentAlias.AgentAliasId}'}
";

#[test]
fn the_article_alone_names_what_it_lacks() {
    check_problems(
        ARTICLE,
        &[
            "10: Resources.SupportAgent.Properties.AgentResourceRoleArn: `AgentRole` is no resource of this template",
            "15: Resources.SupportAgent.Properties.ActionGroups[0].ActionGroupExecutor.Lambda: \
             `OrderToolsFn` is no resource of this template",
        ],
    );
}

#[test]
fn the_article_completed_is_deployed_in_order() {
    let source = format!("{ARTICLE}{REST}");
    let checked = run(&source).unwrap_or_else(|problems| panic!("{problems:?}"));
    let order: Vec<&str> = checked.order.iter().map(|live| live.id.as_str()).collect();
    assert_eq!(order, ["AgentRole", "OrderToolsFn", "SupportAgent", "SupportAgentAlias"]);
    let outputs = checked.outputs(&All).expect("outputs");
    assert_eq!(outputs["Both"], "<SupportAgent.AgentArn> <SupportAgentAlias.AgentAliasId>");
    check_wanted(
        &source,
        "SupportAgent",
        &json!({
            "agentName": "support-bot",
            "foundationModel": "anthropic.claude-opus-4-7",
            "instruction": "You are a helpful customer support assistant. Use the OrderTools action group\n\
                            for order lookups and the HR knowledge base for policy questions.\n",
            "agentResourceRoleArn": "arn:aws:iam::012345678901:role/r",
            "idleSessionTTLInSeconds": 1800,
            "actionGroups": [{
                "actionGroupName": "OrderTools",
                "actionGroupExecutor": {"lambda": "arn:aws:lambda:eu-west-1:012345678901:function:f"},
                "functionSchema": {"functions": [{
                    "name": "get_order_status",
                    "description": "Look up shipping status by order ID.",
                    "parameters": {"order_id": {"type": "string", "required": true}},
                }]},
            }],
        }),
    );
    check_wanted(&source, "SupportAgentAlias", &json!({"agentId": "AGENT00001", "agentAliasName": "PROD"}));
}

#[test]
fn functions_get_names_and_keep_the_case_of_the_users_own_keys() {
    let source = format!("{ARTICLE}{REST}");
    let mut checked = run(&source).unwrap_or_else(|problems| panic!("{problems:?}"));
    let live = checked.order[1].clone();
    let wanted = checked.wanted(&live, &All).expect("a function");
    let sha256 = wanted.code.expect("code").sha256.clone();
    assert_eq!(
        wanted.properties,
        json!({
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Role": "arn:aws:iam::012345678901:role/r",
            "Environment": {"Variables": {"TABLE_name": "shop-orders", "Count": "012"}},
            "FunctionName": "shop-OrderToolsFn",
            "Tags": {"Team": "shop"},
            "Code": {"sha256": sha256},
        }),
    );
}

#[test]
fn spellings_that_differ_from_the_api() {
    let agent = "Resources:\n  A:\n    Type: AWS::Bedrock::Agent\n    Properties:\n      AgentName: a\n";
    let with = |more: &str| format!("{agent}{more}");
    check_wanted(
        &with(
            "      AutoPrepare: true
      TestAliasTags: {outcrop:names: x}
      Tags: {Team: shop}
      SkipResourceInUseCheckOnDelete: true
      MemoryConfiguration: {EnabledMemoryTypes: [SESSION_SUMMARY], StorageDays: 30}
      PromptOverrideConfiguration:
        PromptConfigurations:
          - {PromptType: ORCHESTRATION, InferenceConfiguration: {Temperature: 0.5, TopK: 3, StopSequences: [x]}}
      ActionGroups:
        - ActionGroupName: g
          SkipResourceInUseCheckOnDelete: true
          ActionGroupExecutor: {CustomControl: RETURN_CONTROL}
          ApiSchema: {S3: {S3BucketName: bucket, S3ObjectKey: key}}
        - ActionGroupName: h
          ActionGroupExecutor: {CustomControl: RETURN_CONTROL}
          FunctionSchema: {Functions: [{Name: f, RequireConfirmation: ENABLED}]}
        - ActionGroupName: i
          ParentActionGroupSignature: AMAZON.UserInput
",
        ),
        "A",
        &json!({
            "agentName": "a",
            "tags": {"Team": "shop"},
            "memoryConfiguration": {"enabledMemoryTypes": ["SESSION_SUMMARY"], "storageDays": 30},
            "promptOverrideConfiguration": {"promptConfigurations": [{"promptType": "ORCHESTRATION",
                "inferenceConfiguration": {"temperature": 0.5, "topK": 3, "stopSequences": ["x"]}}]},
            "autoPrepare": true,
            "testAliasTags": {"outcrop:names": "x"},
            "skipResourceInUseCheckOnDelete": true,
            "actionGroups": [
                {"actionGroupName": "g", "actionGroupExecutor": {"customControl": "RETURN_CONTROL"},
                 "apiSchema": {"s3": {"s3BucketName": "bucket", "s3ObjectKey": "key"}}},
                {"actionGroupName": "h", "actionGroupExecutor": {"customControl": "RETURN_CONTROL"},
                 "functionSchema": {"functions": [{"name": "f", "requireConfirmation": "ENABLED"}]}},
                {"actionGroupName": "i", "parentActionGroupSignature": "AMAZON.UserInput"},
            ],
        }),
    );
}

#[test]
fn serverless_functions_are_functions() {
    let source = "\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: nodejs22.x
    Timeout: 30
    Environment: {Variables: {AA: global, BB: global}}
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Timeout: 5
      Environment: {Variables: {BB: own}}
      Policies: [AWSLambdaBasicExecutionRole]
      Tags: {Team: shop}
      Role: r
      CodeUri: s3://bucket/code.zip
";
    check_wanted(
        &source.replace("Role: r", "Role: arn:aws:iam::012345678901:role/r"),
        "Fn",
        &json!({
            "Handler": "index.handler",
            "Timeout": 5,
            "Environment": {"Variables": {"BB": "own", "AA": "global"}},
            "Role": "arn:aws:iam::012345678901:role/r",
            "Runtime": "nodejs22.x",
            "FunctionName": "shop-Fn",
            "Tags": {"Team": "shop"},
            "Code": {"S3Bucket": "bucket", "S3Key": "code.zip"},
        }),
    );
    let wrong = source.replace(
        "      Role: r\n      CodeUri: s3://bucket/code.zip\n",
        "      Events: {}\n      CodeUri: ./nowhere\n",
    );
    check_problems(
        &wrong,
        &[
            "16: Resources.Fn.Properties.Events: unsupported property",
            "17: Resources.Fn.Properties.CodeUri: cannot read `/nowhere/./nowhere`: No such file or directory (os error 2)",
        ],
    );
}

#[test]
fn every_mistake_is_reported_at_once_with_its_line() {
    check_problems(
        "\
Parameters:
  Stage: {Type: String}
Conditions:
  Never: !Equals [a, b]
Hooks: {}
Resources:
  Queue:
    Type: AWS::SQS::Queue
  Agent:
    Type: AWS::Bedrock::Agent
    DependsOn: Nothing
    Properties:
      agentName: small
      Foo: 1
      FoundationModelArn: x
      IdleSessionTTlInSeconds: 5
      IdleSessionTTLInSeconds: ten
      OrchestrationType: SOMETIMES
      KnowledgeBases: []
      ActionGroups:
        - ActionGroupName: has spaces
          ActionGroupExecutor: {Lambda: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:x', CustomControl: RETURN_CONTROL}
        - ActionGroupState: ENABLED
  Hidden:
    Type: AWS::IAM::Role
    Condition: Never
  Fn:
    Type: AWS::Lambda::Function
    Condition: Nope
    Properties:
      Runtime: python3.12
      Layers: []
      Environment: {Variables: {a-b: c}}
      Role: !GetAtt Hidden.Arn
      Code: {ZipFile: x}
  Alias:
    Type: AWS::Bedrock::AgentAlias
    Properties:
      AgentId: !GetAtt Agent.Id
      AgentAliasName: PROD
Outputs:
  List: {Value: [a]}
",
        &[
            "2: Parameters.Stage: has no default: give it with --parameter Stage=VALUE",
            "5: Hooks: unsupported section",
            "8: Resources.Queue.Type: unsupported type `AWS::SQS::Queue`; supported are AWS::Bedrock::Agent, \
             AWS::Bedrock::AgentAlias, AWS::Bedrock::Guardrail, AWS::Bedrock::GuardrailVersion, AWS::Lambda::Function, AWS::Serverless::Function, AWS::Lambda::Permission, \
             AWS::IAM::Role, AWS::IAM::Policy, AWS::IAM::ManagedPolicy",
            "11: Resources.Agent.DependsOn: there is no resource `Nothing`",
            "13: Resources.Agent.Properties: property `AgentName` is missing",
            "13: Resources.Agent.Properties.agentName: unsupported property; did you mean `AgentName`?",
            "14: Resources.Agent.Properties.Foo: unsupported property",
            "15: Resources.Agent.Properties.FoundationModelArn: unsupported property",
            "16: Resources.Agent.Properties.IdleSessionTTlInSeconds: unsupported property; \
             did you mean `IdleSessionTTLInSeconds`?",
            "17: Resources.Agent.Properties.IdleSessionTTLInSeconds: expected a whole number, found `ten`",
            "18: Resources.Agent.Properties.OrchestrationType: `SOMETIMES` is not one of DEFAULT, CUSTOM_ORCHESTRATION",
            "19: Resources.Agent.Properties.KnowledgeBases: this property is not supported yet",
            "21: Resources.Agent.Properties.ActionGroups[0]: one of `ApiSchema` and `FunctionSchema` is needed",
            "21: Resources.Agent.Properties.ActionGroups[0].ActionGroupName: `has spaces` does not match the pattern \
             ([0-9a-zA-Z][_-]?){1,100}",
            "22: Resources.Agent.Properties.ActionGroups[0].ActionGroupExecutor: \
             expected exactly one of Lambda, CustomControl",
            "23: Resources.Agent.Properties.ActionGroups[1]: one of `ApiSchema` and `FunctionSchema` is needed",
            "23: Resources.Agent.Properties.ActionGroups[1]: property `ActionGroupExecutor` is missing: \
             `Lambda` with a function's ARN, or `CustomControl: RETURN_CONTROL`",
            "23: Resources.Agent.Properties.ActionGroups[1]: property `ActionGroupName` is missing",
            "29: Resources.Fn.Condition: there is no condition `Nope`",
            "31: Resources.Fn.Properties: property `Handler` is missing",
            "32: Resources.Fn.Properties.Layers: unsupported property",
            "33: Resources.Fn.Properties.Environment.Variables.a-b: `a-b` does not match the pattern [a-zA-Z]([a-zA-Z0-9_])+",
            "34: Resources.Fn.Properties.Role: resource `Hidden` is left out by its condition",
            "39: Resources.Alias.Properties.AgentId: `Agent` (AWS::Bedrock::Agent) has no attribute `Id`; it has \
             AgentArn, AgentId, AgentStatus, AgentVersion, CreatedAt, PreparedAt, UpdatedAt",
            "42: Outputs.List.Value: an output is text, not a list",
        ],
    );
}

#[test]
fn what_the_server_would_refuse_is_told_before() {
    check_problems(
        "\
AWSTemplateFormatVersion: '2012-10-17'
Resources:
  A:
    Type: AWS::Bedrock::Agent
    Properties:
      AgentName: a
      ActionGroups:
        - ActionGroupName: both
          ActionGroupExecutor: {CustomControl: RETURN_CONTROL}
          ApiSchema: {Payload: 'x'}
          FunctionSchema: {Functions: [{Name: f}]}
        - ActionGroupName: both
          ActionGroupExecutor: {CustomControl: RETURN_CONTROL}
          FunctionSchema: {Functions: [{Name: f}, {Name: g}, {Name: f}]}
        - ActionGroupName: asks
          ParentActionGroupSignature: AMAZON.UserInput
          Description: no
        - {ActionGroupName: off, ActionGroupState: DISABLED}
        - ActionGroupName: api
          ActionGroupExecutor: {CustomControl: RETURN_CONTROL}
          ApiSchema:
            Payload: '{\"swagger\": \"2.0\"}'
  B: {Type: AWS::Bedrock::Agent, Properties: {AgentName: a}}
  L: {Type: AWS::Bedrock::AgentAlias, Properties: {AgentId: !Ref A, AgentAliasName: PROD}}
  M: {Type: AWS::Bedrock::AgentAlias, Properties: {AgentId: !Ref B, AgentAliasName: PROD}}
  N: {Type: AWS::Bedrock::AgentAlias, Properties: {AgentId: !GetAtt A.AgentId, AgentAliasName: PROD}}
  F:
    Type: AWS::Serverless::Function
    Properties: {Runtime: java21, Handler: a, CodeUri: s3://bucket/code}
  G:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: shop-F, Runtime: python3.13, Handler: a.b, Code: {ZipFile: x}}
",
        &[
            "1: AWSTemplateFormatVersion: unsupported version: the only one is `2010-09-09`",
            "11: Resources.A.Properties.ActionGroups[0].FunctionSchema: \
             a group has either an `ApiSchema` or a `FunctionSchema`",
            "12: Resources.A.Properties.ActionGroups[1].ActionGroupName: two action groups are called `both`",
            "14: Resources.A.Properties.ActionGroups[1].FunctionSchema.Functions[2].Name: \
             two functions of the group are called `f`",
            "17: Resources.A.Properties.ActionGroups[2].Description: \
             a group with `ParentActionGroupSignature` must not have `Description`",
            "22: Resources.A.Properties.ActionGroups[4].ApiSchema.Payload: Failed to create OpenAPI 3 model from the \
             JSON/YAML object that you provided for action: api: swagger 2.0 is not supported: convert the \
             document to OpenAPI 3.0 (at swagger)",
            "23: Resources.B.Properties.AgentName: agent `a` is already made by `A`",
            "26: Resources.N.Properties.AgentAliasName: alias `PROD` is already made by `L`",
            "28: Resources.F.Type: `AWS::Serverless::Function` needs `Transform: AWS::Serverless-2016-10-31` \
             at the top of the template",
            "29: Resources.F.Properties.Runtime: the runtime `java21` is not supported; \
             use python3.x, nodejs or provided.al2023",
            "32: Resources.G.Properties.FunctionName: function `shop-F` is already made by `F`",
        ],
    );
}

proptest::proptest! {
    /// Half-written templates are what people save most often.
    #[test]
    fn broken_templates_never_panic(from in 0usize..60, lines in 1usize..4, at in 0usize..2500, noise in "[!{}\\[\\]:&*$ ]{0,3}") {
        let mut source = format!("{ARTICLE}{REST}");
        source.insert_str(source.floor_char_boundary(at.min(source.len())), &noise);
        let kept = source.lines().enumerate().filter(|(line, _)| !(from..from + lines).contains(line));
        let _ = run(&kept.map(|(_, line)| format!("{line}\n")).collect::<String>());
    }
}

#[test]
fn resources_that_need_each_other_are_told_with_the_path() {
    check_problems(
        "Resources:
  A: {Type: AWS::IAM::Role, Properties: {RoleName: !Ref B}}
  B: {Type: AWS::IAM::Role, DependsOn: C}
  C: {Type: AWS::IAM::Role, Properties: {Description: !Sub 'of ${A.Arn}'}}
",
        &["2: Resources.A: resources need each other: A → B → C → A"],
    );
}

#[test]
fn collaborators_are_checked_and_come_first() {
    check_problems(
        "Resources:
  Boss:
    Type: AWS::Bedrock::Agent
    Properties:
      AgentName: boss
      AgentCollaborators:
        - {CollaboratorName: a, CollaborationInstruction: x, AgentDescriptor: {AliasArn: !GetAtt L.AgentAliasArn}}
        - {CollaboratorName: a, CollaborationInstruction: x, AgentDescriptor: {AliasArn: !GetAtt L.AgentAliasArn}}
        - {CollaboratorName: b, Instruction: x}
  A: {Type: AWS::Bedrock::Agent, Properties: {AgentName: a}}
  L: {Type: AWS::Bedrock::AgentAlias, Properties: {AgentId: !Ref A, AgentAliasName: PROD}}
",
        &[
            "6: Resources.Boss.Properties.AgentCollaborators: \
             an agent with collaborators needs `AgentCollaboration: SUPERVISOR` or `SUPERVISOR_ROUTER`",
            "8: Resources.Boss.Properties.AgentCollaborators[1].CollaboratorName: two collaborators are called `a`",
            "9: Resources.Boss.Properties.AgentCollaborators[2]: property `AgentDescriptor` is missing",
            "9: Resources.Boss.Properties.AgentCollaborators[2]: property `CollaborationInstruction` is missing",
            "9: Resources.Boss.Properties.AgentCollaborators[2].Instruction: unsupported property",
        ],
    );
}
