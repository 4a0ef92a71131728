"""Learning from a patient's labels: what changes, what stays, and what nobody may look at."""

import copy
from collections import namedtuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ecglib.data.inputs import Inputs
from ecglib.personalize import label_free
from ecglib.personalize.budget import View, answered, guarded, updated, with_prototypes
from ecglib.personalize.online import Stopwatch
from ecglib.quant import calibrate, coverage, freeze_ranges, quantize
from ecglib.quant.qat import activation_quantizers
from ecglib.studies import budget
from ecglib.studies.budget import MICRONET, Patient, online_macs, personalize, replay_of
from ecglib.system.errors import UserError
from ecglib.training.loop import Schedule, fit, predict
from ecglib.training.tasks import HeldTask, ReplayTask, class_weights
from tests.personalize.patients import beats, lying, network, patient, settings

LEARNS = {"head": {"hidden", "out"}, "output": {"out"}}
LEARNS["last_block"] = {"conv3", "rr", "hidden", "out"}
UPDATES = (*LEARNS, "prototypes")
LABEL_FREE = ("adabn", "own_rr", "entropy")


@pytest.fixture
def model():
    return network()


@pytest.fixture
def rounded(model):
    quantized = quantize(model, "all_int8")
    train = beats(60)
    calibrate(quantized, train.x, train.rr)
    freeze_ranges(quantized)
    return quantized


def moved(before, after):
    """Parts of a network whose tensors differ between two states."""
    return {n.split(".")[0] for n, value in after.items() if not torch.equal(value, before[n])}


@pytest.mark.parametrize("update", LEARNS)
@pytest.mark.parametrize("kind", ["model", "rounded"])
def test_only_what_an_update_names_moves(request, kind, update):
    whole = request.getfixturevalue(kind)
    before = copy.deepcopy(whole.state_dict())
    new = updated(whole, MICRONET, settings(update=update), beats(60), beats(6, 1))
    assert moved(before, new.state_dict()) == LEARNS[update]
    assert moved(before, whole.state_dict()) == set()
    assert not new.training


def test_labels_are_learnt(model):
    labelled = beats(12, 1)
    schedule = {"update_epochs": 40, "update_decay": 0.99}
    new = updated(model, MICRONET, settings(**schedule), beats(90), labelled)
    before, after = (
        (m(labelled.x, labelled.rr).argmax(dim=1) == labelled.y).float().mean()
        for m in (model, new)
    )
    assert before < 0.6
    assert after >= 0.9


def test_cached_features_teach_what_whole_beats_do(model):
    config, replay, labelled = settings(), beats(60), beats(6, 1)
    oracle = copy.deepcopy(model)
    sides = [((b.x, b.rr), b.y) for b in (replay, labelled)]
    weight = class_weights(labelled.y, "sqrt")
    task = ReplayTask(oracle, *sides[0], *sides[1], weight, config.label_weight)
    rates = config.update_learning_rate, config.weight_decay, config.update_decay
    schedule = Schedule(config.update_epochs, config.batch_size, *rates)
    fit(oracle, ("hidden", "out"), task, schedule, seed=config.seed)
    new = updated(model, MICRONET, config, replay, labelled)
    torch.testing.assert_close(new.state_dict(), oracle.state_dict(), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    "label", [[1, 1, 1, 1], [0, 2, 0, 2], [0, 0, 4, 3]], ids=["one class", "two", "some F, Q"]
)
@pytest.mark.parametrize("update", LEARNS)
def test_any_answers_can_be_learnt_from(model, update, label):
    one = beats(1).x  # contradictory where the labels differ: the same beat four times
    labelled = Inputs(one.repeat(4, 1, 1), torch.zeros(4, 5), torch.tensor(label))
    new = updated(model, MICRONET, settings(update=update), beats(30), labelled)
    assert torch.isfinite(new(labelled.x, labelled.rr)).all()


