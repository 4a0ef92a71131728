# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How small can the network be?
#
# ECGNet spends millions of parameters on a single, normalised beat, which says nothing about
# when the beat came. {cite:t}`farag2023` uses 64 samples of the signal's derivative and four
# ratios of RR intervals in a network of 15 KB, quantized to 8 bits, and reports an accuracy of
# 0.982 and a mean F1 of 0.922 between patients: far above the 0.9194 and 0.6303 of the best arm
# of {cite:t}`silva_deployment`.
#
# placeholder

# %% tags=["parameters"]
profile = "quick"  # type: str  name of the params file
data_root = None  # type: str  folder or packed file with MIT-BIH, None: search for it
device = "auto"  # type: str  auto, cpu or cuda
seeds = [7]  # type: list  seeds of every arm
records = [101, 118, 124, 207, 223, 100, 202, 213, 232]  # type: list  record numbers
channels = [4, 8, 8, 16, 16]  # type: list  filters of ECGNet's five blocks
micro = [{"scope": "all_int8", "epochs": 2}]  # type: list  arms: features, scope, bits, split
budget = [{"epochs": 2}]  # type: list  arms: budget, query, update, split
budget_ecgnet = []  # type: list  arms: budget, query, update, split
robustness = []  # type: list  arms: perturbation, level, scope, split
