"""Functions that fail: the model is told something it can act on, and the trace names the cause."""

import pytest
from botocore.exceptions import EventStreamError

from script import call, say, script, turn
from world import HANDLER, function, group, handler, invoke, make_agent

ORDERS = group("OrderTools", function("get_order_status", order_id="string"))
ONE_CALL = script(turn(call("get_order_status", order_id="A-1"), say("I could not find out.")))

RAISES = handler('raise ValueError("the database is closed")')
ENDS = handler("os._exit(3)")
SLEEPS = (handler("time.sleep(600)"), 'timeout = "1s"')
FLOODS = handler('return "x" * (20 << 20)')
DOES_NOT_LOAD = "import a_module_that_is_not_there\n" + HANDLER
ANSWERS_OTHERWISE = "def lambda_handler(event, context):\n    return {'statusCode': 200, 'body': 'hello'}\n"
ANSWERS_NOTHING = "def lambda_handler(event, context):\n    return None\n"


@pytest.mark.parametrize(("source", "cause"), [
    pytest.param(RAISES, "the database is closed", id="raises"),
    pytest.param(ENDS, "exit", id="ends"),
    pytest.param(SLEEPS, "1 s", id="times out"),
    pytest.param(FLOODS, "bytes", id="answers too much"),
    pytest.param(DOES_NOT_LOAD, "a_module_that_is_not_there", id="does not load"),
    pytest.param(ANSWERS_OTHERWISE, "response", id="answers something else"),
    pytest.param(ANSWERS_NOTHING, "response", id="answers nothing"),
])
def test_the_model_is_told_and_goes_on(outcrop, source, cause):
    outcrop.start(ONE_CALL, {"order-tools": source})
    agent = make_agent(outcrop.control(), ORDERS)
    turn_ = invoke(outcrop.runtime(), agent, "Where is A-1?")
    assert turn_.answer == "I could not find out."
    told = str(turn_.prompts[-1])
    assert cause in told
    assert any(cause in line for line in turn_.transcript if not line.startswith("model")), turn_.transcript
    assert "Traceback" not in told and "/app.py" not in told
    # The server is as well as before.
    assert invoke(outcrop.runtime(), agent, "Where is A-1?").answer == "I could not find out."


def test_a_function_nobody_answers_for(outcrop):
    outcrop.start(ONE_CALL)
    agent = make_agent(outcrop.control(), ORDERS)
    turn_ = invoke(outcrop.runtime(), agent, "Where is A-1?")
    assert turn_.answer == "I could not find out."
    assert "order-tools" in str(turn_.observations)


def test_failure_by_the_functions_own_word_ends_the_turn(outcrop):
    says = handler('return "no"').replace('"functionResponse": {', '"functionResponse": {"responseState": "FAILURE", ')
    outcrop.start(ONE_CALL, {"order-tools": says})
    agent = make_agent(outcrop.control(), ORDERS)
    with pytest.raises(EventStreamError) as raised:
        invoke(outcrop.runtime(), agent, "Where is A-1?")
    assert raised.value.response["Error"]["Code"] == "dependencyFailedException"
    assert raised.value.response["Error"]["Message"] == "Received failed response from API execution. Retry the request later."


def test_reprompt_goes_to_the_model(outcrop):
    says = handler('return "which order do you mean?"').replace('"functionResponse": {', '"functionResponse": {"responseState": "REPROMPT", ')
    outcrop.start(ONE_CALL, {"order-tools": says})
    agent = make_agent(outcrop.control(), ORDERS)
    turn_ = invoke(outcrop.runtime(), agent, "Where is it?")
    assert "reprompt: which order do you mean?" in turn_.transcript
    assert "which order do you mean?" in str(turn_.prompts[-1])


def test_a_function_sees_nothing_of_the_servers_environment(outcrop):
    outcrop.start(ONE_CALL, {"order-tools": handler("return sorted(os.environ)")}, environment={"A_SECRET_OF_OURS": "x"})
    agent = make_agent(outcrop.control(), ORDERS)
    names = invoke(outcrop.runtime(), agent, "Where is A-1?").observations[0]
    assert "A_SECRET_OF_OURS" not in names and "AWS_LAMBDA_FUNCTION_NAME" in names
