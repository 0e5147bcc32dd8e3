"""Search among vectors: heed against NumPy.

    bench/search.py [--rows N] [--columns N] [--top K] [--folder FOLDER] [--runs N]

For one query, the best of several runs: heed_index_search in an index of f32 and of f16, NumPy's X @ q with argpartition, and the
rate at which memory is read (a sum over X). The rows found must be those of NumPy, except for scores within 1e-6. heed's library
is the one that python/heed finds."""

import argparse
import os
import pathlib
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
import heed  # noqa: E402


def best(runs, call):
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - began)
    return min(times), result


def numpy_search(x, query, top):
    scores = x @ query
    rows = np.argpartition(-scores, top)[:top]
    return rows[np.argsort(-scores[rows], kind="stable")], scores


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=384)
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--folder", default=None, help="folder for the index files (default: a temporary one)")
    options = parser.parse_args()
    random = np.random.default_rng(1)
    x = random.standard_normal((options.rows, options.columns), np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    query = random.standard_normal(options.columns).astype(np.float32)
    query /= np.linalg.norm(query)
    seconds, (expected, scores) = best(options.runs, lambda: numpy_search(x, query, options.top))
    print(f"NumPy f32   {seconds * 1e3:8.2f} ms  {x.nbytes / seconds / 1e9:6.1f} GB/s")
    read, _ = best(options.runs, lambda: np.add.reduce(x.ravel()))
    print(f"sum of X    {read * 1e3:8.2f} ms  {x.nbytes / read / 1e9:6.1f} GB/s, one thread")
    context = heed.Context(threads=options.threads)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for dtype, size in (("f32", 4), ("f16", 2)):
            index = heed.Index.of(x, os.path.join(folder, dtype), context=context, dtype=dtype)
            index.arrays(query, options.top)  # reads the file
            found, (rows, found_scores) = best(options.runs, lambda: index.arrays(query, options.top))
            rate = options.rows * options.columns * size / found / 1e9
            wrong = [row for row in rows[0] if row not in expected and scores[expected[-1]] - scores[row] > 1e-6]
            print(f"heed {dtype}    {found * 1e3:8.2f} ms  {rate:6.1f} GB/s  {seconds / found:5.2f} x NumPy, "
                  f"{len(wrong)} of {options.top} rows differ by more than 1e-6")
            index.close()


if __name__ == "__main__":
    main()
