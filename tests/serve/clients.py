"""The Python clients of OpenAI and of Hugging Face work with heed serve. Skipped, by name, where they are not installed.

    python3 clients.py HEED"""
import sys

from client import FAILURES, Server, check, run

HEED = sys.argv[1]
QUESTION = "How do I list models?"


def test_openai(server):
    try: import openai
    except ImportError: return print("skipped: the package openai is not installed")
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
    expected = run(HEED, "chat", "-m", "heed-chat", QUESTION).removesuffix("\n")
    messages = [{"role": "user", "content": QUESTION}]
    answer = client.chat.completions.create(model="heed-chat", messages=messages)
    check("openai: a chat", (answer.choices[0].message.content, answer.choices[0].finish_reason), (expected, "stop"))
    check("openai: usage", answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
    stream = client.chat.completions.create(model="heed-chat", messages=messages, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    check("openai: a stream", "".join(c.choices[0].delta.content or "" for c in chunks if c.choices), expected)
    check("openai: the usage of a stream", chunks[-1].usage, answer.usage)
    answer = client.chat.completions.create(model="heed-chat", messages=messages, logprobs=True, top_logprobs=2, max_tokens=2)
    check("openai: log-probabilities", [len(t.top_logprobs) for t in answer.choices[0].logprobs.content], [2, 2])
    expected = run(HEED, "generate", "-m", "shakespeare", "--max-new-tokens", "20", "ROMEO:").removesuffix("\n")
    answer = client.completions.create(model="shakespeare", prompt="ROMEO:", max_tokens=20)
    check("openai: a completion", "ROMEO:" + answer.choices[0].text, expected)
    text = "".join(c.choices[0].text for c in client.completions.create(model="shakespeare", prompt="ROMEO:", max_tokens=20, stream=True))
    check("openai: a stream of a completion", "ROMEO:" + text, expected)
    check("openai: models", [m.id for m in client.models.list()], ["heed-chat", "shakespeare"])
    try: client.chat.completions.create(model="none", messages=messages)
    except openai.NotFoundError as error: check("openai: an error", (error.code, error.param), ("model_not_found", "model"))
    else: check("openai: an error", None, "NotFoundError")


def main():
    server = Server(HEED, "-m", "heed-chat", "-m", "shakespeare")
    test_openai(server)
    server.stop()
    sys.exit(bool(FAILURES))


main()
