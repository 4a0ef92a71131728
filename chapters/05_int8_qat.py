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
# # Which layers can do with 8-bit integers?
#
# {cite:t}`silva_deployment` train with simulated 8-bit arithmetic, as {cite:t}`jacob2018`
# introduced it, in two scopes: the classification head alone (`head_int8`), and the head with
# the first blocks of the backbone (`shallow_int8`). The paper's Table 2 reports for the
# personalized pipeline an accuracy of 0.9013 ± 0.0198 and a macro-F1 of 0.5364 ± 0.0416 with
# `head_int8`, and 0.9003 ± 0.0248 and 0.5258 ± 0.0408 with `shallow_int8`. A network trained on
# DS1 alone, without personalization, is better in both scopes: 0.9194 ± 0.0042 and 0.6303 ±
# 0.0165 with `shallow_int8`. Table 2 has no row without quantization, and no file size or time.
#
# ## What this chapter will hold
#
# - Four scopes, from none to all layers, for the pipeline with and without personalization, by
#   quantization-aware training and by calibration after training.
# - A list of every layer that a scope should quantize, and a proof that it is quantized.
# - An oracle of a few lines of NumPy that every quantizer has to agree with.
# - What each scope saves in bytes and in multiplications: two numbers that do not go together.

# %% tags=["parameters"]
profile = "quick"  # type: str  name of the params file
data_root = None  # type: str  folder or packed file with MIT-BIH, None: search for it
device = "auto"  # type: str  auto, cpu or cuda
seeds = [7]  # type: list  seeds of every arm
records = [101, 118, 124, 207, 223, 100, 202, 213, 232]  # type: list  record numbers
channels = [4, 8, 8, 16, 16]  # type: list  filters of ECGNet's five blocks
pretext_epochs = 2  # type: int  passes of the offline puzzle
int8 = [{"scope": ["none", "all_int8"], "epochs": 2}]  # type: list  arms: pipeline, scope, method
latency = [{"runtime": ["ort_fp32", "ort_int8"], "epochs": 2}]  # type: list  arms: runtime, batch, threads
