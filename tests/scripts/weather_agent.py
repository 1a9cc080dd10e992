"""Sets up an agent with two action groups, asks it something and takes everything away again.

Plain boto3 in the manner of published samples: nothing here knows where it runs. Only the environment decides.
"""

import io
import json
import sys
import textwrap
import time
import uuid
import zipfile

import boto3
from botocore.exceptions import ClientError

session = boto3.Session()
region = session.region_name
sts = session.client("sts")
iam = session.client("iam")
s3 = session.client("s3")
functions = session.client("lambda")
agents = session.client("bedrock-agent")
runtime = session.client("bedrock-agent-runtime")

account = sts.get_caller_identity()["Account"]
suffix = f"{region}-{account}"
NAME = f"weather-agent-{suffix}"
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
BUCKET = f"weather-agent-{suffix}"
SCHEMA_KEY = "schemas/weather.json"

SCHEMA = {
    "openapi": "3.0.0",
    "info": {"title": "Weather", "version": "1.0.0"},
    "paths": {"/weather/{city}": {"get": {
        "summary": "Weather of a city", "description": "Tells the weather of a city today.", "operationId": "getWeather",
        "parameters": [{"name": "city", "in": "path", "required": True, "schema": {"type": "string"}, "description": "Name of the city"}],
        "responses": {"200": {"description": "The weather", "content": {"application/json": {"schema": {
            "type": "object", "properties": {"weather": {"type": "string"}}}}}}},
    }}},
}

CODE = textwrap.dedent('''
    import json

    def lambda_handler(event, context):
        given = {each["name"]: each["value"] for each in event.get("parameters", [])}
        if "apiPath" in event:
            body = json.dumps({"weather": "sunny", "city": given["city"]})
            response = {
                "actionGroup": event["actionGroup"], "apiPath": event["apiPath"], "httpMethod": event["httpMethod"],
                "httpStatusCode": 200, "responseBody": {"application/json": {"body": body}},
            }
        else:
            body = "Packed: umbrella for " + given["city"]
            response = {
                "actionGroup": event["actionGroup"], "function": event["function"],
                "functionResponse": {"responseBody": {"TEXT": {"body": body}}},
            }
        return {"messageVersion": event["messageVersion"], "response": response}
''')


def trust(service):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]})


def make_role(name, service):
    try:
        return iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))["Role"]
    except iam.exceptions.EntityAlreadyExistsException:
        return iam.get_role(RoleName=name)["Role"]


def make_policy(name, actions, resources):
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]}
    try:
        return iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":
            raise
        return f"arn:aws:iam::{account}:policy/{name}"


def wait_while_passing(what, get):
    status = get()
    while status.endswith("ING"):
        time.sleep(1)
        status = get()
    print(f"{what}: {status}")
    return status


