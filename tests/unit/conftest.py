"""The Hypothesis profile of unit tests."""

from hypothesis import HealthCheck, settings

# Properties hold on a busy machine too, and each example makes its own rows in a shared database.
settings.register_profile(
    "unit",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("unit")
