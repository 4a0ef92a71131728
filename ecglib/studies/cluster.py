"""Runs of a study on several processes or machines, by Dask, an optional dependency."""

import logging
import socket
from contextlib import contextmanager
from urllib.parse import urlsplit

import torch
from tqdm import tqdm

from ecglib.system.errors import UserError

LOCAL = "local"
"""Name of the scheduler that starts a worker for each core of this machine."""

PATIENCE = 30  # seconds to wait for a scheduler and its first worker


def check(scheduler):
    """Raise a `UserError` unless `scheduler` is None, "local" or `tcp://host:port`.

    Also if Dask is needed and is not installed.
    """
    if scheduler is None:
        return
    if scheduler != LOCAL and not _is_address(scheduler):
        raise UserError(
            f"scheduler is {scheduler!r}; it must be null, local or tcp://host:port"
        )
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise UserError(
            f"scheduler {scheduler} needs Dask, which is not installed: "
            "pip install 'dask[distributed]', or leave scheduler out"
        ) from None


def _is_address(scheduler):
    try:
        parts = urlsplit(scheduler)
        return parts.scheme == "tcp" and bool(parts.hostname and parts.port)
    except (ValueError, TypeError, AttributeError):  # an impossible port, or no text
        return False


def execute(site, configs, scheduler):
    """Let workers compute runs; a worker saves each result when it is finished.

    If a worker dies, its run is started again on another worker. Two runs that need the same
    stage may both compute it. This does no harm, since files are written whole and have the
    same content.

    Parameters
    ----------
    site : ecglib.studies.run.Worksite
        Its `finished(config)` computes and saves a run.
    configs : list of RunConfig
        The runs.
    scheduler : str
        "local" or `tcp://host:port`.

    Raises
    ------
    UserError
        If the scheduler or its workers do not answer, or a run raises it.
    """
    needs = {}
    for config in configs:
        _collect(config, needs)
    with _connected(scheduler, most=len(needs)) as client:
        import distributed

        futures = {}
        for config, needed in needs.items():
            before = [futures[other] for other in needed]
            futures[config] = client.submit(_finish, site, config, *before, pure=False)
        done = distributed.as_completed(futures.values())
        try:
            for future in tqdm(done, total=len(futures), desc=f"runs, {scheduler}"):
                if error := future.result():
                    raise error
        except distributed.KilledWorker as error:
            raise UserError(f"a run ended its worker again and again: {error}") from error
        except distributed.CancelledError as error:
            raise UserError(
                f"scheduler {scheduler} is gone; finished runs are kept, call again to resume"
            ) from error


def _collect(config, needs):
    """Add a run to the dict `needs` (run -> runs that it needs), after the runs it needs."""
    needed = config.prerequisites()
    for other in needed:
        _collect(other, needs)
    needs.setdefault(config, needed)


def _finish(site, config, *before):
    """Compute a run on a worker; a `UserError` is returned and not raised.

    Dask would log a raised error with its traceback. `before` are the results of the runs that
    this run needs.
    """
    import distributed

    if failed := next(filter(None, before), None):
        return failed
    try:
        if distributed.get_worker().state.nthreads != 1:  # threads would share random numbers
            raise UserError(
                f"a worker on {socket.gethostname()} has several threads; "
                "start workers with --nthreads 1, several with --nworkers"
            )
        torch.set_num_threads(1)
        site.check_reach()
        site.finished(config)
    except UserError as error:
        return error
    return None


@contextmanager
def _connected(scheduler, most):
    """Client of a scheduler with workers; "local" starts at most `most`, which end with it."""
    import distributed

    if scheduler == LOCAL:
        from dask.system import CPU_COUNT

        local = distributed.LocalCluster(
            n_workers=min(CPU_COUNT, most),
            threads_per_worker=1,
            memory_limit=0,  # a study may take all memory that there is
            dashboard_address=":0",  # a free port, so that studies do not meet on one
            silence_logs=logging.CRITICAL,
            env={"TQDM_DISABLE": "1"},  # bars of several workers would overwrite each other
        )
        with local, distributed.Client(local) as client:
            yield client
        return
    try:
        client = distributed.Client(scheduler, timeout=PATIENCE)
    except OSError as error:
        raise UserError(
            f"no Dask scheduler answers at {scheduler}; start one with `dask scheduler`"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except distributed.TimeoutError as error:
            raise UserError(
                f"scheduler {scheduler} has no worker; start some with "
                f"`dask worker {scheduler} --nworkers 4 --nthreads 1`"
            ) from error
        yield client
