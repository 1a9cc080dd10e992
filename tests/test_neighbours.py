"""The calls that set-up scripts make next to Bedrock, on the same port: who am I, roles and policies."""

import io
import json
import subprocess
import zipfile

import httpx
import pytest
from botocore.exceptions import ClientError

import world
from conftest import need

ACCOUNT = "111122223333"
SETTINGS = f'region = "us-west-2"\naccount_id = "{ACCOUNT}"\n'
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole",
     "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}]}
MODEL_ACCESS = {"Version": "2012-10-17", "Statement": [
    {"Sid": "Models", "Effect": "Allow", "Action": ["bedrock:InvokeModel"], "Resource": ["arn:aws:bedrock:us-west-2::foundation-model/*"]}]}
AWS_POLICY = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture
def iam(outcrop):
    return world.client("iam", outcrop.start(settings=SETTINGS).url)


def refused(code, call, **arguments):
    """The call ends with this code; gives the answer."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    assert raised.value.response["Error"]["Code"] == code, raised.value.response
    return raised.value.response


def create_role(iam, name="agent-role", **more):
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), **more)["Role"]


def create_policy(iam, name="model-access", **more):
    return iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(MODEL_ACCESS), **more)["Policy"]


def test_who_is_calling(outcrop):
    sts = world.client("sts", outcrop.start(settings=SETTINGS).url)
    me = sts.get_caller_identity()
    assert (me["Account"], me["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/outcrop")
    assert me["ResponseMetadata"]["RequestId"] == me["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    user = world.client("iam", outcrop.url).get_user()["User"]
    assert (user["Arn"], user["UserId"]) == (me["Arn"], me["UserId"])
    # What is not served says so in the caller's own form.
    refused("InvalidAction", sts.get_session_token)
    # Signed for nothing, in the query, as presigned requests are.
    with httpx.Client(trust_env=False) as plain:
        answer = plain.get(outcrop.url + "/?Action=GetCallerIdentity&Version=2011-06-15")
    assert answer.headers["content-type"] == "text/xml" and f"<Account>{ACCOUNT}</Account>" in answer.text


def test_a_role_from_creation_to_deletion(outcrop, iam):
    made = create_role(iam, Description="For agents", Path="/service/", MaxSessionDuration=7200, Tags=[{"Key": "team", "Value": "a b"}])
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/service/agent-role"
    assert made["RoleId"].startswith("AROA") and len(made["RoleId"]) == 21
    assert made["AssumeRolePolicyDocument"] == TRUST
    iam.get_waiter("role_exists").wait(RoleName="agent-role")
    role = iam.get_role(RoleName="agent-role")["Role"]
    assert role.pop("RoleLastUsed") == {} and role == made
    assert role["MaxSessionDuration"] == 7200 and role["CreateDate"].microsecond == 0
    # The answer holds the document percent-encoded, as code that reads it without boto3 expects.
    raw = httpx.post(outcrop.url, data={"Action": "GetRole", "Version": "2010-05-08", "RoleName": "agent-role"}, trust_env=False)
    assert "<AssumeRolePolicyDocument>%7B%22Version%22%3A%20%222012-10-17%22" in raw.text

    error = refused("EntityAlreadyExists", create_role, iam=iam, name="Agent-Role")
    assert error["Error"]["Message"] == "Role with name Agent-Role already exists." and error["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert iam.exceptions.EntityAlreadyExistsException

    iam.update_role(RoleName="agent-role", Description="Other")
    other = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "lambda.amazonaws.com"}}]}
    iam.update_assume_role_policy(RoleName="agent-role", PolicyDocument=json.dumps(other))
    iam.tag_role(RoleName="agent-role", Tags=[{"Key": "Team", "Value": "c"}, {"Key": "env", "Value": "test"}])
    iam.untag_role(RoleName="agent-role", TagKeys=["ENV", "none"])
    role = iam.get_role(RoleName="agent-role")["Role"]
    assert (role["Description"], role["MaxSessionDuration"], role["AssumeRolePolicyDocument"]) == ("Other", 7200, other)
    assert role["Tags"] == iam.list_role_tags(RoleName="agent-role")["Tags"] == [{"Key": "Team", "Value": "c"}]

    iam.put_role_policy(RoleName="agent-role", PolicyName="own", PolicyDocument=json.dumps(MODEL_ACCESS))
    assert iam.list_role_policies(RoleName="agent-role")["PolicyNames"] == ["own"]
    assert iam.get_role_policy(RoleName="agent-role", PolicyName="own")["PolicyDocument"] == MODEL_ACCESS
    iam.attach_role_policy(RoleName="agent-role", PolicyArn=AWS_POLICY)
    iam.attach_role_policy(RoleName="agent-role", PolicyArn=AWS_POLICY)
    assert iam.list_attached_role_policies(RoleName="agent-role")["AttachedPolicies"] == [
        {"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": AWS_POLICY}]
    assert "detach" in refused("DeleteConflict", iam.delete_role, RoleName="agent-role")["Error"]["Message"]
    iam.detach_role_policy(RoleName="agent-role", PolicyArn=AWS_POLICY)
    refused("NoSuchEntity", iam.detach_role_policy, RoleName="agent-role", PolicyArn=AWS_POLICY)
    refused("DeleteConflict", iam.delete_role, RoleName="agent-role")
    iam.delete_role_policy(RoleName="agent-role", PolicyName="own")
    refused("NoSuchEntity", iam.delete_role_policy, RoleName="agent-role", PolicyName="own")
    assert iam.list_instance_profiles_for_role(RoleName="agent-role")["InstanceProfiles"] == []
    iam.delete_role(RoleName="AGENT-role")
    with pytest.raises(iam.exceptions.NoSuchEntityException) as gone:
        iam.get_role(RoleName="agent-role")
    assert gone.value.response["Error"]["Message"] == "The role with name agent-role cannot be found."
    assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert "roles and policies are not enforced here" in outcrop.server.tail()


def test_a_policy_from_creation_to_deletion(iam):
    made = create_policy(iam, Description="Models", Tags=[{"Key": "a", "Value": "b"}])
    arn = made["Arn"]
    assert (arn, made["DefaultVersionId"], made["AttachmentCount"]) == (f"arn:aws:iam::{ACCOUNT}:policy/model-access", "v1", 0)
    iam.get_waiter("policy_exists").wait(PolicyArn=arn)
    refused("EntityAlreadyExists", create_policy, iam=iam, name="Model-Access", Path="/elsewhere/")
    for name in ("one", "two"):
        create_role(iam, name)
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["AttachmentCount"], policy["Description"]) == (2, "Models")
    having = iam.list_entities_for_policy(PolicyArn=arn)
    assert [role["RoleName"] for role in having["PolicyRoles"]] == ["one", "two"]
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)

    other = {**MODEL_ACCESS, "Statement": [{**MODEL_ACCESS["Statement"][0], "Effect": "Deny"}]}
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(other), SetAsDefault=True)["PolicyVersion"]
    assert (version["VersionId"], version["IsDefaultVersion"]) == ("v2", True)
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == other
    assert [each["VersionId"] for each in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v2", "v1"]
    refused("DeleteConflict", iam.delete_policy_version, PolicyArn=arn, VersionId="v2")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    for name in ("one", "two"):
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    refused("NoSuchEntity", iam.get_policy_version, PolicyArn=arn, VersionId="v2")
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(other))
    refused("LimitExceeded", iam.create_policy_version, PolicyArn=arn, PolicyDocument=json.dumps(other))
    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=arn)
    refused("NoSuchEntity", iam.get_policy, PolicyArn=arn)
    refused("NoSuchEntity", iam.attach_role_policy, RoleName="one", PolicyArn=arn)


def test_awss_own_policies(iam):
    record = iam.get_policy(PolicyArn=AWS_POLICY)["Policy"]
    assert (record["PolicyName"], record["Path"], record["AttachmentCount"]) == ("AWSLambdaBasicExecutionRole", "/service-role/", 0)
    create_role(iam)
    create_policy(iam)
    iam.attach_role_policy(RoleName="agent-role", PolicyArn=AWS_POLICY)
    names = lambda **more: [policy["PolicyName"] for policy in iam.list_policies(**more)["Policies"]]
    assert names(Scope="Local") == ["model-access"] and names(Scope="AWS") == ["AWSLambdaBasicExecutionRole"]
    assert sorted(names()) == ["AWSLambdaBasicExecutionRole", "model-access"]
    assert names(OnlyAttached=True) == ["AWSLambdaBasicExecutionRole"]
    refused("AccessDenied", iam.delete_policy, PolicyArn=AWS_POLICY)


def test_what_services_make_for_themselves(iam):
    made = iam.create_service_linked_role(AWSServiceName="observability.aoss.amazonaws.com")["Role"]
    assert made["RoleName"] == "AWSServiceRoleForAmazonOpenSearchServerless"
    assert made["Path"] == "/aws-service-role/observability.aoss.amazonaws.com/"
    refused("InvalidInput", iam.create_service_linked_role, AWSServiceName="observability.aoss.amazonaws.com")
    refused("UnmodifiableEntity", iam.delete_role, RoleName=made["RoleName"])


def test_lists_have_pages(iam):
    names = [f"role-{number:02}" for number in range(25)]
    for name in reversed(names):
        create_role(iam, name, Path="/odd/" if int(name[-1]) % 2 else "/even/")
    pages = list(iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 10}))
    assert [len(page["Roles"]) for page in pages] == [10, 10, 5]
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == names
    assert len(iam.list_roles(PathPrefix="/odd/")["Roles"]) == 12
    refused("ValidationError", iam.list_roles, Marker="%%")


@pytest.mark.parametrize("document", ["{", "[]", "{}", json.dumps({**TRUST, "Statement": []}), json.dumps(MODEL_ACCESS)])
def test_broken_documents_are_refused(iam, document):
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)
    refused("NoSuchEntity", iam.get_role, RoleName="r")


def test_broken_constraints_are_told_in_iams_words(iam):
    error = refused("ValidationError", iam.get_role, RoleName="a b")
    assert error["Error"]["Message"] == (
        "1 validation error detected: Value 'a b' at 'roleName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\w+=,.@-]+")
    assert error["Error"]["Type"] == "Sender" and error["ResponseMetadata"]["HTTPStatusCode"] == 400
    error = refused("ValidationError", create_role, iam=iam, name="r" * 65, MaxSessionDuration=50_000)
    assert error["Error"]["Message"].startswith("2 validation errors detected: ")


def test_what_is_recorded_survives_a_crash(outcrop, iam):
    create_role(iam)
    arn = create_policy(iam)["Arn"]
    iam.attach_role_policy(RoleName="agent-role", PolicyArn=arn)
    outcrop.server.restart()
    iam = world.client("iam", outcrop.url)
    assert iam.list_attached_role_policies(RoleName="agent-role")["AttachedPolicies"] == [{"PolicyName": "model-access", "PolicyArn": arn}]


def rules(name, kind="collection", **more):
    return {"Rules": [{"ResourceType": kind, "Resource": [f"{kind}/{name}"], **more}]}


@pytest.fixture
def store(outcrop):
    return world.client("opensearchserverless", outcrop.start(settings=SETTINGS).url)


def create_collection(store, name="vectors", **more):
    encryption = {**rules("vec*"), "AWSOwnedKey": True}
    try:
        store.create_security_policy(name="encrypt", type="encryption", policy=json.dumps(encryption))
    except store.exceptions.ConflictException:
        pass
    return store.create_collection(name=name, **more)["createCollectionDetail"]


def test_a_collection_from_creation_to_deletion(outcrop, store):
    error = refused("ValidationException", store.create_collection, name="vectors", type="VECTORSEARCH")
    assert error["Error"]["Message"].startswith("No matching security policy of encryption type found for collection name: vectors.")
    made = create_collection(store, type="VECTORSEARCH", description="d", tags=[{"key": "a", "value": "b"}])
    assert made["status"] == "CREATING" and made["arn"] == f"arn:aws:aoss:us-west-2:{ACCOUNT}:collection/{made['id']}"
    assert made["kmsKeyArn"] == "auto" and made["createdDate"] > 1_600_000_000_000
    refused("ConflictException", create_collection, store=store)
    refused("ValidationException", store.create_collection, name="others")
    for by in ({"ids": [made["id"], "none"]}, {"names": ["vectors", "none"]}):
        answer = store.batch_get_collection(**by)
        [one], [missing] = answer["collectionDetails"], answer["collectionErrorDetails"]
        assert (one["status"], one["type"], one["collectionEndpoint"]) == ("ACTIVE", "VECTORSEARCH", outcrop.url)
        assert "none" in missing.values()
    refused("ValidationException", store.batch_get_collection)
    assert store.update_collection(id=made["id"], description="other")["updateCollectionDetail"]["description"] == "other"
    store.tag_resource(resourceArn=made["arn"], tags=[{"key": "c", "value": "d"}])
    store.untag_resource(resourceArn=made["arn"], tagKeys=["a"])
    assert store.list_tags_for_resource(resourceArn=made["arn"])["tags"] == [{"key": "c", "value": "d"}]
    create_collection(store, "vec-two")
    assert [each["name"] for each in store.list_collections(collectionFilters={"name": "vec-two"})["collectionSummaries"]] == ["vec-two"]
    first = store.list_collections(maxResults=1)
    assert len(first["collectionSummaries"] + store.list_collections(nextToken=first["nextToken"])["collectionSummaries"]) == 2
    assert store.delete_collection(id=made["id"])["deleteCollectionDetail"]["status"] == "DELETING"
    refused("ResourceNotFoundException", store.delete_collection, id=made["id"])
    refused("ResourceNotFoundException", store.list_tags_for_resource, resourceArn=made["arn"])
    # The form of this protocol's errors, and of what it does not know.
    send = lambda target, body: httpx.post(outcrop.url, content=body, trust_env=False, headers={
        "x-amz-target": target, "content-type": "application/x-amz-json-1.0"})
    answer = send("OpenSearchServerless.DeleteCollection", b'{"id":"?"}')
    assert (answer.status_code, answer.json()["__type"], answer.headers["content-type"]) == (400, "ValidationException", "application/x-amz-json-1.0")
    assert send("DynamoDB_20120810.ListTables", b"{}").json()["__type"] == "UnknownOperationException"


@pytest.mark.parametrize("kind", ["encryption", "network", "data"])
def test_policies_of_collections(store, kind):
    of = "access_policy" if kind == "data" else "security_policy"
    call = lambda verb, **arguments: getattr(store, f"{verb}_{of}")(type=kind, name="p-1", **arguments)
    document = {**rules("docs*"), "AWSOwnedKey": True} if kind == "encryption" else [{**rules("docs*"), "AllowFromPublic": True}]
    changed = {**document, "AWSOwnedKey": False, "KmsARN": "arn:aws:kms:us-west-2:1:key/k"} if kind == "encryption" else document * 2
    detail = next(key for key in call("create", policy=json.dumps(document)) if key.endswith("Detail"))
    refused("ConflictException", call, verb="create", policy=json.dumps(document))
    found = call("get")[detail]
    assert (found["policy"], found["type"], found["name"]) == (document, kind, "p-1")
    version = found["policyVersion"]
    refused("ValidationException", call, verb="update", policyVersion=version, policy=json.dumps(document))
    new = call("update", policyVersion=version, policy=json.dumps(changed), description="d")[detail]
    assert new["policy"] == changed and new["policyVersion"] != version
    refused("ValidationException", call, verb="update", policyVersion=version, description="e")
    many = f"list_{of[:-1]}ies"
    names = lambda **more: [each["name"] for key, value in getattr(store, many)(type=kind, **more).items() if key.endswith("Summaries") for each in value]
    assert names() == names(resource=["collection/docs-1"]) == ["p-1"] and names(resource=["collection/other"]) == []
    for broken in ("{", "[]", "{}", json.dumps([{}])):
        refused("ValidationException", call, verb="create", policy=broken)
    call("delete")
    refused("ResourceNotFoundException", call, verb="delete")
    refused("ResourceNotFoundException", call, verb="get")


def test_through_the_aws_cli(outcrop):
    outcrop.start(settings=SETTINGS)
    aws = lambda *arguments, **more: cli(outcrop, *arguments, **more)
    assert aws("sts", "get-caller-identity")["Account"] == ACCOUNT
    trust = outcrop.folder / "trust.json"
    trust.write_text(json.dumps(TRUST))
    role = aws("iam", "create-role", "--role-name", "r", "--assume-role-policy-document", f"file://{trust}", "--tags", "Key=a,Value=b")["Role"]
    assert role["AssumeRolePolicyDocument"] == TRUST and role["Tags"] == [{"Key": "a", "Value": "b"}]
    aws("iam", "attach-role-policy", "--role-name", "r", "--policy-arn", AWS_POLICY)
    assert aws("iam", "list-attached-role-policies", "--role-name", "r")["AttachedPolicies"][0]["PolicyArn"] == AWS_POLICY
    assert "An error occurred (NoSuchEntity) when calling the GetRole operation" in aws("iam", "get-role", "--role-name", "x", fails=True)


def cli(outcrop, *arguments, fails=False, text=False):
    """Runs the AWS CLI; gives what it printed, as JSON unless text is wanted, or its complaint when it is to fail."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(outcrop.folder), "AWS_ENDPOINT_URL": outcrop.url, "AWS_DEFAULT_REGION": "us-west-2",
                   "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_MAX_ATTEMPTS": "1", "NO_PROXY": "127.0.0.1,localhost"}
    done = subprocess.run([need("aws"), *map(str, arguments)], capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode != 0) == fails, done.stderr
    if fails or text:
        return done.stderr if fails else done.stdout
    return json.loads(done.stdout) if done.stdout.strip() else None


