"""Plain words for settings and arms, instead of the values of a configuration."""

from ecglib.data.sets import SETS

WORDS = {
    # strategies and updates
    "head_only": "head only",
    "adabn": "AdaBN",
    "last_blocks": "last blocks",
    "last_block": "last block",
    "own_rr": "own RR mean",
    "entropy": "entropy minimisation",
    "least_confidence": "least confident",
    # number formats and scopes
    "fp16": "FP16",
    "bf16": "BF16",
    "head_int8": "head in INT8",
    "shallow_int8": "head and shallow blocks in INT8",
    "all_int8": "all layers in INT8",
    "int8": "INT8",
    "ptq": "PTQ",
    "qat": "QAT",
    # splits
    "ds1_ds2": "DS1 → DS2",
    "ds2_ds1": "DS2 → DS1",
    "mit_svdb": "MIT-BIH → SVDB",
    "lopo": "leave one patient out",
    "ds1_cv": "eleven folds of DS1",
    "dev_cv": "five folds of DS1 and SVDB's development side",
    "dev_test": "development → test patients",
    "lopo2": "leave one patient of both databases out",
    "svdb_mit": "SVDB → MIT-BIH",
    "ds1_val": "118, 124, 207, 223",
    **{f"ds1_fold{number}": f"fold {number} of DS1" for number in range(4)},
    # data sets and networks
    "chapman": "Chapman",
    "macro_f1": "macro-F1",
    "ecgnet": "ECGNet",
    "micronet": "MicroNet",
    "resnet1d": "ResNet1D",
    "hubert": "HuBERT-ECG",
    # columns of tables
    "Δ accuracy": "Δ accuracy, points",
    "patient mean": "accuracy, mean of patients",
    "95 %": "95 % over patients",
    # stages of a run
    "pretrain": "pretraining",
    "train": "training",
    "finetune": "fine-tuning",
    "adapt": "adaptation",
    "predict": "prediction",
    # studies and perturbations
    "budget_ecgnet": "budget, ECGNet",
    "detected": "detected R-peaks",
    "jitter": "R-peak jitter, ms",
    "resampled": "sampling rate, Hz",
    "lead": "second lead",
}
"""Value of a setting -> what a page calls it. Data sets have their titles; in another
word that is not listed, underscores become spaces."""

_PHRASES = {
    "features": {"beat": "isolated beats", "beat+rr": "beats + RR ratios"},
    "norm": {"batch": "BatchNorm", "none": "no BatchNorm"},
    "finetune": {"head": "head fine-tuned", "all": "everything fine-tuned"},
    "imbalance": {
        "none": "no class weights",
        "sqrt": "square-root class weights",
        "balanced": "balanced class weights",
    },
    "normalization": {
        "zscore": "z-scored beats",
        "record": "z-scored records",
        "none": "millivolts",
    },
    "pipeline": {"baseline": "DS1 only", "ssl": "SSL + personalization"},
    "scope": {"none": "fp32"},
    "online_seconds": {"all": "all beats, transductive", 300: ""},
    "step": {"learned": "learned step", "minmax": ""},
    "cuts": {"thirds": "puzzle of equal thirds", "qrs": ""},
    "lead": {"other": "the second lead"},
}
"""Setting -> value -> phrase, where the value alone does not say what it is of."""

_ALONE = ("split", "strategy", "scope", "precision", "method", "dataset", "model", "source")
"""Settings whose value says what it is of."""


def word(value):
    """What a page calls the value of a setting.

    Examples
    --------
    >>> word("adabn"), word("full")
    ('AdaBN', 'full')
    """
    if isinstance(value, str):
        plain = value.replace("_", " ") if value.isidentifier() else value
        plain = SETS[value].title if value in SETS else plain
        return WORDS.get(value, plain)
    return value


def setting(name, value):
    """A setting in few words.

    Examples
    --------
    >>> setting("features", "beat+rr"), setting("records", [100, 101])
    ('beats + RR ratios', '2 records')
    """
    if name in _PHRASES and value in _PHRASES[name]:
        return _PHRASES[name][value]
    if name == "records":
        return f"{len(value)} records"
    if name == "channels":
        return f"{filters(value)} filters"
    if name in _ALONE:
        return word(value)
    text = " ".join(map(str, value)) if isinstance(value, list) else str(word(value))
    return f"{name.replace('_', ' ')} {text}"


def name_of(config, keys):
    """Some settings (`keys`) of a run, in words, as far as its file has them.

    Examples
    --------
    >>> name_of({"strategy": "head_only", "finetune": "all"}, ("strategy", "finetune"))
    'head only, everything fine-tuned'
    """
    return ", ".join(filter(None, (setting(key, config[key]) for key in keys if key in config)))


def filters(channels):
    """Size of a network in few words, "16…128": filters of its first and its last block."""
    return f"{channels[0]}…{channels[-1]}"


def network(config):
    """What a network on recordings is called."""
    more = ", pretrained" if config["pretrain_epochs"] else ""
    return f"{word(config['model'])} {config['size']}{more}"


def baseline(config):
    """What distinguishes an arm that was trained on one side only."""
    name = f"baseline, {setting('features', config['features'])}"
    name += ", BatchNorm" * (config["norm"] == "batch")
    if config["normalization"] != "zscore":
        name += f", {setting('normalization', config['normalization'])}"
    return name


def personalized(config):
    """What distinguishes an arm of the personalization study."""
    share = config["train_share"]
    parts = [
        word(config["strategy"]),
        setting("finetune", config["finetune"]),
        "" if share == 1 else f"{share:.0%} of the training beats",
        "all beats, transductive" if config["online_seconds"] == "all" else "",
        "" if config["norm"] == "batch" else "no BatchNorm",
        setting("cuts", config["cuts"]),
    ]
    return ", ".join(part for part in parts if part)


def rounded(scope, method):
    """What a row of scope and method is called.

    Examples
    --------
    >>> rounded("none", "qat"), rounded("all_int8", "qat, learned step")
    ('fp32, trained as long', 'all layers in INT8, QAT, learned step')
    """
    if scope == "none":
        return "fp32" if method == "ptq" else "fp32, trained as long"
    return f"{word(scope)}, {word(method[:3])}{method[3:]}"
