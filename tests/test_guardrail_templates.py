"""Guardrails and their versions in templates."""

from server import outcrop as run
from script import say, script, turn
from world import client, invoke, Agent

TEMPLATE = """
AWSTemplateFormatVersion: '2010-09-09'
Resources:
  Shield:
    Type: AWS::Bedrock::Guardrail
    Properties:
      Name: shield
      BlockedInputMessaging: I cannot take that.
      BlockedOutputsMessaging: I cannot say that.
      KmsKeyArn: arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000
      CrossRegionConfig:
        GuardrailProfileArn: arn:aws:bedrock:us-east-1:000000000000:guardrail-profile/us.guardrail.v1:0
      TopicPolicyConfig:
        TopicsConfig: [{{Name: Finance, Definition: Advice on shares., Type: DENY, Examples: [Which shares should I buy?]}}]
        TopicsTierConfig: {{TierName: STANDARD}}
      SensitiveInformationPolicyConfig:
        PiiEntitiesConfig: [{{Type: EMAIL, Action: {action}}}]
      Tags: [{{Key: team, Value: {team}}}]
  Released:
    Type: AWS::Bedrock::GuardrailVersion
    Properties:
      GuardrailIdentifier: !Ref Shield
      Description: {description}
  Desk:
    Type: AWS::Bedrock::Agent
    Properties:
      AgentName: desk
      FoundationModel: anthropic.claude-opus-4-7
      Instruction: You help customers of a small shop with their orders, kindly and quickly.
      AutoPrepare: true
      GuardrailConfiguration:
        GuardrailIdentifier: !GetAtt Shield.GuardrailId
        GuardrailVersion: !GetAtt Released.Version
Outputs:
  Guardrail: {{Value: !GetAtt Shield.GuardrailArn}}
  Version: {{Value: !Ref Released}}
"""


def test_a_template_makes_changes_and_takes_away(outcrop, tmp_path):
    outcrop.start(script(turn(say("Write to jo@example.com."))))
    bedrock, control = client("bedrock", outcrop.url), outcrop.control()
    template = tmp_path / "template.yaml"

    def deploy(**values):
        template.write_text(TEMPLATE.format(**values))
        done = run("deploy", template, "--endpoint", outcrop.url, "--stack", "shop")
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    first = {"action": "ANONYMIZE", "team": "north", "description": "First."}
    deploy(**first)
    shown, = bedrock.list_guardrails()["guardrails"]
    guardrail = bedrock.get_guardrail(guardrailIdentifier=shown["id"])
    assert guardrail["topicPolicy"]["tier"] == {"tierName": "STANDARD"} and guardrail["kmsKeyArn"].endswith("key/00000000-0000-0000-0000-000000000000")
    assert guardrail["crossRegionDetails"]["guardrailProfileId"] == "us.guardrail.v1:0"
    assert bedrock.list_tags_for_resource(resourceARN=shown["arn"])["tags"] == [{"key": "team", "value": "north"}]
    agent, = control.list_agents()["agentSummaries"]
    draft = Agent(agent["agentId"], "TSTALIASID")
    assert invoke(outcrop.runtime(), draft, "Whom?").answer == "Write to {EMAIL}."
    again = deploy(**first)
    assert "update" not in again and "create" not in again, again

    # The draft changes; the version that the agent uses does not, until another is cut.
    changed = {"action": "BLOCK", "team": "south", "description": "First."}
    deploy(**changed)
    assert invoke(outcrop.runtime(), draft, "Whom?").answer == "Write to {EMAIL}."
    assert bedrock.list_tags_for_resource(resourceARN=shown["arn"])["tags"] == [{"key": "team", "value": "south"}]
    deploy(**{**changed, "description": "Second."})
    assert invoke(outcrop.runtime(), draft, "Whom?").answer == "I cannot say that."
    versions = [each["version"] for each in bedrock.list_guardrails(guardrailIdentifier=shown["id"])["guardrails"]]
    assert versions == ["DRAFT", "2"]

    # What goes out of the template goes.
    lines = TEMPLATE.format(**changed).split("  Desk:")[0].split("  Shield:")[0]
    template.write_text(lines + "  Group:\n    Type: AWS::IAM::Role\n    Properties: {AssumeRolePolicyDocument: {}}\n")
    done = run("deploy", template, "--endpoint", outcrop.url, "--stack", "shop")
    assert done.returncode == 0, done.stderr + done.stdout
    assert bedrock.list_guardrails()["guardrails"] == [] and control.list_agents()["agentSummaries"] == []


def test_a_template_with_a_mistake_names_it(outcrop, tmp_path):
    outcrop.start()
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE.format(action="MASK", team="north", description="First."))
    done = run("deploy", template, "--endpoint", outcrop.url)
    assert done.returncode == 2 and "MASK" in done.stderr and "ANONYMIZE" in done.stderr, done.stderr
