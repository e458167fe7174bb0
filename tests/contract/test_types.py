"""The shop's scripts and the sandbox's Stripe.js against Stripe's own types.

TypeScript's checker reads the JSDoc types of the plain scripts; `@stripe/stripe-js` says what
Stripe.js is. Both are pinned in `types/`, and installed there by npm when they are missing.
"""

import re
import shutil
import subprocess
from pathlib import Path

import find_node
import pytest

REPOSITORY = Path(__file__).parents[2]
TYPES = REPOSITORY / "tests/contract/types"
SCRIPT_FOLDERS = ["bookshop/static", "bookshop/sandbox/static"]
ERROR = re.compile(r"^(?P<path>[^\s(].*)\((?P<line>\d+),\d+\): error (?P<what>TS\d+: .*)$")


@pytest.fixture(scope="module")
def node_modules():
    """The folder with the checker and the types."""
    return find_node.packages(TYPES)


@pytest.fixture
def copy(node_modules, tmp_path):
    """A copy of the scripts and of the check, at a path with a space in it."""
    root = tmp_path / "a copy of the shop"
    for folder in SCRIPT_FOLDERS:
        (root / folder).mkdir(parents=True)
        for script in (REPOSITORY / folder).glob("*.js"):
            shutil.copy(script, root / folder)
    types = root / TYPES.relative_to(REPOSITORY)
    types.mkdir(parents=True)
    shutil.copy(TYPES / "tsconfig.json", types)
    (types / "node_modules").symlink_to(node_modules, target_is_directory=True)
    return root


def _tsc(root, *options):
    types = root / TYPES.relative_to(REPOSITORY)
    command = [
        find_node.find(),
        types / "node_modules/typescript/bin/tsc",
        "--project",
        types,
        *options,
    ]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def _errors(root):
    """Returns the errors as (path in the repository, line number, message)."""
    done = _tsc(root, "--pretty", "false")
    found = [match for line in done.stdout.splitlines() if (match := ERROR.match(line))]
    assert (done.returncode == 0) == (not found), done.stdout + done.stderr
    return [(match["path"], int(match["line"]), match["what"]) for match in found]


def test_the_scripts_match_stripes_types(node_modules):
    assert _errors(REPOSITORY) == []


@pytest.mark.parametrize(
    "script", ["bookshop/static/checkout.js", "bookshop/sandbox/static/stripe.js"]
)
def test_the_check_includes(script, node_modules):
    files = _tsc(REPOSITORY, "--listFilesOnly").stdout.splitlines()

    assert str(REPOSITORY / script) in files
    assert (REPOSITORY / script).read_text().startswith("// @ts-check\n")


@pytest.mark.detail
def test_the_path_may_contain_a_space(copy):
    assert _errors(copy) == []


@pytest.mark.detail
@pytest.mark.parametrize(
    ("script", "right", "wrong"),
    [
        ("bookshop/static/checkout.js", "if_required", "when_required"),
        ("bookshop/static/checkout.js", r"\bconfirmPayment\(", "confirmPayments("),
        ("bookshop/static/checkout.js", r"\.create\(.payment", r"\g<0>s"),
        ("bookshop/sandbox/static/stripe.js", r"return \{\};", "return 'fetched';"),
        ("bookshop/sandbox/static/stripe.js", r"\"ready\", \{ element", r"\g<0>s"),
        ("bookshop/sandbox/static/stripe.js", r"retrieve\(clientSecret\);", "key;"),
    ],
)
def test_a_planted_error_is_found(copy, script, right, wrong):
    path = copy / script
    before = path.read_text()
    after, places = re.subn(right, wrong, before)
    assert places == 1, f"{right} is expected once in {script}"
    path.write_text(after)
    planted = next(
        number
        for number, (old, new) in enumerate(
            zip(before.splitlines(), after.splitlines(), strict=True), start=1
        )
        if old != new
    )

    assert planted in [line for where, line, _ in _errors(copy) if where == script]
