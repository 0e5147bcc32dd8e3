"""Completions and chat of heed serve equal what the command prints.

    python3 completions.py HEED FOLDER      FOLDER is empty and for files of the test"""
import json
import sys
import threading

from client import FAILURES, Server, check, error_of, run

HEED, FOLDER = sys.argv[1:3]
PROMPT = "ROMEO:"


def generate(*options, text=PROMPT):
    return json.loads(run(HEED, "generate", "-m", "shakespeare", "--json", *options, text))


def continuation(answer, text=PROMPT): return answer["generated_text"].removeprefix(text)


def test_texts(server):
    greedy = continuation(generate("--max-new-tokens", "40")[0])
    status, answer = server.post("/v1/completions", {"model": "shakespeare", "prompt": PROMPT, "max_tokens": 40})
    check("a completion", status, 200)
    choice = answer["choices"][0]
    check("a greedy completion", choice, {"index": 0, "text": greedy, "logprobs": None, "finish_reason": "length"})
    check("tokens of a completion", answer["usage"]["completion_tokens"], 40)
    check("tokens of a prompt", answer["usage"]["total_tokens"] - 40, answer["usage"]["prompt_tokens"])
    check("the kind of a completion", (answer["object"], answer["model"]), ("text_completion", "shakespeare"))
    events = server.stream("/v1/completions", {"model": "shakespeare", "prompt": PROMPT, "max_tokens": 40,
                                               "stream_options": {"include_usage": True}})
    check("the text of a stream", "".join(e["choices"][0]["text"] for e in events[:-1]), greedy)
    check("a stream comes in pieces", len(events) > 10)
    check("the end of a stream", events[-2]["choices"][0]["finish_reason"], "length")
    check("the usage of a stream", (events[-1]["choices"], events[-1]["usage"]), ([], answer["usage"]))
    _, echoed = server.post("/v1/completions", {"model": "shakespeare", "prompt": PROMPT, "max_tokens": 40, "echo": True})
    check("an echo", echoed["choices"][0]["text"], PROMPT + greedy)
    _, short = server.post("/v1/completions", {"model": "shakespeare", "prompt": PROMPT})
    check("tokens without max_tokens", short["usage"]["completion_tokens"], 16)


def test_sampling(server):
    body = {"model": "shakespeare", "prompt": PROMPT, "max_tokens": 24, "temperature": 0.8, "top_p": 0.9, "seed": 7}
    options = ["--max-new-tokens", "24", "--temperature", "0.8", "--top-p", "0.9", "--seed", "7"]
    samples = [continuation(a) for a in generate("--samples", "3", *options)]
    _, answer = server.post("/v1/completions", dict(body, n=3))
    check("samples", [c["text"] for c in answer["choices"]], samples)
    check("indices of samples", [c["index"] for c in answer["choices"]], [0, 1, 2])
    events = server.stream("/v1/completions", dict(body, n=3))
    streamed = ["".join(e["choices"][0]["text"] for e in events if e["choices"][0]["index"] == i) for i in range(3)]
    check("streamed samples", streamed, samples)
    random = {server.post("/v1/completions", dict(body, seed=None, max_tokens=40, top_p=1))[1]["choices"][0]["text"]
              for _ in range(4)}
    check("without a seed, samples differ", len(random) > 1)
    _, zero = server.post("/v1/completions", dict(body, temperature=0))
    check("temperature 0 is greedy", zero["choices"][0]["text"], continuation(generate("--max-new-tokens", "24")[0]))
    prompts = ["ROMEO:", "JULIET:", "KING RICHARD II:"]
    lines = run(HEED, "generate", "-m", "shakespeare", "--json", "--sample", *options, text="\n".join(prompts))
    expected = [continuation(json.loads(l)[0], p) for l, p in zip(lines.splitlines(), prompts)]
    _, several = server.post("/v1/completions", dict(body, prompt=prompts))
    check("several prompts", [c["text"] for c in several["choices"]], expected)


