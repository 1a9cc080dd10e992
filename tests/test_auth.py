"""Who may call: signatures, presigned URLs, bearer keys, and what is said to whom they are missing."""

import datetime
import json
import os
import re
import shutil
import subprocess

import botocore.auth
import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

import world
from conftest import REPOSITORY, need
from script import say, script, turn
from server import ENVIRONMENT, READY, outcrop as run
from signed import BEARER, KEY, OTHER_KEY, send, sign, sign_chunked, start_guarded
from world import INSTRUCTION, invoke, make_agent

GREETING = script(turn(say("Hello.")))
MISMATCH = "The request signature we calculated does not match the signature you provided."


def refused(work, status, code, *parts):
    """The error of a boto3 call that must fail."""
    with pytest.raises(ClientError) as raised:
        work()
    response = raised.value.response
    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]) == (status, code), response
    for part in parts:
        assert part in response["Error"]["Message"], response


def check_answer(answer, status, code, *parts):
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (status, code), answer.text
    for part in parts:
        assert part in answer.json()["message"], answer.text


def test_boto3_signs_and_is_let_in(outcrop):
    start_guarded(outcrop, GREETING)
    for key in (KEY, OTHER_KEY):
        control = world.client("bedrock-agent", outcrop.url, key)
        agent = make_agent(control, name=f"bot-of-{key[0]}", instruction=INSTRUCTION + " Größe ✓")
        runtime = world.client("bedrock-agent-runtime", outcrop.url, key)
        for session in ("s-1", "a:b.c", "x_y:z-1"):
            assert invoke(runtime, agent, "Hi, größer ✓", session=session).answer == "Hello."
        arn = control.get_agent(agentId=agent.id)["agent"]["agentArn"]
        control.tag_resource(resourceArn=arn, tags={"a b": "c+d/e=f", "k+1/@=": ""})
        control.untag_resource(resourceArn=arn, tagKeys=["k+1/@=", "a b"])
        assert control.list_tags_for_resource(resourceArn=arn)["tags"] == {}
        assert world.client("lambda", outcrop.url, key).list_functions()["Functions"] == []
    # Temporary credentials bring a token, and any region is fine: the client's is not the server's.
    assert world.client("bedrock-agent", outcrop.url, KEY, token="token/+=").list_agents()["agentSummaries"]


def test_what_is_wrong_is_refused_with_the_code_that_sdks_know(outcrop, monkeypatch):
    start_guarded(outcrop)
    lists = lambda *key: world.client("bedrock-agent", outcrop.url, *key).list_agents()
    refused(lambda: lists((KEY[0], "wrong")), 403, "InvalidSignatureException", MISMATCH)
    refused(lambda: lists((KEY[0], OTHER_KEY[1])), 403, "InvalidSignatureException", MISMATCH)
    refused(lambda: lists(("AKIDNOBODY", KEY[1])), 403, "UnrecognizedClientException", "The security token included in the request is invalid.")
    now = botocore.auth.get_current_datetime
    for minutes, parts in ((-6, ("Signature expired: ", "is now earlier than", "- 5 min.")), (6, ("Signature not yet current: ", "+ 5 min.")), (-4, ()), (4, ())):
        moved = lambda *arguments, minutes=minutes, **more: now(*arguments, **more) + datetime.timedelta(minutes=minutes)
        monkeypatch.setattr(botocore.auth, "get_current_datetime", moved)
        if parts:
            refused(lambda: lists(KEY), 403, "InvalidSignatureException", *parts)
        else:
            assert lists(KEY)["agentSummaries"] == []


