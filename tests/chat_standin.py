"""A stand-in for an endpoint with Chat Completions: answers what a test says and keeps what it was asked."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}


def text(words, usage=None, finish="stop"):
    """An answer in words; `words` may be a list of the pieces in which it streams."""
    return {"pieces": [words] if isinstance(words, str) else words, "usage": usage or USAGE, "finish": finish}


def tool_calls(*calls, words=None, usage=None):
    """An answer that calls tools: each `(id, name, arguments)`."""
    return {"pieces": [words] if words else [], "calls": list(calls), "usage": usage or USAGE, "finish": "tool_calls"}


def refuse(status, message, **headers):
    return {"status": status, "message": message, "headers": headers}


class ChatStandIn:
    """Answers each request with what `answer(request)` gives; `hold` keeps a stream back before its second piece."""

    def __init__(self, answer):
        self.answer, self.requests, self.hold, self.broken_off = answer, [], None, threading.Event()
        standin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                standin.requests.append({**request, "authorization": self.headers.get("authorization")})
                if not self.path.endswith("/chat/completions"):
                    return self.whole(404, {"error": {"message": f"no such path: {self.path}"}})
                answer = standin.answer(request)
                if "status" in answer:
                    return self.whole(answer["status"], {"error": {"message": answer["message"]}}, answer["headers"])
                if request.get("stream"):
                    return self.stream(answer)
                message = {"role": "assistant", "content": "".join(answer["pieces"]) or None}
                if answer.get("calls"):
                    message["tool_calls"] = [call(*each) for each in answer["calls"]]
                self.whole(200, {"id": "c", "object": "chat.completion", "model": request["model"], "usage": answer["usage"],
                                 "choices": [{"index": 0, "message": message, "finish_reason": answer["finish"]}]})

            def whole(self, status, document, headers=()):
                body = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", "content-length": len(body), **dict(headers)}.items():
                    self.send_header(name.replace("_", "-"), str(value))
                self.end_headers()
                self.wfile.write(body)

            def stream(self, answer):
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                try:
                    for at, piece in enumerate(answer["pieces"]):
                        if at == 1 and standin.hold:
                            standin.hold.wait(20)
                        self.event({"content": piece})
                        if answer.get("breaks_off"):
                            return self.connection.shutdown(socket.SHUT_RDWR)
                    for index, each in enumerate(answer.get("calls", [])):
                        made = call(*each)
                        arguments = made["function"].pop("arguments")
                        self.event({"tool_calls": [{"index": index, **made, "function": {**made["function"], "arguments": ""}}]})
                        for at in range(0, len(arguments), 7):
                            self.event({"tool_calls": [{"index": index, "function": {"arguments": arguments[at:at + 7]}}]})
                    self.event({}, answer["finish"])
                    self.chunk(b"data: " + json.dumps({"choices": [], "usage": answer["usage"]}).encode() + b"\n\n")
                    self.chunk(b"data: [DONE]\n\n")
                    self.wfile.write(b"0\r\n\r\n")
                except OSError:
                    standin.broken_off.set()

            def event(self, delta, finish=None):
                document = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
                self.chunk(b"data: " + json.dumps(document).encode() + b"\n\n")

            def chunk(self, data):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def settings(self, model="upstream", match="*", more=""):
        """The `[[model]]` that leads here."""
        return f'[[model]]\nmatch = "{match}"\nprovider = "openai"\nbase_url = "{self.url}"\nmodel = "{model}"\n{more}\n'


def call(identifier, name, arguments):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