def set_up():
    function_role = make_role(f"{NAME}-fn"[:64], "lambda.amazonaws.com")
    iam.attach_role_policy(
        RoleName=function_role["RoleName"], PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    policy = make_policy(f"{NAME}-models", "bedrock:InvokeModel", [f"arn:aws:bedrock:{region}::foundation-model/{MODEL}"])
    agent_role = make_role(f"AmazonBedrockExecutionRoleForAgents_{suffix}"[:64], "bedrock.amazonaws.com")
    iam.attach_role_policy(RoleName=agent_role["RoleName"], PolicyArn=policy)
    iam.put_role_policy(RoleName=agent_role["RoleName"], PolicyName="schema", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}]}))
    iam.get_waiter("role_exists").wait(RoleName=agent_role["RoleName"])

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("lambda_function.py", CODE)
    function = functions.create_function(
        FunctionName=f"{NAME}-fn"[:64], Runtime="python3.12", Role=function_role["Arn"], Handler="lambda_function.lambda_handler",
        Code={"ZipFile": packed.getvalue()}, Timeout=60)
    functions.get_waiter("function_active_v2").wait(FunctionName=function["FunctionName"])

    if region == "us-east-1":
        s3.create_bucket(Bucket=BUCKET)
    else:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
    s3.put_object(Bucket=BUCKET, Key=SCHEMA_KEY, Body=json.dumps(SCHEMA))

    agent = agents.create_agent(
        agentName=NAME, agentResourceRoleArn=agent_role["Arn"], foundationModel=MODEL, idleSessionTTLInSeconds=1800,
        description="Knows the weather.", instruction="You tell people the weather of a city and what to pack for it.")["agent"]
    agent_id = agent["agentId"]
    wait_while_passing("agent", lambda: agents.get_agent(agentId=agent_id)["agent"]["agentStatus"])
    executor = {"lambda": function["FunctionArn"]}
    weather = agents.create_agent_action_group(
        agentId=agent_id, agentVersion="DRAFT", actionGroupName="WeatherActions", actionGroupExecutor=executor,
        apiSchema={"s3": {"s3BucketName": BUCKET, "s3ObjectKey": SCHEMA_KEY}})["agentActionGroup"]
    packing = agents.create_agent_action_group(
        agentId=agent_id, agentVersion="DRAFT", actionGroupName="PackingActions", actionGroupExecutor=executor,
        functionSchema={"functions": [{"name": "pack", "description": "Says what to pack for a city.", "parameters": {
            "city": {"type": "string", "required": True, "description": "Name of the city"}}}]})["agentActionGroup"]
    functions.add_permission(
        FunctionName=function["FunctionName"], StatementId="allow_bedrock", Action="lambda:InvokeFunction",
        Principal="bedrock.amazonaws.com", SourceArn=f"arn:aws:bedrock:{region}:{account}:agent/{agent_id}")
    agents.prepare_agent(agentId=agent_id)
    wait_while_passing("prepared agent", lambda: agents.get_agent(agentId=agent_id)["agent"]["agentStatus"])
    alias = agents.create_agent_alias(agentId=agent_id, agentAliasName="live-alias")["agentAlias"]
    wait_while_passing("alias", lambda: agents.get_agent_alias(
        agentId=agent_id, agentAliasId=alias["agentAliasId"])["agentAlias"]["agentAliasStatus"])
    return {"agent": agent_id, "alias": alias["agentAliasId"], "groups": [weather, packing], "function": function,
            "roles": [function_role, agent_role], "policy": policy}


def ask(made, question):
    response = runtime.invoke_agent(
        agentId=made["agent"], agentAliasId=made["alias"], sessionId=str(uuid.uuid4()), enableTrace=True, inputText=question)
    answer = ""
    for event in response["completion"]:
        if "chunk" in event:
            answer += event["chunk"]["bytes"].decode()
        elif "trace" in event:
            observation = event["trace"]["trace"].get("orchestrationTrace", {}).get("observation", {})
            output = observation.get("actionGroupInvocationOutput")
            if output:
                print("observed:", output["text"])
    print("answer:", answer)


def clean_up(made):
    for group in made["groups"]:
        kept = {name: group[name] for name in ("apiSchema", "functionSchema") if name in group}
        agents.update_agent_action_group(
            agentId=made["agent"], agentVersion="DRAFT", actionGroupId=group["actionGroupId"], actionGroupName=group["actionGroupName"],
            actionGroupExecutor=group["actionGroupExecutor"], actionGroupState="DISABLED", **kept)
        agents.delete_agent_action_group(agentId=made["agent"], agentVersion="DRAFT", actionGroupId=group["actionGroupId"])
    agents.delete_agent_alias(agentId=made["agent"], agentAliasId=made["alias"])
    agents.delete_agent(agentId=made["agent"])
    functions.delete_function(FunctionName=made["function"]["FunctionName"])
    for role in made["roles"]:
        name = role["RoleName"]
        for policy in iam.list_attached_role_policies(RoleName=name, MaxItems=100)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)
    iam.delete_policy(PolicyArn=made["policy"])
    for item in s3.list_objects(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    s3.delete_bucket(Bucket=BUCKET)


if __name__ == "__main__":
    made = set_up()
    for question in sys.argv[1:]:
        ask(made, question)
    clean_up(made)
    print("all gone")
