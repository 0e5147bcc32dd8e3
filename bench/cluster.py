"""k-means: heed against scikit-learn, with the same vectors.

    bench/cluster.py [VECTORS.npy LABELS]...     LABELS: one per line; without files, scikit-learn's iris, digits and wine
    bench/cluster.py --texts MODEL [SST2.tsv.gz] texts with labels, as vectors of the model: the sentences of
                                                 examples/topics, the questions of examples/chat, and reviews

The adjusted Rand index with the labels, the inertia and the time of both, for as many groups as labels; and the number of groups
that heed chooses."""

import gzip
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

PROJECT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "python"))
import heed  # noqa: E402
from sklearn import datasets  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from sklearn.metrics import adjusted_rand_score  # noqa: E402


def topics():
    """Sentences about animals, sports, music and food."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["awk", "-f", PROJECT / "examples/topics/generate.awk"], cwd=folder, check=True)
        pairs = (pathlib.Path(folder) / "topics.pairs").read_text().splitlines()
        labels = (pathlib.Path(folder) / "topics.labels").read_text().splitlines()
    found = [pair.split(" [SEP] This example is ") for pair, label in zip(pairs, labels) if label == "entailment"]
    return zip(*sorted(set(map(tuple, found))))


def questions():
    """Questions about heed, by their answers: each form with its first alternatives."""
    texts, labels = [], []
    for line in (PROJECT / "examples/chat/facts.txt").read_text().splitlines():
        if line.startswith("="):
            answer = line
        elif not line.startswith("#"):
            texts.append(re.sub(r"\[([^|\]]*)[^\]]*\]", r"\1", line.lstrip("!+")))
            labels.append(answer)
    return texts, labels


def reviews(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [row[0] for row in rows[1:]], [row[-1] for row in rows[1:]]


def read_texts(name, *files):
    model = heed.Model(name)
    sets = [("topics", topics()), ("questions", questions()), *(("reviews", reviews(file)) for file in files)]
    for name, (texts, labels) in sets:
        yield name, model.embed(list(texts)), list(labels)


def read_sets(words):
    if words[:1] == ["--texts"]:
        yield from read_texts(*words[1:])
        return
    if words:
        for vectors, labels in zip(words[::2], words[1::2]):
            with open(labels, encoding="utf-8") as file:
                yield vectors, np.load(vectors), [line.strip() for line in file]
        return
    for name in ("iris", "digits", "wine"):
        data = getattr(datasets, f"load_{name}")()
        x = data.data if name == "digits" else (data.data - data.data.mean(0)) / data.data.std(0)
        yield name, x, data.target


def main():
    for name, x, labels in read_sets(sys.argv[1:]):
        x = np.ascontiguousarray(x, np.float32)
        x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
        groups = len(set(labels))
        began = time.perf_counter()
        peer = KMeans(groups, n_init=10, random_state=0).fit(x)
        between = time.perf_counter()
        found = heed.cluster(x, clusters=groups)
        ended = time.perf_counter()
        chosen = heed.cluster(x)
        print(f"{name}: {len(x)} x {x.shape[1]}, {groups} groups; heed chooses {len(chosen.sizes)} "
              f"(silhouette {chosen.silhouette:.3f})")
        print(f"  scikit-learn  Rand index {adjusted_rand_score(labels, peer.labels_):.4f}  inertia {peer.inertia_:.4f}  "
              f"{between - began:.2f} s")
        print(f"  heed          Rand index {adjusted_rand_score(labels, found.labels):.4f}  "
              f"inertia {float((found.distances ** 2).sum()):.4f}  {ended - between:.2f} s")


if __name__ == "__main__":
    main()
