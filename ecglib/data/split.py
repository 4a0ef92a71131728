"""Which records of a data set a run uses, and which of them it is tested on."""

from dataclasses import dataclass
from typing import ClassVar

from ecglib.aami import DS1, DS2
from ecglib.data import sets
from ecglib.system.errors import UserError
from ecglib.system.settings import Settings


@dataclass(frozen=True, kw_only=True)
class RecordSettings(Settings):
    """Records of a data set of beats.

    Attributes
    ----------
    dataset : str
        Name of a data set with annotated beats, see `ecglib.data.sets.SETS`.
    records : tuple of int
        Records of the data set that are used; if empty, all that the split names.
    """

    dataset: str = "mitdb"
    records: tuple[int, ...] = DS1 + DS2

    def check(self):
        super().check()
        data = sets.get(self.dataset)
        if not isinstance(data, sets.BeatSet):
            raise UserError(f"dataset is {self.dataset}, whose beats are not annotated")
        if unknown := set(self.records) - set(data.records):
            raise UserError(f"records has {sorted(unknown)}, which {self.dataset} lacks")


@dataclass(frozen=True, kw_only=True)
class SplitSettings(RecordSettings):
    """Records of the training set and of the test set.

    Attributes
    ----------
    split : str
        One of the data set's `splits`. Splits with several folds need several trainings, which
        only some studies do.
    """

    takes_turns: ClassVar[bool] = False

    split: str = "ds1_ds2"

    def check(self):
        super().check()
        by_split = sets.get(self.dataset).folds_by_split
        known = [name for name in by_split if self.takes_turns or len(by_split[name]) == 1]
        if self.split not in known:
            raise UserError(f"split is {self.split!r}; it must be one of: {', '.join(known)}")
        folds = self.folds()
        for side, name in enumerate(("training", "test")):
            if not folds or not all(fold[side] for fold in folds):
                raise UserError(f"records has no {name} record of split {self.split}")

    def folds(self):
        """Training and test records of every training, a list of pairs of tuples of int."""
        return sets.get(self.dataset).folds(self.split, self.records)

    def sides(self):
        """All training records and all test records; with several folds these overlap."""
        sides = zip(*self.folds(), strict=True)
        return tuple(tuple(dict.fromkeys(r for part in side for r in part)) for side in sides)
