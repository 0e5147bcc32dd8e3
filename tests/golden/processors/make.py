"""What transformers' logits processors and filters make of rows of scores, each alone and many together: python make.py, in this
folder.

    cases.json    per case the settings with the names of generation_config.json, the tokens so far (of which `given` are the
                  prompt, or the start token), the source, the logits in quarters, and the scores that come out: null for −∞.
                  With several beams scores are log-probabilities, else logits.

The order is that of transformers' own _get_logits_processor. It has no presence and frequency penalties: theirs is vLLM's
formula, after the repetition penalty. Left out by name: "tie", where top-p keeps some of several equal tokens, which depends on
the order of an unstable sort; "rounding", where float64 gives another mask; "forced", where a later processor excludes a
forced token.

Written with torch 2.13.0 and transformers 5.24.0.
"""
import json
import random
import types

import torch
from transformers import GenerationConfig, GenerationMixin, LogitsProcessorList, TopPLogitsWarper
from transformers.generation.logits_process import RepetitionPenaltyLogitsProcessor

TOKENS = 20
EOS = [3]


class Model(GenerationMixin):
    def __init__(self, translates): self.config = types.SimpleNamespace(is_encoder_decoder=translates)


class Reduction:
    """vLLM's apply_penalties: once per generated token, and once per time that it was generated."""

    def __init__(self, presence, frequency, given): self.presence, self.frequency, self.given = presence, frequency, given

    def __call__(self, ids, scores):
        counts = torch.bincount(ids[0, self.given:], minlength=TOKENS)[None].to(scores.dtype)
        return scores - self.frequency * counts - self.presence * (counts > 0).to(scores.dtype)


def processors(settings, case):
    own = {name: value for name, value in settings.items() if name not in ("presence_penalty", "frequency_penalty")}
    config = GenerationConfig(**{"eos_token_id": EOS, "max_length": case["limit"], "top_k": 0, **own})
    config._eos_token_tensor = torch.tensor(config.eos_token_id)
    made = Model(case["translates"])._get_logits_processor(
        config, input_ids_seq_length=case["given"], encoder_input_ids=torch.tensor([case["source"]]),
        logits_processor=LogitsProcessorList(), device="cpu", model_kwargs={})
    at = 0
    for i, processor in enumerate(made):
        name = type(processor).__name__
        if name in ("SequenceBiasLogitsProcessor", "EncoderRepetitionPenaltyLogitsProcessor",
                    "RepetitionPenaltyLogitsProcessor"): at = i + 1
    made.insert(at, Reduction(settings.get("presence_penalty", 0), settings.get("frequency_penalty", 0), case["given"]))
    return made


def run(settings, case, dtype):
    scores = torch.tensor([case["quarters"]], dtype=dtype) / 4
    if settings.get("num_beams", 1) > 1: scores = torch.log_softmax(scores, -1)
    ids, ties = torch.tensor([case["tokens"]]), False
    for processor in processors(settings, case):
        before = scores
        scores = processor(ids, scores)
        if isinstance(processor, TopPLogitsWarper):
            kept, removed = scores > -torch.inf, (before > -torch.inf) & (scores == -torch.inf)
            ties |= bool(removed.any() and before[removed].max() == before[kept].min())
    return scores[0], ties


def compute(name, settings, seed, counts):
    draw = random.Random(seed)
    translates = draw.random() < 0.5
    given = 1 if translates else draw.randint(1, 3)
    length = given + draw.randint(0, 6)
    case = {"name": name, "settings": settings, "translates": translates, "given": given, "limit": length + draw.randint(1, 3),
            "tokens": [draw.randrange(5) for _ in range(length)]}
    case["source"] = [draw.randrange(6) for _ in range(5)] if translates else case["tokens"][:given]
    case["quarters"] = [draw.randint(-14, 14) for _ in range(TOKENS)]
    try:
        scores, ties = run(settings, case, torch.float32)
    except ValueError as refused:  # transformers refuses a forced token that is suppressed
        assert "suppress_tokens" in str(refused)
        counts["forced"] = counts.get("forced", 0) + 1
        return None
    exact, _ = run(settings, case, torch.float64)
    forced = {"forced_bos_token_id": length == 1, "forced_eos_token_id": length == case["limit"] - 1}
    reason = None
    if ties: reason = "tie"
    elif not torch.equal(scores == -torch.inf, exact == -torch.inf): reason = "rounding"
    else:
        for key, now in forced.items():
            listed = settings.get(key) if now else None
            if listed is not None and (scores[listed] == -torch.inf).any(): reason = "forced"
    if reason:
        counts[reason] = counts.get(reason, 0) + 1
        return None
    case["scores"] = [None if s == -torch.inf else float(f"{s:.7g}") for s in scores.tolist()]
    return case


