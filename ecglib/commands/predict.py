"""The command that answers a recording: beats, classes."""

from pathlib import Path

from ecglib.deploy import shipped
from ecglib.deploy.c99.lower import lower
from ecglib.holter.classify import classify, detected, write
from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording


def read(args):
    """What `args.record`, `lead` and `annotations` name.

    Returns
    -------
    tuple of (Recording, Lead, ndarray of int, ndarray of str or None)
        The R-peaks (n_beats,), and their WFDB symbols if they come from annotations.
    """
    recording = open_recording(args.record)
    lead = read_lead(recording, args.lead)
    if args.annotations:
        return recording, lead, *recording.annotations(args.annotations, lead.fs)
    return recording, lead, detected(lead), None


def predict(args):
    """Classify the beats of a recording, write them, and say what was found.

    Parameters
    ----------
    args : argparse.Namespace
        `record`, `lead`, `annotations`, `out`, `weights`.

    Returns
    -------
    str

    Raises
    ------
    UserError
        If the recording cannot be read, has no beat, or the file cannot be written.
    """
    recording, lead, sample, _ = read(args)
    network = shipped.load(args.weights or shipped.WEIGHTS)
    classified = classify(lead, sample, lower(network.model))
    out = args.out or Path(f"{recording.name}.csv")
    write(classified, out)
    notes = [f"note: {note}" for note in lead.notes]
    return "\n".join(
        [*notes, classified.summary(), f"written to {out}; research, not a medical device"]
    )
