"""The command line: `python -m ecglib COMMAND --help`."""

import argparse
import sys
from datetime import date
from pathlib import Path

from ecglib.data import sets
from ecglib.system import console
from ecglib.system.errors import UserError
from ecglib.system.files import check_target
from ecglib.system.paths import FIGURES, PARAMS, REPO, RESULTS, RUNS

_BENCHMARKS = {"speed": "speed", "int8": "latency"}  # what is measured -> study
_EXPORTS = {  # what `export` writes -> the options that it reads
    "onnx": ("scope", "params", "set", "force"),
    "micronet": ("split", "frozen", "params", "set", "force"),
    "bundle": (),
    "web": ("force",),
}


def _fetch(args):
    from ecglib.data.find.download import fetch

    print(f"{args.name} is complete and verified in {fetch(args.name, args.out)}")


def _pack(args):
    from ecglib.data.find.search import find

    source = find(args.name, args.data_root).path
    check_target(args.out, [source], force=args.force, ending=".npz")
    dataset = sets.get(args.name)
    what = dataset.described(args.out, dataset.pack(source, args.out).sha256)
    print(f"{args.out}: {what}; {args.out.stat().st_size / 1e6:.1f} MB")


def _plan(args):
    """The params file of a command, with what `-p` says."""
    from ecglib.studies.params import parse_overrides
    from ecglib.studies.plan import Plan

    return Plan.read(args.params, **parse_overrides(args.set))


def _configs(plan, study):
    """Configurations of a study; a file that lists none is an error."""
    if configs := plan.configs(study):
        return configs
    raise UserError(f"params file {plan.profile} lists no arms and seeds of study {study}")


def _bounds(result):
    """The 95 % interval of macro-F1 in words, if several patients were tested."""
    from ecglib.metrics import macro_f1
    from ecglib.stats import patient_bootstrap

    matrices = result.matrix()
    if len(set(map(sets.patient_of, matrices))) < 2:
        return ""
    found = patient_bootstrap(matrices, macro_f1)
    return f" [{found.low:.4f}, {found.high:.4f}], 95 % over patients"


def _study(args):
    if args.scheduler:
        args.set.append(f"scheduler={args.scheduler}")
    plan = _plan(args)
    configs = _configs(plan, args.name)
    for source in plan.sources(configs).values():
        print(source.describe())
    results = plan.run(args.name, runs=args.out)
    for config, result in zip(configs, results, strict=True):
        found = {name: result.metrics.get(name) for name in ("accuracy", "macro_f1")}
        scores = " ".join(f"{name} {x:.4f}" for name, x in found.items() if x is not None)
        print(f"{config.slug}: {scores}{_bounds(result)}")
    print(f"{len(results)} runs of study {args.name} are in {args.out / args.name}")


def _run(args):
    from ecglib.book.build import run_chapters
    from ecglib.studies.params import parse_overrides

    run_chapters(args.chapters, args.params, parse_overrides(args.set))


def _book(args):
    from ecglib.book.build import build_book

    args.chapters = []
    _run(args)
    print(f"the book is at {build_book()}")


def _report(args):
    from ecglib.commands.report import report

    text, n_stale = report(args.results)
    print(text)
    return 1 if n_stale else 0


def _compare(args):
    from ecglib.commands.report import compare

    print(compare(args.mine, args.reference))


def _readme(args):
    from ecglib.commands.readme import write, write_card, write_scores
    from ecglib.deploy.integers import CARD, SCORES

    write(args.results, REPO / "README.md", REPO / "_static" / "overview.png")
    write_scores(args.results, SCORES)
    write_card(args.results, CARD)
    print(
        f"README.md, its figure, {SCORES.name} and {CARD.name} hold the numbers of the runs in",
        args.results,
    )


def _figures(args):
    from ecglib.commands.figures import draw

    for path in draw(args.out, args.results, args.data_root):
        print(path)


def _bench(args):
    from ecglib.book.formats import TENTHS, in_terminal
    from ecglib.tables.latency import latency_table
    from ecglib.tables.speed import forms_table, speed_table

    if args.data_root:
        args.set.append(f"data_root={args.data_root}")
    plan, study = _plan(args), _BENCHMARKS[args.what]
    _configs(plan, study)
    measured = plan.run(study, again=True)
    environment = measured[0].environment
    print(f"on {environment['device']}, {environment['cpu']}, torch {environment['torch']}")
    if args.what == "int8":
        print(in_terminal(latency_table(measured)))
    else:
        print(in_terminal(speed_table(measured), {"ratio": TENTHS}), end="\n\n")
        if any(set(result.runtime_s) == {"ours"} for result in measured):
            print("no row for a record classified: pip install -e '.[peers]'", end="\n\n")
        print(in_terminal(forms_table(measured), {"*": "{:.3g}"}))


