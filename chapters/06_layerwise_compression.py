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
# # Prune or quantize, and how much in which layer?
#
# {cite:t}`shinde2025` score each layer by its share of the parameters, the variance of its
# weights and their kurtosis, and let the score decide how many bits a layer gets (LAQ) or how
# many of its weights stay (LAP). On Chapman–Shaoxing {cite:p}`zheng2020`, with a residual
# network and with HuBERT-ECG {cite:p}`coppola2024`, and on CPSC 2018 {cite:p}`liu2018`, the
# paper reports up to 12.10× compression without any loss of accuracy: 0.9551 against 0.9542 in
# full precision. Its compression ratios count weight bits only, without scales, masks and
# indices, and a difference of a tenth of a point is less than the standard error on a test set
# of this size.
#
# ## What this chapter will hold
#
# - Fixed and layer-wise quantization and pruning, allocated by the paper's rule as printed, as
#   probably meant, and by an integer program in the manner of {cite:t}`yao2021`.
# - Three compression ratios beside each other: the paper's ideal count of bits, the count with
#   scales and indices, and the size of a real file.
# - *No loss* as a testable statement: a paired interval of the difference in accuracy.
# - Pruning, quantization and entropy coding together {cite:p}`han2016`, and learned step sizes
#   {cite:p}`esser2020`.

# %% tags=["parameters"]
profile = "quick"  # type: str  name of the params file
data_root = None  # type: str  folder with the data sets, None: search for them
device = "auto"  # type: str  auto, cpu or cuda
seeds = [7]  # type: list  seeds of arms that name none
records = [101, 118, 124, 207, 223, 100, 202, 213, 232]  # type: list  records of MIT-BIH, for ECGNet
rhythm = [{"fold": 0, "epochs": 2, "train_share": 0.1}]  # type: list  arms: dataset, model, fold
compression = [{"epochs": 2, "train_share": 0.1, "bits": [8, 4]}]  # type: list  arms: method, bits
transfer = []  # type: list  arms: dataset, target
