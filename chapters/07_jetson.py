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
# # What does personalization cost on a Jetson?
#
# {cite:t}`silva_deployment` call online personalization the main bottleneck of embedded use: on
# a Jetson Nano their pipeline needs 60,289 seconds with `head_only` and 72,776 with `adabn`,
# against 2,827 and 3,254 on an H200 (Table 3). The paper does not say how many epochs that
# covers, nor whether it is the time of one seed or of three. INT8 was measured on the H200
# only. The Nano has no 8-bit arithmetic in hardware; a Jetson Orin has.
#
# ## What this chapter will hold
#
# - The arithmetic of one personalization: how much work each stage is, and what a device's peak
#   allows, so that a measured time can be called good or bad.
# - The same network exported to ONNX and C, checked for agreement before it is timed.
# - Latency by runtime, batch size and number of threads, on the machines at hand, with the
#   machine named in each row.
# - A bundle for a Jetson Orin and one script for the Nano, whose results come back as files.
