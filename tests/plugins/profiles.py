"""Hypothesis profiles: `full`, and `quick`, which `make test` names."""

from hypothesis import HealthCheck, settings

# Properties hold on a busy machine too, and each example makes its own rows in a shared database.
settings.register_profile(
    "full",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("quick", settings.get_profile("full"), max_examples=20)
settings.load_profile("full")
