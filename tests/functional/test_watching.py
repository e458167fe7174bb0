"""What the dashboard and the alerts ask for is what the shop tells."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.functional.test_observability import buy

WATCHING = Path(__file__).parents[2] / "docs" / "watching"
DASHBOARD = json.loads((WATCHING / "grafana.json").read_text())
RULES = yaml.safe_load((WATCHING / "alerts.yml").read_text())["groups"][0]["rules"]
QUESTIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]] + [
    rule["expr"] for rule in RULES
]


@pytest.fixture
def told(shop, sandbox):
    """The names of all that is told once something was sold."""
    buy(shop, sandbox)
    families = text_string_to_metric_families(shop.visitor().get("/metrics").text)
    return {sample.name for family in families for sample in family.samples}


def test_what_is_asked_is_told(told):
    asked = {name for each in QUESTIONS for name in re.findall(r"\bbookshop_\w+", each)}
    assert len(asked) > 12
    assert asked - told == set()


def test_all_that_is_told_of_the_shop_is_shown(told):
    shown = " ".join(QUESTIONS)
    aside = re.compile(r"_(bucket|sum|count|created)$|^bookshop_process_")
    assert [name for name in sorted(told) if not aside.search(name) and name not in shown] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_is_explained(rule):
    text = (WATCHING.parent / "watching.md").read_text(encoding="utf-8")
    assert f"| `{rule['alert']}` |" in text
    assert rule["annotations"]["summary"]
