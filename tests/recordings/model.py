"""A model endpoint that says what the recorded model said.

It speaks Chat Completions, so that whole answers, streams, tool uses and thinking go through a real provider. Whom it
speaks for it sees by the marker in the instruction; among several by the words they were asked.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .cast import operation_id


class Model:
    """The endpoint. `play` gives it what it is to say next."""

    def __init__(self, agents):
        self.markers = {agent.marker: agent.key for agent in agents.values()}
        self.lock = threading.Lock()
        self.left = []
        self.surplus = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def end(self):
        self.server.shutdown()
        self.server.server_close()

    def play(self, replies):
        with self.lock:
            self.left = list(replies)
            self.surplus = []

    def next(self, request):
        """The recorded reply to a request; `None` when the recorded model was not asked this."""
        system = "".join(text_of(one) for one in request["messages"] if one["role"] == "system")
        said = text_of(next((one for one in reversed(request["messages"]) if one["role"] == "user"), {}))
        whole = json.dumps(request["messages"])
        with self.lock:
            known = {key for marker, key in self.markers.items() if marker in system}
            fitting = [reply for reply in self.left if reply.agent in known] if known else self.left
            by_words = [reply for reply in fitting if reply.words and (reply.words in said or json.dumps(reply.words)[1:-1] in whole)]
            for reply in by_words or fitting:
                self.left.remove(reply)
                return reply
            self.surplus.append(said)
            return None


def text_of(message):
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def tool_calls(reply, tools, number):
    offered = [tool["function"]["name"] for tool in tools or []]
    for index, call in enumerate(reply.calls):
        function = {"name": offered_name(call, offered), "arguments": json.dumps(call.input)}
        yield {"index": index, "id": f"call_{number}_{index}", "type": "function", "function": function}


def offered_name(call, offered):
    """Our name of the tool that the recorded call led to; what led to nothing keeps the name that was made up."""
    if call.name in offered or not call.action:
        return call.name
    group, last = call.action[0], call.action[-1] if len(call.action) == 2 else operation_id(call.action)
    named = [name for name in offered if name.endswith(f"__{last}")] or [name for name in offered if last in name]
    return next((name for name in named if group in name), named[0] if named else call.name)


def handler_of(model):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        count = 0

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            reply = model.next(request)
            if reply is None:
                error = {"error": {"message": "the recorded model was not asked this", "type": "invalid_request_error"}}
                return self.send(400, "application/json", json.dumps(error))
            Handler.count += 1
            calls = list(tool_calls(reply, request.get("tools"), Handler.count))
            usage = {"prompt_tokens": reply.usage[0], "completion_tokens": reply.usage[1]}
            message = {"role": "assistant", "content": reply.text}
            if reply.reasoning:
                message["reasoning_content"] = reply.reasoning
            finish = "tool_calls" if calls else "stop"
            if request.get("stream"):
                return self.send(200, "text/event-stream", stream(message, calls, finish, usage))
            message = {**message, "tool_calls": calls} if calls else message
            choice = {"index": 0, "message": message, "finish_reason": finish}
            return self.send(200, "application/json", json.dumps({"choices": [choice], "usage": usage}))

        def send(self, status, kind, body):
            body = body.encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def stream(message, calls, finish, usage):
    """Server-sent events, word by word."""
    deltas = [{"reasoning_content": message["reasoning_content"]}] if "reasoning_content" in message else []
    words = message["content"].split(" ")
    deltas += [{"content": word if index == 0 else f" {word}"} for index, word in enumerate(words)]
    deltas += [{"tool_calls": [call]} for call in calls]
    events = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}], "usage": usage})
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
