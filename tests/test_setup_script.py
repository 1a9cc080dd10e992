"""Set-up scripts in the manner of published samples, as programs of their own: only the environment points here."""

import os
import subprocess
import sys
from pathlib import Path

import world
from script import call, say, script, turn
from server import ENVIRONMENT

SCRIPTS = Path(__file__).parent / "scripts"


def run(outcrop, name, *arguments, **environment):
    """Runs a script with nothing but AWS's own variables; gives what it printed."""
    environment = {
        **ENVIRONMENT, "AWS_ENDPOINT_URL": outcrop.url, "AWS_DEFAULT_REGION": "us-west-2", "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1,localhost", **environment,
    }
    done = subprocess.run([sys.executable, str(SCRIPTS / name), *arguments], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_from_roles_to_clean_up(outcrop):
    outcrop.start(script(
        turn(call("getWeather", "They ask for the weather.", city="Paris"), say("It is sunny in Paris."), when="weather"),
        turn(call("pack", city="Lima"), say("Take an umbrella."), when="pack")))
    expected = [
        "agent: NOT_PREPARED", "prepared agent: PREPARED", "alias: PREPARED",
        'observed: {"weather": "sunny", "city": "Paris"}', "answer: It is sunny in Paris.",
        "observed: Packed: umbrella for Lima", "answer: Take an umbrella.",
        "all gone",
    ]
    questions = "What is the weather in Paris?", "What shall I pack for Lima?"
    assert run(outcrop, "weather_agent.py", *questions) == expected
    # Once more, since the first left nothing behind; and in the region where S3 wants no place.
    assert run(outcrop, "weather_agent.py", *questions, AWS_DEFAULT_REGION="us-east-1") == expected
    client = lambda service: world.client(service, outcrop.url)
    assert client("iam").list_roles()["Roles"] == [] and client("iam").list_policies(Scope="Local")["Policies"] == []
    assert client("s3").list_buckets()["Buckets"] == [] and client("lambda").list_functions()["Functions"] == []
    assert client("bedrock-agent").list_agents()["agentSummaries"] == []


def test_a_vector_store_before_a_knowledge_base(outcrop):
    outcrop.start()
    assert run(outcrop, "vector_store.py") == ["collection: ACTIVE", f"endpoint: {outcrop.url}", "again: passed over", "all gone"]
    store = world.client("opensearchserverless", outcrop.url)
    assert store.list_collections()["collectionSummaries"] == []
    assert store.list_security_policies(type="network")["securityPolicySummaries"] == []