def test_options(server):
    stopped = continuation(generate("--max-new-tokens", "60", "--stop", "\n")[0])
    _, answer = server.post("/v1/completions", {"model": "shakespeare", "prompt": PROMPT, "max_tokens": 60, "stop": ["\n", "@"]})
    choice = answer["choices"][0]
    check("a stop string", (choice["text"], choice["finish_reason"]), (stopped, "stop"))
    penalized = continuation(generate("--max-new-tokens", "30", "--presence-penalty", "1.5", "--frequency-penalty", "0.3",
                                      "--logit-bias", "5=-100")[0])
    _, answer = server.post("/v1/completions", {"model": "shakespeare", "prompt": PROMPT, "max_tokens": 30,
                                                "presence_penalty": 1.5, "frequency_penalty": 0.3, "logit_bias": {"5": -100}})
    check("penalties and biases", answer["choices"][0]["text"], penalized)
    expected = generate("--max-new-tokens", "8", "--logprobs", "--top-logprobs", "2")[0]
    body = {"model": "shakespeare", "prompt": PROMPT, "max_tokens": 8, "logprobs": 2}
    log_probs = server.post("/v1/completions", body)[1]["choices"][0]["logprobs"]
    check("tokens with log-probabilities", len(log_probs["tokens"]), 8)
    check("log-probabilities", log_probs["token_logprobs"], [t["logprob"] for t in expected["logprobs"]["content"]])
    check("probable tokens", [len(t) for t in log_probs["top_logprobs"]], [2] * 8)
    check("places of tokens", log_probs["text_offset"][:2], [0, len(log_probs["tokens"][0])])
    events = server.stream("/v1/completions", body)
    check("log-probabilities of a stream", events[-1]["choices"][0]["logprobs"], log_probs)


def chat(*options, text): return run(HEED, "chat", "-m", "heed-chat", *options, text).removesuffix("\n")


def test_chat(server):
    question = "How do I list models?"
    expected = chat(text=question)
    body = {"model": "heed-chat", "messages": [{"role": "user", "content": question}]}
    status, answer = server.post("/v1/chat/completions", body)
    check("a chat", (status, answer["object"]), (200, "chat.completion"))
    check("a message", answer["choices"][0]["message"], {"role": "assistant", "content": expected, "refusal": None})
    check("the end of a message", answer["choices"][0]["finish_reason"], "stop")
    parts = [{"type": "text", "text": "How do I "}, {"type": "text", "text": "list models?"}]
    _, same = server.post("/v1/chat/completions", dict(body, messages=[{"role": "user", "content": parts}]))
    check("a message in parts", same["choices"][0]["message"]["content"], expected)
    events = server.stream("/v1/chat/completions", body)
    check("the first event of a chat", events[0]["choices"][0]["delta"], {"role": "assistant", "content": ""})
    check("the text of a chat's stream", "".join(e["choices"][0]["delta"].get("content", "") for e in events), expected)
    check("the last event of a chat", (events[-1]["choices"][0]["delta"], events[-1]["choices"][0]["finish_reason"]), ({}, "stop"))
    _, scored = server.post("/v1/chat/completions", dict(body, logprobs=True, top_logprobs=2, max_tokens=3))
    content = scored["choices"][0]["logprobs"]["content"]
    check("log-probabilities of a chat", [len(t["top_logprobs"]) for t in content], [2, 2, 2])
    check("bytes of a token", bytes(content[0]["bytes"]).decode(errors="replace"), content[0]["token"])
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": expected}, {"role": "user", "content": "Thanks"}]
    _, second = server.post("/v1/chat/completions", dict(body, messages=turns))
    check("a second turn", second["choices"][0]["message"]["content"], chat(question, text="Thanks").split("\n")[-1])


