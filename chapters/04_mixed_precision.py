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
# # Do 16 bits change the answer?
#
# {cite:t}`silva_deployment` run the personalization pipeline without any integer arithmetic in
# two 16-bit floating-point formats. FP16 keeps ten bits of mantissa and five of exponent, BF16
# seven and eight. The paper's Table 1 reports, on an H200, an accuracy of 0.8904 ± 0.0211 with
# FP16 and 0.8890 ± 0.0094 with BF16, macro-F1 of 0.5252 ± 0.0398 and 0.4969 ± 0.0098, and 2,920
# and 3,003 seconds; FP16 on a Jetson Nano takes 60,048 seconds. The paper concludes that FP16
# is the best of the formats it tested. There is no FP32 row to compare with, and the difference
# between the formats is less than the spread of FP16 over three seeds.
#
# ## What this chapter will hold
#
# - FP32, FP16 and BF16 side by side, native where the device has the format and emulated
#   elsewhere, never in one column.
# - Differences between formats seed by seed, with patient-bootstrap intervals.
# - Where in the network the shorter mantissa loses something, and whether it matters.
# - Time per stage, and how far it lies from what the device could do.

# %% tags=["parameters"]
profile = "quick"  # type: str  name of the params file
data_root = None  # type: str  folder or packed file with MIT-BIH, None: search for it
device = "auto"  # type: str  auto, cpu or cuda
seeds = [7]  # type: list  seeds of every arm
records = [101, 118, 124, 207, 223, 100, 202, 213, 232]  # type: list  record numbers
channels = [4, 8, 8, 16, 16]  # type: list  filters of ECGNet's five blocks
pretext_epochs = 2  # type: int  passes of the offline puzzle
precision = [{"precision": "fp32", "epochs": 2}]  # type: list  arms: the pipeline by format
numerics = [{"precision": "fp16", "epochs": 2}]  # type: list  arms: one network, looked into
