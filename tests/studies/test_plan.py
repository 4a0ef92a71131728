"""From parameters to configurations and data, against products written out by hand."""

import itertools

import pytest

from ecglib import results
from ecglib.config import (
    CONFIGS,
    BaselineConfig,
    CompressionConfig,
    PersonalizationConfig,
    RhythmConfig,
    RpeaksConfig,
    TransferConfig,
)
from ecglib.data.find import search as sources
from ecglib.data.find.identity import identity
from ecglib.data.sets import cinc2017
from ecglib.data.synthetic_recordings import write_cinc2017
from ecglib.studies import plan as plans
from ecglib.studies.plan import (
    data_identity,
    expand,
    find_source,
    find_sources,
    plan,
    run_from_params,
)
from ecglib.system.errors import UserError
from tests.data.made import write_chapman

CHAPTER = """
# %% tags=["parameters"]
data_root = None
device = "cpu"
seeds = [7]
records = [101, 118, 124, 100, 103]
channels = [4, 4, 4, 4, 4]
baseline = [{"epochs": 1}]
"""


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    """One chapter that owns the study `baseline`."""
    chapter = tmp_path / "02_chapter.py"
    chapter.write_text(CHAPTER)
    monkeypatch.setattr(plans, "list_chapters", lambda: [chapter])


def test_lists_in_an_arm_stand_for_one_arm_a_value():
    arms = [{"features": ["beat", "beat+rr"], "imbalance": ["none", "sqrt"], "epochs": 3}]
    configs = expand("baseline", arms, seeds=[7, 21], learning_rate=1e-3)
    expected = [
        BaselineConfig(seed=s, features=f, imbalance=i, epochs=3, learning_rate=1e-3)
        for s, f, i in itertools.product([7, 21], ["beat", "beat+rr"], ["none", "sqrt"])
    ]
    assert configs == expected


def test_an_arm_may_name_its_own_seeds():
    configs = expand("baseline", [{"seed": 42}, {"epochs": 9, "seed": [1, 2]}], seeds=[7, 21])
    assert [(c.seed, c.epochs) for c in configs] == [(42, 8), (1, 9), (2, 9)]


def test_an_arm_overrides_what_is_shared():
    arms = [{}, {"channels": [[8, 8, 8, 8, 8]]}]
    configs = expand("puzzle", arms, seeds=[7], channels=[4, 4, 4, 4, 4])
    assert [c.channels for c in configs] == [(4,) * 5, (8,) * 5]


def test_repeated_arms_are_run_once():
    arms = [{"strategy": ["none", "full"]}, {"strategy": "full"}, {"strategy": ["none"]}]
    configs = expand("personalization", arms, seeds=[7, 7])
    assert [c.strategy for c in configs] == ["none", "full"]


def test_no_arms_no_runs():
    assert expand("baseline", [], seeds=[7]) == []


def test_a_study_without_training_has_no_seeds():
    assert expand("rpeaks", [{"detector": "xqrs"}], seeds=[7, 21]) == [RpeaksConfig()]


def test_an_unknown_setting_of_an_arm_is_named():
    with pytest.raises(UserError, match="'speed' is no setting of study baseline"):
        expand("baseline", [{"speed": 1}], seeds=[7])


def test_an_unknown_study_is_named():
    with pytest.raises(UserError, match="study 'baselines' is unknown"):
        expand("baselines", [{}], seeds=[7])


def test_a_plan_takes_what_its_study_knows():
    parameters = {
        "seeds": [7, 21],
        "channels": [4, 4, 4, 4, 4],
        "records": [101, 118, 100],
        "pretext_epochs": 2,
        "device": "cpu",
        "baseline": [{"epochs": 3}],
        "personalization": [{"strategy": ["none", "full"]}],
        "rpeaks": [{}],
    }
    shared = {"channels": (4,) * 5, "records": (101, 118, 100)}
    assert plan("baseline", parameters) == [
        BaselineConfig(seed=seed, epochs=3, **shared) for seed in (7, 21)
    ]
    assert plan("personalization", parameters) == [
        PersonalizationConfig(seed=seed, strategy=s, pretext_epochs=2, **shared)
        for seed in (7, 21)
        for s in ("none", "full")
    ]
    assert plan("rpeaks", parameters) == [RpeaksConfig(records=(101, 118, 100))]


@pytest.fixture
def no_database(monkeypatch):
    monkeypatch.setattr(sources, "_places", lambda name: {})


def test_the_data_root_is_used(synthetic_root):
    source = find_source({"data_root": str(synthetic_root), "records": [100, 101]}, "full")
    assert source.path == synthetic_root


@pytest.mark.usefixtures("no_database")
def test_only_the_quick_profile_may_invent_patients():
    parameters = {"data_root": None, "records": [100]}
    with pytest.raises(UserError, match="fetch mitdb"):
        find_source(parameters, "cpu")
    assert find_source(parameters, "quick").synthetic


@pytest.mark.usefixtures("chapters")
def test_the_identity_of_the_data_follows_the_records(synthetic_root):
    def identity(**overrides):
        return data_identity({}, "cpu", {"data_root": str(synthetic_root), **overrides})

    assert identity() == identity(seeds=[21])
    assert identity() != identity(records=[100, 101])


