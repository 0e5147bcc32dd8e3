"""Keys, origins, logs, limits, clients that disconnect, reloading and stopping of heed serve.

    python3 operations.py HEED FOLDER      FOLDER is empty and for files of the test"""
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time

from client import FAILURES, Server, check, error_of

HEED, FOLDER = sys.argv[1:3]
LONG = {"model": "shakespeare", "prompt": "ROMEO:", "max_tokens": 100000}
SHORT = {"model": "shakespeare", "prompt": "ROMEO:", "max_tokens": 4}


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end: time.sleep(0.01)
    return condition()


def texts(server): return server.metric('heed_model_texts{model="shakespeare"}')


def begin(server, body, stream=False):
    """A connection whose answer is not read yet."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    text = json.dumps(dict(body, stream=stream)).encode()
    connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
    return connection


def test_disconnect(server):
    for stream in (False, True):
        connection = begin(server, LONG, stream)
        check("a long request runs", wait_until(lambda: texts(server) == 1))
        if stream: check("a stream begins", connection.recv(20), b"HTTP/1.1 200 OK\r\nDat")
        connection.close()
        check("a client that disconnects cancels its request", wait_until(lambda: texts(server) == 0))
    check("no request is left", wait_until(lambda: server.metric("heed_requests_active") == 0))
    check("others go on", server.post("/v1/completions", SHORT)[0], 200)


def test_garbage(server):
    for sent in (b"\x00\x01\x02", b"GET\r\n\r\n", b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
                 b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
                 b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.settimeout(10)
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536): pass
        except OSError: pass
        connection.close()
    check("the server outlives garbage", server.get("/health")[0], 200)


def test_keys():
    path = f"{FOLDER}/keys"
    with open(path, "w") as file: file.write("first\nsecond\n")
    server = Server(HEED, "-m", "shakespeare", "--api-key-file", path)

    def status(key): return server.post("/v1/completions", SHORT, {"Authorization": f"Bearer {key}"} if key is not None else {})[0]

    check("without a key", error_of(server.post("/v1/completions", SHORT)), (401, "authentication_error", None, "invalid_api_key"))
    check("keys", [status(k) for k in ("first", "second", "secon", "secondx", "", "first\tsecond")], [200, 200, 401, 401, 401, 401])
    check("health needs no key", server.get("/health")[0], 200)
    check("metrics need a key", server.get("/metrics")[0], 401)
    with open(path, "w") as file: file.write("third\n")
    server.process.send_signal(signal.SIGHUP)
    check("SIGHUP reads keys again", wait_until(lambda: status("third") == 200))
    check("old keys are refused", status("first"), 401)
    server.stop()


def test_origins():
    server = Server(HEED, "-m", "shakespeare")
    evil = {"Origin": "https://evil.example"}
    check("pages of other sites are refused", error_of(server.post("/v1/completions", SHORT, evil)), (403, "permission_error", None, "origin"))
    check("pages of the server are not", server.get("/v1/models", {"Origin": server.url})[0], 200)
    check("no header without --cors", "Access-Control-Allow-Origin" in server.get("/health")[1], False)
    server.stop()
    server = Server(HEED, "-m", "shakespeare", "--cors", "https://good.example")
    good = {"Origin": "https://good.example"}
    status, headers, _ = server.send("OPTIONS", "/v1/completions", None, good)
    check("a preflight request", (status, headers.get("Access-Control-Allow-Origin")), (204, "https://good.example"))
    check("an allowed origin", server.send("POST", "/v1/completions", SHORT, good)[1].get("Access-Control-Allow-Origin"), "https://good.example")
    check("another origin", server.send("OPTIONS", "/v1/completions", None, evil)[0], 403)
    server.stop()


def test_log():
    path = f"{FOLDER}/log"
    server = Server(HEED, "-m", "shakespeare", "--access-log", path)
    _, headers, _ = server.send("POST", "/v1/completions", SHORT)
    server.get("/nothing")
    check("lines of the log", wait_until(lambda: len(open(path).readlines()) == 2))
    first, second = (json.loads(line) for line in open(path))
    check("a line", (first["method"], first["path"], first["status"], first["model"], first["tokens"], first["client"], first["id"]),
          ("POST", "/v1/completions", 200, "shakespeare", 4, "127.0.0.1", headers["X-Request-Id"]))
    check("a line of a fault", (second["path"], second["status"], second["model"]), ("/nothing", 404, None))
    os.rename(path, path + ".1")
    server.process.send_signal(signal.SIGHUP)
    check("SIGHUP opens the log again", wait_until(lambda: os.path.exists(path)))
    server.stop()


def test_limits():
    server = Server(HEED, "-m", "shakespeare", "--queue", "2", "--max-tokens", "100000", "--timeout", "5")
    connections = [begin(server, LONG) for _ in range(2)]
    check("two requests run", wait_until(lambda: server.metric("heed_requests_active") == 2))
    status, headers, text = server.send("POST", "/v1/completions", SHORT)
    check("one more is refused", (status, json.loads(text)["error"]["type"], headers.get("Retry-After")), (429, "rate_limit_error", "1"))
    for connection in connections:
        check("a request that takes too long", connection.recv(17), b"HTTP/1.1 504 Gate")
        connection.close()
    check("too many tokens", error_of(server.post("/v1/completions", dict(LONG, max_tokens=100001))),
          (400, "invalid_request_error", "max_tokens", "invalid_value"))
    server.stop()


def test_memory():
    """Space for one of the two models."""
    server = Server(HEED, "-m", "shakespeare", "-m", "heed-chat", "--memory", "6")
    chat = {"model": "heed-chat", "prompt": "a", "max_tokens": 2}

    def is_open(name): return server.metric(f'heed_model_bytes{{model="{name}"}}') is not None

    check("the models that are open", (is_open("shakespeare"), is_open("heed-chat")), (True, False))
    check("the other one", server.post("/v1/completions", chat)[0], 200)
    check("it takes the place of the first", (is_open("shakespeare"), is_open("heed-chat")), (False, True))
    check("the first one again", server.post("/v1/completions", SHORT)[0], 200)
    connection = begin(server, LONG)
    wait_until(lambda: texts(server) == 1)
    check("a model in use stays", error_of(server.post("/v1/completions", chat)), (503, "server_error", "model", "overloaded"))
    connection.close()
    server.stop()


def test_reload():
    folder = f"{FOLDER}/model"
    models = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models")
    shutil.copytree(f"{models}/shakespeare", folder)
    server = Server(HEED, "-m", folder)
    body = dict(SHORT, model="model")
    check("a folder by its name", server.post("/v1/completions", body)[0], 200)
    connection = begin(server, dict(LONG, model="model", max_tokens=5000))
    wait_until(lambda: server.metric('heed_model_texts{model="model"}') == 1)
    with open(f"{folder}/generation_config.json", "w") as file: json.dump({"eos_token_id": 0, "max_length": 256, "forced_eos": 1, "no_such_key": 1}, file)
    server.process.send_signal(signal.SIGHUP)
    check("SIGHUP opens models again", wait_until(lambda: server.metric('heed_model_texts{model="model"}') is None))
    server.post("/v1/completions", body)
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
        if answer.endswith(b"}\n"): break
    check("a request that ran goes on with the old model", answer.startswith(b"HTTP/1.1 200 OK"))
    connection.close()
    server.stop()


def test_stop():
    server = Server(HEED, "-m", "shakespeare")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(server.post("/v1/completions", dict(LONG, max_tokens=2000))))
    thread.start()
    wait_until(lambda: texts(server) == 1)
    server.process.send_signal(signal.SIGTERM)
    thread.join()
    check("SIGTERM lets a request finish", answers[0][0], 200)
    check("all its tokens", answers[0][1]["usage"]["completion_tokens"], 2000)
    check("the server ends", server.process.wait(timeout=100), 0)
    server = Server(HEED, "-m", "shakespeare", "--grace", "0.2")
    connection = begin(server, LONG)
    wait_until(lambda: texts(server) == 1)
    server.process.send_signal(signal.SIGTERM)
    check("after its time a request is given up", connection.recv(12), b"HTTP/1.1 503")
    check("the server ends in time", server.process.wait(timeout=100), 0)


def test_socket():
    """Socket activation, as systemd does it."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    child = os.fork()
    if not child:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.execv(HEED, [HEED, "serve", "-m", "shakespeare", "--port", "1"])
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
    check("an inherited socket", connection.recv(12)[9:], b"200")
    os.kill(child, signal.SIGTERM)
    check("it ends", os.waitpid(child, 0)[1], 0)


def main():
    server = Server(HEED, "-m", "shakespeare")
    test_disconnect(server)
    test_garbage(server)
    server.stop()
    for test in (test_keys, test_origins, test_log, test_limits, test_memory, test_reload, test_stop, test_socket): test()
    sys.exit(bool(FAILURES))


main()
