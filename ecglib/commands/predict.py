"""The command that answers a recording: beats, classes."""

from pathlib import Path

from ecglib.deploy import shipped
from ecglib.deploy.c99.lower import lower
from ecglib.holter.classify import check_form, classify, detected, write
from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording
from ecglib.system.files import check_target


def predict(args):
    """Classify the beats of a recording, write them, and say what was found.

    Parameters
    ----------
    args : argparse.Namespace
        `record`, `lead`, `annotations`, `out`, `force`, `weights`.

    Returns
    -------
    str

    Raises
    ------
    UserError
        If the recording cannot be read, has no beat, or the file cannot or must not be
        written.
    """
    recording = open_recording(args.record)
    weights = args.weights or shipped.WEIGHTS
    out = args.out or table_of(recording)
    check_target(out, (*recording.files, weights), force=args.force)
    check_form(out)
    lead = read_lead(recording, args.lead)
    sample = (
        recording.annotations(args.annotations, lead.fs)[0]
        if args.annotations
        else detected(lead)
    )
    network = shipped.load(weights)
    classified = classify(lead, sample, lower(network.model))
    write(classified, out)
    notes = [f"note: {note}" for note in lead.notes]
    return "\n".join(
        [*notes, classified.summary(), f"written to {out}; research, not a medical device"]
    )


def table_of(recording):
    """RECORD.csv in the current folder; RECORD.beats.csv if the recording is called so."""
    name = f"{recording.name}.csv"
    taken = {file.name.lower() for file in recording.files}
    return Path(f"{recording.name}.beats.csv" if name.lower() in taken else name)
