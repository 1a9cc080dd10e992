"""What models cost: in the kept trace, in /metrics, by `outcrop cost`, right to the last digit."""

import json
import re
import urllib.request

import pytest

from chat_standin import ChatStandIn, text, tool_calls
from server import outcrop as run
from walk.stage import HANDLER
from world import FUNCTION, client, function, group, invoke, make_agent

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
# 1,000 tokens read of which 400 came from a cache, 100 made.
CACHED = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100, "prompt_tokens_details": {"cached_tokens": 400}}
PRICE = '[[price]]\nmatch = "upstream"\ninput = 2.0\noutput = 10.0\ncache_read = 0.5\n'
# 600 × $2 + 400 × $0.5 + 100 × $10, per million.
COST = 0.0024
ORDERS = group("OrderTools", function("get_order_status", order_id="string"))


def cost(outcrop, *arguments):
    done = run("cost", *arguments, "--json", "--endpoint", outcrop.url)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def metric(outcrop, name):
    text = urllib.request.urlopen(outcrop.url + "/metrics").read().decode()
    return {match[1]: float(match[2]) for match in re.finditer(rf'^{name}_total\{{gen_ai_request_model="([^"]*)"\}} (\S+)$', text, re.M)}


@pytest.fixture
def standin():
    def answer(request):
        if request.get("tools") and request["messages"][-1]["role"] != "tool":
            return tool_calls(("call_1", "OrderTools__get_order_status", {"order_id": "A-1"}), usage=CACHED)
        return text("It has shipped.", usage=CACHED)
    with ChatStandIn(answer) as made:
        yield made


def test_a_turn_and_a_call_of_the_gateway(outcrop, standin):
    outcrop.start(functions={FUNCTION.rpartition(":")[2]: HANDLER}, settings=PRICE + standin.settings())
    agent = make_agent(outcrop.control(), ORDERS, foundationModel=CLAUDE)
    assert invoke(outcrop.runtime(), agent, "Where is my order?", session="s-1").answer == "It has shipped."
    client("bedrock-runtime", outcrop.url).converse(modelId="other.model-1", messages=[{"role": "user", "content": [{"text": "Hi"}]}])

    by_model = cost(outcrop)
    rows = {row["modelId"]: row for row in by_model["rows"]}
    assert rows[CLAUDE] == {
        "modelId": CLAUDE, "calls": 2, "failedCalls": 0, "unpricedCalls": 0, "inputTokens": 1200, "outputTokens": 200,
        "cacheReadInputTokens": 800, "cacheWriteInputTokens": 0, "costUsd": 2 * COST}
    assert rows["other.model-1"]["costUsd"] == COST and by_model["total"]["costUsd"] == pytest.approx(3 * COST, abs=1e-12)
    by_agent = {row["agentId"]: (row.get("agentName"), row["calls"]) for row in cost(outcrop, "--by", "agent")["rows"]}
    assert by_agent == {agent.id: ("support-bot", 2), "gateway": (None, 1)}
    assert [(row["sessionId"], row["calls"]) for row in cost(outcrop, "--by", "session", "--agent", "support-bot")["rows"]] == [("s-1", 2)]
    assert [row["answeredBy"] for row in cost(outcrop, "--by", "provider")["rows"]] == ["openai/upstream"]
    day, = cost(outcrop, "--by", "day")["rows"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", day["day"]) and day["calls"] == 3
    assert cost(outcrop, "--from", "2200-01-01")["rows"] == []
    assert metric(outcrop, "outcrop_model_cost_dollars") == {CLAUDE: pytest.approx(2 * COST), "other.model-1": pytest.approx(COST)}

    trace = json.loads(run("trace", "s-1", "--json", "--endpoint", outcrop.url).stdout)
    calls = [entry["modelCall"] for entry in trace["entries"] if "modelCall" in entry]
    assert [call["costUsd"] for call in calls] == [COST, COST]
    assert calls[0]["answeredBy"] == {"provider": "openai", "model": "upstream"}
    assert trace["totals"]["costUsd"] == 2 * COST and "unpricedModelCalls" not in trace["totals"]
    shown = run("trace", "s-1", "--endpoint", outcrop.url).stdout
    assert "$0.002400" in shown and "$0.004800" in shown
    table = run("cost", "--endpoint", outcrop.url).stdout
    assert re.search(rf"^{re.escape(CLAUDE)} +2 +1,200 +200 +800 +0 +\$0.004800$", table, re.M), table

    outcrop.server.restart()
    assert cost(outcrop) == by_model, "a look at the bill writes it down"


def test_what_has_no_price_is_counted_and_not_guessed(outcrop, standin):
    outcrop.start(settings=standin.settings())
    client("bedrock-runtime", outcrop.url).converse(modelId=CLAUDE, messages=[{"role": "user", "content": [{"text": "Hi"}]}])
    total = cost(outcrop)["total"]
    assert (total["calls"], total["unpricedCalls"], total["costUsd"]) == (1, 1, 0.0)
    assert "Write a [[price]]" in run("cost", "--endpoint", outcrop.url).stdout
    assert metric(outcrop, "outcrop_model_calls_unpriced") == {CLAUDE: 1}


def test_the_table_knows_models_by_the_name_they_have_upstream(outcrop, standin):
    outcrop.start(settings=standin.settings(model="gpt-4.1-2025-04-14"))
    client("bedrock-runtime", outcrop.url).converse(modelId=CLAUDE, messages=[{"role": "user", "content": [{"text": "Hi"}]}])
    # $2 in, $0.50 from the cache, $8 out.
    assert cost(outcrop)["total"]["costUsd"] == 0.0022


def test_the_end_of_the_process_writes_the_bill_down(outcrop, standin):
    outcrop.start(settings=PRICE + standin.settings())
    client("bedrock-runtime", outcrop.url).converse(modelId=CLAUDE, messages=[{"role": "user", "content": [{"text": "Hi"}]}])
    assert outcrop.server.terminate() == 0
    outcrop.server.start()
    assert cost(outcrop)["total"]["costUsd"] == COST


def test_failed_calls_and_bad_questions(outcrop):
    outcrop.start('{"turns": [{"when": "", "steps": [{"fail": {"kind": "throttled", "message": "no"}}]}]}')
    with pytest.raises(Exception, match="ThrottlingException"):
        client("bedrock-runtime", outcrop.url).converse(modelId=CLAUDE, messages=[{"role": "user", "content": [{"text": "Hi"}]}])
    total = cost(outcrop)["total"]
    assert (total["calls"], total["failedCalls"]) == (1, 1)
    done = run("cost", "--from", "soon", "--endpoint", outcrop.url)
    assert done.returncode == 1 and "2026-01-31" in done.stderr
