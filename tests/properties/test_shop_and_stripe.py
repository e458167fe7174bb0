"""Shop and Stripe agree after any steps in any order, and wherever the shop's process dies.

With BOOKSHOP_STEPS in the environment each test takes that many steps. Hypothesis's profile scales
them otherwise.
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.machine import ShopMachine

STEPS_EACH = 50  # of an example


def examples(steps: int) -> settings:
    """Return the settings for so many steps, of which the profile may take a share."""
    share = settings().max_examples / settings.get_profile("full").max_examples
    steps = int(os.environ.get("BOOKSHOP_STEPS", steps * share))
    return settings(
        max_examples=max(1, steps // STEPS_EACH),
        stateful_step_count=STEPS_EACH,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


# In parts, for several processors; one of them is quick.
REST = [pytest.param(part, marks=pytest.mark.detail) for part in (1, 2)]


@pytest.mark.parametrize("part", [0, *REST])
def test_shop_and_stripe_agree_on_sqlite(sqlite_rig, part):
    run_state_machine_as_test(lambda: ShopMachine(sqlite_rig), settings=examples(800))


@pytest.mark.parametrize("part", range(2))
def test_shop_and_stripe_agree_on_postgresql(postgres_rig, part):
    run_state_machine_as_test(lambda: ShopMachine(postgres_rig), settings=examples(500))
