"""The studies of incentives at their smallest, for tests of how they run and not of what they find.

Each has every part of its study: all stages, and all that it keeps.
"""

from __future__ import annotations

import json
from dataclasses import replace

import jax

from jaxmech.experiments.registry import study_called
from jaxmech.experiments.workspace import Workspace

_LANES = {"num_positions": 3, "num_actions": 5, "updates": 2, "seeds": 2}
_MARKET = {"updates": 2, "seeds": 2}

SMALLEST = {
    name: replace(study_called(name), **change)
    for name, change in {
        "mguni2018/multilane": {**_LANES, "num_agents": (2, 3)},
        "mguni2018/figure_2": {**_LANES, "num_agents": (2,), "transfers": ("linear", "table")},
        "mguni2018/gradients": {
            **_LANES,
            "num_agents": (2,),
            "gradients": ("implicit", "one_point"),
            "values": 4,
            "ppo_updates": 1,
        },
        "incentives/escape_room": {**_MARKET, "num_agents": (2,), "num_holders": (1,), "steps": 1},
        "incentives/consumer_tax": {
            **_MARKET,
            "temperatures": (0.3,),
            "assets": 3,
            "design_assets": 3,
        },
        "incentives/cournot": {
            **_MARKET,
            "damages": (2.0,),
            "temperatures": (0.0, 0.5),
            "nodes": 5,
            "taxes": 3,
        },
        "incentives/stackelberg_pricing": {**_MARKET, "curvatures": (1.0, 2.0)},
        "incentives/four_rooms": {
            "temperatures": (0.003,),
            "spending_costs": (3.0,),
            "steps": 2,
            "step_sizes": (20.0,),
            "dealt_out": (0.1,),
            "polish": 1,
            "peer_iterations": 1,
            "updates": 2,
            "walkers": 2,
            "steps_per_update": 2,
            "seeds": 2,
        },
        "incentives/matrix_games": {
            **_MARKET,
            "games": ("stag_hunt", "chicken"),
            "temperatures": (1.0,),
        },
        "incentives/income_tax": {
            **_MARKET,
            "sigmas": (0.5,),
            "elasticities": (0.5,),
            "aversions": (1.0,),
            "mean_logarithm": False,
            "tails": (2.0,),
            "tail_elasticities": (0.5,),
            "top_weights": (0.0,),
            "schedules": (),
            "temperatures": (),
            "pareto_types": 100,
        },
    }.items()
}
"""Of each name, the study with as little as it takes."""


def computed(study, directory):
    """What a study of incentives finds, in double precision and in silence."""
    with jax.enable_x64(True):
        return Workspace(directory, say=[].append).run(study)


def files_of(directory):
    """What two runs must share to the byte: the summary but for its seconds, and the records."""
    summary = json.loads((directory / "summary.json").read_text())
    kept = {name: value for name, value in summary.items() if "seconds" not in name}
    return json.dumps(kept), (directory / "records.csv").read_bytes()
