"""Refuses answers that no shop can be made of."""

import json
import sys

from bookshop.starter import problems

ANSWERS = json.loads({{ _cookiecutter | tojson | tojson }})
GIVEN = json.loads({{ cookiecutter | tojson | tojson }})

found = problems({name: GIVEN[name] for name in ANSWERS})
if found:
    sys.exit("No shop was made of these answers.\n" + "\n".join(f"  {line}" for line in found))
