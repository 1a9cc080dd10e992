"""Functions in other languages and places, and models behind an endpoint."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import need
from script import call, say, script, turn
from world import function, group, invoke, make_agent

ORDERS = group("OrderTools", function("get_order_status", order_id="string"))
ONE_CALL = script(turn(call("get_order_status", order_id="A-1"), say("{{last_result}}")))


@pytest.fixture
def endpoint():
    """A small HTTP server: `answer(path, headers, body)` gives status, headers and body; what was asked is kept."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            server.asked.append((self.path, dict(self.headers), json.loads(body)))
            status, headers, answer = server.answer(*server.asked[-1])
            self.send_response(status)
            for name, value in {"content-length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_function_in_node(outcrop):
    need("node")
    folder = outcrop.folder / "node"
    folder.mkdir()
    (folder / "index.mjs").write_text("""
export const handler = async (event, context) => ({
  messageVersion: "1.0",
  response: {
    actionGroup: event.actionGroup,
    function: event.function,
    functionResponse: { responseBody: { TEXT: { body: `${event.parameters[0].value} by ${context.functionName}` } } },
  },
});
""")
    settings = f'[[function]]\nmatch = "order-tools"\ncode = {json.dumps(str(folder))}\nruntime = "nodejs22.x"\nhandler = "index.handler"\n'
    outcrop.start(ONE_CALL, settings=settings)
    agent = make_agent(outcrop.control(), ORDERS)
    assert invoke(outcrop.runtime(), agent, "Where is it?").answer == "A-1 by order-tools"


def test_a_function_behind_the_invoke_api(outcrop, endpoint):
    reply = {"messageVersion": "1.0", "response": {"actionGroup": "OrderTools", "function": "get_order_status",
                                                   "functionResponse": {"responseBody": {"TEXT": {"body": "from afar"}}}}}
    endpoint.answer = lambda path, headers, body: (200, {}, json.dumps(reply).encode())
    outcrop.start(ONE_CALL, settings=f'[[function]]\nmatch = "order-*"\nurl = "{endpoint.url}"\n')
    agent = make_agent(outcrop.control(), ORDERS)
    assert invoke(outcrop.runtime(), agent, "Where is it?").answer == "from afar"
    [(path, _, event)] = endpoint.asked
    assert path.startswith("/2015-03-31/functions/") and "order-tools" in path and path.endswith("/invocations")
    assert event["parameters"] == [{"name": "order_id", "type": "string", "value": "A-1"}]

    error = json.dumps({"errorType": "KeyError", "errorMessage": "no such shelf"}).encode()
    endpoint.answer = lambda path, headers, body: (200, {"X-Amz-Function-Error": "Unhandled"}, error)
    assert "no such shelf" in invoke(outcrop.runtime(), agent, "Where is it?").answer


def test_a_model_behind_chat_completions(outcrop, endpoint):
    def answer(path, headers, body):
        if body["messages"][-1]["role"] == "tool":
            message = {"role": "assistant", "content": "It has shipped."}
        else:
            use = {"id": "call_1", "type": "function", "function": {"name": body["tools"][0]["function"]["name"], "arguments": '{"order_id": "A-1"}'}}
            message = {"role": "assistant", "content": None, "tool_calls": [use]}
        usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
        whole = {"id": "x", "object": "chat.completion", "model": "local", "usage": usage,
                 "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}]}
        return 200, {"content-type": "application/json"}, json.dumps(whole).encode()

    endpoint.answer = answer
    folder = outcrop.function_folder("order-tools", "def lambda_handler(event, context):\n"
                                     "    return {'messageVersion': '1.0', 'response': {'actionGroup': 'OrderTools', 'function': 'get_order_status',\n"
                                     "            'functionResponse': {'responseBody': {'TEXT': {'body': 'shipped'}}}}}\n")
    (outcrop.folder / "key").write_text("sk-test\n")
    settings = "\n".join([
        "[[model]]", 'match = "anthropic.claude-*"', 'provider = "openai"', f'base_url = "{endpoint.url}/v1"', 'model = "local"',
        f"api_key_file = {json.dumps(str(outcrop.folder / 'key'))}",
        "[[function]]", 'match = "order-tools"', f"code = {json.dumps(str(folder))}", 'runtime = "python3"', 'handler = "app.lambda_handler"',
    ])
    outcrop.start(settings=settings)
    agent = make_agent(outcrop.control(), ORDERS)
    turn_ = invoke(outcrop.runtime(), agent, "Where is A-1?")
    assert turn_.transcript == [
        "model", "lambda: OrderTools.get_order_status(order_id=A-1)", "observed: shipped", "model", "finish: It has shipped.", "answer: It has shipped."]
    usage = [step["modelInvocationOutput"]["metadata"]["usage"] for step in turn_.steps if "modelInvocationOutput" in step]
    assert usage == [{"inputTokens": 100, "outputTokens": 7}] * 2
    path, headers, body = endpoint.asked[0]
    assert (path, headers.get("authorization") or headers.get("Authorization"), body["model"]) == ("/v1/chat/completions", "Bearer sk-test", "local")
    assert endpoint.asked[1][2]["messages"][-1]["content"] == "shipped"
    # The key shows up nowhere.
    assert "sk-test" not in outcrop.server.tail(10_000) + str(turn_.events)
