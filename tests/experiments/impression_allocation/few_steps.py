"""Training that is over soon."""

from jaxmech.designers import DDPGHyperParameters

FEW_STEPS = DDPGHyperParameters(
    num_environments=4,
    rollout_length=8,
    gradient_steps=2,
    batch_size=8,
    replay_size=256,
    learning_starts=32,
    hidden=(16, 16),
)
