"""The command that answers a recording: beats, classes, and what is shown of them."""

from pathlib import Path

from ecglib.deploy import shipped
from ecglib.deploy.c99.lower import lower
from ecglib.holter.classify import classify, detected, write
from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording
from ecglib.system.errors import UserError


def predict(args):
    """Classify the beats of a recording, write them, and say what was found.

    Parameters
    ----------
    args : argparse.Namespace
        `record`, `lead`, `annotations`, `out`, `weights`, `report`, `plot`, `at`, `seconds`.

    Returns
    -------
    str

    Raises
    ------
    UserError
        If the recording cannot be read, has no beat, or the file cannot be written.
    """
    if not args.plot and (args.at or args.seconds):
        raise UserError("--at and --seconds choose the strip of --plot; give it a file, too")
    if args.plot or args.report:
        from ecglib.commands import report_page  # matplotlib takes a second

        strip = report_page.check(args)
    recording = open_recording(args.record)
    lead = read_lead(recording, args.lead)
    sample = (
        recording.annotations(args.annotations, lead.fs)[0]
        if args.annotations
        else detected(lead)
    )
    network = shipped.load(args.weights or shipped.WEIGHTS)
    classified = classify(lead, sample, lower(network.model))
    out = args.out or Path(f"{recording.name}.csv")
    if args.plot:
        report_page.write_plot(classified, args.plot, *strip)
    if args.report:
        known = {"start": recording.start, "own_weights": bool(args.weights)}
        report_page.write_report(classified, args.report, **known)
    write(classified, out)
    places = ", ".join(str(path) for path in (out, args.plot, args.report) if path)
    notes = [f"note: {note}" for note in lead.notes]
    return "\n".join(
        [*notes, classified.summary(), f"written to {places}; research, not a medical device"]
    )
