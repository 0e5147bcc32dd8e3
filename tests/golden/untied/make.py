"""Makes a tiny random Marian whose output table is not its embedding, and the logits that transformers computes with it, in
this folder:

    python make.py        (needs torch and transformers)

    marian-untied/config.json, model.safetensors, expected.json: source, target, and the logits of each target position
"""
import json
import os

import torch
from transformers import MarianConfig, MarianMTModel

os.chdir(os.path.dirname(os.path.abspath(__file__)))
torch.manual_seed(0)
model = MarianMTModel(MarianConfig(vocab_size=23, d_model=8, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
                                   decoder_attention_heads=2, encoder_ffn_dim=12, decoder_ffn_dim=12,
                                   max_position_embeddings=16, pad_token_id=22, eos_token_id=0, decoder_start_token_id=22,
                                   forced_eos_token_id=0, tie_word_embeddings=False))
with torch.no_grad():
    for name, weight in model.named_parameters():
        norm = "norm" in name and name.endswith("weight")
        if "embed_positions" not in name: weight.copy_(torch.randn(weight.shape) * 0.3 + (1 if norm else 0))
    model.final_logits_bias.copy_(torch.randn(model.final_logits_bias.shape))
    # Without the tie the tables are three; heed has one for both sides.
    model.model.encoder.embed_tokens.weight.copy_(model.model.shared.weight)
    model.model.decoder.embed_tokens.weight.copy_(model.model.shared.weight)
    model.eval()
    source, target = [5, 9, 13, 2, 0], [22, 7, 3, 20]
    logits = model(input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([target])).logits[0]
model.save_pretrained("marian-untied")
if os.path.exists("marian-untied/generation_config.json"): os.remove("marian-untied/generation_config.json")
with open("marian-untied/expected.json", "w") as file:
    json.dump({"source": source, "target": target, "logits": [[round(v, 6) for v in row] for row in logits.tolist()]}, file)
    file.write("\n")
