"""Writes docs/bench.md and docs/bench.svg."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from tests.bench.comparison import Results, bounds

DOCS = Path(__file__).parents[2] / "docs"
COLOURS = {"shop": "#2f6f4f", "Flask": "#8a8f98", "bare view": "#c9a45c"}
PAGES = ("index", "list", "book")


def write(results: Results, machine: list[str], rounds: int) -> None:
    """Write the tables and the plot."""
    (DOCS / "bench.md").write_text(_text(results, machine, rounds), encoding="utf-8")
    _plot(results, DOCS / "bench.svg")


def _text(results: Results, machine: list[str], rounds: int) -> str:
    lines = [
        "# Performance",
        "",
        "Written by `make bench`: the shop compared with a bare Pyramid view and a plain Flask",
        "shop (`tests/bench/plain.py`: three books in a list, no database), under waitress with",
        "the same number of threads, in turns. Clients, servers and the sandbox share the machine:",
        "",
        *(f"- {fact}" for fact in machine),
        f"- {datetime.now(UTC):%d %B %Y}, medians of {rounds} rounds",
        "",
        "![Pages a second](bench.svg)",
        "",
        "## Bounds",
        "",
        "| bound | measured | |",
        "| --- | ---: | --- |",
    ]
    lines += [
        f"| {what} | {found:.2f} {unit} | {'met' if kept else '**not met**'} |"
        for what, found, unit, kept in bounds(results)
    ]
    lines += ["", "## All measures", "", "| measure | of | median | lowest | highest | |"]
    lines.append("| --- | --- | ---: | ---: | ---: | --- |")
    for row in results.rows():
        numbers = (row.median, min(row.found), max(row.found))
        shown = " | ".join(f"{number:,.2f}" for number in numbers)
        lines.append(f"| {row.what} | {row.who} | {shown} | {row.unit} |")
    return "\n".join(lines) + "\n"


def _plot(results: Results, file: Path) -> None:
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "bookshop"
    rates = {
        (row.what.partition(",")[0], row.who): row.median
        for row in results.rows()
        if row.what.endswith(", 8 at once")
    }
    bars = [(page, who) for page in PAGES for who in COLOURS if (page, who) in rates][::-1]
    figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
    drawn = axes.barh(
        [f"{page}, {who}" for page, who in bars],
        [rates[bar] for bar in bars],
        color=[COLOURS[who] for _page, who in bars],
    )
    axes.bar_label(drawn, fmt="{:,.0f}", padding=4)
    axes.set_xlabel("answers a second, 8 connections")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
