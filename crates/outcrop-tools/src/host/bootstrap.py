"""Runs a Python handler for Outcrop's local Lambda host: asks the Lambda Runtime API for events, answers them.

Standard library only. Speaks HTTP over one kept connection by itself, because importing and using http.client costs
more than everything else here.
"""

import importlib
import json
import logging
import os
import socket
import sys
import time

BASE = "/2018-06-01/runtime/"


class Connection:
    """One kept connection to the host. Its end is ours: the host is gone or wants no more of us."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address = address.encode()
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, *requests):
        self.socket.sendall(b"".join(requests))

    def get(self, path):
        return b"GET %s%s HTTP/1.1\r\nHost: %s\r\n\r\n" % (BASE.encode(), path.encode(), self.address)

    def post(self, path, body, error_type=""):
        head = "POST %s%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (
            BASE, path, self.address.decode(), len(body))
        if error_type:
            head += "Lambda-Runtime-Function-Error-Type: %s\r\n" % error_type
        return head.encode("latin-1", "replace") + b"\r\n" + body

    def receive(self):
        """Status, headers with names in lower case, body."""
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if found:
                break
            self.fill()
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        self.buffer = rest
        while len(self.buffer) < length:
            self.fill()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(lines[0].split(" ", 2)[1]), headers, body

    def fill(self):
        try:
            received = self.socket.recv(262144)
        except OSError:
            received = b""
        if not received:
            os._exit(0)
        self.buffer += received


class ClientContext:
    """What mobile clients send along; rarely anything."""

    def __init__(self, values):
        self.custom = values.get("custom")
        self.env = values.get("env")
        self.client = values.get("client")


class Identity:
    cognito_identity_id = None
    cognito_identity_pool_id = None


class Context:
    def __init__(self, headers, deadline):
        environment = os.environ
        client = headers.get("lambda-runtime-client-context")
        self._deadline = deadline
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id", "")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn", "")
        self.function_name = environment.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = environment.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = environment.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environment.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.client_context = ClientContext(json.loads(client)) if client else None
        self.identity = Identity()
        self.tenant_id = None

    def get_remaining_time_in_millis(self):
        return max(int(self._deadline - time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))


class Fault(Exception):
    """A function that cannot start; `kind` is Lambda's error type."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def main():
    connection = Connection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    sys.stdout.reconfigure(line_buffering=True)
    # The folder of this file comes first on the path; the function's own takes its place.
    sys.path[0] = os.environ.get("LAMBDA_TASK_ROOT", os.getcwd())
    log_filter = prepare_logging()
    try:
        handler = load(os.environ.get("_HANDLER", ""))
    except Exception as error:
        kind, payload = describe(error, "")
        connection.send(connection.post("init/error", payload, kind))
        connection.receive()
        sys.exit(1)
    following = connection.get("invocation/next")
    connection.send(following)
    while True:
        status, headers, body = connection.receive()
        if status != 200:
            sys.exit("the host answered %d instead of an event" % status)
        answer = serve(connection, handler, headers, body, log_filter)
        # Sent together: the host has our answer and knows that we are free in one go.
        connection.send(answer, following)
        connection.receive()


def serve(connection, handler, headers, body, log_filter):
    request_id = headers.get("lambda-runtime-aws-request-id", "")
    log_filter.request_id = request_id
    os.environ["_X_AMZN_TRACE_ID"] = headers.get("lambda-runtime-trace-id", "")
    try:
        event = unmarshal(body)
        context = Context(headers, int(headers.get("lambda-runtime-deadline-ms", 0)))
        answer = marshal(handler(event, context))
    except Exception as error:
        kind, payload = describe(error, request_id)
        return connection.post("invocation/%s/error" % request_id, payload, kind)
    finally:
        sys.stdout.flush()
    return connection.post("invocation/%s/response" % request_id, answer)


def load(handler):
    """The function that `pkg.mod.func` names; slashes are dots."""
    module_name, dot, name = handler.rpartition(".")
    if not dot:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': it has no dot between module and function" % handler)
    shown = module_name
    module_name = module_name.replace("/", ".")
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.ImportModuleError", "Cannot use built-in module %s as a handler module" % shown)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (shown, error)) from error
    except SyntaxError as error:
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (shown, error)) from error
    if not hasattr(module, name):
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (name, shown))
    return getattr(module, name)


def unmarshal(body):
    try:
        return json.loads(body)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error) from error


def marshal(value):
    try:
        return json.dumps(value, default=plain, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")
    except Exception as error:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error) from error


def plain(value):
    """Numbers as DynamoDB's client gives them are numbers."""
    if type(value).__name__ == "Decimal":
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def describe(error, request_id):
    """Lambda's error payload, and the error as text in the log."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, Fault):
        kind, cause = error.kind, error.__cause__
        # Of a module that does not load, what matters is where it broke.
        frames = traceback.extract_tb(cause.__traceback__) if cause else []
    else:
        kind = type(error).__name__
    frames = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    lines = traceback.format_list(frames)
    try:
        message = str(error)
    except Exception:
        message = "(an error whose text cannot be had)"
    print("[ERROR] %s: %s\n%s" % (kind, message, "".join(lines)), end="", flush=True)
    payload = {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": lines}
    return kind, json.dumps(payload).encode()


class RequestId(logging.Filter):
    request_id = ""

    def filter(self, record):
        record.aws_request_id = self.request_id
        return True


def prepare_logging():
    """A handler on the root logger, as functions expect to find one."""
    log_filter = RequestId()
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(log_filter)
    form = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler.setFormatter(form)
    logging.getLogger().addHandler(handler)
    return log_filter


if __name__ == "__main__":
    main()
