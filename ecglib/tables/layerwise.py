"""Tables of what layer-wise methods chose, layer by layer."""

import pandas as pd

from ecglib.tables import paper2
from ecglib.tables.compression import SCORES, points


def layer_frames(named):
    """Indices of importance of every layer, and the bits that layer-wise methods chose.

    Parameters
    ----------
    named : dict of str to RunResult
        Name of a method -> its result on one fold, with `decisions`; the first gives the
        indices.

    Returns
    -------
    tuple of (DataFrame, DataFrame)
        Layers by index, and layers by method; the most important layer first.
    """
    first = next(iter(named.values())).metrics["decisions"]
    frame = pd.DataFrame(first["indices"]).T.rename(columns=str.upper)
    frame["I"] = pd.Series(first["importance"])
    bits = pd.DataFrame({n: r.metrics["decisions"]["bits"] for n, r in named.items()})
    order = frame.sort_values("I", ascending=False).index
    shorter = [name.removesuffix(".weight") for name in order]
    return frame.loc[order].set_axis(shorter), bits.loc[order].set_axis(shorter)


def factors_table(results):
    """LAQ on one fold under other weights of the three indices.

    Parameters
    ----------
    results : list of RunResult
        Of study "compression", one fold, method "laq".

    Returns
    -------
    DataFrame
    """
    rows = {}
    for result in results:
        m, config = result.metrics, result.config
        rows[tuple(f"{config[name]:g}" for name in ("alpha", "beta", "gamma"))] = {
            "ideal": f"{m['ideal_ratio']:.2f}",
            "file": f"{m['file_ratio']:.2f}",
            "Δ accuracy, points": points(m),
            "layers left in fp32": f"{sum(b == 32 for b in m['decisions']['bits'].values())}",
        }
    return pd.DataFrame(rows).T.rename_axis(["α", "β", "γ"])


def peers_table():
    """Table 2 of paper 2: published networks beside the paper's own, in percent."""
    rows = [
        {
            "data set": peer.dataset,
            "source": peer.source,
            "classes / leads": f"{peer.classes} / {peer.leads}",
            "method": peer.method,
            **{
                name: "–" if value is None else f"{value:.2f}"
                for name, value in zip(SCORES, peer[5:9], strict=True)
            },
            "CR": "–" if peer.ratio is None else f"{peer.ratio:.2f}",
        }
        for peer in paper2.TABLE_2
    ]
    return pd.DataFrame(rows).set_index(["data set", "source"])
