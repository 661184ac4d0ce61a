"""A game whose equilibria, objective and gradients have closed forms."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxmech import spaces
from jaxmech.environments.incentives import incentive_design


@dataclass(frozen=True)
class LinearGame:
    """Two agents with one number each respond by ``coupling`` times the other's plus a payment.

    Responses are p_1 = c p_2 + w_1 and p_2 = c p_1 + w_2, so the equilibrium is
    p = (I - c S)^-1 w with S the swap. The objective is ``size`` times -|p - target|^2 - cost
    |w|^2. Because of the cost the best mechanism depends on how far the responses carry what is
    paid.
    """

    @property
    def name(self):
        return "linear"

    @property
    def default_params(self):
        return linear_environment()[1].game

    def mechanism_space(self, params):
        return spaces.Box(-2.0, 2.0, (2,))

    def initial_policies(self, params):
        return jnp.zeros_like(params["target"])

    def respond(self, policies, mechanism, params):
        return params["coupling"] * policies[::-1] + mechanism

    def objective(self, policies, mechanism, params):
        missed = jnp.sum((policies - params["target"]) ** 2)
        return params["size"] * (-missed - params["cost"] * jnp.sum(mechanism**2))

    def utilities(self, policies, mechanism, params):
        return policies * mechanism

    def play(self, key, policies, mechanism, params):
        noise = jax.random.normal(key, (), policies.dtype)
        return self.objective(policies, mechanism, params) + params["noise"] * noise


@dataclass(frozen=True)
class SharesGame(LinearGame):
    """Agents who each get a share of a whole, and respond by a part of what the next one does.

    Responses are p_i = c p_(i+1) + w_i in a circle, the objective is -|p - target|^2.
    """

    @property
    def name(self):
        return "shares"

    def mechanism_space(self, params):
        return spaces.Simplex(params["target"].size)

    def respond(self, policies, mechanism, params):
        return params["coupling"] * jnp.roll(policies, -1) + mechanism


def shares_environment(best, coupling=0.5, **options):
    """The environment and its parameters; the target is what agents do under shares ``best``."""
    best = jnp.asarray(best, float)
    params = {
        "coupling": jnp.asarray(coupling, float),
        "target": moves_of_shares(best.size, coupling) @ best,
        "noise": jnp.zeros(()),
        "cost": jnp.zeros(()),
        "size": jnp.ones(()),
    }
    return incentive_design(SharesGame(), params, **options)


def moves_of_shares(size, coupling):
    """How the equilibrium moves with the shares, float [agents, agents]."""
    return jnp.linalg.inv(jnp.eye(size) - coupling * jnp.roll(jnp.eye(size), 1, axis=1))


def linear_environment(coupling=0.5, noise=0.0, cost=0.5, size=1.0, **options):
    """The environment and its parameters; the target is (.8, .6)."""
    params = {
        "coupling": jnp.asarray(coupling, float),
        "target": jnp.asarray([0.8, 0.6], float),
        "noise": jnp.asarray(noise, float),
        "cost": jnp.asarray(cost, float),
        "size": jnp.asarray(size, float),
    }
    return incentive_design(LinearGame(), params, **options)


def best_mechanism(params):
    """At which the objective in equilibrium has no slope, float [2]."""
    moves, game = _moves(params), params.game
    return jnp.linalg.solve(moves.T @ moves + game["cost"] * jnp.eye(2), moves.T @ game["target"])


def slope_at_equilibrium(params, mechanism):
    """Derivatives of the objective by the mechanism, responses included, float [2]."""
    moves, game = _moves(params), params.game
    direct = -2 * game["cost"] * mechanism
    return moves.T @ (-2 * (moves @ mechanism - game["target"])) + direct


def _moves(params):
    """How the equilibrium moves with the mechanism, float [2, 2]."""
    swap = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    return jnp.linalg.inv(jnp.eye(2) - params.game["coupling"] * swap)