def test_beats_of_no_class_teach_nothing_beside_others(model):
    labelled = beats(6, 1)
    fused = Inputs(labelled.x, labelled.rr, torch.tensor([0, 3, 2, 4, 1, 2]))
    known = fused.select([0, 2, 4, 5])
    new, same = (updated(model, MICRONET, settings(), beats(60), b) for b in (fused, known))
    assert moved(new.state_dict(), same.state_dict()) == set()


@pytest.mark.parametrize("update", LEARNS)
def test_labels_of_no_class_teach_nothing(model, update):
    labelled = Inputs(torch.zeros(2, 2, 64), torch.zeros(2, 5), torch.tensor([3, 4]))
    assert updated(model, MICRONET, settings(update=update), beats(30), labelled) is model


@pytest.mark.parametrize("update", LEARNS)
def test_a_rounded_network_stays_rounded(rounded, update):
    config = settings(scope="all_int8", update=update)
    new = updated(rounded, MICRONET, config, beats(60), beats(6, 1))
    before = activation_quantizers(rounded)
    for name, quantizer in activation_quantizers(new).items():
        assert torch.equal(quantizer.scale, before[name].scale)
    assert {(row.weight_bits, row.activation_bits) for row in coverage(new)} == {(8, 8)}
    q, scale = new.out.weight_quantizer.integers(new.out.weight)
    assert torch.equal(q, q.round())
    assert q.abs().max() <= 127
    found = new.out.weight_quantizer(new.out.weight)
    torch.testing.assert_close(found, q * scale[:, None], rtol=0, atol=0)


def distance(model, new):
    pairs = zip(model.parameters(), new.parameters(), strict=True)
    return float(sum(((now - then) ** 2).sum().detach() for then, now in pairs))


@pytest.mark.parametrize("update", LEARNS)
def test_the_more_a_network_is_held_the_less_it_moves(model, update):
    def learnt(hold):
        config = settings(update=update, hold=hold)
        return updated(model, MICRONET, config, beats(60), beats(6, 1))

    free, held, tight = (distance(model, learnt(hold)) for hold in (0.0, 1.0, 100.0))
    assert tight < held < free
    assert moved(model.state_dict(), learnt(1.0).state_dict()) == LEARNS[update]


def test_a_hold_adds_the_squared_distance_to_the_loss():
    class Constant:
        def loss(self, index, generator):
            return torch.tensor(3.0)

    weights = [torch.tensor([1.0, 2.0]), torch.tensor([[5.0]])]
    task = HeldTask.of(Constant(), weights, strength=0.5)
    assert task.loss(None, None) == 3.0
    weights[0] += torch.tensor([1.0, -2.0])
    weights[1] += 4
    assert task.loss(None, None) == 3.0 + 0.5 * (1 + 4 + 16)


class Scale(torch.nn.Module):
    """Two numbers in, three logits out: V beyond `limit` in the first number, else N."""

    def __init__(self, limit):
        super().__init__()
        self.limit = torch.nn.Parameter(torch.tensor(float(limit)))

    def embed(self, x):
        return x

    def classify(self, x):
        v = x[:, 0] - self.limit
        return torch.stack([torch.zeros_like(v), torch.full_like(v, -99.0), v], dim=1)


PLACES = budget.Anatomy(
    body=lambda model, x, rr: (x,), head=("limit",), output=(), last_block=()
)


def at(*places, label=0):
    x = torch.tensor([[float(place), 0.0] for place in places])
    return Inputs(x, torch.zeros(len(x), 0), torch.full((len(x),), label))


@pytest.mark.parametrize(
    ("labels", "limit", "kept"),
    [
        ({4: 2, 0: 0}, 0.0, 2.0),  # all that becomes V lies nearer to the V at 4
        ({5: 2}, 0.0, 2.0),
        ({9: 2, 0.2: 0}, 0.0, 6.0),  # beats up to 4.5 lie nearer to the N
        ({9: 2, 0.2: 0}, 0.15, 4.0),  # one of ten may change without support
        ({9: 2, 0.2: 0}, 0.35, 2.0),
        ({12: 2, 0.1: 0}, 0.0, 6.0),  # also if the old network gives both labels
        ({9: 2, 8.9: 0}, 0.0, 10.0),  # even the shortest part changes one at 8.5
    ],
)
def test_an_update_is_shortened_until_labels_support_it(labels, limit, kept):
    """Before, V begins at 10, after the update at 2; beats lie at 0.5, 1.5 … 9.5."""
    known = at(*labels)
    known = Inputs(known.x, known.rr, torch.tensor(list(labels.values())))
    seen = at(*(place + 0.5 for place in range(10)))
    found = guarded(Scale(10), Scale(2), PLACES, limit, known, seen)
    assert found.limit.item() == pytest.approx(kept)