def _export(args):
    for name in ("scope", "split", "frozen", "params", "set", "force"):
        if name not in _EXPORTS[args.form] and getattr(args, name) != args.default_of(name):
            raise UserError(f"export {args.form} does not read --{name}; leave it out")
    if args.form == "bundle":
        from ecglib.deploy.bundle.write import export_bundle

        print(export_bundle(args.out))
        return
    if args.form == "web":
        from ecglib.deploy.c99.web import export_web

        print(export_web(args.out, force=args.force))
        return
    from ecglib.commands.export import export_network, ship

    ending = ".npz" if args.form == "micronet" else ".onnx"
    check_target(args.out, [args.params], force=args.force, ending=ending)
    if args.form == "micronet":
        print(ship(_plan(args), args.out, args.split, args.frozen))
    else:
        print(export_network(_plan(args), scope=args.scope, path=args.out))


def _import_device(args):
    from ecglib.deploy.bundle.measured import import_device

    print(f"checked and kept in {import_device(args.file)}; chapter 7 shows it")


def _predict(args):
    from ecglib.commands.predict import predict

    print(predict(args))


def _ask(args):
    from ecglib.commands.teach import ask

    print(ask(args))


def _teach(args):
    from ecglib.commands.teach import teach

    print(teach(args))


def _add_params(parser):
    text = "params file (default: params/quick.yaml)"
    parser.add_argument("--params", type=Path, default=PARAMS / "quick.yaml", help=text)
    text = "set one parameter, value as YAML: -p 'seeds=[7, 21]'; may be repeated"
    option = {"action": "append", "default": [], "metavar": "NAME=VALUE"}
    parser.add_argument("-p", "--set", **option, help=text)


def _add_out(parser, text, **options):
    parser.add_argument("--out", type=Path, help=text, **options)
    text = "replace the file if it exists; what the command reads is never replaced"
    parser.add_argument("--force", action="store_true", help=text)


