"""The dashboard and the alerts use metrics that the shop exports, and all of them."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.functional.test_observability import buy

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana.json").read_text(encoding="utf-8"))
RULES = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))["groups"][0][
    "rules"
]
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]] + [
    rule["expr"] for rule in RULES
]


@pytest.fixture
def exported(shop, sandbox):
    """The names of all metrics once an order was paid."""
    buy(shop, sandbox)
    families = text_string_to_metric_families(shop.visitor().get("/metrics").text)
    return {sample.name for family in families for sample in family.samples}


def test_every_metric_in_an_expression_is_exported(exported):
    used = {name for each in EXPRESSIONS for name in re.findall(r"\bbookshop_\w+", each)}
    assert len(used) > 12
    assert used - exported == set()


def test_every_exported_metric_is_on_the_dashboard_or_in_an_alert(exported):
    used = " ".join(EXPRESSIONS)
    aside = re.compile(r"_(bucket|sum|count|created)$|^bookshop_process_")
    assert [name for name in sorted(exported) if not aside.search(name) and name not in used] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_is_documented(rule):
    text = MONITORING.with_suffix(".md").read_text(encoding="utf-8")
    assert f"| `{rule['alert']}` |" in text
    assert rule["annotations"]["summary"]
