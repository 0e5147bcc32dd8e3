"""Compares translations of heed with those of transformers, for full-size translators with random weights:

    python bench/translators.py HEED [--only NAME] [--layers N] [--texts N] [--config FOLDER]

The structures are those of opus-mt (Marian), bart-large-cnn, mbart-large-50, nllb-200-distilled-600M and pegasus-xsum.
--layers lowers the number of layers of each side, so that a model fits into memory. --config takes a folder with a real
config.json in place of the built-in ones. The tokenizer has one token per word, so that no file is fetched. Greedy and beam
search must give the same text; exit status 1 otherwise. Where only float32 rounding decides between two tokens, texts may
differ: such texts are counted apart, by computing in float64.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import torch
import transformers

BART = dict(d_model=1024, encoder_layers=12, decoder_layers=12, encoder_attention_heads=16, decoder_attention_heads=16,
            encoder_ffn_dim=4096, decoder_ffn_dim=4096, max_position_embeddings=1024)
IDS = dict(pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2)
MODELS = {
    "opus-mt": ("MarianMTModel", dict(vocab_size=58101, d_model=512, encoder_layers=6, decoder_layers=6, encoder_attention_heads=8,
                                      decoder_attention_heads=8, encoder_ffn_dim=2048, decoder_ffn_dim=2048, max_position_embeddings=512,
                                      activation_function="swish", scale_embedding=True, pad_token_id=58100, eos_token_id=0,
                                      decoder_start_token_id=58100)),
    "bart-large-cnn": ("BartForConditionalGeneration", dict(BART, **IDS, vocab_size=50264)),
    "mbart-large-50": ("MBartForConditionalGeneration", dict(BART, **IDS, vocab_size=250054, scale_embedding=True,
                                                              activation_function="relu")),
    "nllb-200-distilled-600M": ("M2M100ForConditionalGeneration", dict(BART, **IDS, vocab_size=256206, scale_embedding=True)),
    "pegasus-xsum": ("PegasusForConditionalGeneration", dict(BART, encoder_layers=16, decoder_layers=16, max_position_embeddings=512,
                                                             vocab_size=96103, activation_function="relu", scale_embedding=True,
                                                             pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)),
}
NEW = 24


def make_tokenizer(folder, config):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    pad, eos, size = config.pad_token_id, config.eos_token_id, config.vocab_size
    words = {("</s>" if i == eos else "<pad>" if i == pad else f"w{i}"): i for i in range(size)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w9"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["</s>", "<pad>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A $B </s>", special_tokens=[("</s>", eos)])
    tokenizer.save(f"{folder}/tokenizer.json")
    with open(f"{folder}/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "pad_token": "<pad>",
                   "unk_token": "w9"}, file)
    return tokenizer


def make_model(folder, kind, keys):
    torch.manual_seed(17)
    kind = getattr(transformers, kind)
    model = kind(kind.config_class(**keys)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():  # large enough for translations to depend on the text
            if weight.requires_grad and weight.dim() == 2: weight.normal_(std=1.5 * weight.shape[1] ** -0.5)
    pad = model.config.pad_token_id
    model.generation_config = transformers.GenerationConfig(
        max_new_tokens=NEW, decoder_start_token_id=model.config.decoder_start_token_id, eos_token_id=model.config.eos_token_id,
        pad_token_id=pad, bad_words_ids=[[pad]])
    model.save_pretrained(folder)
    return model


def generate(model, tokenizer, text, beams):
    ids = tokenizer.encode(text).ids
    out = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.int64), num_beams=beams, do_sample=False)
    return tokenizer.decode(out[0].tolist())


def compare(heed, folder, name, kind, keys, texts):
    model = make_model(folder, kind, keys)
    tokenizer = make_tokenizer(folder, model.config)
    wrong = 0
    for beams in [1, 4]:
        lines = subprocess.run([heed, "translate", "-m", folder, "--beams", str(beams), "--input", "-"], input="\n".join(texts) + "\n",
                               capture_output=True, text=True, check=True).stdout.splitlines()
        expected = [generate(model, tokenizer, text, beams) for text in texts]
        differ = [i for i in range(len(texts)) if lines[i] != expected[i]]
        rounded = 0
        if differ:
            model.double()
            rounded = sum(generate(model, tokenizer, texts[i], beams) != expected[i] for i in differ)
            model.float()
        wrong += len(differ) - rounded
        print(f"{name}, beams {beams}: {len(texts) - len(differ)} of {len(texts)} texts equal, {rounded} decided by rounding", flush=True)
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("heed")
    parser.add_argument("--only", choices=MODELS)
    parser.add_argument("--layers", type=int)
    parser.add_argument("--texts", type=int, default=4)
    parser.add_argument("--config")
    options = parser.parse_args()
    models = {options.only: MODELS[options.only]} if options.only else MODELS
    if options.config:
        with open(os.path.join(options.config, "config.json")) as file: keys = json.load(file)
        models = {os.path.basename(options.config): (keys["architectures"][0], keys)}
    wrong = 0
    for name, (kind, keys) in models.items():
        keys = dict(keys)
        for side in ["encoder_layers", "decoder_layers"] if options.layers else []: keys[side] = min(keys[side], options.layers)
        texts = [" ".join(f"w{(37 * i + 911 * j) % 5000 + 10}" for i in range(5 + 7 * j)) for j in range(options.texts)]
        with tempfile.TemporaryDirectory() as folder: wrong += compare(options.heed, folder, name, kind, keys, texts)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main()
