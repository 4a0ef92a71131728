"""Study of choices of settings: trials inside DS1, scored after every epoch; then a test."""

from dataclasses import dataclass

from ecglib.aami import DS1
from ecglib.data.beats import joined
from ecglib.metrics import confusion_matrix, macro_f1
from ecglib.personalize.online import finetune
from ecglib.studies.puzzle import FinetunedSettings, pretext
from ecglib.studies.registry import RunConfig, study
from ecglib.system.errors import UserError
from ecglib.system.settings import setting
from ecglib.training.loop import predict
from ecglib.training.on_beats import train_supervised


@dataclass(frozen=True, kw_only=True)
class SelectionConfig(RunConfig, FinetunedSettings):
    """A trial inside DS1, or a test of what won, with at most `epochs` epochs.

    On `ds1_val`, early stopping keeps the epoch with the best macro-F1. On the folds of a
    cross-validation, the epoch is chosen on all folds together, so `patience` should be large
    enough not to stop any. On other splits nothing is chosen: all `epochs` are trained.

    Attributes
    ----------
    pipeline : {"baseline", "ssl"}
        "baseline" trains from scratch. "ssl" solves the puzzle first and then fine-tunes the
        parts that `finetune` names.
    finetune : {"all", "head"}
        What the fine-tuning may change.
    patience : int
        Number of epochs without a better macro-F1 after which a trial ends.
    before, after : int
        Samples of a beat's window before and after the R-peak; 300 are left after resampling.
    lead : {"usual", "other"}
        MLII, or the lead recorded beside it, in most records V1.
    """

    arm_keys = ("pipeline", "finetune", "features", "norm", "imbalance", "split")

    split: str = "ds1_val"
    pipeline: str = setting("baseline", one_of=("baseline", "ssl"))
    finetune: str = setting("all", one_of=("all", "head"))
    patience: int = setting(3, above=0)
    features: str = setting("beat", one_of=("beat", "beat+rr"))
    before: int = setting(150, above=0)
    after: int = setting(150, above=0)
    lead: str = setting("usual", one_of=("usual", "other"))

    def load_beats(self, dataset, path, records, **how):
        how |= {"before": self.before, "after": self.after}
        if self.lead == "usual":
            return dataset.load_beats(path, records, **how)
        leads = {record: dataset.other_lead(path, record) for record in records}
        return joined([dataset.load_beats(path, [r], lead=leads[r], **how) for r in leads])

    def check(self):
        super().check()
        if self.features != "beat" and self.pipeline == "ssl":
            raise UserError(f"features is {self.features}; a puzzle has no RR ratios, use beat")


@study("selection", SelectionConfig)
def run_selection(run):
    """Run a trial; inside DS1, score it after every epoch."""
    config, train = run.config, run.train.inputs
    label, confusions = run.scored.y.cpu().numpy(), []

    def score(model):
        confusions.append(confusion_matrix(label, predict(model, run.scored)))
        return float(macro_f1(confusions[-1]))

    inside = set().union(*config.sides()) <= set(DS1)
    how = {"validate": score if inside else None, "patience": config.patience}
    if config.pipeline == "ssl":
        model, _ = pretext(run, config)
        history = finetune(model, train, config, **how)
    else:
        model, history = train_supervised(config, train, run.device, **how)
    validation = {
        "validation_macro_f1": history.score,
        "validation_confusion": [matrix.tolist() for matrix in confusions],
        "best_epoch": history.best_epoch if inside else config.epochs,
    }
    predicted = predict(model, run.test.inputs)
    return run.outcome(predicted, {"train": history.seconds}, loss=history.loss, **validation)
