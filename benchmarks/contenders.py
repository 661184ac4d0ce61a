"""What ``sequential_price.py`` measures, each a function from ``Work`` to a ``Contender``.

Libraries are imported inside the functions, so that a process that runs one contender
loads no other's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from limits import network_alone, random_numbers_alone
from ours import jaxmech_episodes, jaxmech_ppo, jaxmech_steps, jaxmech_symmetric_ppo
from peers import (
    gymnasium_single_steps,
    gymnasium_vector_steps,
    rejax_ppo,
    stable_baselines_ppo,
    stable_baselines_ppo_vectorised,
)
from work import Contender, Work

CONTENDERS: Mapping[str, Callable[[Work], Contender]] = {
    contender.__name__: contender
    for contender in (
        jaxmech_episodes,
        jaxmech_steps,
        gymnasium_vector_steps,
        gymnasium_single_steps,
        jaxmech_ppo,
        jaxmech_symmetric_ppo,
        stable_baselines_ppo,
        stable_baselines_ppo_vectorised,
        rejax_ppo,
        network_alone,
        random_numbers_alone,
    )
}
