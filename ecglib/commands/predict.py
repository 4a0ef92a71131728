"""The command that answers a recording: beats, classes, and what is shown of them."""

from pathlib import Path

from tqdm import tqdm

from ecglib.deploy import integers
from ecglib.deploy.c99.front import FEATURES
from ecglib.holter.classify import classify, detected, write
from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording
from ecglib.system.errors import UserError


def read(args):
    """What `args.record`, `lead` and `annotations` name.

    Returns
    -------
    tuple of (Recording, Lead, ndarray of int, ndarray of str or None)
        The R-peaks (n_beats,), and their WFDB symbols if they come from annotations.
    """
    recording = open_recording(args.record)
    with tqdm(total=2, desc=recording.name, unit="step", delay=2, leave=False) as bar:
        lead = read_lead(recording, args.lead)
        bar.update()
        if args.annotations:
            sample, symbol = recording.annotations(args.annotations, lead.fs)
        else:
            sample, symbol = detected(lead), None
        bar.update()
    return recording, lead, sample, symbol


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
    network = integers.read(args.weights or integers.WEIGHTS)
    if network.features != FEATURES:
        raise UserError(f"{args.weights} reads {network.features}; only {FEATURES} is computed")
    recording, lead, sample, _ = read(args)
    classified = classify(lead, sample, network.program())
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
