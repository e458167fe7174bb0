"""Refuse answers that the shop's settings would refuse."""

import json
import sys

from bookshop.starter import problems

NAMES = json.loads({{ _cookiecutter | tojson | tojson }})
ANSWERS = json.loads({{ cookiecutter | tojson | tojson }})

refused = problems({name: ANSWERS[name] for name in NAMES})
if refused:
    lines = "\n".join(f"  {line}" for line in refused)
    sys.exit(f"No shop was created. Correct these answers:\n{lines}")
