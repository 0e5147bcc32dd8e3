"""What transformers computes with a folder of weights, for make.py. tests/unit/families.c computes the same:

    texts        token ids of some texts
    targets      of an encoder–decoder: the ids that its decoder reads after the start token, for each text
    encoder      of an encoder–decoder: the encoder's last hidden states, of all texts one after the other. Of each token
                 there are the norm and the sums of the products with each of PROJECTIONS vectors of hash numbers.
    states       the same of the last hidden states, those of the decoder if there is one
    logits       [rows, classes]: a row per token, or per text of a class that classifies texts; start and end of a class that
                 answers; none of a class without a head
    gradients    by the name of the stored tensor: the largest magnitude, the norm, and the same sums. Tensors of zeros are
                 left out. The loss is the sum over all rows of the cross entropy of target hash(row) mod (classes − 1);
                 where there are no classes to choose among, the sum of the products of the logits or states with hash
                 numbers. No dropout.
    pairs        of a row with {"pairs": …}: pairs of texts, words "t5" for the ids of a tokenizer with this "post_processor"; the ids
                 and types that it makes of them, and the logits. "typed": the model reads the types.
    generated    of a class that generates: for some texts the ids after the prompt, by greedy and beam search. Nothing ends
                 them: there are NEW, or fewer where the positions end.
"""
import json
import math
import os
import tempfile

import safetensors.torch
import tokenizers
import torch
import transformers

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
PROJECTIONS, NEW, BEAMS = 2, 20, 4
MASK = 0xffffffff


def hash32(x):
    """An integer hash of 32 bits, of each element: the finalizer of MurmurHash3 after a multiplication."""
    x = x * 0x9e3779b1 & MASK
    x = (x ^ x >> 16) * 0x85ebca6b & MASK
    x = (x ^ x >> 13) * 0xc2b2ae35 & MASK
    return x ^ x >> 16


def coefficients(count, which):
    """`count` numbers in [−1, 1), the vector `which`."""
    return hash32(torch.arange(count, dtype=torch.int64) * 4 + which).double() / 2.0**31 - 1


def digest(rows):
    """[rows, 1 + PROJECTIONS]: what tells rows of numbers apart in little space."""
    rows = rows.double()
    sums = [rows @ coefficients(rows.shape[1], which) for which in range(PROJECTIONS)]
    return torch.stack([rows.norm(dim=1), *sums], dim=1)


class Run:
    """Forward passes over the texts, one by one: rows of all of them, one after the other."""

    def __init__(self, model, texts, targets):
        kept, rows = [], []

        def keep(module, inputs, out):
            if hasattr(out, "last_hidden_state"): kept.append(out.last_hidden_state)

        hook = torch.nn.modules.module.register_module_forward_hook(keep)  # of all modules: the outermost is the last
        self.encoder = []
        for i, text in enumerate(texts):
            kept.clear()
            given = dict(input_ids=torch.tensor([text]), attention_mask=torch.ones(1, len(text), dtype=torch.int64))
            if targets: given["decoder_input_ids"] = torch.tensor([[model.config.decoder_start_token_id] + targets[i]])
            out = model(**given)
            rows.append((kept[-1][0], self.head(out)))
            if targets: self.encoder.append(out.encoder_last_hidden_state[0])
        hook.remove()
        self.states = torch.cat([states for states, _ in rows])
        self.logits = None if rows[0][1] is None else torch.cat([logits for _, logits in rows])
        self.answers = hasattr(out, "start_logits")

    @staticmethod
    def head(out):
        """[rows, classes], or None."""
        if hasattr(out, "start_logits"): return torch.stack([out.start_logits[0], out.end_logits[0]], -1)
        if not hasattr(out, "logits"): return None
        return out.logits if out.logits.dim() == 2 else out.logits[0]

    def loss(self):
        rows = self.states if self.logits is None else self.logits
        if self.logits is None or self.answers or rows.shape[1] == 1:
            return (rows.double() * coefficients(rows.numel(), 0).reshape(rows.shape)).sum()
        targets = hash32(torch.arange(len(rows))) % (rows.shape[1] - 1)
        return torch.nn.functional.cross_entropy(rows, targets, reduction="sum")


def gradients(model, loss):
    """Under the names of the stored tensors: the gradients are saved in place of the weights."""
    loss.backward()
    with torch.no_grad():
        for weight in model.parameters(): weight.copy_(torch.zeros_like(weight) if weight.grad is None else weight.grad)
        for buffer in model.buffers():
            if buffer.is_floating_point(): buffer.zero_()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        stored = safetensors.torch.load_file(f"{folder}/model.safetensors")
    result = {}
    for name, gradient in sorted(stored.items()):
        if not gradient.any(): continue
        numbers = [float(gradient.abs().max()), *digest(gradient.reshape(1, -1))[0].tolist()]
        result[name] = [float(f"{v:.8g}") for v in numbers]
    return result


