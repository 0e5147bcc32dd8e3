"""Makes tiny random translators, and what transformers computes with them: python make.py, in this folder.

    config.json, model.safetensors, generation_config.json, tokenizer.json, tokenizer_config.json
                     a Marian folder: post-norm, swish, f32, tied, with sinusoidal positions that are not stored
    expected.json    ids, encoder states, logits of a given target, greedy and beam search under many settings
    ../pegasus/      the same of a pre-norm Pegasus, with logits and greedy text alone

Written with torch 2.13.0, transformers 5.23.0 and tokenizers 0.23.3. Nothing is downloaded. `reference_beams` below is
beam search as RULES.md describes it; the script stops unless it finds what transformers finds, in every case.
"""
import json
import math
import os
import random
import sys

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (AutoModelForSeq2SeqLM, AutoTokenizer, GenerationConfig, MarianConfig, MarianMTModel,
                          PegasusConfig, PegasusForConditionalGeneration)

os.environ["TOKENIZERS_PARALLELISM"] = "false"
torch.set_num_threads(1)
EOS, UNK = 0, 1
SENTENCES = ["a dog runs.", "the old man sees two red birds, near the lake!", "stop",
             "four small girls sing in a garden and the cat listens.",
             "rain; rain; rain: where is the sun? it hides behind the grey hill, the river and the road to the town.",
             "Über 9 Züge"]


def corpus():
    draw = random.Random(1706)
    who = ["a dog", "the cat", "two birds", "the old man", "four small girls", "a grey horse", "the sun", "rain"]
    does = ["runs", "sees", "sings", "listens", "hides", "stands still", "is here", "sleeps", "reads a red book"]
    where = ["near the lake", "in a garden", "on the road", "behind the hill", "by the river", "in the town"]
    for _ in range(100):
        words = [draw.choice(who), draw.choice(does)]
        if draw.random() < 0.7: words.append(draw.choice(where))
        if draw.random() < 0.4: words += ["and", draw.choice(who), draw.choice(does)]
        text = " ".join(words)
        if draw.random() < 0.3: text = text.replace(" and", ", and" if draw.random() < 0.5 else "; and")
        yield text + draw.choice("...!?:")


def make_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=71, special_tokens=["</s>", "<unk>"], show_progress=False))
    tokenizer.add_special_tokens(["<pad>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", EOS)])
    tokenizer.save(f"{folder}/tokenizer.json")
    with open(f"{folder}/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "unk_token": "<unk>",
                   "pad_token": "<pad>", "model_max_length": 64, "clean_up_tokenization_spaces": False,
                   "model_input_names": ["input_ids", "attention_mask"]}, file, indent=2)
        file.write("\n")
    return tokenizer