def test_wrong_answers_are_another_class_as_often_as_told():
    truth = beats(3000)
    truth = Inputs(truth.x, truth.rr, torch.where(torch.arange(3000) < 60, 3, truth.y))
    few, many = (answered(truth, share, [7, 100]).y for share in (0.1, 0.2))
    lied, more = few != truth.y, many != truth.y
    assert 0.08 < lied.float().mean() < 0.12
    assert 0.17 < more.float().mean() < 0.23
    assert not more[:60].any()
    assert more[lied].all()
    assert torch.equal(few[lied], many[lied])
    pairs = F.one_hot(3 * truth.y[more] + many[more], 9).sum(dim=0).reshape(3, 3)
    assert (pairs > 60).tolist() == (~torch.eye(3, dtype=torch.bool)).tolist()
    assert torch.equal(answered(truth, 0.0, [7, 100]).y, truth.y)
    assert not torch.equal(answered(truth, 0.1, [7, 101]).y, few)


def by_hand(view, labelled, label, online):
    """Oracle: logits plus 6 exp(−5 d²/u) of each label's error, beat by beat."""
    embedding, logits = view.embedding.double().numpy(), view.logits.double().numpy()
    seen = embedding[online]
    unit = np.mean([np.sum((e - seen.mean(axis=0)) ** 2) for e in seen])
    out = logits.copy()
    for beat, klass in zip(labelled, label, strict=True):
        p = np.exp(logits[beat]) / np.exp(logits[beat]).sum()
        for other, e in enumerate(embedding):
            near = np.exp(-5 * np.sum((e - embedding[beat]) ** 2) / unit)
            out[other] += 6 * near * (np.eye(3)[klass] - p)
    return out


def test_prototypes_by_hand(model):
    view = View.of(model, MICRONET, beats(20))
    rows, label, online = [4, 7, 11], [2, 0, 0], list(range(15))
    given = [torch.tensor(t) for t in (rows, label, online)]
    found = with_prototypes(view, *given)
    expected = by_hand(view, rows, label, online)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-3)


@pytest.mark.parametrize("online", [list(range(20)), [4]], ids=["many", "one early beat"])
def test_prototypes_move_beats_towards_their_label(model, online):
    view, rows = View.of(model, MICRONET, beats(20)), torch.tensor([4])
    wrong = (view.logits[rows].argmax(dim=1) + 1) % 3
    logits = with_prototypes(view, rows, wrong, torch.tensor(online))
    assert torch.isfinite(logits).all()
    assert logits[4, wrong] > view.logits[4, wrong]
    assert logits[4].argmax() == wrong


def test_prototypes_of_no_class_change_nothing(model):
    view = View.of(model, MICRONET, beats(20))
    found = with_prototypes(view, torch.tensor([4, 5]), torch.tensor([3, 4]), torch.arange(20))
    assert torch.equal(found, view.logits)


Outcome = namedtuple("Outcome", ("predicted", "asked"))


def asked_and_learnt(model, one, **how):
    return Outcome(*personalize(model, MICRONET, settings(**how), beats(30), one, Stopwatch()))


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("query", ["random", "mixed", "medoids"])
def test_labels_of_beats_that_nobody_asked_for_are_not_seen(model, update, query):
    one = patient()
    first = asked_and_learnt(model, one, update=update, query=query)
    assert (one.seconds[first.asked] < 300).all()
    others = np.setdiff1d(np.arange(len(one.seconds)), first.asked)
    again = asked_and_learnt(model, lying(one, others), update=update, query=query)
    np.testing.assert_array_equal(again.predicted, first.predicted)
    np.testing.assert_array_equal(again.asked, first.asked)