def test_a_request_that_was_changed_on_the_way_is_refused(outcrop):
    start_guarded(outcrop)
    url = outcrop.url + "/agents/?x=1"
    body = json.dumps({"agentName": "a"}).encode()
    method, url, headers, body = sign("PUT", url, body, {"content-type": "application/json"})
    check = lambda answer, *parts: check_answer(answer, 403, "InvalidSignatureException", *parts or (MISMATCH,))
    check(send(method, url, headers, body.replace(b'"a"', b'"b"')))
    check(send("POST", url, headers, body))
    check(send(method, url.replace("x=1", "x=2"), headers, body))
    check(send(method, url.replace("/agents/", "/agents/A1B2C3D4E5/"), headers, body))
    check(send(method, url, {**headers, "content-type": "text/plain"}, body))
    check(send(method, url, {**headers, "X-Amz-Target": "x"}, body), "'x-amz-target' must be a 'SignedHeader'")
    scoped = sign("PUT", url, body, {"content-type": "application/json"}, service="lambda")
    check(send(*scoped), "Credential should be scoped to correct service: 'bedrock'.")
    hashed = sign("PUT", url, body, {"X-Amz-Content-SHA256": "0" * 64})
    check(send(*hashed), "The provided 'x-amz-content-sha256' header does not match what was computed.")
    check_answer(send(method, url, {}, body), 403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    check_answer(send(method, url, {"authorization": "AWS4-HMAC-SHA256 x"}, body), 403, "IncompleteSignatureException")
    # Nothing of all that was done, and as it was signed it is.
    assert world.client("bedrock-agent", outcrop.url, KEY).list_agents()["agentSummaries"] == []
    assert send(method, url, headers, body).status_code == 202


def test_signed_over_http_2(outcrop):
    start_guarded(outcrop)
    method, url, headers, body = sign("PUT", outcrop.url + "/agents/", b'{"agentName":"a"}')
    answer = send(method, url, headers, body, http1=False, http2=True)
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 202), answer.text


def test_presigned_urls(outcrop):
    start_guarded(outcrop)
    control = world.client("bedrock-agent", outcrop.url, KEY)
    agent_id = control.create_agent(agentName="a")["agent"]["agentId"]
    url = control.generate_presigned_url("get_agent", {"agentId": agent_id}, ExpiresIn=60)
    answer = send("GET", url, {})
    assert answer.status_code == 200 and answer.json()["agent"]["agentId"] == agent_id, answer.text
    check = lambda url, *parts: check_answer(send("GET", url, {}), 403, "InvalidSignatureException", *parts)
    check(url.replace("Expires=60", "Expires=61"), MISMATCH)
    check(url.replace(agent_id, "A1B2C3D4E5"), MISMATCH)
    check_answer(send("DELETE", url, {}), 403, "InvalidSignatureException", MISMATCH)
    # A minute's URL of an hour ago, and one for next week.
    old = sign("GET", f"{outcrop.url}/agents/{agent_id}/", query=True)[1]
    stamp = re.search(r"X-Amz-Date=(\w+)", old)[1]
    at = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")
    for hours, part in ((-1, "Signature expired: "), (24 * 6, "Signature not yet current: ")):
        moved = at + datetime.timedelta(hours=hours)
        check(old.replace(stamp, f"{moved:%Y%m%dT%H%M%SZ}").replace(stamp[:8] + "%2F", f"{moved:%Y%m%d}%2F"), part)
    week = sign("GET", f"{outcrop.url}/agents/{agent_id}/", query=True, expires=604801)[1]
    check_answer(send("GET", week, {}), 403, "IncompleteSignatureException", "X-Amz-Expires")