def randomize(model, seed, pad):
    """Weights large enough that what is written depends on what was read, and biases that are not zero."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed_positions" in name: continue
            noise = torch.randn(weight.shape, generator=draw)
            if "norm" in name: weight.copy_(noise * 0.1 + (1 if name.endswith("weight") else 0))
            else: weight.copy_(noise * 0.2)
        model.get_input_embeddings().weight[pad] = 0
        bias = torch.randn(model.final_logits_bias.shape, generator=draw) * 0.4
        bias[0, pad] = -10000
        model.final_logits_bias.copy_(bias)


def train(model, tokenizer, pad, steps):
    """A little training, to write a sentence with its words reversed: enough for hypotheses to end, at lengths that
    differ, and too little for the model to be sure of anything."""
    pairs = []
    for text in corpus():
        words = text[:-1].split(" ")
        pairs.append((tokenizer.encode(text).ids, tokenizer.encode(" ".join(reversed(words))).ids))
    draw = random.Random(14)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        some = draw.sample(pairs, 16)
        sources, targets = ([torch.tensor(ids) for ids in side] for side in zip(*some))
        sources = torch.nn.utils.rnn.pad_sequence(sources, batch_first=True, padding_value=pad)
        targets = torch.nn.utils.rnn.pad_sequence(targets, batch_first=True, padding_value=-100)
        model(input_ids=sources, attention_mask=(sources != pad).long(), labels=targets).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad(): model.get_input_embeddings().weight[pad] = 0


def plain(tensor):
    """A tensor as nested lists, with the nine digits that tell any two floats apart."""
    if isinstance(tensor, torch.Tensor): tensor = tensor.tolist()
    return [plain(x) for x in tensor] if isinstance(tensor, list) else float(f"{tensor:.9g}")


def reference_beams(step, settings, start, eos):
    """RULES.md as a program. `step(sequences)` gives the logits after each; returns [(ids, score)], best first."""
    beams, penalty = settings["num_beams"], settings.get("length_penalty", 1.0)
    early, longest = settings.get("early_stopping", False), settings["max_length"]
    running, finished, margin = [([start], 0.0)], [], math.inf
    while True:
        table = torch.log_softmax(step([ids for ids, _ in running]), -1)
        for (ids, _), row in zip(running, table):
            process(ids, row, settings, longest, eos)
        if settings.get("renormalize_logits"): table = torch.log_softmax(table, -1)
        total = table + torch.tensor([[score] for _, score in running])
        flat = total.flatten().tolist()
        order = sorted((i for i in range(len(flat)) if flat[i] > -math.inf), key=lambda i: (-flat[i], i))
        kept = order[:2 * beams]
        for bound in (beams, 2 * beams):  # what may finish, what is looked at
            if bound < len(order): margin = min(margin, flat[order[bound - 1]] - flat[order[bound]])
        continued, length = [], len(running[0][0])  # tokens after the start, with the one being added
        for rank, i in enumerate(kept):
            ids = running[i // table.shape[1]][0] + [i % table.shape[1]]
            if ids[-1] == eos or len(ids) == longest:
                if rank < beams: finished.append((ids, flat[i] / length ** penalty))
            else:
                continued.append((ids, flat[i]))
        finished.sort(key=lambda h: -h[1])  # stable: an older one wins a tie
        for some in (continued, finished):
            if len(some) > beams: margin = min(margin, some[beams - 1][1] - some[beams][1])
        finished, running = finished[:beams], continued[:beams]
        if not running: break
        if len(finished) == beams:
            if early is True: break
            hoped = longest - 1 if early == "never" and penalty > 0 else length
            best = running[0][1] / hoped ** penalty
            margin = min(margin, abs(best - finished[-1][1]))
            if best <= finished[-1][1]: break
    margin = min([margin] + [a[1] - b[1] for a, b in zip(finished, finished[1:])])
    return finished, margin


def process(ids, row, settings, longest, eos):
    """The processors that change one hypothesis' scores, in transformers' order."""
    if "repetition_penalty" in settings:
        for token in set(ids):
            row[token] *= settings["repetition_penalty"] if row[token] < 0 else 1 / settings["repetition_penalty"]
    size = settings.get("no_repeat_ngram_size", 0)
    if size and len(ids) >= size:
        for i in range(len(ids) - size + 1):
            if ids[i:i + size - 1] == ids[len(ids) - size + 1:]: row[ids[i + size - 1]] = -math.inf
    for word in settings["bad_words_ids"]:
        if word != [eos] and ids[len(ids) - len(word) + 1:] == word[:-1]: row[word[-1]] = -math.inf
    if settings.get("min_length", 0) > len(ids): row[eos] = -math.inf
    if "forced_eos_token_id" in settings and len(ids) == longest - 1:
        row.fill_(-math.inf)
        row[eos] = 0


CASES = {
    "default": {},
    "beams-5": {"num_beams": 5},
    "length-penalty-0.6": {"num_beams": 5, "length_penalty": 0.6},
    "length-penalty-2.0": {"num_beams": 5, "length_penalty": 2.0},
    "length-penalty-0": {"num_beams": 5, "length_penalty": 0.0},
    "early-stopping": {"num_beams": 5, "early_stopping": True},
    "early-stopping-never": {"num_beams": 5, "early_stopping": "never"},
    "early-stopping-never-length-penalty-2.0": {"early_stopping": "never", "length_penalty": 2.0},
    "max-length-6": {"num_beams": 5, "max_length": 6},
    "max-length-6-early": {"max_length": 6, "early_stopping": True, "length_penalty": 0.6},
    "max-length-2": {"max_length": 2},
    "no-repeat-ngram-2": {"num_beams": 5, "no_repeat_ngram_size": 2},
    "repetition-penalty-1.3": {"num_beams": 5, "repetition_penalty": 1.3},
    "forced-eos": {"max_length": 7, "forced_eos_token_id": EOS},
    "renormalize": {"renormalize_logits": True, "repetition_penalty": 1.3, "no_repeat_ngram_size": 3},
    "min-length-12": {"min_length": 12},
    "bad-words": {"bad_words_ids": "set below"},
}


def trim(ids, pad):
    """A row of generate's, without the pads that fill it up."""
    while len(ids) > 1 and ids[-1] == pad: ids.pop()
    return ids


