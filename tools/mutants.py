"""Mutation testing: check that tests detect small faults in the modules that handle money.

`make mutants` applies random mutations of AREAS, one at a time, to a copy of the tree and runs the
tests of `make test` there, the most specific ones first. The copy and the results are kept in
build/mutants: an interrupted run resumes, `--fresh` starts again.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import find_node
from mutations import Module, Mutation

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build/mutants"
PYTHON = ROOT / ".venv/bin/python"
JOBS = 2  # mutants tried at the same time
LIMIT = 900  # seconds for one command; a mutant that exceeds it counts as detected
#: The modules that are mutated, and the functional tests that cover them most directly.
AREAS = {
    "bookshop/money.py": ("checkout", "catalogue"),
    "bookshop/inventory": ("checkout", "success"),
    "bookshop/payments": ("stripe_failing", "checkout", "refund"),
    "bookshop/webhooks": ("webhooks",),
    "bookshop/checkout": ("checkout", "success", "stripe_failing"),
    "bookshop/orders": ("order_page", "checkout", "success", "refund", "reconcile", "webhooks"),
}
MARKS = "not (postgresql or detail or load or browser)"
PYTEST = ("-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", "-p", "no:randomly")
OPTIONS = ("-m", MARKS, "--hypothesis-profile=quick", "--no-header", "--tb=line")


@dataclass(frozen=True)
class Stage:
    """A command that may detect a mutant."""

    name: str
    command: Sequence[str]


def main() -> None:
    """Test the mutants that have no result yet; exit 1 if fewer than 90 % were detected."""
    options = _options()
    if options.fresh:
        shutil.rmtree(FOLDER, ignore_errors=True)
    pristine = _copy(FOLDER / "tree")
    copies = [_working_copy(pristine, FOLDER / f"tree-{number}") for number in range(JOBS)]
    chosen = choose(pristine, options.count, options.seed)
    results = FOLDER / f"results-{options.seed}.jsonl"
    known = _read(results)
    due = [mutant for mutant in chosen if mutant.id not in known]
    print(f"{len(chosen)} mutants, {len(chosen) - len(due)} with a result already", flush=True)
    if not options.no_baseline and due:
        _check_baseline(copies[0])
    _try_all(due, copies, results, time.monotonic() + options.minutes * 60)
    sys.exit(report(chosen, _read(results)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=int, default=120, help="start no mutant after this time")
    parser.add_argument(
        "--fresh", action="store_true", help="delete the copy and the results first"
    )
    parser.add_argument("--no-baseline", action="store_true", help="the copy is known to pass")
    return parser.parse_args()


def choose(tree: Path, count: int, seed: int) -> list[Mutation]:
    """Return `count` random mutations; the same seed and sources give the same ones."""
    mutable = [Module(tree, path) for area in AREAS for path in modules(tree, area)]
    places = [(module, number) for module in mutable for number in range(len(module))]
    random.Random(seed).shuffle(places)  # noqa: S311  # nosec B311
    chosen: list[Mutation] = []
    for module, number in places:
        if len(chosen) == count:
            break
        if mutation := module.mutate(number):
            chosen.append(mutation)
    print(f"{len(places)} mutations are possible", flush=True)
    return chosen


def modules(tree: Path, area: str) -> list[Path]:
    """Return the modules of an area, which is one module or a package."""
    return [tree / area] if area.endswith(".py") else sorted((tree / area).rglob("*.py"))


def _copy(tree: Path) -> Path:
    """Copy the files that git tracks or would track, unless a copy exists already."""
    if tree.exists():
        return tree
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # nosec B607
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    for folder in find_node.FOLDERS:
        packages = folder / "node_modules"
        (tree / packages.relative_to(ROOT)).symlink_to(packages, target_is_directory=True)
    return tree


def _working_copy(pristine: Path, tree: Path) -> Path:
    """Return a copy for mutants; its modules are restored after an earlier run."""
    if not tree.exists():
        shutil.copytree(pristine, tree, symlinks=True)
    for area in AREAS:
        for path in modules(pristine, area):
            shutil.copy2(path, tree / path.relative_to(pristine))
    return tree


def stages(tree: Path, path: str) -> Iterator[Stage]:
    """Yield the commands for a mutant of a module, the most specific tests first."""
    parts = Path(path).with_suffix("").parts[1:]
    own = Path("tests/unit", *parts[:-1], f"test_{parts[-1].strip('_')}.py")
    package = Path("tests/unit", parts[0])
    area = next(names for prefix, names in AREAS.items() if path.startswith(prefix))
    nearest = [f"tests/functional/test_{name}.py" for name in area]
    if (tree / own).exists():
        yield Stage("own unit tests", (*PYTEST, *OPTIONS, str(own)))
    if (tree / package).is_dir():
        yield Stage("unit tests of the package", (*PYTEST, *OPTIONS, str(package)))
    yield Stage("types", ("-m", "mypy"))
    yield Stage("functional tests of the area", (*PYTEST, *OPTIONS, *nearest))
    yield Stage("all other quick tests", (*PYTEST, *OPTIONS, "tests"))


def _run(tree: Path, command: Sequence[str]) -> tuple[int, str] | None:
    """Run Python on the copy. Return exit code and output; None if it exceeded LIMIT."""
    variables = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [str(PYTHON), *command],
        cwd=tree,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        # The whole process group, with the servers that tests have started.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None
    return process.returncode, output


def _check_baseline(tree: Path) -> None:
    """Exit if tests fail without a mutant, since every mutant would then count as detected."""
    print("Checking that the tests pass without a mutant", flush=True)
    for command in (("-m", "mypy"), (*PYTEST[:3], "-n", "2", *PYTEST[6:], *OPTIONS, "tests")):
        code, output = _run(tree, command) or (1, "they did not end in time")
        if code:
            sys.exit(f"The tests fail without a mutant:\n{output[-4000:]}")


def _try_all(due: Sequence[Mutation], copies: Sequence[Path], results: Path, end: float) -> None:
    """Test the mutants in the copies, and write each result at once."""
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for tree in copies:
        free.put(tree)

    def work(mutant: Mutation) -> None:
        if time.monotonic() > end:
            return
        tree, started = free.get(), time.monotonic()
        try:
            detected_by = _try(tree, mutant)
        finally:
            free.put(tree)
        seconds = round(time.monotonic() - started)
        row = {"id": mutant.id, "detected_by": detected_by, "seconds": seconds}
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{mutant.id} {mutant.path}:{mutant.line} {detected_by or 'SURVIVED'}", flush=True)

    with ThreadPoolExecutor(len(copies)) as pool:
        list(pool.map(work, due))


def _try(tree: Path, mutant: Mutation) -> str | None:
    """Return the name of the stage that detected the mutant, or None."""
    file = tree / mutant.path
    source = file.read_text(encoding="utf-8")
    file.write_text(mutant.source, encoding="utf-8")
    try:
        for stage in stages(tree, mutant.path):
            code, _output = _run(tree, stage.command) or (1, "")
            if code:
                return stage.name
        return None
    finally:
        file.write_text(source, encoding="utf-8")


def _read(results: Path) -> dict[str, str | None]:
    """Return the stage that detected each mutant, by the mutant's id."""
    if not results.exists():
        return {}
    rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {row["id"]: row["detected_by"] for row in rows}


def report(chosen: Sequence[Mutation], results: dict[str, str | None]) -> int:
    """Print the survivors and the counts; return the exit code."""
    tried = [mutant for mutant in chosen if mutant.id in results]
    survivors = [mutant for mutant in tried if results[mutant.id] is None]
    for mutant in survivors:
        print(f"\nsurvived: {mutant.id}\n{mutant.diff}")
    print(f"\n{len(tried)} of {len(chosen)} tried, {len(tried) - len(survivors)} killed,", end=" ")
    print(f"{len(survivors)} survived")
    return int(len(survivors) * 10 > len(tried))


if __name__ == "__main__":
    main()