def _parser():
    parser = argparse.ArgumentParser(prog="python -m ecglib", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(function, text):
        name = function.__name__.lstrip("_").replace("_", "-")
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(function=function, default_of=sub.get_default)
        return sub

    sub = command(_fetch, "download a database from its publisher and verify it")
    sub.add_argument("name", choices=[n for n in sets.NAMES if sets.get(n).publisher])
    sub.add_argument("--out", type=Path, help="target folder (default: the user's data folder)")

    sub = command(_pack, "write a database as one compact file that data_root accepts")
    sub.add_argument("name", choices=[n for n in sets.NAMES if sets.get(n).packs])
    _add_out(sub, "the packed file", required=True, metavar="FILE.npz")
    sub.add_argument("--data-root", type=Path, help="where the records are (default: searched)")

    sub = command(_study, "compute the missing runs of a study, without any notebook")
    sub.add_argument("name", help="baseline, personalization, precision, int8, latency, …")
    sub.add_argument("--out", type=Path, default=RUNS, help="folder of results")
    text = "Dask workers: `local` (a process a core) or tcp://host:port (default: none)"
    sub.add_argument("--scheduler", metavar="WHERE", help=text)
    _add_params(sub)

    sub = command(_run, "execute chapters with parameters")
    sub.add_argument("chapters", nargs="*", metavar="CHAPTER", help="03 or 03_personalization")
    _add_params(sub)

    _add_params(command(_book, "execute what has changed, then build the HTML"))

    _add_reports(command)
    _add_deployment(command)
    _add_prediction(command)
    return parser


def _add_reports(command):
    sub = command(_report, "print every row of the papers beside ours, and check the results")
    sub.add_argument("--results", type=Path, default=RESULTS)

    sub = command(_compare, "set two folders of results side by side")
    sub.add_argument("mine", type=Path)
    sub.add_argument("reference", type=Path, nargs="?", default=RESULTS)

    sub = command(
        _readme,
        "write numbers of README, reports and the model card from the results",
    )
    sub.add_argument("--results", type=Path, default=RESULTS)

    sub = command(
        _figures, "draw the book's figures of real recordings (MIT-BIH) and replace the images"
    )
    sub.add_argument("--out", type=Path, default=FIGURES, help="folder of the images")
    sub.add_argument(
        "--results", type=Path, default=RESULTS, help="runs whose predictions are shown"
    )
    sub.add_argument("--data-root", type=Path, help="where the records are (default: searched)")


def _add_deployment(command):
    sub = command(_bench, "measure speed as ratios in one run")
    text = (
        "study speed, measured anew (default): the usual way and ours, and a beat in every "
        "runtime; or study latency: deployed networks"
    )
    sub.add_argument("what", nargs="?", choices=_BENCHMARKS, default="speed", help=text)
    sub.add_argument("--data-root", type=Path, help="where the records are (default: searched)")
    _add_params(sub)

    text = "write a network: as ONNX, as weights for `predict`, or all for a small device"
    sub = command(_export, text)
    text = (
        "a network of study int8 as ONNX; the weights that `predict` uses; a folder with "
        "networks, beats, scripts and C code, which learns, for a Jetson or another device; or "
        "that C code compiled for the page in _static/try"
    )
    sub.add_argument("form", choices=list(_EXPORTS), help=text)
    text = "layers that an ONNX file holds in integers (default: all_int8)"
    sub.add_argument("--scope", default="all_int8", help=text)
    text = "train `micronet` on the training records of this split alone, such as ds1_ds2"
    sub.add_argument("--split", help=text)
    text = "freeze `micronet` as of this day, for `study blind`"
    sub.add_argument("--frozen", type=date.fromisoformat, metavar="YYYY-MM-DD", help=text)
    _add_out(sub, "FILE.onnx, FILE.npz, or a folder", required=True, metavar="PATH")
    _add_params(sub)

    sub = command(_import_device, "check what a device measured, and show it in chapter 7")
    sub.add_argument("file", type=Path, metavar="FILE.json", help="from nano_bench.py")


def _add_prediction(command):
    sub = command(_predict, "classify the beats of any recording with the shipped network")
    _add_recording(sub)
    text = "table *.csv, or WFDB annotations with another extension (default, if neither "
    text += "--report nor --plot is given: here RECORD.csv, of a .csv RECORD.beats.csv)"
    _add_out(sub, text, metavar="FILE")
    text = "a page with counts, trend and strips, for a browser or to print"
    sub.add_argument("--report", type=Path, metavar="FILE.html", help=text)
    text = "an image (png, svg or pdf) of one strip on ECG paper, at its true size"
    sub.add_argument("--plot", type=Path, metavar="FILE", help=text)
    text = "where the strip of --plot begins: H:MM:SS, MM:SS or seconds (default: 0)"
    sub.add_argument("--at", metavar="TIME", help=text)
    sub.add_argument("--seconds", help="length of the strip of --plot (default: 10)")

    sub = command(_ask, "choose the beats of a recording whose labels teach most")
    _add_recording(sub)
    sub.add_argument("--labels", type=int, default=5, help="how many beats (default: 5)")
    text = "choose from the whole recording (default: from its first five minutes)"
    sub.add_argument("--anytime", action="store_true", help=text)
    text = "table to fill in; a page with the beats is written beside it"
    _add_out(sub, text, required=True, metavar="FILE.csv")

    sub = command(_teach, "teach the network a patient's beats from a table that was filled in")
    _add_recording(sub)
    sub.add_argument("answers", type=Path, metavar="FILE.csv", help="the table of `ask`")
    text = "kernel corrects answers near the labels, as the device does (default); head trains "
    text += "the last two layers again, with beats of other patients"
    sub.add_argument("--update", default="kernel", metavar="HOW", help=text)
    text = "the new network, for `predict --weights`"
    _add_out(sub, text, required=True, metavar="FILE.npz")


def _add_recording(sub):
    text = "a WFDB record without extension, an .edf file, or a table .csv, .tsv or .txt"
    sub.add_argument("record", type=Path, help=text)
    text = "lead by name, or number from 0 (default: II, else another ECG)"
    sub.add_argument("--lead", metavar="NAME", help=text)
    text = "samples a second of a table that does not say it"
    sub.add_argument("--fs", type=float, metavar="HZ", help=text)
    text = "unit of a table that does not say it: nV, uV, mV or V"
    sub.add_argument("--units", metavar="UNIT", help=text)
    text = "take the R-peaks from this annotation file, for instance atr (default: detect)"
    sub.add_argument("--annotations", metavar="EXTENSION", help=text)
    text = "a network that `teach` wrote (default: the shipped one)"
    sub.add_argument("--weights", type=Path, help=text)


def main(arguments=None):
    """Run one command; an error becomes one line on stderr and an exit status."""

    def command():
        args = _parser().parse_args(arguments)
        return args.function(args)

    return console.run(command)


if __name__ == "__main__":
    sys.exit(main())
