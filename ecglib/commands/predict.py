"""The command that answers a recording: beats, classes, and what is shown of them."""

from pathlib import Path

from tqdm import tqdm

from ecglib.deploy import integers
from ecglib.deploy.c99.front import check_features
from ecglib.holter.classify import check_form, classify, detected, write
from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording
from ecglib.system.errors import UserError
from ecglib.system.files import check_targets


def read(args, recording):
    """Read the lead of a recording and its R-peaks, as `args.lead` and `annotations` say.

    Returns
    -------
    tuple of (Lead, ndarray of int, ndarray of str or None)
        The R-peaks (n_beats,), and their WFDB symbols if they come from annotations.
    """
    with tqdm(total=2, desc=recording.name, unit="step", delay=2, leave=False) as bar:
        lead = read_lead(recording, args.lead)
        bar.update()
        if args.annotations:
            extension = args.annotations.removeprefix(".")
            sample, symbol = recording.annotations(extension, lead.fs)
            if len(sample) == 0:
                raise UserError(
                    f"{recording.name}.{extension} marks no beat of the recording; leave "
                    "--annotations out, and R-peaks are detected"
                )
        else:
            sample, symbol = detected(lead), None
        bar.update()
    return lead, sample, symbol


def predict(args):
    """Classify the beats of a recording and write them; returns what was found.

    `args` has `record`, `lead`, `fs`, `units`, `annotations`, `out`, `force`, `weights`,
    `report`, `plot`, `at`, `seconds`. If the recording cannot be read or has no beat, or a file
    cannot or must not be written, it is a UserError.
    """
    if not args.plot and (args.at or args.seconds):
        raise UserError("--at and --seconds choose the strip of --plot; give it a file, too")
    if args.plot or args.report:
        from ecglib.commands import report_page  # matplotlib takes a second

        strip = report_page.check(args)
    weights = args.weights or integers.WEIGHTS
    network = integers.read(weights)
    check_features(network.features, weights)
    recording = open_recording(args.record, args.fs, args.units)
    out = args.out or (None if args.report or args.plot else table_of(recording))
    outputs = [path for path in (out, args.report, args.plot) if path]
    check_targets(outputs, (*recording.files, weights), force=args.force)
    if out:
        check_form(out)
    lead, sample, _ = read(args, recording)
    classified = classify(lead, sample, network.program())
    if args.plot:
        report_page.write_plot(classified, args.plot, *strip)
    if args.report:
        about = {"network": _taught(network, args.weights), "peaks": args.annotations or ""}
        report_page.write_report(classified, args.report, start=recording.start, **about)
    if out:
        write(classified, out)
    places = ", ".join(map(str, outputs))
    return "\n".join(
        [
            *notes_on(recording, lead),
            classified.summary(),
            f"written to {places}; research, not a medical device",
        ]
    )


def _taught(network, weights):
    """What is known of another network than that of the library, in words."""
    if not weights:
        return ""
    if taught := network.meta.get("taught"):
        return f"{weights.name}, taught by {taught['labels']} of {taught['record']}"
    return weights.name


def notes_on(recording, lead):
    """Lines about a lead that was read: what to know of it, and how well it can be read."""
    notes = dict.fromkeys([*lead.notes, *recording.notes])
    return [*(f"note: {note}" for note in notes), lead.quality]


def table_of(recording):
    """RECORD.csv in the current folder; RECORD.beats.csv if the recording is called so."""
    name = f"{recording.name}.csv"
    taken = {file.name.lower() for file in recording.files}
    return Path(f"{recording.name}.beats.csv" if name.lower() in taken else name)