def generate(model, texts, targets, beams):
    config = model.config
    pad = getattr(config, "pad_token_id", None)
    limit = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or math.inf
    result = []
    for text in texts:
        settings = dict(num_beams=beams, do_sample=False, pad_token_id=0 if pad is None else pad,
                        max_new_tokens=min(NEW, limit - (1 if targets else len(text))))
        if targets: settings["decoder_start_token_id"] = config.decoder_start_token_id
        if settings["max_new_tokens"] < 1:
            result.append([])
            continue
        model.generation_config = transformers.GenerationConfig(**settings)
        with torch.no_grad():
            out = model.generate(torch.tensor([text]), attention_mask=torch.ones(1, len(text), dtype=torch.int64))
        result.append(out[0].tolist()[1 if targets else len(text):])
    return result


def both_generated(model, texts, targets):
    """Texts of which computing in float64 gives the same, so that no choice hangs on rounding."""
    searches = {"greedy": 1, "beams": BEAMS}
    single = {name: generate(model, texts, targets, beams) for name, beams in searches.items()}
    model.double()
    double = {name: generate(model, texts, targets, beams) for name, beams in searches.items()}
    same = [i for i in range(len(texts)) if single["greedy"][i] and all(single[n][i] == double[n][i] for n in searches)]
    assert len(same) > 1, "the choices hang on rounding: give the row other texts"
    return [{"text": i, **{name: single[name][i] for name in searches}} for i in same]


def targets_of(model, texts):
    """What an encoder–decoder's decoder reads where a row does not say so: lengths other than those of the texts."""
    name = type(model).__name__
    if not model.config.is_encoder_decoder or name.endswith(("Classification", "Answering")): return None
    return [[3 + (7 * j + i) % 30 for j in range([5, 1, 9, 0, 70][i % 5])] for i in range(len(texts))]


PAIRS = [["t5 t9", "t17"], ["t4", "t30 t31 t8 t8"], ["", "t6 t7"]]


def pairs_of(model, options):
    """The model on pairs, as the tokenizer of its class would give them."""
    words = {f"t{i}": i for i in range(model.config.vocab_size)}
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps({
        "version": "1.0", "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": options["post_processor"],
        "model": {"type": "WordLevel", "unk_token": "t0", "vocab": words}, "added_tokens": []}))
    encoded = [tokenizer.encode(*pair) for pair in PAIRS]
    logits = []
    for e in encoded:
        given = dict(input_ids=torch.tensor([e.ids]), attention_mask=torch.ones(1, len(e.ids), dtype=torch.int64))
        if options["typed"]: given["token_type_ids"] = torch.tensor([e.type_ids])
        with torch.no_grad(): logits.append(model(**given).logits[0])
    return dict(options, texts=PAIRS, ids=[e.ids for e in encoded], types=[e.type_ids for e in encoded],
                logits=rounded(torch.stack(logits)))


def rounded(rows): return [[round(v, 6) for v in row] for row in rows.tolist()]


def measure(folder, texts, targets=None, pairs=None):
    with open(f"{folder}/config.json") as file: kind = getattr(transformers, json.load(file)["architectures"][0])

    def opened():
        model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        for module in model.modules():  # sines are not trained
            if "Sinusoidal" in type(module).__name__: module.requires_grad_(False)
        return model

    model = opened()
    targets = targets or targets_of(model, texts)
    run = Run(model, texts, targets)
    with torch.no_grad():
        result = {"texts": texts}
        if targets: result.update(targets=targets, encoder=rounded(digest(torch.cat(run.encoder))))
        result["states"] = rounded(digest(run.states))
        if run.logits is not None: result["logits"] = rounded(run.logits)
        if pairs: result["pairs"] = pairs_of(model, pairs)
    result["gradients"] = gradients(model, run.loss())
    if model.can_generate(): result["generated"] = both_generated(opened(), texts, targets)
    with open(f"{folder}/expected.json", "w") as file:
        json.dump(result, file, separators=(",", ":"))
        file.write("\n")
    size = sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))
    print(f"{os.path.basename(folder)}: {size // 1000} kB, {len(result['gradients'])} gradients,",
          f"{len(result.get('generated', []))} of {len(texts)} texts generated")
