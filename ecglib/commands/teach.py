"""The commands that teach the network: asking for labels, and learning from them."""

from ecglib.commands.predict import notes_on, read
from ecglib.commands.report_page import rendered, strips_of
from ecglib.deploy import replay, shipped
from ecglib.deploy.c99.front import check_features
from ecglib.holter import teach as teaching
from ecglib.holter.classify import classify
from ecglib.holter.open import open_recording
from ecglib.holter.report import clock
from ecglib.personalize.budget import CHOSEN
from ecglib.studies.registry import make_config, settings_of
from ecglib.system.errors import UserError
from ecglib.system.files import check_target, check_targets, written
from ecglib.system.untrusted import refused

MOST_STRIPS = 100
"""Most strips of a page."""

_AS_ASKED = ("lead", "fs", "units", "annotations", "weights")  # `teach` needs the same


def settings(network, n_labels):
    """The chosen arm of study budget with this number of labels, for a network (`Shipped`).

    What both trainings share, such as the size of a batch, is that of the network's own, if its
    file says it.
    """
    known = settings_of("budget")
    own = {k: v for k, v in network.meta.get("config", {}).items() if k in known}
    return make_config("budget", **own | CHOSEN | {"budget": n_labels, "update": "head"})


def ask(args):
    """Write a table of beats to label and a page with their strips; returns what to do next.

    `args` has `record`, `lead`, `fs`, `units`, `annotations`, `weights`, `labels`, `anytime`,
    `out`, `force`. Whatever cannot be read or written is a UserError.
    """
    if args.labels < 1:
        raise UserError(f"--labels is {args.labels}; ask for one beat or more")
    if args.out.suffix.lower() != ".csv":
        raise UserError(f"--out is {args.out}; the table's name must end in .csv")
    page, weights = args.out.with_suffix(".html"), args.weights or shipped.WEIGHTS
    network = shipped.load(weights)
    check_features(network.features, weights)
    recording = open_recording(args.record, args.fs, args.units)
    check_targets([args.out, page], (*recording.files, weights), force=args.force)
    lead, sample, _ = read(args, recording)
    classified = classify(lead, sample, network.program())
    with refused(f"{weights} is no network of this version", because=True):
        config = settings(network, args.labels)
    table = teaching.to_ask(classified, network, config, anytime=args.anytime)
    with written(args.out) as rows, written(page) as shown:
        table.to_csv(rows, index=False)
        shown.write_text(page_of(classified, table), encoding="utf-8")
    fewer = "" if len(table) == args.labels else ", all that can be read in this time"
    named = {name: getattr(args, name) for name in _AS_ASKED}
    same = "".join(f" --{name} {value}" for name, value in named.items() if value)
    return "\n".join(
        [
            *notes_on(recording, lead),
            f"{lead.recording}, lead {lead.name}: {len(table):,} beats to label{fewer}",
            f"look at them in {page}; write N, S, V or {teaching.CANNOT_SAY} into {args.out}; "
            f"then: python -m ecglib teach {args.record} {args.out} --out mine.npz{same}",
        ]
    )


def page_of(classified, table):
    """The page (HTML) with a strip for each row of a table of beats that are `Classified`."""
    rows = table.head(MOST_STRIPS)
    strips = zip(rows.to_dict("records"), strips_of(classified, rows.index), strict=True)
    return rendered("ask.html", lead=classified.lead, strips=list(strips), n_rows=len(table))


def teach(args):
    """Update the network by a table that was filled in; returns what changed.

    `args` has `record`, `lead`, `fs`, `units`, `annotations`, `weights`, `answers`, `update`,
    `out`, `force`. Whatever cannot be read, used or written is a UserError.
    """
    if args.update not in teaching.UPDATES:
        raise UserError(f"--update is {args.update}; use {' or '.join(teaching.UPDATES)}")
    recording = open_recording(args.record, args.fs, args.units)
    weights = args.weights or shipped.WEIGHTS
    network = shipped.load(weights)
    check_features(network.features, weights)
    replayed = [] if network.labels else [replay.file_of(network, weights)]
    reads = (*recording.files, weights, *replayed, args.answers)
    check_target(args.out, reads, force=args.force, ending=".npz")
    lead, sample, symbol = read(args, recording)
    answers = teaching.read_answers(args.answers, lead, sample)
    with refused(f"{weights} is no network of this version", because=True):
        config = settings(network, len(answers.beat))
    taught = teaching.teach(lead, sample, network, weights, answers, args.update, config)
    about = {"record": lead.recording, "lead": lead.name, "labels": answers.counts()}
    notes, n = notes_on(recording, lead), len(answers.beat)
    if earlier := network.meta.get("taught"):
        about["labels"] = f"{earlier['labels']} of {earlier['record']}, then {about['labels']}"
        if earlier["record"] != lead.recording:
            notes.append(f"note: {weights} has learned labels of {earlier['record']} before")
    new = taught.network
    if labels := new.labels:
        rows = [*zip(map(bytes, labels.unit), labels.label.tolist(), strict=True)]
        if again := len({*rows[:-n]} & {*rows[-n:]}):
            notes.append(f"note: {again:,} labels were learned before, and now count twice")
    shipped.save(args.out, new.model, new.meta | {"taught": about}, new.labels)
    learned = f"{n:,} label{'s' * (n > 1)} ({answers.counts()})"
    if doubted := [clock(seconds) for seconds in sample[taught.doubted] / lead.fs]:
        found = f"{len(doubted)} without effect yet, against a sure network"
        learned += f"; {found}: look again at {', '.join(doubted)}"
    learned += f"; {answers.n_left_out:,} left out" if answers.n_left_out else ""
    return "\n".join(
        [
            *notes,
            f"{lead.recording}, lead {lead.name}: {learned}",
            *taught.changes(answers, symbol),
            f"written to {args.out}; research, not a medical device",
        ]
    )
