"""A server under test, and requests to it on the loopback address."""
import atexit
import http.client
import json
import re
import signal
import subprocess

FAILURES = []


def check(what, found, expected=True):
    if found != expected:
        FAILURES.append(what)
        print(f"{what}\n  expected: {expected!r}\n  found:    {found!r}", flush=True)


class Server:
    """heed serve on a port that the system chooses."""

    def __init__(self, heed, *options):
        self.process = subprocess.Popen([heed, "serve", "--port", "0", *options], stderr=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)
        line = self.process.stderr.readline()
        found = re.fullmatch(r"heed serve: http://127\.0\.0\.1:(\d+)\n", line)
        if not found: raise SystemExit(f"the server does not start: {line}{self.process.stderr.read()}")
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def connect(self): return http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)

    def send(self, method, path, body=None, headers=()):
        """The status, the headers and the body of an answer."""
        connection = self.connect()
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request(method, path, data, dict(headers))
        answer = connection.getresponse()
        result = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return result

    def post(self, path, body, headers=()):
        status, _, text = self.send("POST", path, body, headers)
        return status, json.loads(text)

    def get(self, path, headers=()): return self.send("GET", path, None, headers)

    def stream(self, path, body):
        """The events of a stream; the last one must be [DONE]."""
        status, headers, text = self.send("POST", path, dict(body, stream=True))
        check(f"{path} streams", (status, headers.get("Content-Type")), (200, "text/event-stream; charset=utf-8"))
        events = text.decode().split("\n\n")
        check(f"{path} ends its stream", events[-2:], ["data: [DONE]", ""])
        return [json.loads(event.removeprefix("data: ")) for event in events[:-2]]

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics")[2].decode(), re.M)
        return float(found[1]) if found else None

    def stop(self):
        """Ends it in order, and returns what it printed on standard error."""
        self.process.send_signal(signal.SIGTERM)
        out = self.process.stderr.read()
        check("SIGTERM ends the server in order", self.process.wait(timeout=100), 0)
        return out


def run(*words, text=None):
    """What the command prints."""
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    check(" ".join(words[1:])[:200], (done.returncode, done.stderr), (0, ""))
    return done.stdout


def error_of(answer):
    status, body = answer
    return status, body.get("error", {}).get("type"), body.get("error", {}).get("param"), body.get("error", {}).get("code")
