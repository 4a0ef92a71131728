"""README's numbers, its figure, and scores for reports, written from the reference runs."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ecglib import results, stats
from ecglib.aami import CLASSES, patient_of
from ecglib.book import claims
from ecglib.book.formats import TENTHS, shown
from ecglib.book.say import NO_RUN
from ecglib.commands.report import require_results
from ecglib.data import sets
from ecglib.data.find.identity import sha256_of
from ecglib.data.signal.micro_input import parts_of
from ecglib.deploy import integers, replay, shipped
from ecglib.quant.coverage import described
from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.tables import arms, scores
from ecglib.tables.budget import WORST
from ecglib.tables.card import labels_table, left_out
from ecglib.tables.learning import ON_DEVICE, ON_PC

START, END = "<!-- written by `python -m ecglib readme` -->", "<!-- end -->"
"""Lines of README.md, and of the model card, between which stands what is written."""


def findings(folder):
    """The findings of the reference runs in a folder as Markdown, with their numbers."""
    load = partial(results.load_study, folder)
    answers = zip(claims.ANSWERS, claims.answers(load), strict=True)
    lines = [f"- *{answer.question}* {text}" for answer, text in answers]
    lines += ["", "What speaks against us:", ""]
    lines += [f"- {sentence}" for sentence in claims.against(load)]
    return "\n".join(lines)


def with_findings(text, folder):
    """The text of a README with the findings of a folder of results in their place."""
    return _filled("README.md", text, findings(folder))


def _filled(name, text, content):
    """The text of a file with another content between its lines `START` and `END`.

    A `UserError` if these are not there once, in this order.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end) or START in rest or END in after:
        raise UserError(f"{name} must hold the lines {START} and {END} once, in this order")
    return f"{before}{START}\n\n{content}\n\n{END}{after}"


def write(folder, readme, figure):
    """Write the findings of reference runs into a README, and the landscape beside it.

    `folder` holds the runs by study, `readme` is Markdown, `figure` the image to write.
    """
    from ecglib.plots import overview, style

    require_results(folder)
    readme, runs = Path(readme), {}

    def load(study):
        return runs.setdefault(study, results.load_study(folder, study))

    text = with_findings(readme.read_text(encoding="utf-8"), folder)
    style.use()
    try:
        drawn = overview.landscape(overview.points(load), overview.trivial(load))
    except LookupError as error:
        lacking = ", ".join([name for name, found in runs.items() if not found] or runs)
        raise UserError(f"{folder} lacks runs of {lacking} for README's figure") from error
    with written(figure) as unfinished:
        drawn.savefig(unfinished, format="png", dpi=110)
    with written(readme) as unfinished:
        Path(unfinished).write_text(text, encoding="utf-8")


def shipped_scores(folder):
    """How often networks like the shipped one were right about patients left out, as a dict.

    `databases` in words, `n_patients`, `n_beats`, and `classes`: class -> `sensitivity` and
    `ppv` of all beats, means over seeds; `ppv_low` and `ppv_high`, 95 % over patients; and the
    share of N beats that are called so: `false` of all of them, `false_half` the median and
    `false_tenth` the 90th percentile over records and seeds. Runs of `folder` that are missing
    are a `UserError`.
    """
    wanted = left_out(integers.read().meta["config"])
    try:
        arm = arms.pick(results.load_study(folder, "micro"), **wanted)
    except LookupError as error:
        raise UserError(
            f"{folder} lacks the runs of study micro with split {wanted['split']} and the "
            "shipped network's settings"
        ) from error
    records = arm.results[0].per_record
    matrices = np.array([matrix for run in arm.matrices() for matrix in run.values()])
    classes = scores.class_scores(arm)
    for index, row in enumerate(classes.values()):
        interval = stats.patient_bootstrap(arm.matrices(), partial(_ppv, index))
        row |= {"ppv_low": interval.low, "ppv_high": interval.high}
        wrong, normal = matrices[:, 0, index], matrices[:, 0].sum(axis=1)
        share = wrong[normal > 0] / normal[normal > 0]
        row["false"] = wrong.sum() / normal.sum()
        row["false_half"], row["false_tenth"] = np.quantile(share, [0.5, 0.9])
    wanted = ("sensitivity", "ppv", "ppv_low", "ppv_high", "false", "false_half", "false_tenth")
    patients = {sets.patient_of(record) for record in records}
    return {
        "databases": " and ".join(sorted({sets.get(name).title for name, _ in patients})),
        "n_patients": len(patients),
        "n_beats": int(np.sum(list(records.values()))),
        "classes": {k: {w: round(classes[k][w], 4) for w in wanted} for k in CLASSES[1:]},
    }


def _ppv(index, matrix):
    """Predictivity of a class from matrices (..., 3, 3)."""
    called = matrix[..., index].sum(axis=-1)
    return matrix[..., index, index] / np.maximum(called, 1)


def write_scores(folder, path):
    """Write `shipped_scores` as JSON, for the reports of `predict`."""
    with written(path) as unfinished:
        text = json.dumps(shipped_scores(folder), indent=1)
        Path(unfinished).write_text(text + "\n", encoding="utf-8")


def facts(path):
    """What the file of a network says of it, as a dict of str."""
    meta, frozen, sha256 = integers.read(path).meta, integers.frozen(), sha256_of(path)
    network, config = shipped.load(path), meta["config"]
    replayed = replay.load(network, path)
    patients = {patient_of(record) for record in meta["trained_on"]}
    return {
        "SHA-256": f"`{sha256}`",
        "frozen on": frozen["date"] if sha256 == frozen["sha256"] else "not frozen",
        "bytes of the file": f"{path.stat().st_size:,}",
        "bytes of constants": f"{described(network.model)['weight_bytes']:,}",
        "input": ", ".join(parts_of(meta["features"])),
        "data": sets.get(meta["data"]["name"]).title,
        "records, patients": f"{len(meta['trained_on'])}, {len(patients)}",
        "beats, each lead counted": f"{meta['n_beats']:,}",
        "beats of a lead and class in an epoch": f"at most {config['class_cap']:,}",
        "epochs": f"{config['epochs']}, and {config['qat_epochs']} in integers",
        "seed": str(config["seed"]),
        "beats that it replays": f"{len(replayed.beats):,} (book: {replayed.n_wanted:,})",
    }


_LEARNED = {"As a device would learn:": ON_DEVICE, "As `--update head` learns:": ON_PC}


def with_numbers(text, folder):
    """The text of a model card with the facts of the networks' files, and numbers of runs."""
    files = integers.WEIGHTS, integers.WEIGHTS.with_name("ds1_ds2.npz")
    parts = [_markdown(pd.DataFrame({f"`{path.name}`": facts(path) for path in files}))]
    try:
        runs = results.load_study(folder, "budget")
        for title, update in _LEARNED.items():
            found = labels_table(runs, integers.read().meta["config"], update)
            parts += [title, _markdown(shown(found, {"labels": TENTHS, WORST: "{:+.1f}"}))]
    except LookupError:
        parts.append(f"Everybody left out once: {NO_RUN}.")
    return _filled("MODEL_CARD.md", text, "\n\n".join(parts))


def _markdown(frame):
    """A table of text in Markdown."""
    rows = [["", *frame.columns], ["---"] * (1 + frame.shape[1])]
    rows += [[name, *row] for name, row in zip(frame.index, frame.to_numpy(), strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write_card(folder, path):
    """Write the numbers of a model card."""
    text = with_numbers(Path(path).read_text(encoding="utf-8"), folder)
    with written(path) as unfinished:
        Path(unfinished).write_text(text, encoding="utf-8")
