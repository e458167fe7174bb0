"""What must not drift, read off the source: money, views, templates."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from html.parser import HTMLParser
from pathlib import Path
from statistics import median

import grimp
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes

import bookshop

PACKAGE = Path(bookshop.__file__).parent
MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if "sandbox" not in path.relative_to(PACKAGE).parts and "versions" not in path.parts
)
TEMPLATES = sorted(PACKAGE.rglob("*.jinja2"))

# Where a float is a time, a browser's preference, or how alike two words are.
NO_MONEY = {
    "web/http_cache.py": {"_accepted"},
    "catalogue/importing/importer.py": {"RETRY_DELAYS"},
    "catalogue/version.py": {
        *("MAX_AGE", "MAX_AGE_ON_ERROR", "LOCK_TIMEOUT", "__init__", "_last_version"),
        *("read_at", "fresh_until"),
    },
    "rate_limits/storage.py": {"get_expiry"},
    "ops/check/ini.py": {"_read_layers"},
    "ops/logs.py": {"FLUSH_INTERVAL"},
    "ops/metrics/__init__.py": {"_observe_stripe_request", "_observe_request"},
    "ops/metrics/meters.py": {"BUCKETS"},
    "ops/timeouts.py": {"__init__"},
    "ops/server.py": {"POLL_INTERVAL", "_poll"},
    "payments/connection.py": {"__init__"},
    "jobs/worker.py": {"MIN_WAIT", "_seconds_until"},
    "web/request_log.py": {"Observer", "seconds", "_ignore"},
    "web/page_cache.py": {"MAINTENANCE_CHECK_INTERVAL", "__init__"},
    "payments/circuit_breaker.py": {"RECOVERY_TIME", "__init__"},
    "payments/account.py": {"Account", "account_from_stripe"},
    "settings/models.py": {"timeout"},
    "settings/validation.py": {"SIMILARITY"},
    "settings/parsers.py": {"seconds"},
    "payments/http_client.py": {
        "clock_offset",
        "__init__",
        "_sleep_time_seconds",
        "CONNECT_TIMEOUT",
        "MINIMUM_ATTEMPT",
        "INITIAL_DELAY",
    },
}


def name_of(path):
    return str(path.relative_to(PACKAGE))


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def test_modules_and_templates_are_found():
    assert len(MODULES) > 40
    assert len(TEMPLATES) > 8


# --- how large, and who imports whom

LONGEST_FUNCTION = 45  # lines
MOST_MODULES = 15  # of one package, besides its sub-packages
EVERY_MODULE = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if not {"versions", "starter"} & set(path.relative_to(PACKAGE).parts)
)


@pytest.mark.parametrize("path", EVERY_MODULE, ids=name_of)
def test_no_function_is_long(path):
    functions = (
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    lengths = {each.name: each.end_lineno - each.lineno + 1 for each in functions}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_no_package_has_many_modules():
    modules = Counter(name_of(path.parent) for path in EVERY_MODULE if path.stem != "__init__")
    assert {name: count for name, count in modules.items() if count > MOST_MODULES} == {}


def test_modules_are_of_moderate_length():
    lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in EVERY_MODULE]
    assert 60 <= median(lines) <= 130


def test_no_module_imports_itself_by_way_of_others():
    graph = grimp.build_graph("bookshop", cache_dir=None, exclude_type_checking_imports=True)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert list(TopologicalSorter(imports).static_order())  # a cycle raises CycleError


# --- money


def floats(node, inside=()) -> Iterator[tuple[int, tuple]]:
    """Where the source makes or names a float: its line, and the names around it."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            inside = (*inside, name)
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            inside = (*inside, name)
        case ast.Constant(value=float()) | ast.Name(id="float") | ast.BinOp(op=ast.Div()):
            yield node.lineno, inside
    for child in ast.iter_child_nodes(node):
        yield from floats(child, inside)


def joins_paths(path, line):
    """True if the slash is one of pathlib's: what follows it is text or a file's name."""
    text = path.read_text(encoding="utf-8").splitlines()[line - 1]
    return re.search(r'/ (f?"|ini\b|(feed\.)?name\b)', text) is not None


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_float_comes_near_money(path):
    allowed = NO_MONEY.get(name_of(path), set())
    found = [
        (line, ".".join(inside))
        for line, inside in floats(tree(path))
        if not allowed & set(inside) and not joins_paths(path, line)
    ]
    assert found == []


def scalings(node) -> Iterator[int]:
    """Lines that multiply or divide by a power of ten, as converting money by hand does."""
    for found in ast.walk(node):
        match found:
            case ast.BinOp(
                op=ast.Mult() | ast.Div() | ast.FloorDiv() | ast.Mod(), left=left, right=right
            ) if any(
                isinstance(side, ast.Constant) and side.value in {10, 100, 1000, 0.1, 0.01, 0.001}
                for side in (left, right)
            ):
                yield found.lineno
            case ast.BinOp(op=ast.Pow(), left=ast.Constant(value=10)):
                yield found.lineno


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_code_moves_the_decimal_point(path):
    assert list(scalings(tree(path))) == []