def search_beams(model, tokenizer, source, base, pad):
    results, least = {}, math.inf
    for name, changes in CASES.items():
        settings = {**base, **changes}
        if name == "bad-words":
            settings["bad_words_ids"] = [[pad], [tokenizer("a", add_special_tokens=False).input_ids[0]], [7, 9], [EOS]]
        given = {key: value for key, value in settings.items() if base.get(key) != value}
        out = model.generate(**source, **given, num_return_sequences=settings["num_beams"],
                             return_dict_in_generate=True, output_scores=True)
        encoder = model.get_encoder()(**source).last_hidden_state

        def step(sequences):
            return model(encoder_outputs=(encoder.expand(len(sequences), -1, -1),),
                         decoder_input_ids=torch.tensor(sequences)).logits[:, -1]

        mine, margin = reference_beams(step, settings, pad, EOS)
        theirs = [trim(row, pad) for row in out.sequences.tolist()]
        assert [ids for ids, _ in mine] == theirs, (name, mine, theirs)
        for (_, score), other in zip(mine, out.sequences_scores.tolist()):
            assert abs(score - other) < 1e-4, (name, score, other)
        least = min(least, margin)
        results[name] = {"settings": given, "hypotheses": [
            {"ids": ids, "score": plain(score), "text": tokenizer.decode(ids, skip_special_tokens=True)}
            for ids, score in zip(theirs, out.sequences_scores)]}
    return results, least


def measure(folder, seed, kind):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    pad = model.config.pad_token_id
    base = json.load(open(f"{folder}/generation_config.json"))
    draw = random.Random(seed)
    rows, least = [], math.inf
    for text in SENTENCES:
        source = tokenizer([text], return_tensors="pt")
        target = [draw.randrange(2, pad) for _ in range(draw.randint(3, 9))] + [EOS]
        with torch.no_grad():
            out = model(**source, decoder_input_ids=torch.tensor([[pad] + target[:-1]]))
            greedy = model.generate(**source, num_beams=1)[0].tolist()
            row = {"text": text, "ids": source.input_ids[0].tolist(),
                   "encoder": plain(out.encoder_last_hidden_state[0]),  # [source tokens, width]
                   "target": target, "logits": plain(out.logits[0]),    # [target tokens, vocabulary]
                   "greedy": {"ids": greedy, "text": tokenizer.decode(greedy, skip_special_tokens=True)}}
            if kind == "marian":
                penalized = model.generate(**source, num_beams=1, repetition_penalty=1.3, no_repeat_ngram_size=2)[0]
                row["greedy-penalized"] = {"ids": penalized.tolist(),
                                           "text": tokenizer.decode(penalized, skip_special_tokens=True)}
                row["beams"], margin = search_beams(model, tokenizer, source, base, pad)
                least = min(least, margin)
        rows.append(row)
    if kind == "marian":  # a batch gives what each sentence alone gives
        batch = tokenizer(SENTENCES, return_tensors="pt", padding=True)
        texts = tokenizer.batch_decode(model.generate(**batch), skip_special_tokens=True)
        assert texts == [row["beams"]["default"]["hypotheses"][0]["text"] for row in rows]
        print("least margin between scores that a choice hangs on:", least, file=sys.stderr)
        assert least > 1e-5, "too near a tie for other arithmetic to agree: take another seed"
    for row in rows:
        print(len(row["ids"]), len(row["greedy"]["ids"]), repr(row["greedy"]["text"]),
              [len(h["ids"]) for h in row.get("beams", {}).get("beams-5", {}).get("hypotheses", [])], file=sys.stderr)
    with open(f"{folder}/expected.json", "w") as file:
        json.dump(rows, file, separators=(",", ":"), ensure_ascii=False)
        file.write("\n")


def make(folder, seed, kind, layers):
    tokenizer = make_tokenizer(folder)
    pad = tokenizer.token_to_id("<pad>")
    assert pad == tokenizer.get_vocab_size() - 1 and tokenizer.token_to_id("</s>") == EOS
    config, architecture = {"marian": (MarianConfig, MarianMTModel),
                            "pegasus": (PegasusConfig, PegasusForConditionalGeneration)}[kind]
    shape = dict(vocab_size=pad + 1, d_model=32, encoder_layers=layers, decoder_layers=layers,
                 encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64,
                 max_position_embeddings=64, activation_function="swish" if kind == "marian" else "relu",
                 scale_embedding=True, pad_token_id=pad, eos_token_id=EOS, decoder_start_token_id=pad,
                 forced_eos_token_id=None)
    model = architecture(config(**shape)).eval()
    randomize(model, seed, pad)
    train(model, tokenizer, pad, 400)
    model.generation_config = GenerationConfig(max_length=40, num_beams=4, decoder_start_token_id=pad,
                                               eos_token_id=EOS, pad_token_id=pad, bad_words_ids=[[pad]])
    model.save_pretrained(folder)
    measure(folder, seed, kind)


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    make(".", int(sys.argv[1]) if len(sys.argv) > 1 else 3, "marian", 2)
    make("../pegasus", 5, "pegasus", 1)