@pytest.mark.parametrize("update", ["none", *LABEL_FREE])
def test_without_a_budget_no_label_is_seen(model, update):
    one, how = patient(), {"budget": 0, "query": "none", "update": update}
    first = asked_and_learnt(model, one, **how)
    again = asked_and_learnt(model, lying(one, np.arange(60)), **how)
    np.testing.assert_array_equal(again.predicted, first.predicted)
    assert len(first.asked) == 0


@pytest.fixture
def adapted(model, monkeypatch):
    """Adapts to a patient without labels: network and beats that were classified at the end."""
    seen = []
    monkeypatch.setattr(budget, "predict", lambda *classified: seen.append(classified))
    monkeypatch.setattr(label_free, "SURE_ENOUGH", 2.0)  # every beat teaches,
    monkeypatch.setattr(label_free, "LARGEST_MOVE", 1.0)  # and nothing is taken back

    def adapt(one, **how):
        asked_and_learnt(model, one, budget=0, query="none", **how)
        return seen.pop()

    return adapt


def disturbed(one, rows):
    """The same patient with other beats at `rows`, which come 0.3 s later."""
    x, rr, seconds = one.inputs.x.clone(), one.inputs.rr.clone(), one.seconds.copy()
    x[rows], rr[rows] = 3 * x[rows] + 1, rr[rows] - 2
    seconds[rows] += 0.3
    return Patient(one.record, Inputs(x, rr, one.inputs.y), seconds)


@pytest.mark.parametrize(("online_seconds", "n_early"), [(300, 15), (120, 6)])
@pytest.mark.parametrize("update", LABEL_FREE)
def test_without_labels_first_minutes_count(model, adapted, update, online_seconds, n_early):
    """The next beat of the last early one comes when it came; all after it are other beats."""
    how = {"update": update, "online_seconds": online_seconds}
    one, plain = patient(), model.state_dict()
    late, early = disturbed(one, np.arange(n_early + 1, 60)), disturbed(one, [0, 2, 3])
    found = [adapted(p, **how) for p in (one, late, early)]
    (new, beats), (same, others), (other, elsewhere) = found
    assert moved(new.state_dict(), same.state_dict()) == set()
    assert torch.equal(others.rr[:n_early], beats.rr[:n_early])
    answers, again = predict(new, beats), predict(same, others)
    np.testing.assert_array_equal(again[:n_early], answers[:n_early])
    if update == "own_rr":
        assert not torch.equal(elsewhere.rr[20:], beats.rr[20:])  # another usual interval
    else:
        assert moved(plain, new.state_dict()) == {"conv1", "conv2", "conv3"}
        assert moved(new.state_dict(), other.state_dict()) == {"conv1", "conv2", "conv3"}


@pytest.mark.parametrize("update", UPDATES)
def test_answers_matter(model, update):
    """Every early beat is called V: what comes after it is called V more often."""
    one = patient()
    inputs = Inputs(one.inputs.x, one.inputs.rr, torch.full((60,), 2))
    named = Patient(100, inputs, one.seconds)
    found = asked_and_learnt(model, named, update=update, budget="all", label_weight=100.0)
    plain = model(inputs.x, inputs.rr).argmax(dim=1).numpy()
    assert (found.predicted[15:] == 2).mean() > (plain[15:] == 2).mean()


@pytest.mark.parametrize("asking", ["start", "stream"])
def test_a_wrong_answer_teaches_what_it_says(model, asking):
    how = {"asking": asking, "budget": 12, "unsure": 1.0, "query": "margin"}
    one, truth = patient(), patient().inputs.y
    found = asked_and_learnt(model, one, wrong=1.0, **how)
    assert torch.equal(one.inputs.y, truth)  # by which it is scored
    said = answered(one.inputs, 1.0, [settings().seed, one.record, 1])
    assert (said.y != truth).all()
    told = asked_and_learnt(model, Patient(one.record, said, one.seconds), **how)
    np.testing.assert_array_equal(found.predicted, told.predicted)
    np.testing.assert_array_equal(found.asked, told.asked)
    honest = asked_and_learnt(model, one, **how)
    assert (found.predicted != honest.predicted).any()


