"""What transformers' filters leave of rows of logits: python make.py, in this folder.

    cases.json    logits, the settings, and each token's probability of being drawn

Written with torch 2.13.0 and transformers 5.23.0.
"""
import json

import torch
from transformers import (EpsilonLogitsWarper, EtaLogitsWarper, LogitsProcessorList, MinPLogitsWarper,
                          TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper, TypicalLogitsWarper)

SETTINGS = [{}, {"temperature": 0.5}, {"temperature": 3.0}, {"top_k": 1}, {"top_k": 7}, {"top_p": 0.9}, {"top_p": 0.05},
            {"min_p": 0.2}, {"temperature": 1.7, "top_k": 12, "top_p": 0.8, "min_p": 0.1}, {"top_k": 9, "top_p": 0.5},
            {"top_k": 100}, {"top_p": 0.5}, {"typical_p": 0.2}, {"typical_p": 0.7}, {"top_k": 12, "typical_p": 0.9},
            {"epsilon_cutoff": 0.02}, {"epsilon_cutoff": 0.9}, {"eta_cutoff": 0.05}, {"eta_cutoff": 0.3},
            {"temperature": 2.0, "top_p": 0.95, "typical_p": 0.8, "epsilon_cutoff": 0.01, "eta_cutoff": 0.1}]
FLAT = [0.2, 0.15, 0.12, 0.1, 0.09, 0.08, 0.05, 0.03] + [0.005625] * 32  # many unlikely tokens weigh something together
draw = torch.Generator().manual_seed(7)
cases = []
for settings in SETTINGS:
    logits = (torch.randn(40, generator=draw) * 3).float()
    if settings == {"top_p": 0.5}: logits = torch.tensor(FLAT).log()
    filters = LogitsProcessorList()
    if "temperature" in settings: filters.append(TemperatureLogitsWarper(settings["temperature"]))
    if "top_k" in settings: filters.append(TopKLogitsWarper(settings["top_k"]))
    if "top_p" in settings: filters.append(TopPLogitsWarper(settings["top_p"]))
    if "min_p" in settings: filters.append(MinPLogitsWarper(settings["min_p"]))
    if "typical_p" in settings: filters.append(TypicalLogitsWarper(settings["typical_p"]))
    if "epsilon_cutoff" in settings: filters.append(EpsilonLogitsWarper(settings["epsilon_cutoff"]))
    if "eta_cutoff" in settings: filters.append(EtaLogitsWarper(settings["eta_cutoff"]))
    probabilities = torch.softmax(filters(None, logits[None])[0].double(), 0)
    cases.append({"settings": settings, "logits": logits.tolist(),
                  "probabilities": [round(p, 9) for p in probabilities.tolist()]})
with open("cases.json", "w") as file:
    json.dump(cases, file, indent=1)
    file.write("\n")