def test_chunks_are_verified_one_by_one(outcrop):
    start_guarded(outcrop)
    url = outcrop.url + "/bucket/key"
    for trailer in (None, ("x-amz-checksum-crc32", "NhCmhg==")):
        method, url, headers, body = sign_chunked(url, [b"hel", b"lo"], trailer)
        assert send(method, url, headers, body).status_code != 403
        for old, new in ((b"hel", b"hal"), (b"lo\r\n0", b"la\r\n0"), (b"NhCmhg", b"NhCmhh") if trailer else (b"2;", b"2;")):
            if old != new:
                assert send(method, url, headers, body.replace(old, new)).status_code == 403
        assert send(method, url, headers, body[:-8]).status_code in (400, 403)
        assert send(method, url, {**headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, body).status_code in (400, 403)


def test_chunked_bodies_are_decoded_in_open_mode(outcrop):
    control = outcrop.start().control()
    headers = {"content-encoding": "aws-chunked", "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "17"}
    body = b'9\r\n{"agentNa\r\n8\r\nme":"a"}\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n'
    assert send("PUT", outcrop.url + "/agents/", headers, body).status_code == 202
    check_answer(send("PUT", outcrop.url + "/agents/", headers, body[:-20]), 400, "SerializationException", "aws-chunked")
    short = {**headers, "x-amz-decoded-content-length": "16"}
    check_answer(send("PUT", outcrop.url + "/agents/", short, body), 400, "SerializationException", "x-amz-decoded-content-length")
    assert [agent["agentName"] for agent in control.list_agents()["agentSummaries"]] == ["a"]


def through_proxy(url):
    """A client that speaks TLS to a proxy which speaks plainly to the server."""
    config = Config(retries={"total_max_attempts": 1}, proxies={})
    endpoint = url.replace("http://", "https://")
    client = boto3.Session(region_name="us-west-2").client("bedrock", endpoint_url=endpoint, config=config)

    def plainly(request, **_):
        request.url = request.url.replace("https://", "http://")
        return URLLib3Session().send(request)

    client.meta.events.register("before-send", plainly)
    return client


def test_bearer_keys(outcrop, monkeypatch):
    start_guarded(outcrop)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", BEARER)
    # boto3 sends it to two services (those of agents have signatures only in its models), and with TLS only: what comes
    # to the server is what a proxy that ends TLS would pass on.
    models = through_proxy(outcrop.url).list_foundation_models
    try:
        models()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NotImplementedException"
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", BEARER + "0")
    models = through_proxy(outcrop.url).list_foundation_models
    refused(models, 403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
    # The server takes it for all.
    agents = lambda key: send("POST", outcrop.url + "/agents/", {"authorization": f"Bearer {key}"})
    assert agents(BEARER).json() == {"agentSummaries": []}
    for wrong in (BEARER[:-1], BEARER + "0", KEY[1]):
        check_answer(agents(wrong), 403, "AccessDeniedException")


def test_only_health_is_for_everyone(outcrop):
    start_guarded(outcrop)
    assert [send("GET", outcrop.url + path, {}).status_code for path in ("/healthz", "/readyz")] == [200, 200]
    for path in ("/metrics", "/outcrop/about", "/outcrop/stacks/a", "/", "/nothing/here", "/agents/", "/healthz/", "/metrics/"):
        check_answer(send("GET", outcrop.url + path, {}), 403, "MissingAuthenticationTokenException")
    bearer = {"authorization": f"Bearer {BEARER}"}
    for path in ("/metrics", "/outcrop/about"):
        assert send("GET", outcrop.url + path, bearer).status_code == 200
        assert send(*sign("GET", outcrop.url + path)).status_code == 200


def test_the_aws_cli(outcrop):
    start_guarded(outcrop)

    def aws(secret, *arguments):
        environment = {
            **ENVIRONMENT, "AWS_ACCESS_KEY_ID": KEY[0], "AWS_SECRET_ACCESS_KEY": secret, "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_PAGER": "", "NO_PROXY": "127.0.0.1",
        }
        command = [need("aws"), "--endpoint-url", outcrop.url, "--output", "json", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)

    done = aws(KEY[1], "bedrock-agent", "create-agent", "--agent-name", "support-bot", "--tags", "team=north + south")
    assert done.returncode == 0, done.stderr
    done = aws("wrong", "bedrock-agent", "list-agents")
    assert done.returncode != 0 and "InvalidSignatureException" in done.stderr


def test_functions_have_a_key_of_their_own(outcrop):
    """Code of a function that calls back with its SDK is let in, with a key that ends with the process."""
    source = 'import os\ndef lambda_handler(event, context):\n    return {name: os.environ.get(name) for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}\n'
    start_guarded(outcrop, None, {"order-tools": source})
    given = lambda: json.load(world.client("lambda", outcrop.url, KEY).invoke(FunctionName="order-tools")["Payload"])
    first = given()
    key = lambda found: (found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"])
    assert first["AWS_ENDPOINT_URL"] == outcrop.url
    assert world.client("bedrock-agent", outcrop.url, key(first)).list_agents()["agentSummaries"] == []
    assert key(first)[1] not in (KEY[1], OTHER_KEY[1])
    outcrop.server.restart()
    refused(lambda: world.client("bedrock-agent", outcrop.url, key(first)).list_agents(), 403, "UnrecognizedClientException")


def test_the_commands_sign(outcrop, tmp_path):
    start_guarded(outcrop, GREETING)
    template = REPOSITORY / "examples/support/template.yaml"
    key = {"AWS_ACCESS_KEY_ID": OTHER_KEY[0], "AWS_SECRET_ACCESS_KEY": OTHER_KEY[1], "AWS_SESSION_TOKEN": "token"}
    deploy = lambda environment: run("deploy", template, "--endpoint", outcrop.url, environment=environment)
    chat = lambda environment: run("chat", "support-bot", "--endpoint", outcrop.url, "--message", "Hi", environment=environment)
    nobody = deploy({})
    assert nobody.returncode == 1 and "MissingAuthenticationTokenException" in nobody.stderr and "set AWS_ACCESS_KEY_ID" in nobody.stderr, nobody.stderr
    wrong = deploy({**key, "AWS_SECRET_ACCESS_KEY": "wrong-secret"})
    assert wrong.returncode == 1 and "InvalidSignatureException" in wrong.stderr and "wrong-secret" not in wrong.stderr
    for environment in (key, {"AWS_BEARER_TOKEN_BEDROCK": BEARER}):
        done = deploy(environment)
        assert done.returncode == 0, done.stderr
        said = chat(environment)
        assert said.returncode == 0 and "Hello." in said.stdout, said.stderr
        exported = run("export", "support-bot", "--to", tmp_path / "export", "--force", "--endpoint", outcrop.url, environment=environment)
        assert exported.returncode == 0, exported.stderr


def test_dev_uses_a_key_of_its_own_configuration(outcrop, tmp_path):
    folder = tmp_path / "support"
    shutil.copytree(REPOSITORY / "examples/support", folder, ignore=shutil.ignore_patterns("__pycache__", ".outcrop"))
    outcrop.folder = folder
    (folder / "secret").write_text(KEY[1])
    text = '[auth]\nmode = "sigv4"\n[[auth.key]]\naccess_key_id = "AKIDEXAMPLE"\nsecret_access_key_file = "secret"\n'
    (folder / "outcrop.toml").write_text(text)
    outcrop.run(["dev", folder, "--listen", "127.0.0.1:0"]).url
    url = outcrop.servers[-1].url
    agents = world.client("bedrock-agent", url, KEY).list_agents()["agentSummaries"]
    assert [agent["agentName"] for agent in agents] == ["support-bot"]
    check_answer(send("POST", url + "/agents/", {}), 403, "MissingAuthenticationTokenException")


def test_no_secret_is_in_the_log(outcrop, monkeypatch):
    start_guarded(outcrop, GREETING, environment={"OUTCROP_LOG": "trace"})
    agent = make_agent(world.client("bedrock-agent", outcrop.url, KEY))
    assert invoke(world.client("bedrock-agent-runtime", outcrop.url, OTHER_KEY), agent, "Hi.").answer == "Hello."
    method, url, headers, body = sign("GET", outcrop.url + "/agents/", token="the-session-token")
    assert send(method, url, headers).status_code in (404, 200, 400)
    assert send("GET", outcrop.url + "/metrics", {"authorization": f"Bearer {BEARER}"}, http1=False, http2=True).status_code == 200
    for wrong in ("Bearer wrong-bearer-key", "AWS4-HMAC-SHA256 Credential=x, Signature=wrong-signature", "wrong-authorization"):
        assert send("GET", outcrop.url + "/metrics", {"authorization": wrong}).status_code == 403
    outcrop.server.terminate()
    log = outcrop.server.log.read_text(errors="replace")
    assert "TRACE" in log
    signature = headers["Authorization"].split("Signature=")[1]
    for secret in (KEY[1], OTHER_KEY[1], BEARER, signature, "the-session-token", "wrong-bearer-key", "wrong-signature", "wrong-authorization"):
        assert secret not in log, secret


def test_open_mode_is_for_this_machine_only(tmp_path):
    done = run("serve", "--listen", "0.0.0.0:0", "--data", tmp_path / "data")
    assert done.returncode == 2 and 'auth.mode = "sigv4"' in done.stderr and READY not in done.stdout, done.stderr
    assert not (tmp_path / "data/outcrop.db").exists()


@pytest.mark.parametrize(("text", "place"), [
    ('[auth]\nmode = "sigv4"\n', "outcrop.toml:2: mode"),
    ('[auth]\nmode = "sigv4"\n[[auth.key]]\naccess_key_id = "A"\nsecret_access_key_file = "missing"\n', "outcrop.toml:5: auth.key.secret_access_key_file"),
    ('[auth]\nmode = "sigv4"\n[[auth.key]]\naccess_key_id = "A"\nsecret_access_key_file = "empty"\n', "outcrop.toml:5: auth.key.secret_access_key_file"),
    ('[auth]\nmode = "sigv4"\n[[auth.key]]\naccess_key_id = "A"\nsecret_access_key_file = "."\n', "outcrop.toml:5: auth.key.secret_access_key_file"),
    ('[auth]\nmode = "sigv4"\n[[auth.bearer]]\nname = "ci"\nkey_env = "NOT_SET"\n', "outcrop.toml:5: auth.bearer.key_env"),
])
def test_a_wrong_key_ends_with_2_and_its_place(tmp_path, text, place):
    config = tmp_path / "outcrop.toml"
    config.write_text(text)
    (tmp_path / "empty").write_text("\n")
    for command in (("serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "data"), ("config", "check")):
        done = run(*command, "--config", config)
        assert done.returncode == 2 and place in done.stderr, done.stderr
