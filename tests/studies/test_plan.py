"""From parameters to configurations and data, against products written out by hand."""

import itertools

import pytest

from ecglib.data.find import search as sources
from ecglib.data.find.identity import identity
from ecglib.data.sets import cinc2017
from ecglib.data.synthetic_recordings import write_cinc2017
from ecglib.studies import plan as plans
from ecglib.studies.baseline import BaselineConfig
from ecglib.studies.compression import CompressionConfig
from ecglib.studies.personalization import PersonalizationConfig
from ecglib.studies.plan import Plan, expand
from ecglib.studies.rhythm import RhythmConfig
from ecglib.studies.rpeaks import RpeaksConfig
from ecglib.studies.transfer import TransferConfig
from ecglib.system.errors import UserError
from ecglib.system.paths import PARAMS
from tests.data.made import write_chapman


@pytest.fixture
def params_file(tmp_path):
    """A params file with two studies."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        """
common:
  device: cpu
  records: [101, 118, 124, 100, 103]
  channels: [4, 4, 4, 4, 4]
  pretext_epochs: 2
baseline:
  - {epochs: 1}
personalization:
  - {strategy: [none, full]}
rpeaks:
  - {}
transfer:
  - {epochs: 1}
rhythm:
  - {fold: [0, all]}
"""
    )
    return path


def test_lists_in_an_arm_stand_for_one_arm_a_value():
    arms = [{"features": ["beat", "beat+rr"], "imbalance": ["none", "sqrt"], "epochs": 3}]
    configs = expand("baseline", arms, seeds=[7, 21], learning_rate=1e-3)
    expected = [
        BaselineConfig(seed=s, features=f, imbalance=i, epochs=3, learning_rate=1e-3)
        for f, i, s in itertools.product(["beat", "beat+rr"], ["none", "sqrt"], [7, 21])
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
    assert expand("rpeaks", [{"detector": "ours"}], seeds=[7, 21]) == [RpeaksConfig()]


def test_a_plan_takes_what_its_study_knows(params_file):
    plan = Plan.read(params_file, seeds=[7, 21], records=[101, 118, 100])
    shared = {"channels": (4,) * 5, "records": (101, 118, 100)}
    baselines = [BaselineConfig(seed=seed, epochs=1, **shared) for seed in (7, 21)]
    assert plan.configs("baseline") == baselines
    assert plan.configs("personalization") == [
        PersonalizationConfig(seed=seed, strategy=s, pretext_epochs=2, **shared)
        for s in ("none", "full")
        for seed in (7, 21)
    ]
    assert plan.configs("rpeaks") == [RpeaksConfig(records=(101, 118, 100))]
    assert plan.configs("rhythm")[::2] == [RhythmConfig(fold=0), RhythmConfig(fold="all")]
    assert plan.configs("probe") == []


def test_none_stands_for_what_the_file_says(params_file):
    plan = Plan.read(params_file, seeds=None, records=None, device=None)
    assert plan.common("records") == [101, 118, 124, 100, 103]
    assert (plan.common("seeds"), plan.common("device")) == ([7], "cpu")
    assert (plan.common("scheduler"), plan.common("data_root")) == (None, None)


def test_a_plan_is_found_by_the_name_of_its_file():
    assert Plan.read("quick").profile == "quick"
    assert Plan.read("quick") == Plan.read(PARAMS / "quick.yaml")


@pytest.fixture
def no_database(monkeypatch):
    monkeypatch.setattr(sources, "_places", lambda name: {})


def test_the_data_root_is_used(params_file, synthetic_root):
    plan = Plan.read(params_file, data_root=str(synthetic_root))
    assert plan.source().path == synthetic_root
    assert plan.sources("baseline") == {"mitdb": plan.source()}


@pytest.mark.usefixtures("no_database")
def test_only_the_quick_profile_may_invent_patients(params_file):
    with pytest.raises(UserError, match="fetch mitdb"):
        Plan.read(params_file).source()
    assert Plan.read("quick", records=[100]).source().synthetic


def test_the_identity_of_the_data_follows_the_records(params_file, synthetic_root):
    def identity(**overrides):
        plan = Plan.read(params_file, data_root=str(synthetic_root), **overrides)
        return plan.data_identity()

    assert identity() == identity(seeds=[21])
    assert identity() != identity(records=[100, 101])


def test_a_study_has_the_settings_of_its_params_file(params_file, synthetic_root, tmp_path):
    plan = Plan.read(params_file, data_root=str(synthetic_root), seeds=[21])
    (result,) = plan.run("baseline", runs=tmp_path / "runs")
    assert (result.config["seed"], result.config["epochs"]) == (21, 1)
    assert result.config["records"] == [101, 118, 124, 100, 103]
    assert result.data["profile"] == "mine"


@pytest.fixture(scope="module")
def rhythm_root(tmp_path_factory):
    """Folder with both data sets of recordings, four of each, by the names of their folders."""
    root = tmp_path_factory.mktemp("rhythms")
    write_cinc2017(root / "cinc2017", 1, seed=5)
    write_chapman(root / "chapman", ["SB", "AFIB", "SVT", "SR"])
    return root


def test_every_data_set_that_is_read_is_found_once(params_file, rhythm_root, synthetic_root):
    transfer = TransferConfig(dataset="cinc2017", target="chapman")
    configs = [RhythmConfig(fold=0), CompressionConfig(fold=1), transfer]
    found = Plan.read(params_file, data_root=str(rhythm_root)).sources(configs)
    paths = {name: source.path for name, source in found.items()}
    assert paths == {name: rhythm_root / name for name in ("cinc2017", "chapman")}
    plan = Plan.read(params_file, data_root=str(synthetic_root), records=[100, 101])
    assert list(plan.sources("baseline", "personalization", "rpeaks")) == ["mitdb"]
    assert plan.sources([]) == {}


@pytest.mark.usefixtures("no_database")
def test_only_the_quick_profile_may_invent_recordings(params_file, tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path))
    monkeypatch.setattr(cinc2017, "N_INVENTED", 1)
    with pytest.raises(UserError, match="fetch cinc2017"):
        Plan.read(params_file).sources("rhythm")
    quick = Plan.read("quick")
    assert quick.sources([RhythmConfig()])["cinc2017"].synthetic
    with pytest.raises(UserError, match="fetch chapman"):  # it has no stand-in
        quick.sources([RhythmConfig(dataset="chapman")])


def test_again_forgets_a_result(params_file, rhythm_root, tmp_path, monkeypatch):
    """Its data are those of both data sets."""
    asked = []
    monkeypatch.setattr(plans, "run_study", lambda *args, **named: asked.append(args))
    plan = Plan.read(params_file, data_root=str(rhythm_root))
    checksums = {name: source.sha256 for name, source in plan.sources("transfer").items()}
    data = {"name": "cinc2017+chapman", "sha256": identity(checksums)}
    (config,) = plan.configs("transfer")
    path = tmp_path / "transfer" / f"{config.slug}-{config.hash_with(data)}.json"
    path.parent.mkdir()
    path.write_text("{}")
    plan.run("transfer", runs=tmp_path)
    assert path.exists()
    plan.run("transfer", runs=tmp_path, again=True)
    assert not path.exists()
    configs, found = asked[0]
    assert configs == [TransferConfig(epochs=1)]
    assert list(found) == ["cinc2017", "chapman"]
