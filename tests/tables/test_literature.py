"""Published classifiers as they were read, and ours counted against other counts."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wfdb
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from ecglib import results
from ecglib.aami import SYMBOL_TO_AAMI, patient_of
from ecglib.metrics import ec57
from ecglib.personalize.budget import CHOSEN
from ecglib.system.paths import REPO, RESULTS
from ecglib.tables import literature
from tests.tables.made import late, pairs_of
from tests.tables.test_budget import asked

SCORES = {"Se": recall_score, "+P": precision_score, "F1": f1_score, "accuracy": accuracy_score}


@cache
def committed():
    return results.load_study(RESULTS, "budget")


def made(seed, **settings):
    """A result with other confusions in every record, and with a record that does not count."""
    rng = np.random.default_rng(seed)
    matrices = {r: rng.integers(5, 200, (3, 3)).tolist() for r in (*literature.RECORDS, "100")}
    return asked(matrices, seed=seed, labels=(3, 1, 0, 1, 0), **settings)


def several():
    settings = [{"budget": k} for k in (0, 5, 20, "all")]
    settings.append({"budget": 20, "asking": "stream", "query": "least_confidence"})
    everybody = {"dataset": "both", "records": (), "split": "lopo2"}
    chosen = {k: CHOSEN | everybody for k in (5, 20, "all")} | {0: everybody}
    return [made(s, **chosen[how["budget"]] | how) for how in settings for s in (7, 21)]


def test_the_records_are_those_of_the_literature():
    assert " ".join(literature.RECORDS) == (
        "200 201 202 203 205 207 208 209 210 212 213 214 "
        "215 219 220 221 222 223 228 230 231 232 233 234"
    )
    assert len({patient_of(int(record)) for record in literature.RECORDS}) == 23


def test_every_published_row_has_its_work_and_its_source_in_the_bibliography():
    known = re.findall(r"@\w+\{(\w+),", (REPO / "chapters/references.bib").read_text())
    table = literature.published_table(400.0)
    assert set(table["cited"]) | set(table["read in"]) <= set(known)


def test_f1_follows_from_se_and_ppv_or_is_printed_so():
    table = literature.published_table(400.0)
    for kind in literature.KINDS:
        se, ppv = table[f"{kind} Se"], table[f"{kind} +P"]
        off = (table[f"{kind} F1"] - 2 / (1 / se + 1 / ppv)).abs().dropna()
        assert len(off) == len(table) - 1  # one work gives F1 alone
        assert off.max() < 0.001  # all were rounded to a tenth of a percent
    printed = [name for name in table.index if literature.COMPUTED not in name]
    assert printed == ["Zhai & Tin 2018", "Malik et al. 2022"]
    shares = table.select_dtypes(float).drop(columns="labels a patient")
    assert shares.min(axis=None) > 0.4  # none is left in percent or off by ten
    assert shares.max(axis=None) < 1


def test_labels_of_published_methods():
    labels = literature.published_table(417.0)["labels a patient"]
    assert labels["Luo et al. 2017 †"] == 300
    assert labels["Zhai & Tin 2018"] == 417
    assert pd.isna(labels["de Chazal & Reilly 2006 †"])


def test_ours_is_what_scikit_learn_counts():
    named = literature.our_arms(several())
    assert len(named) == 5
    table = literature.our_table(named)
    for name, arm in named.items():
        assert table.loc[name, "labels a patient"] == 5
        for kind, index in (("VEB", 2), ("SVEB", 1)):
            for score, function in SCORES.items():
                values = []
                for result in arm.results:
                    kept = late(result.per_record)
                    counted = [kept[record] for record in literature.RECORDS]
                    true, predicted = pairs_of(*counted)
                    values.append(function(true == index, predicted == index))
                assert table.loc[name, f"{kind} {score}"] == pytest.approx(np.mean(values))
            low, value, high = (table.loc[name, f"{kind} F1{x}"] for x in (" low", "", " high"))
            assert low < value < high


def test_without_runs_it_says_which_are_missing():
    with pytest.raises(LookupError, match="no runs of ours, 0 labels"):
        literature.our_arms([])
    some = [r for r in several() if r.config["asking"] == "start"]
    with pytest.raises(LookupError, match=r"no runs of ours, in doubt$"):
        literature.our_arms(some)


def test_a_class_that_nobody_has_or_says_scores_nothing():
    found = literature.detection(np.array([[9, 0, 1], [0, 0, 0], [2, 0, 8]]), "SVEB")
    assert (found["Se"], found["+P"], found["F1"], found["accuracy"]) == (0, 0, 0, 1)


def test_veb_of_every_committed_run_agrees_with_ec57():
    """EC57 was counted from annotations, by another function, when the run was made."""
    runs = [r for r in committed() if r.config["dataset"] == "mitdb"]
    assert runs
    for run in runs:
        counted = run.metrics["ec57"]["veb"]
        found = literature.detection(sum(run.matrix(after_5min=True).values()), "VEB")
        tp, fn, fp = (counted[name] for name in ("tp", "fn", "fp"))
        assert found["Se"] == pytest.approx(tp / (tp + fn))
        assert found["+P"] == pytest.approx(tp / (tp + fp))


def test_ours_is_ec57_of_the_annotations_but_for_fusion_beats_taken_for_s(mitdb_root):
    named = literature.our_arms(committed())
    arm = named["ours, 5 labels"]
    symbol, sample = annotations(mitdb_root)
    beats = np.where(np.isin(symbol, ["j", "e"]), "N", symbol)  # the literature's classes
    values = []
    for result in arm.results:
        predicted = np.concatenate([result.classes(record) for record in literature.RECORDS])
        counted = ec57(beats, predicted, sample, 360)
        fusion = (symbol == "F") & (predicted == 1) & (sample >= 300 * 360)
        veb, sveb = counted.veb, counted.sveb
        ppv = sveb.tp / (sveb.tp + sveb.fp - fusion.sum())
        values.append((veb.se, veb.ppv, sveb.se, ppv))
        assert ppv - sveb.ppv < 0.02  # what the difference in counting can be worth
    columns = ["VEB Se", "VEB +P", "SVEB Se", "SVEB +P"]
    row = literature.our_table({"five": arm}).loc["five", columns]
    assert row.tolist() == pytest.approx(np.mean(values, axis=0).tolist())


def annotations(root):
    """Symbols and samples of all beats of the 24 records, one record after the other."""
    symbols, samples = [], []
    for record in literature.RECORDS:
        found = wfdb.rdann(str(Path(root) / record), "atr")
        beat = np.isin(found.symbol, list(SYMBOL_TO_AAMI))
        symbols.append(np.array(found.symbol)[beat])
        samples.append(found.sample[beat])
    return np.concatenate(symbols), np.concatenate(samples)
