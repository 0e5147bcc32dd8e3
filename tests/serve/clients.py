"""The Python clients of OpenAI and of Hugging Face work with heed serve. Skipped, by name, where they are not installed.

    python3 clients.py HEED"""
import json
import struct
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
    check("openai: models", [m.id for m in client.models.list()][:2], ["heed-chat", "shakespeare"])
    try: client.chat.completions.create(model="none", messages=messages)
    except openai.NotFoundError as error: check("openai: an error", (error.code, error.param), ("model_not_found", "model"))
    else: check("openai: an error", None, "NotFoundError")


def test_openai_vectors(server):
    try: import openai
    except ImportError: return None
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
    expected = json.loads(run(HEED, "embed", "-m", "sst2", "a charming film"))
    answer = client.embeddings.create(model="sst2", input=["a charming film"])
    check("openai: a vector", [struct.pack("<f", x) for x in answer.data[0].embedding], [struct.pack("<f", x) for x in expected])


def test_hugging_face(server):
    try: from huggingface_hub import InferenceClient
    except ImportError: return print("skipped: the package huggingface_hub is not installed")

    def client_of(name): return InferenceClient(model=f"{server.url}/models/{name}", timeout=60)

    def values(items, *names): return [tuple(getattr(item, name) for name in names) for item in items]

    def printed(verb, name, *words): return json.loads(run(HEED, verb, "-m", name, "--json", *words))

    text = "a charming film"
    check("huggingface_hub: classes", values(client_of("sst2").text_classification(text), "label", "score"),
          [(c["label"], c["score"]) for c in printed("classify", "sst2", "--all", text)])
    text = "Ada Lovelace was born in London."
    check("huggingface_hub: entities", values(client_of("entities").token_classification(text), "entity_group", "word", "start", "end"),
          [(e["entity_group"], e["word"], e["start"], e["end"]) for e in printed("tag", "entities", text)])
    text = "Two men are playing [MASK] in the street."
    check("huggingface_hub: masks", values(client_of("encoder").fill_mask(text), "token", "token_str", "score"),
          [(w["token"], w["token_str"], w["score"]) for w in printed("fill", "encoder", text)])
    check("huggingface_hub: a translation", client_of("multi30k-en-de").translation("A dog runs.").translation_text,
          printed("translate", "multi30k-en-de", "A dog runs.")[0]["translation_text"])
    text = client_of("shakespeare").text_generation("ROMEO:", max_new_tokens=8, return_full_text=True)
    check("huggingface_hub: a text", text, printed("generate", "shakespeare", "--max-new-tokens", "8", "ROMEO:")[0]["generated_text"])
    context, question = "The museum is in Berlin. It was opened in 1830.", "Where is the museum?"
    check("huggingface_hub: an answer", client_of("reading").question_answering(question=question, context=context).answer,
          printed("answer", "reading", "--context", context, question)["answer"])
    chat = InferenceClient(base_url=f"{server.url}/v1", api_key="none", timeout=60)
    messages = [{"role": "user", "content": QUESTION}]
    expected = run(HEED, "chat", "-m", "heed-chat", QUESTION).removesuffix("\n")
    check("huggingface_hub: a chat", chat.chat_completion(messages, model="heed-chat").choices[0].message.content, expected)
    stream = chat.chat_completion(messages, model="heed-chat", stream=True)
    check("huggingface_hub: a stream", "".join(c.choices[0].delta.content or "" for c in stream), expected)


def main():
    models = ("heed-chat", "shakespeare", "sst2", "entities", "encoder", "multi30k-en-de", "reading")
    server = Server(HEED, *[word for name in models for word in ("-m", name)])
    for test in (test_openai, test_openai_vectors, test_hugging_face): test(server)
    server.stop()
    sys.exit(bool(FAILURES))


main()