def some(draw, most=3): return [draw.randrange(TOKENS) for _ in range(draw.randint(1, most))]


# Values of each setting, drawn at random. Words are short and of few tokens, so that they occur.
SETTINGS = {
    "sequence_bias": lambda d: [[[d.randrange(5) for _ in range(d.randint(1, 2))], d.randint(-8, 8) / 2] for _ in range(3)],
    "encoder_repetition_penalty": lambda d: d.choice([0.5, 1.25, 2.0]),
    "repetition_penalty": lambda d: d.choice([0.75, 1.2, 1.5, 3.0]),
    "presence_penalty": lambda d: d.choice([-1.0, 0.5, 2.0]),
    "frequency_penalty": lambda d: d.choice([-0.5, 0.25, 1.5]),
    "no_repeat_ngram_size": lambda d: d.randint(1, 3),
    "encoder_no_repeat_ngram_size": lambda d: d.randint(1, 3),
    "bad_words_ids": lambda d: [[d.randrange(5) for _ in range(d.randint(1, 3))] for _ in range(3)] + [[EOS[0]]],
    "min_length": lambda d: d.randint(1, 8),
    "min_new_tokens": lambda d: d.randint(1, 5),
    "forced_bos_token_id": lambda d: d.randrange(TOKENS),
    "forced_eos_token_id": lambda d: d.choice([EOS[0], [3, 7]]),
    "remove_invalid_values": lambda d: True,
    "exponential_decay_length_penalty": lambda d: [d.randint(0, 3), d.choice([0.5, 1.25, 1.75])],
    "suppress_tokens": some,
    "begin_suppress_tokens": some,
    "renormalize_logits": lambda d: True,
    "eos_token_id": lambda d: [3, 7, 3],
}
SAMPLING = {
    "temperature": lambda d: d.choice([0.5, 0.7, 1.5, 3.0]),
    "top_k": lambda d: d.choice([1, 3, 7, 30]),
    "top_p": lambda d: d.choice([0.05, 0.5, 0.9, 0.99]),
    "min_p": lambda d: d.choice([0.02, 0.1, 0.5, 1.0]),
    "typical_p": lambda d: d.choice([0.2, 0.5, 0.9]),
    "epsilon_cutoff": lambda d: d.choice([0.01, 0.05, 0.9]),
    "eta_cutoff": lambda d: d.choice([0.02, 0.1, 0.3]),
}

if __name__ == "__main__":
    cases, counts, seed = [], {}, 0
    for name, make in {**SETTINGS, **SAMPLING}.items():
        for repeat in range(6):
            seed += 1
            settings = {name: make(random.Random(-seed))}
            if name in SAMPLING: settings["do_sample"] = True
            elif repeat % 2: settings["num_beams"] = 2
            cases.append(compute(name, settings, seed, counts))
    for number in range(220):
        draw, settings = random.Random(1000 + number), {}
        for name, make in SETTINGS.items():
            if draw.random() < 0.3: settings[name] = make(draw)
        how = number % 3
        if how == 0: settings["num_beams"] = 2
        if how == 1:
            settings["do_sample"] = True
            for name, make in SAMPLING.items():
                if draw.random() < 0.4: settings[name] = make(draw)
        cases.append(compute(f"combination {number}", settings, 2000 + number, counts))
    cases = [case for case in cases if case]
    print(len(cases), "cases; left out:", counts)
    with open("cases.json", "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