@pytest.mark.usefixtures("chapters")
def test_a_study_runs_with_the_parameters_of_its_chapter(synthetic_root, tmp_path, capsys):
    overrides = {"data_root": str(synthetic_root), "seeds": [21]}
    params = {"common": {"baseline": [{"epochs": 2}]}}
    (result,) = run_from_params(
        "baseline", params, "mine", overrides=overrides, runs=tmp_path / "runs"
    )
    assert (result.config["seed"], result.config["epochs"]) == (21, 2)
    assert result.config["records"] == [101, 118, 124, 100, 103]
    assert result.data["profile"] == "mine"
    assert str(synthetic_root) in capsys.readouterr().out  # says which data served


@pytest.mark.usefixtures("chapters")
def test_an_unknown_parameter_is_named_with_the_known_ones():
    with pytest.raises(UserError, match=r"'speed'.*channels"):
        run_from_params("baseline", {}, "cpu", overrides={"speed": 1})


@pytest.mark.usefixtures("chapters")
@pytest.mark.parametrize("study", ["nosuch", "probe"])
def test_a_study_that_no_chapter_has_is_one_sentence(study):
    """Unknown to the library, or known but in no chapter."""
    with pytest.raises(UserError, match=study):
        run_from_params(study, {}, "cpu", overrides={})


def test_every_study_belongs_to_a_chapter():
    owned = {name for path in plans.list_chapters() for name in plans.declared_parameters(path)}
    assert set(CONFIGS) <= owned


@pytest.fixture(scope="module")
def rhythm_root(tmp_path_factory):
    """Folder with both data sets of recordings, four of each, by the names of their folders."""
    root = tmp_path_factory.mktemp("rhythms")
    write_cinc2017(root / "cinc2017", 1, seed=5)
    write_chapman(root / "chapman", ["SB", "AFIB", "SVT", "SR"])
    return root


def test_a_study_of_recordings_has_no_records_of_mitdb():
    parameters = {"seeds": [7], "records": [101, 100], "rhythm": [{"fold": [0, "all"]}]}
    assert plan("rhythm", parameters) == [RhythmConfig(fold=0), RhythmConfig(fold="all")]


def test_every_data_set_that_is_read_is_found_once(rhythm_root, synthetic_root):
    configs = [
        RhythmConfig(fold=0),
        CompressionConfig(fold=1),
        TransferConfig(dataset="cinc2017", target="chapman"),
    ]
    found = find_sources(configs, {"data_root": str(rhythm_root)}, "full")
    assert {name: source.path for name, source in found.items()} == {
        name: rhythm_root / name for name in ("cinc2017", "chapman")
    }
    parameters = {"data_root": str(synthetic_root), "records": [100, 101]}
    on_beats = [BaselineConfig(), CompressionConfig(dataset="mitdb", model="ecgnet")]
    found = find_sources(on_beats, parameters, "full")
    assert found == {"mitdb": find_source(parameters, "full")}
    assert find_sources([], {"data_root": None}, "full") == {}


@pytest.mark.usefixtures("no_database")
def test_only_the_quick_profile_may_invent_recordings(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path))
    monkeypatch.setattr(cinc2017, "N_INVENTED", 1)
    configs, parameters = [RhythmConfig()], {"data_root": None}
    with pytest.raises(UserError, match="fetch cinc2017"):
        find_sources(configs, parameters, "cpu")
    assert find_sources(configs, parameters, "quick")["cinc2017"].synthetic
    with pytest.raises(UserError, match="fetch chapman"):  # it has no stand-in
        find_sources([RhythmConfig(dataset="chapman")], parameters, "quick")


@pytest.fixture
def transfer_chapter(tmp_path, monkeypatch):
    """One chapter that owns the study `transfer`, and runs that are only written down."""
    chapter = tmp_path / "06_chapter.py"
    chapter.write_text(CHAPTER.replace("baseline = [", "transfer = ["))
    asked = []
    monkeypatch.setattr(plans, "list_chapters", lambda: [chapter])
    monkeypatch.setattr(plans, "run_study", lambda *args, **named: asked.append(args))
    return asked


def test_both_data_sets_of_a_transfer_are_named_and_passed_on(
    transfer_chapter, rhythm_root, tmp_path, capsys
):
    overrides = {"data_root": str(rhythm_root)}
    run_from_params("transfer", {}, "mine", overrides=overrides, runs=tmp_path)
    ((configs, found),) = transfer_chapter
    assert configs == [TransferConfig(epochs=1)]
    assert list(found) == ["cinc2017", "chapman"]
    printed = capsys.readouterr().out
    assert all(str(rhythm_root / name) in printed for name in found)


def test_again_forgets_the_result_of_a_transfer(transfer_chapter, rhythm_root, tmp_path):
    """Its data are those of both data sets."""
    overrides = {"data_root": str(rhythm_root)}
    found = find_sources([TransferConfig()], overrides, "mine")
    checksums = {name: source.sha256 for name, source in found.items()}
    data = {"name": "cinc2017+chapman", "sha256": identity(checksums)}
    path = results.path_of(tmp_path, TransferConfig(epochs=1), data)
    path.parent.mkdir()
    path.write_text("{}")
    run_from_params("transfer", {}, "mine", overrides=overrides, runs=tmp_path)
    assert path.exists()
    run_from_params("transfer", {}, "mine", overrides=overrides, runs=tmp_path, again=True)
    assert not path.exists()