def packed(**files):
    """A zip file; two underscores stand for a slash in names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/") + ".py", text)
    return buffer.getvalue()


def test_layers_of_functions(outcrop):
    functions = world.client("lambda", outcrop.start(settings=SETTINGS).url)
    publish = lambda text, **more: functions.publish_layer_version(LayerName="tools", Content={"ZipFile": packed(python__answers=text)}, **more)
    one = publish("WORD = 'one'", Description="first", CompatibleRuntimes=["python3.12"])
    two = publish("WORD = 'two'")
    assert (one["Version"], two["Version"], one["Description"]) == (1, 2, "first")
    assert one["LayerVersionArn"] == f"arn:aws:lambda:us-west-2:{ACCOUNT}:layer:tools:1" and one["Content"]["CodeSize"] > 0
    assert [each["Version"] for each in functions.list_layer_versions(LayerName="tools")["LayerVersions"]] == [2, 1]
    assert [each["Version"] for each in functions.list_layer_versions(LayerName="tools", CompatibleRuntime="python3.12")["LayerVersions"]] == [1]
    [listed] = functions.list_layers()["Layers"]
    assert (listed["LayerName"], listed["LatestMatchingVersion"]["Version"]) == ("tools", 2)
    assert functions.get_layer_version(LayerName=one["LayerArn"], VersionNumber=1)["Content"]["CodeSha256"] == one["Content"]["CodeSha256"]

    code = {"ZipFile": packed(app="import answers\ndef handler(event, context):\n    return answers.WORD")}
    more = {"Runtime": "python3.12", "Role": f"arn:aws:iam::{ACCOUNT}:role/r", "Handler": "app.handler", "Code": code, "Timeout": 30}
    made = functions.create_function(FunctionName="uses-layer", Layers=[one["LayerVersionArn"]], **more)
    assert [layer["Arn"] for layer in made["Layers"]] == [one["LayerVersionArn"]]
    said = lambda: json.loads(functions.invoke(FunctionName="uses-layer")["Payload"].read())
    assert said() == "one"
    functions.update_function_configuration(FunctionName="uses-layer", Layers=[two["LayerVersionArn"]])
    assert said() == "two"
    # Whoever has a layer keeps it.
    functions.delete_layer_version(LayerName="tools", VersionNumber=2)
    refused("ResourceNotFoundException", functions.get_layer_version, LayerName="tools", VersionNumber=2)
    outcrop.server.restart()
    functions = world.client("lambda", outcrop.url)
    assert said() == "two"
    error = refused("InvalidParameterValueException", functions.update_function_configuration, FunctionName="uses-layer", Layers=[two["LayerVersionArn"]])
    assert "does not exist" in error["Error"]["Message"]
    assert publish("WORD = 'three'")["Version"] == 3
    functions.update_function_configuration(FunctionName="uses-layer", Layers=[])
    assert "Layers" not in functions.get_function_configuration(FunctionName="uses-layer")


def test_functions_as_scripts_handle_them(outcrop):
    url = outcrop.start(settings=SETTINGS).url
    functions, s3 = world.client("lambda", url), world.client("s3", url)
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="fn/v1.zip", Body=packed(app="def handler(event, context):\n    return 1"))
    s3.put_object(Bucket="code", Key="fn/v2.zip", Body=packed(app="def handler(event, context):\n    return 2"))
    more = {"Runtime": "python3.12", "Role": f"arn:aws:iam::{ACCOUNT}:role/r", "Handler": "app.handler"}
    arn = functions.create_function(FunctionName="fn", Code={"S3Bucket": "code", "S3Key": "fn/v1.zip"}, Tags={"a": "b"}, **more)["FunctionArn"]
    for waiter in ("function_exists", "function_active_v2", "function_updated_v2"):
        functions.get_waiter(waiter).wait(FunctionName="fn")
    with pytest.raises(functions.exceptions.ResourceConflictException):
        functions.create_function(FunctionName="fn", Code={"S3Bucket": "code", "S3Key": "fn/v1.zip"}, **more)
    refused("InvalidParameterValueException", functions.create_function, FunctionName="other", Code={"S3Bucket": "code", "S3Key": "none"}, **more)
    said = lambda: json.loads(functions.invoke(FunctionName="fn")["Payload"].read())
    assert said() == 1
    functions.update_function_code(FunctionName="fn", S3Bucket="code", S3Key="fn/v2.zip")
    functions.get_waiter("function_updated_v2").wait(FunctionName="fn")
    assert said() == 2
    permission = {"FunctionName": "fn", "StatementId": "bedrock", "Action": "lambda:InvokeFunction", "Principal": "bedrock.amazonaws.com"}
    functions.add_permission(**permission, SourceArn=f"arn:aws:bedrock:us-west-2:{ACCOUNT}:agent/*")
    with pytest.raises(functions.exceptions.ResourceConflictException):
        functions.add_permission(**permission)
    [statement] = json.loads(functions.get_policy(FunctionName="fn")["Policy"])["Statement"]
    assert (statement["Sid"], statement["Principal"]) == ("bedrock", {"Service": "bedrock.amazonaws.com"})
    functions.tag_resource(Resource=arn, Tags={"c": "d"})
    functions.untag_resource(Resource=arn, TagKeys=["a", "none"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"c": "d"} == functions.get_function(FunctionName="fn")["Tags"]
    refused("ResourceNotFoundException", functions.list_tags, Resource=arn + "x")
    functions.delete_function(FunctionName="fn")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function(FunctionName="fn")