def test_long_chat(server):
    """The oldest turns of a conversation that is too long are left out, as by the command, and a note says so."""
    turns = [m for i in range(60) for m in ({"role": "user", "content": f"What is the number {i}?"}, {"role": "assistant", "content": "I do not know."})]
    with open(f"{FOLDER}/turns.json", "w") as file: json.dump(turns, file)
    question = "How do I list models?"
    expected = chat("-q", "--load", f"{FOLDER}/turns.json", text=question)
    _, answer = server.post("/v1/chat/completions", {"model": "heed-chat", "messages": turns + [{"role": "user", "content": question}]})
    check("a long chat", answer["choices"][0]["message"]["content"], expected)
    check("its note", ["the oldest" in note for note in answer.get("notes", [])], [True])
    status, body = server.post("/v1/chat/completions", {"model": "heed-chat", "messages": [{"role": "user", "content": "a b c " * 2000}]})
    check("a message that is too long", error_of((status, body)), (400, "invalid_request_error", "messages", "context_length_exceeded"))


def test_schemas(server):
    schema = {"type": "object", "properties": {"name": {"enum": ["Romeo", "Juliet"]}}, "required": ["name"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "who", "strict": True, "schema": schema}}
    body = {"model": "heed-chat", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 60}
    _, answer = server.post("/v1/chat/completions", dict(body, response_format=form))
    content = answer["choices"][0]["message"]["content"]
    check("an answer in a schema", content, chat("--max-new-tokens", "60", "--json-schema", json.dumps(schema), text="Hello"))
    check("it is in the schema", json.loads(content)["name"] in ("Romeo", "Juliet"))
    grammar = 'root ::= "yes" | "no"'
    _, answer = server.post("/v1/chat/completions", dict(body, grammar=grammar))
    check("an answer in a grammar", answer["choices"][0]["message"]["content"], chat("--grammar", grammar, text="Hello"))


def test_tools(server):
    """A grammar makes the model call a tool; the call is taken out of the text."""
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    call = '{\\"name\\": \\"look\\", \\"arguments\\": {\\"at\\": 1}}'
    body = {"model": "heed-chat", "messages": [{"role": "user", "content": "Hello"}], "tools": [tool], "grammar": f'root ::= "{call}"',
            "max_tokens": 100}
    _, answer = server.post("/v1/chat/completions", body)
    choice = answer["choices"][0]
    calls = choice["message"].get("tool_calls", [{}])
    check("a tool call", (choice["finish_reason"], choice["message"]["content"], calls[0].get("type"), calls[0].get("function")),
          ("tool_calls", None, "function", {"name": "look", "arguments": '{"at":1}'}))
    events = server.stream("/v1/chat/completions", body)
    check("a tool call of a stream", events[-1]["choices"][0]["delta"]["tool_calls"][0]["function"], calls[0].get("function"))
    _, text = server.post("/v1/chat/completions", dict(body, tool_choice="none"))
    check("without tools it is text", text["choices"][0]["message"]["content"], call.replace("\\", ""))


def test_load(server):
    """Texts do not depend on the load: 200 requests by 16 threads."""
    lines = [f"{name}: {number}" for number in range(50) for name in ("ROMEO", "JULIET", "FRIAR", "NURSE")]
    out = run(HEED, "generate", "-m", "shakespeare", "--json", "--max-new-tokens", "12", text="\n".join(lines))
    expected = [continuation(json.loads(l)[0], p) for l, p in zip(out.splitlines(), lines)]
    found = [None] * len(lines)

    def work(first):
        for i in range(first, len(lines), 16):
            body = {"model": "shakespeare", "prompt": lines[i], "max_tokens": 12}
            if i % 3 == 0:
                found[i] = "".join(e["choices"][0]["text"] for e in server.stream("/v1/completions", body))
            else:
                found[i] = server.post("/v1/completions", body)[1]["choices"][0]["text"]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    check("200 texts under load", [i for i in range(len(lines)) if found[i] != expected[i]], [])
    steps, texts = (server.metric(f'heed_model_{n}_total{{model="shakespeare"}}') for n in ("steps", "step_texts"))
    check("requests share steps", texts > 1.2 * steps)