def test_nobody_is_wrong_who_is_not_asked():
    with pytest.raises(UserError, match=r"wrong is 0\.1, but budget is 0"):
        settings(budget=0, query="none", update="none", wrong=0.1)


def test_random_questions_differ_from_patient_to_patient(model):
    one = patient()
    other = Patient(101, one.inputs, one.seconds)
    asked = [asked_and_learnt(model, p, query="random").asked.tolist() for p in (one, other)]
    assert asked[0] != asked[1]


@pytest.mark.parametrize("update", [*UPDATES, *LABEL_FREE])
def test_a_patient_without_early_beats_is_classified_by_everybodys_network(model, update):
    late = Patient(100, beats(20, 2), np.linspace(400, 800, 20))
    how = {"budget": 0, "query": "none"} if update in LABEL_FREE else {}
    found = asked_and_learnt(model, late, update=update, **how)
    plain = model(late.inputs.x, late.inputs.rr).argmax(dim=1).numpy()
    np.testing.assert_array_equal(found.predicted, plain)
    assert len(found.asked) == 0


@pytest.mark.parametrize("update", UPDATES)
def test_one_early_beat_can_be_asked_and_learnt(model, update):
    late = Patient(100, beats(20, 2), np.linspace(299, 800, 20))
    assert asked_and_learnt(model, late, update=update).asked.tolist() == [0]


@pytest.mark.parametrize("budget", [10**6, "all"])
def test_more_labels_than_beats_are_all_of_them(model, budget):
    asked = asked_and_learnt(model, patient(), budget=budget).asked
    assert asked.tolist() == np.flatnonzero(patient().seconds < 300).tolist()


MACS = {"conv1": 4 * 2 * 7 * 64, "conv2": 4 * 4 * 5 * 32, "conv3": 4 * 4 * 3 * 16}
MACS |= {"rr": 5 * 16, "hidden": (4 * 4 + 16) * 16, "out": 16 * 3}


@pytest.mark.parametrize("update", LEARNS)
@pytest.mark.parametrize(("budget", "labels"), [(5, 5), ("all", 15), (10**6, 15)])
def test_operations_by_hand(model, update, budget, labels):
    config = settings(update=update, budget=budget, batch_size=8, update_epochs=2)
    found = online_macs(model, MICRONET, config, beats(30), patient(), labels)
    beats_an_epoch = 30 + 4 * labels  # four steps, each with all labels
    learns = sum(MACS[part] for part in LEARNS[update])
    assert found == 15 * sum(MACS.values()) + 2 * beats_an_epoch * 3 * learns


def test_a_stream_learns_anew_after_every_answer():
    """Three answers: updates with one, two and three labels; it looks at no further beats."""
    how = {"budget": 12, "asking": "stream", "batch_size": 8, "update_epochs": 2}
    torch.manual_seed(0)
    found = online_macs(network(), MICRONET, settings(**how), beats(30), patient(), 3)
    beats_an_epoch = [30 + 4 * labels for labels in (1, 2, 3)]
    assert found == 2 * 3 * sum(beats_an_epoch) * (MACS["hidden"] + MACS["out"])


def test_replayed_beats_are_few_of_every_record_and_class():
    pool, source = beats(90), np.arange(90) // 30
    few = replay_of(pool, source, settings(replay_cap=4))
    kept = [int(torch.where((pool.x == x).all(dim=2).all(dim=1))[0]) for x in few.x]
    groups = F.one_hot(torch.tensor(source)[kept] * 3 + pool.y[kept], 9).sum(dim=0)
    assert groups.tolist() == [4] * 9
    assert torch.equal(few.y, pool.y[kept])
    assert torch.equal(replay_of(pool, source, settings(replay_cap=4)).x, few.x)
    assert len(replay_of(pool, source, settings(replay_cap=40))) == 90