@pytest.mark.parametrize(
    "source", ["float(x)", "price = 0.5", "x / y", "def f(x: float): pass", "round(a / b)"]
)
def test_floats_are_found(source):
    assert list(floats(ast.parse(source)))


@pytest.mark.parametrize("source", ["int(p * 100)", "a / 100", "a // 1000", "a % 100", "a * 10**2"])
def test_scalings_are_found(source):
    assert list(scalings(ast.parse(source)))


# --- days


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_code_takes_a_calendar_day_from_utc(path):
    """The day of a time is that of the shop: `clock.local_day` takes its zone."""
    found = [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (node.func.attr == "today" or (node.func.attr == "date" and not node.args))
    ]
    assert found == [] or name_of(path) == "clock.py"


# --- views


def views(path):
    """The decorators of a module that register views, by line."""
    for node in ast.walk(tree(path)):
        for decorator in getattr(node, "decorator_list", ()):
            if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "").endswith(
                "view_config"
            ):
                yield decorator


def test_every_view_names_its_context():
    registered, without = [], []
    for path in MODULES:
        for decorator in views(path):
            registered.append(decorator)
            names = {keyword.arg for keyword in decorator.keywords}
            exception = decorator.func.id != "view_config"
            if not exception and "context" not in names:
                without.append(f"{name_of(path)}:{decorator.lineno}")
    assert len(registered) > 8
    assert without == []


def test_only_views_without_forms_skip_the_csrf_check():
    free = {
        name_of(path)
        for path in MODULES
        for decorator in views(path)
        for keyword in decorator.keywords
        if keyword.arg == "require_csrf"
    }
    assert free == {"webhooks/views.py", "web/csp_reports.py"}


# --- templates


class Inline(HTMLParser):
    """Collects what a strict Content-Security-Policy would not run, or what is not ours."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        runs = tag == "script" and values.get("type") != "application/ld+json"
        if tag == "style" or (runs and "src" not in values):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.found.append(f"{tag} {name}")
            if (
                (value or "")
                .strip()
                .lower()
                .startswith(("javascript:", "http://", "https://", "//"))
            ):
                self.found.append(f"{tag} {name}={value}")


def inline(source):
    # Tags of the template language occur where HTML does not expect them, as among attributes.
    plain = re.sub(r"\{%.*?%\}|\{#.*?#\}", "", source, flags=re.DOTALL)
    parser = Inline()
    parser.feed(re.sub(r"\{\{.*?\}\}", "value", plain, flags=re.DOTALL))
    parser.close()
    return parser.found


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_pages_have_no_inline_script_or_style_and_nothing_from_elsewhere(path):
    found = inline(path.read_text(encoding="utf-8"))
    if path.parent.name == "mail":
        # Those are no pages: mail programs know no other styles.
        found = [what for what in found if not what.endswith(" style")]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "<script>go()</script>",
        '<script type="module">go()</script>',
        "<style>a{}</style>",
        '<p style="color: red">',
        '<a {% if x %}onclick="go()"{% endif %}>',
        "<a href='javascript:go()'>",
        '<img src="https://elsewhere.example/x.png">',
        '<script src="//elsewhere.example/x.js"></script>',
    ],
)
def test_inline_script_and_style_are_found(source):
    assert inline(source)


@pytest.fixture(scope="module")
def environment():
    """The template language, as the shop sets it up."""
    found = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        loader=FileSystemLoader([PACKAGE / "templates", PACKAGE / "sandbox" / "templates"]),
    )
    known = {"day", "local_day", "money", "moment", "json"}
    found.filters.update(dict.fromkeys(known, str))
    return found


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_every_template_compiles(environment, path):
    environment.compile(path.read_text(encoding="utf-8"), name=name_of(path))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_every_template_finds_what_it_builds_on(environment, path):
    folder = next(folder for folder in path.parents if folder.name == "templates")
    parsed = environment.parse(path.read_text(encoding="utf-8"))
    for node in parsed.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        assert isinstance(node.template, nodes.Const)
        # A theme's template may build on the shop's of the same name.
        own, spec, name = node.template.value.rpartition("bookshop:templates/")
        assert not own
        assert ((PACKAGE / "templates" if spec else folder) / name).is_file()


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_templates_mark_nothing_as_safe(environment, path):
    parsed = environment.parse(path.read_text(encoding="utf-8"))
    assert not [node for node in parsed.find_all(nodes.Filter) if node.name == "safe"]
    assert not list(parsed.find_all((nodes.MarkSafe, nodes.ScopedEvalContextModifier)))
