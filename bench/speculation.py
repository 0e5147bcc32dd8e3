#!/usr/bin/env python3
"""Times speculative decoding and shared prefixes of heed against decoding without them, alternating, in one run:

    speculation.py MODEL [--only ROW ...] [--prompts FILE] [--prose FILE] [--draft MODEL] [--new 128] [--rounds 5] [--threads 2]

| row | with | without |
| summaries | prompt lookup, on the lines of --prompts, such as documents to summarize | plain greedy decoding |
| prose | prompt lookup, on the lines of --prose | plain greedy decoding |
| draft | the model --draft proposes tokens, on the lines of --prose | plain greedy decoding |
| prefix | 64 prompts of 400 common words and 16 of their own, in one session: time until the last has its first token | \
each prompt in a session of its own |

Texts of both sides must be equal. Each figure is the median of the rounds, with the lowest and the highest. The ratio is that of
the medians. Nothing else should run.
"""
import argparse
import ctypes
import time

from common import add_heed, read_lines, spread
from libheed import Heed, Session

ROWS = ["summaries", "prose", "draft", "prefix"]
PROMPTS, COMMON, OWN = 64, 400, 16


def generate(heed, lines, values):
    """Texts of the lines, one by one, and the seconds that they took."""
    out, options = [], heed.options(heed.lib.heed_generate_options, values)
    start = time.perf_counter()
    for line in lines:
        results = heed.run(lambda texts, count, found: heed.lib.heed_generate(
            heed.model, options, texts, None, count, ctypes.c_uint64(0), None, None, found), [line])
        out += heed.texts_of(results, 1)
    seconds = time.perf_counter() - start
    heed.lib.heed_options_close(options)
    return out, seconds


def set_draft(heed, draft):
    heed.check(heed.lib.heed_model_set_draft(heed.model, draft.model if draft else None))


def run_session(heed, lines):
    """First tokens of the lines, which are added to one session."""
    session, out = Session(heed, {"max-new-tokens": 1}), {}
    for i, line in enumerate(lines):
        session.add(line, i)
    while session.is_busy():
        session.step()
        out |= session.finished()
    session.close()
    return [out[i] for i in range(len(lines))]


def timed(call):
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def prefix_prompts(lines):
    words = " ".join(lines).split()
    while len(words) < COMMON + PROMPTS * OWN:
        words += words
    common = " ".join(words[:COMMON])
    return [common + " " + " ".join(words[COMMON + OWN * i:COMMON + OWN * (i + 1)]) for i in range(PROMPTS)]


def sides(row, heed, draft, args):
    """The two calls of a row, with and without."""
    lines = read_lines(args.prompts if row == "summaries" else args.prose, args.lines)
    plain = {"max-new-tokens": args.new}
    if row == "prefix":
        prompts = prefix_prompts(lines)
        return (lambda: timed(lambda: run_session(heed, prompts)),
                lambda: timed(lambda: [run_session(heed, [prompt])[0] for prompt in prompts]))

    def drafted():
        set_draft(heed, draft)
        found = generate(heed, lines, plain)
        set_draft(heed, None)
        return found

    with_it = drafted if row == "draft" else lambda: generate(heed, lines, plain | {"prompt-lookup": 10})
    return with_it, lambda: generate(heed, lines, plain)


def measure(row, heed, draft, args):
    seconds, (with_it, without) = {True: [], False: []}, sides(row, heed, draft, args)
    for _ in range(args.rounds):
        expected, plain = without()
        found, own = with_it()
        if found != expected:
            raise SystemExit(f"{row}: other texts")
        seconds[True].append(own)
        seconds[False].append(plain)
    ratio = sorted(seconds[False])[args.rounds // 2] / sorted(seconds[True])[args.rounds // 2]
    print(f"{row}: {spread(seconds[True])} s against {spread(seconds[False])} s, {ratio:.2f} times as fast, the same texts",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_heed(parser)
    parser.add_argument("model")
    parser.add_argument("--only", nargs="+", choices=ROWS)
    parser.add_argument("--prompts", help="texts that repeat themselves when they are continued, one per line")
    parser.add_argument("--prose", help="other texts, one per line")
    parser.add_argument("--draft", help="model that proposes tokens")
    parser.add_argument("--lines", type=int, default=8, help="lines of each file (default 8)")
    parser.add_argument("--new", type=int, default=128, help="generated tokens per line (default 128)")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    needs = {"summaries": args.prompts, "prose": args.prose, "draft": args.prose and args.draft, "prefix": args.prose}
    heed = Heed(args.heed, args.model, args.threads)
    draft = Heed(args.heed, args.draft, args.threads) if args.draft else None
    for row in args.only or ROWS:
        if needs[row]:
            measure(row, heed, draft, args)
        else:
            print(f"{row}: left out, its files were not given")


if __name__ == "__main__":
    main()
