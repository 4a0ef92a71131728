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
# ## What this chapter will hold
#
# - A network of a few thousand parameters on the derivative and five RR ratios, with choices
#   made inside DS1.
# - Three splits, since the standard one flatters: DS1 to DS2, DS2 to DS1, and leave one patient
#   out.
# - Fewer bits until it breaks, and the smallest file that still works.
# - What a handful of labelled beats of the patient is worth {cite:p}`settles2009`.
