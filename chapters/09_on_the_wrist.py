# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does it take on the wrist?
#
# The memory, instructions and time of the network of chapter {doc}`08_micro_network` as plain C
# are in chapter {doc}`07_jetson`.
