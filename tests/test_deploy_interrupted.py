"""A deployment whose answers get lost can be repeated: nothing is wedged, nothing is made twice."""

import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from conftest import REPOSITORY
from server import outcrop as run

TEMPLATE = REPOSITORY / "examples/support/template.yaml"


class LosesOneAnswer(ThreadingHTTPServer):
    """Forwards everything, and drops the answer to the first request of one kind."""

    def __init__(self, target, method, path):
        super().__init__(("127.0.0.1", 0), Forward)
        self.target, self.method, self.path, self.lost = urlsplit(target), method, path, False
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Forward(BaseHTTPRequestHandler):
    def forward(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        upstream = HTTPConnection(self.server.target.hostname, self.server.target.port, timeout=30)
        upstream.request(self.command, self.path, body, {"content-type": "application/json"})
        answer = upstream.getresponse()
        text = answer.read()
        ends_alike = self.path.rstrip("/").endswith(self.server.path)
        if not self.server.lost and self.command == self.server.method and ends_alike:
            assert answer.status < 300, text
            self.server.lost = True
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name not in ("content-length", "transfer-encoding", "connection", "date"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = forward

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(("method", "path"), [
    ("POST", "/functions"), ("PUT", "/agents"), ("PUT", "/actiongroups"), ("PUT", "/agentaliases"),
])
def test_a_lost_answer_does_not_wedge_the_stack(outcrop, method, path):
    outcrop.start()
    proxy = LosesOneAnswer(outcrop.url, method, path)
    first = run("deploy", TEMPLATE, "--endpoint", proxy.url, "--stack", "support")
    assert proxy.lost and first.returncode == 1, first.stderr
    second = run("deploy", TEMPLATE, "--endpoint", outcrop.url, "--stack", "support")
    assert second.returncode == 0, second.stderr
    third = run("deploy", TEMPLATE, "--endpoint", outcrop.url, "--stack", "support")
    assert "nothing to change" in third.stdout
    agents = outcrop.control().list_agents()["agentSummaries"]
    assert [each["agentName"] for each in agents] == ["support-bot"]
    agent_id = agents[0]["agentId"]
    groups = outcrop.control().list_agent_action_groups(agentId=agent_id, agentVersion="DRAFT")["actionGroupSummaries"]
    assert sorted(each["actionGroupName"] for each in groups) == ["ClientSideTools", "OrderTools"]
    aliases = outcrop.control().list_agent_aliases(agentId=agent_id)["agentAliasSummaries"]
    assert sorted(each["agentAliasName"] for each in aliases) == ["AgentTestAlias", "PROD"]
