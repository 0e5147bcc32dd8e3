"""Sentence embeddings: heed against sentence-transformers and ONNX Runtime.

    bench/embed.py FOLDER [--sentences FILE] [--count N] [--threads N]     FOLDER: a sentence-transformers folder such as MiniLM

Seconds for all sentences in f32, the best of three runs, and the largest difference of the vectors. ONNX Runtime needs the packages
optimum or onnx beside it: where the model cannot be exported it is left out, with the reason."""

import argparse
import os
import pathlib
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))


def best(call, runs=3):
    times, result = [], None
    for _ in range(runs):
        began = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - began)
    return min(times), result


def read_sentences(path, count):
    if path is None:
        words = "a the dog man woman runs sits in on park street with two young red blue shirt and near water".split()
        random = np.random.default_rng(1)
        return [" ".join(random.choice(words, random.integers(4, 24))) for _ in range(count)]
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file][:count]


class Onnx:
    """The encoder in ONNX Runtime, with mean pooling and normalization; batches of 32 sorted by length."""

    def __init__(self, model, threads, folder):
        import onnxruntime
        import torch

        self.tokenizer, self.limit = model.tokenizer, model.max_seq_length
        encoder = model[0].auto_model
        encoder.config._attn_implementation = "eager"
        one = self.tokenizer(["a b c", "d"], padding=True, return_tensors="pt")
        names, axes = list(one), {0: "batch", 1: "tokens"}
        path = os.path.join(folder, "model.onnx")

        class Named(torch.nn.Module):  # the inputs by name, in the tokenizer's order
            def __init__(self):
                super().__init__()
                self.encoder = encoder

            def forward(self, *tensors):
                return self.encoder(**dict(zip(names, tensors)), return_dict=True).last_hidden_state

        torch.onnx.export(Named().eval(), tuple(one[n] for n in names), path, input_names=names, output_names=["states"],
                          dynamic_axes={n: axes for n in [*names, "states"]}, dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session, self.names = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"]), names

    def encode(self, texts):
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        vectors = [None] * len(texts)
        for first in range(0, len(texts), 32):
            some = order[first:first + 32]
            batch = self.tokenizer([texts[i] for i in some], padding=True, truncation=True, max_length=self.limit,
                                   return_tensors="np")
            states = self.session.run(["states"], {n: batch[n].astype(np.int64) for n in self.names})[0]
            mask = batch["attention_mask"][..., None]
            pooled = (states * mask).sum(1) / mask.sum(1)
            for i, vector in zip(some, pooled / np.linalg.norm(pooled, axis=1, keepdims=True)):
                vectors[i] = vector
        return np.stack(vectors).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--sentences", default=None, help="file of sentences, one per line (default: random words)")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    import torch
    from sentence_transformers import SentenceTransformer

    import heed

    torch.set_num_threads(options.threads)
    texts = read_sentences(options.sentences, options.count)
    peer = SentenceTransformer(options.folder, device="cpu")
    times = {}
    times["sentence-transformers"], expected = best(lambda: peer.encode(texts, show_progress_bar=False))
    with tempfile.TemporaryDirectory() as folder:
        try:
            onnx = Onnx(peer, options.threads, folder)
            times["ONNX Runtime"], found = best(lambda: onnx.encode(texts))
            print(f"ONNX Runtime: vectors within {np.abs(found - expected).max():.1e}")
        except Exception as error:  # a package or an operator is missing
            print(f"ONNX Runtime: {error}")
    model = heed.Model(options.folder, heed.Context(threads=options.threads))
    times["heed"], found = best(lambda: model.embed(texts))
    print(f"heed: vectors within {np.abs(found - expected).max():.1e}")
    fastest = min(seconds for name, seconds in times.items() if name != "heed")
    for name, seconds in times.items():
        print(f"{name:22} {seconds:7.2f} s  {len(texts) / seconds:7.0f} sentences per second")
    print(f"heed / the best of the others: {fastest / times['heed']:.2f}")


if __name__ == "__main__":
    main()
