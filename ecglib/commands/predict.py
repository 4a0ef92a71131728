"""The command that answers a recording: beats, classes."""

from pathlib import Path

from ecglib.deploy import shipped
from ecglib.deploy.c99.lower import lower
from ecglib.holter.classify import classify, detected, write
from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording


def predict(args):
    """Classify the beats of a recording, write them, and say what was found.

    Parameters
    ----------
    args : argparse.Namespace
        `record`, `lead`, `fs`, `units`, `annotations`, `out`, `weights`.

    Returns
    -------
    str

    Raises
    ------
    UserError
        If the recording cannot be read, has no beat, or the file cannot be written.
    """
    recording = open_recording(args.record, args.fs, args.units)
    lead = read_lead(recording, args.lead)
    sample = (
        recording.annotations(args.annotations, lead.fs)[0]
        if args.annotations
        else detected(lead)
    )
    network = shipped.load(args.weights or shipped.WEIGHTS)
    classified = classify(lead, sample, lower(network.model))
    out = args.out or Path(f"{recording.name}.csv")
    write(classified, out)
    notes = [f"note: {note}" for note in dict.fromkeys([*lead.notes, *recording.notes])]
    return "\n".join(
        [
            *notes,
            lead.quality,
            classified.summary(),
            f"written to {out}; research, not a medical device",
        ]
    )
