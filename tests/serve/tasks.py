"""Embeddings, ranking and tasks of heed serve equal what the command prints.

    python3 tasks.py HEED FOLDER      FOLDER is empty and for files of the test"""
import base64
import json
import os
import shutil
import struct
import sys
import threading

from client import FAILURES, Server, check, error_of, run

HEED, FOLDER = sys.argv[1:3]
PROJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TEXTS = ["a charming film", "a dull film", "two hours of my life"]


def print_json(*words): return [json.loads(line) for line in run(HEED, *words).splitlines()]


def make_reranker():
    """The cross-encoder of tests/cli/rerank."""
    folder, golden = f"{FOLDER}/ranker", f"{PROJECT}/tests/golden"
    os.mkdir(folder)
    shutil.copy(f"{golden}/rerank/bert.safetensors", f"{folder}/model.safetensors")
    shutil.copy(f"{golden}/embed/tokenizer.json", folder)
    with open(f"{folder}/model.safetensors", "rb") as file: head = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    rows = next(t["shape"][0] for name, t in head.items() if name.endswith("word_embeddings.weight"))
    config = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "vocab_size": rows, "hidden_size": 16,
              "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 48,
              "id2label": {"0": "LABEL_0"}}
    with open(f"{folder}/config.json", "w") as file: json.dump(config, file)
    with open(f"{folder}/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 16}, file)
    return folder


def test_embeddings(server):
    expected = print_json("embed", "-m", "sst2", *TEXTS)
    status, answer = server.post("/v1/embeddings", {"model": "sst2", "input": TEXTS})
    check("vectors", (status, [d["embedding"] for d in answer["data"]]), (200, expected))
    check("their indices", [d["index"] for d in answer["data"]], [0, 1, 2])
    check("their tokens", answer["usage"]["total_tokens"] > 9)
    _, one = server.post("/v1/embeddings", {"model": "sst2", "input": TEXTS[0], "encoding_format": "base64", "dimensions": 4})
    numbers = struct.unpack("<4f", base64.b64decode(one["data"][0]["embedding"]))
    check("a vector in base64", numbers, struct.unpack("<4f", struct.pack("<4f", *expected[0][:4])))
    check("a model of another kind", error_of(server.post("/v1/embeddings", {"model": "multi30k-en-de", "input": "a"})),
          (400, "invalid_request_error", "model", "unsupported"))
    check("no input", error_of(server.post("/v1/embeddings", {"model": "sst2"})), (400, "invalid_request_error", "input", "missing"))


def test_ranking(server):
    documents = ["the dog runs over the field", "a small dog", ""]
    query = "find the small dog"
    expected = print_json("rerank", "-m", f"{FOLDER}/ranker", "--query", query, "--json", *documents)[0]
    body = {"model": "ranker", "query": query, "documents": documents, "return_documents": True}
    _, answer = server.post("/v1/rerank", body)
    check("a ranking", [(r["index"], r["relevance_score"], r["document"]["text"]) for r in answer["results"]],
          [(r["corpus_id"], r["score"], r["text"]) for r in expected])
    _, first = server.post("/v1/rerank", dict(body, top_n=1, documents=[{"text": d} for d in documents]))
    check("the first one", [r["index"] for r in first["results"]], [expected[0]["corpus_id"]])
    raw = print_json("rerank", "-m", f"{FOLDER}/ranker", "--query", query, "--json", "--scores", "none", *documents)[0]
    _, entries = server.post("/rerank", {"model": "ranker", "query": query, "texts": documents, "raw_scores": True})
    check("the other form", [(r["index"], r["score"]) for r in entries], [(r["corpus_id"], r["score"]) for r in raw])


def post_task(server, model, inputs, **parameters): return server.post(f"/models/{model}", {"inputs": inputs, "parameters": parameters})[1]


def test_tasks(server):
    check("classification", post_task(server, "sst2", TEXTS), print_json("classify", "-m", "sst2", "--all", "--json", *TEXTS))
    check("of one text", post_task(server, "sst2", TEXTS[0], top_k=1), print_json("classify", "-m", "sst2", "--json", TEXTS[0]))
    sentence = "Ada Lovelace was born in London."
    check("entities", post_task(server, "entities", sentence), print_json("tag", "-m", "entities", "--json", sentence)[0])
    check("tokens", post_task(server, "entities", [sentence], aggregation_strategy="none"),
          print_json("tag", "-m", "entities", "--json", "--aggregation", "none", sentence))
    masked = "Two men are playing [MASK] in the street."
    check("masks", post_task(server, "encoder", masked), print_json("fill", "-m", "encoder", "--json", masked)[0])
    check("two words", post_task(server, "encoder", masked, top_k=2), print_json("fill", "-m", "encoder", "--json", "--top", "2", masked)[0])
    english = ["A dog runs.", "Two men sit."]
    expected = [line[0] for line in print_json("translate", "-m", "multi30k-en-de", "--json", *english)]
    check("translations", post_task(server, "multi30k-en-de", english), expected)
    check("a translation", server.post("/models/multi30k-en-de/pipeline/translation", {"inputs": english[0]})[1], expected[:1])
    beams = print_json("translate", "-m", "multi30k-en-de", "--json", "--beams", "2", "--max-new-tokens", "3", english[0])[0]
    check("its parameters", post_task(server, "multi30k-en-de", english[0], generate_parameters={"num_beams": 2, "max_new_tokens": 3}), beams)
    context = "The museum is in Berlin. It was opened in 1830."
    answer = print_json("answer", "-m", "reading", "--json", "--context", context, "Where is the museum?")[0]
    check("an answer", post_task(server, "reading", {"question": "Where is the museum?", "context": context}), answer)
    check("a vector", server.post("/models/sst2/pipeline/feature-extraction", {"inputs": TEXTS[0]})[1], print_json("embed", "-m", "sst2", TEXTS[0])[0])
    similar = [float(x) for x in run(HEED, "embed", "-m", "sst2", "--similarity", f"{TEXTS[1]}\t{TEXTS[0]}", f"{TEXTS[2]}\t{TEXTS[0]}").split()]
    found = post_task(server, "sst2", {"source_sentence": TEXTS[0], "sentences": TEXTS[1:]})
    check("similarities", [round(x, 4) for x in found], similar)
    options = ["--max-new-tokens", "8", "--sample", "--temperature", "0.9", "--seed", "4"]
    parameters = {"max_new_tokens": 8, "do_sample": True, "temperature": 0.9, "seed": 4}
    samples = print_json("generate", "-m", "shakespeare", "--json", "--best", "2", *options, "ROMEO:")[0]
    check("generated texts", post_task(server, "shakespeare", "ROMEO:", num_return_sequences=2, **parameters), samples)
    check("in lists", post_task(server, "shakespeare", ["ROMEO:"], num_return_sequences=2, **parameters), [samples])
    _, bare = server.post("/models/shakespeare/pipeline/text-generation", {"inputs": "ROMEO:", "parameters": dict(parameters, return_full_text=False)})
    check("without the prompt", "ROMEO:" + bare[0]["generated_text"], samples[0]["generated_text"])
    check("a parameter that there is not", error_of(server.post("/models/shakespeare", {"inputs": "a", "parameters": {"x": 1}})),
          (400, "invalid_request_error", "x", "unknown_parameter"))
    memo = "Send me the report."
    styled = post_task(server, "formal", memo, generate_parameters={"to": "informal"})
    check("a text in another style", styled, print_json("rewrite", "-m", "formal", "--to", "informal", "--json", memo)[0])


def test_faults(server):
    wrong = "invalid_request_error"
    for path, body, expected in (("/models/none", {"inputs": "a"}, (404, wrong, "model", "model_not_found")),
                                 ("/models/sst2", {}, (400, wrong, "inputs", "missing")),
                                 ("/models/sst2", {"inputs": [1]}, (400, wrong, "inputs", "invalid_type")),
                                 ("/models/sst2", {"inputs": "a", "parameters": {"x": 1}}, (400, wrong, "x", "unknown_parameter")),
                                 ("/models/sst2", {"inputs": "a", "parameters": []}, (400, wrong, "parameters", "invalid_type")),
                                 ("/models/sst2", {"inputs": "a", "parameters": {"top_k": -1}}, (400, wrong, "top_k", "invalid_value")),
                                 ("/models/sst2/pipeline/none", {"inputs": "a"}, (404, wrong, None, "unknown_task")),
                                 ("/models/sst2/pipeline/fill-mask", {"inputs": "a"}, (400, wrong, "model", "unsupported")),
                                 ("/models/encoder", {"inputs": "no mask"}, (400, wrong, "inputs", "invalid_text")),
                                 ("/models/multi30k-en-de", {"inputs": "a", "parameters": {"generate_parameters": {"grammar": "/etc/passwd"}}},
                                  (400, wrong, "grammar", "unknown_parameter")),
                                 ("/models/reading", {"inputs": {"question": "a"}}, (400, wrong, "inputs", "invalid_type"))):
        check(f"{path} {body}", error_of(server.post(path, body)), expected)


def test_load(server):
    """Requests that wait at the same time are run together, with the results of each alone."""
    texts = [f"film number {i} is {'good' if i % 3 else 'bad'}" for i in range(96)]
    expected = print_json("classify", "-m", "sst2", "--all", "--json", *texts)
    found = [None] * len(texts)

    def work(first):
        for i in range(first, len(texts), 12): found[i] = post_task(server, "sst2", texts[i])[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(12)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    check("classes under load", [i for i in range(len(texts)) if found[i] != expected[i]], [])


def main():
    models = ["shakespeare", "sst2", "entities", "encoder", "multi30k-en-de", "reading", "formal", make_reranker()]
    server = Server(HEED, *[word for name in models for word in ("-m", name)])
    for test in (test_embeddings, test_ranking, test_tasks, test_faults, test_load): test(server)
    check("the server prints nothing else", server.stop(), "")
    sys.exit(bool(FAILURES))


main()