def test_faults(server):
    text, messages = {"model": "shakespeare", "prompt": "a"}, [{"role": "user", "content": "a"}]
    wrong = "invalid_request_error"
    cases = [("/v1/completions", b"{", (400, wrong, None, "invalid_json")),
             ("/v1/completions", b"[1]", (400, wrong, None, "invalid_type")),
             ("/v1/completions", b"\xff\xfe", (400, wrong, None, "invalid_json")),
             ("/v1/completions", {"prompt": "a"}, (400, wrong, "model", "missing")),
             ("/v1/completions", {"model": "none", "prompt": "a"}, (404, wrong, "model", "model_not_found")),
             ("/v1/completions", {"model": "shakespeare"}, (400, wrong, "prompt", "missing")),
             ("/v1/completions", dict(text, messages=messages), (400, wrong, "messages", "unknown_parameter")),
             ("/v1/completions", dict(text, tempreature=1), (400, wrong, "tempreature", "unknown_parameter")),
             ("/v1/completions", dict(text, max_tokens=0), (400, wrong, "max_tokens", "invalid_value")),
             ("/v1/completions", dict(text, max_tokens="8"), (400, wrong, "max_tokens", "invalid_type")),
             ("/v1/completions", dict(text, temperature=-1), (400, wrong, "temperature", "invalid_value")),
             ("/v1/completions", dict(text, presence_penalty=3), (400, wrong, "presence_penalty", "invalid_value")),
             ("/v1/completions", dict(text, n=1000), (400, wrong, "n", "invalid_value")),
             ("/v1/completions", dict(text, prompt=[1, 2]), (400, wrong, "prompt", "unsupported")),
             ("/v1/completions", dict(text, grammar="/etc/passwd"), (400, wrong, "grammar", "invalid_type")),
             ("/v1/completions", dict(text, logit_bias={"a": 1}), (400, wrong, "logit_bias", "invalid_value")),
             ("/v1/completions", dict(text, stop=[1]), (400, wrong, "stop", "invalid_type")),
             ("/v1/completions", dict(text, stream_options={"include_usage": True}), (400, wrong, "stream_options", "invalid_value")),
             ("/v1/completions", {"model": "sst2", "prompt": "a"}, (400, wrong, "model", "unsupported")),
             ("/v1/chat/completions", {"model": "heed-chat", "messages": []}, (400, wrong, "messages", "invalid_type")),
             ("/v1/chat/completions", {"model": "heed-chat", "messages": [{}]}, (400, wrong, "messages", "invalid_value")),
             ("/v1/chat/completions", {"model": "heed-chat", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
              (400, wrong, "messages", "invalid_value")),
             ("/v1/chat/completions", {"model": "shakespeare", "messages": messages}, (400, wrong, "messages", "unsupported")),
             ("/v1/chat/completions", {"model": "heed-chat", "messages": messages, "tool_choice": "required"},
              (400, wrong, "tool_choice", "unsupported")),
             ("/v1/nothing", {}, (404, wrong, None, "unknown_url"))]
    for path, body, expected in cases: check(f"{path} {body}", error_of(server.post(path, body)), expected)
    status, _, text = server.get("/v1/completions")
    check("a wrong method", (status, json.loads(text)["error"]["code"]), (405, "method_not_allowed"))
    check("a body that is too large", server.post("/v1/completions", b" " * 300000)[0], 413)


def test_overview(server):
    check("health", server.get("/health")[::2], (200, b'{"status":"ok"}\n'))
    _, _, text = server.get("/v1/models")
    check("models", [m["id"] for m in json.loads(text)["data"]], ["shakespeare", "heed-chat", "sst2"])
    check("a model", json.loads(server.get("/v1/models/sst2")[2])["id"], "sst2")
    check("a model that is not there", server.get("/v1/models/none")[0], 404)
    check("requests are counted", server.metric('heed_requests_total{endpoint="/v1/completions",status="200"}') > 200)
    check("no request is left", server.metric("heed_requests_active"), 0)


def main():
    server = Server(HEED, "-m", "shakespeare", "-m", "heed-chat", "-m", "sst2", "--max-body", "200000")
    for test in (test_texts, test_sampling, test_options, test_chat, test_long_chat, test_schemas, test_tools, test_load, test_faults, test_overview): test(server)
    check("the server prints nothing else", server.stop(), "")
    sys.exit(bool(FAILURES))


main()
