#!/usr/bin/env python3
"""Times constrained decoding of heed against decoding without a constraint, alternating, in one run:

    constrained.py MODEL [--schema FILE] [--prompt TEXT] [--new 200] [--rounds 5] [--threads 2]

The constrained text is JSON of a schema with strings, numbers and a list; the other one is free. Both are decoded greedily in a
session with one request, whose steps are counted: a step is a token. "opening" is the time of adding the request, in which the
grammar is compiled, and the texts of the vocabulary are sorted once per model. Each figure is the median of the rounds, with the
lowest and the highest; the overhead is that of the medians. The first round is not counted. Nothing else should run.
"""
import argparse
import ctypes
import json
import time

from common import add_heed, spread
from libheed import Heed, P, S

SCHEMA = {"type": "object",
          "properties": {"title": {"type": "string", "minLength": 40},
                         "people": {"type": "array", "minItems": 8,
                                    "items": {"type": "object", "required": ["name", "age", "email"],
                                              "properties": {"name": {"type": "string"},
                                                             "age": {"type": "integer", "minimum": 0, "maximum": 150},
                                                             "email": {"type": "string"}}}}},
          "required": ["title", "people"]}


def decode(heed, prompt, values):
    """Seconds of adding a request, seconds per step, steps, and the text or its problem."""
    lib, session, results, number = heed.lib, P(), P(), ctypes.c_uint64()
    options = heed.options(lib.heed_session_options, values)
    heed.check(lib.heed_session_open(heed.model, ctypes.byref(session)))
    text = prompt.encode()
    start = time.perf_counter()
    heed.check(lib.heed_session_add(session, options, S(text), ctypes.c_size_t(len(text)), ctypes.c_uint64(0), None, None, None))
    opened = time.perf_counter()
    heed.check(lib.heed_session_step(session))  # the prompt
    begun, steps = time.perf_counter(), 0
    while lib.heed_session_is_busy(session):
        heed.check(lib.heed_session_step(session))
        steps += 1
    ended = time.perf_counter()
    heed.check(lib.heed_session_next(session, ctypes.byref(number), ctypes.byref(results)))
    problem = lib.heed_results_problem(results, ctypes.c_size_t(0))
    out = problem.decode() if problem else heed.texts_of(results, 1)[0]
    if problem:
        lib.heed_results_close(results)
    lib.heed_session_close(session)
    lib.heed_options_close(options)
    return opened - start, (ended - begun) / max(steps, 1), steps, out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--schema")
    parser.add_argument("--prompt", default="Here is a list of people as JSON:\n")
    parser.add_argument("--new", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    add_heed(parser)
    args = parser.parse_args()
    heed = Heed(args.heed, args.model, args.threads)
    heed.lib.heed_session_is_busy.restype = ctypes.c_bool
    schema = open(args.schema, encoding="utf-8").read() if args.schema else json.dumps(SCHEMA)
    sides = {"constrained": {"json-schema": schema, "max-new-tokens": args.new}, "free": {"max-new-tokens": args.new}}
    seconds, opening = {side: [] for side in sides}, []
    for counted in range(-1, args.rounds):
        for side, values in sides.items():
            opened, step, steps, text = decode(heed, args.prompt, values)
            if counted < 0:
                print(f"{side}: {steps} steps: {text[:100]!r}")
                continue
            seconds[side].append(1000 * step)
            if side == "constrained":
                opening.append(1000 * opened)
    for side in sides:
        print(f"{side}: {spread(seconds[side])} ms per token")
    medians = [sorted(seconds[side])[len(seconds[side]) // 2] for side in ("constrained", "free")]
    print(f"opening: {spread(opening)} ms")
    print(f"overhead per token: {100 * (medians[0] / medians[1] - 1):.1f}%")


if __name__ == "__main__":
    main()
