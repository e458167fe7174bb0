"""`bookshop new`: every shop that can be made of its answers, from its files to its index."""

import ast
import configparser
import csv
import html
import json
import os
import re
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from itertools import product
from pathlib import Path

import find_nginx
import pytest
import trustme
from click.testing import CliRunner
from jinja2 import Environment
from lxml import etree
from packaging.requirements import Requirement

import bookshop
from bookshop import settings
from bookshop.cli import main
from bookshop.cli.shop import ShopContext
from bookshop.sandbox.options import Options
from bookshop.sandbox.server import SandboxServer
from bookshop.starter import TEMPLATE
from tests.waiting import until

BIN = Path(sys.executable).parent
NAME = "Otter & Ink: 100 % \N{LATIN SMALL LETTER E WITH ACUTE}"
PLACES = [("en_GB", "GBP"), ("ja_JP", "JPY"), ("de_DE", "EUR"), ("ar_KW", "KWD")]
CHOICES = [
    {"database": database, "mail": mail, "locale": locale, "currency": currency}
    for (database, mail), (locale, currency) in zip(
        product(["sqlite", "postgresql"], ["none", "smtp.otter.example"]), PLACES, strict=True
    )
]
KEYS = {"stripe_secret_key": "sk_live_otter", "stripe_webhook_secrets": "whsec_otter"}
TIMEOUT = 30  # seconds


def new(*words):
    return CliRunner().invoke(main, ["new", *map(str, words)])


def command(shop, *words, ini="development.ini"):
    return CliRunner().invoke(main, ["--config", str(shop / ini), *words])


@pytest.fixture(scope="module")
def bake(tmp_path_factory):
    """Makes the shop of a choice once, in a folder with a blank in its path; tests only read it."""
    baked = {}

    def bake(choice):
        key = tuple(choice.values())
        if key not in baked:
            baked[key] = tmp_path_factory.mktemp("new") / "my shop"
            answers = {"name": NAME, "url": "https://otter.example", **choice}
            words = [f"{name}={value}" for name, value in answers.items()]
            result = new(baked[key], "--no-input", *words)
            assert result.exit_code == 0, result.output
        return baked[key]

    return bake


@pytest.fixture(params=CHOICES, ids=lambda choice: "-".join(choice.values()))
def made(request, bake):
    """A shop of each choice; and the choice."""
    return bake(request.param), request.param


@pytest.fixture
def quick(tmp_path):
    """A shop of the defaults, to change."""
    assert new(tmp_path / "shop", "--no-input").exit_code == 0
    return tmp_path / "shop"


@pytest.fixture
def closing(monkeypatch):
    """What commands put together is taken apart after the test."""
    configs = []

    def configured(section):
        configs.append(bookshop.configure(section))
        return configs[-1]

    monkeypatch.setattr("bookshop.cli.shop.configure", configured)
    yield
    for config in configs:
        config.registry.services.payments.close()
        config.registry.services.engine.dispose()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def move_ports(shop):
    """The shop's address, with ports that nobody else has, for it and its sandbox."""
    ini = shop / "development.ini"
    port, sandbox = free_port(), free_port()
    text = ini.read_text(encoding="utf-8").replace("6543", str(port))
    text = text.replace("[server:main]", f"sandbox.listen = localhost:{sandbox}\n\n[server:main]")
    ini.write_text(text, encoding="utf-8")
    return f"http://localhost:{port}"


def environment():
    """No setting of whoever runs the tests gets into the shop."""
    ours = ("STRIPE_", "BOOKSHOP_", "DATABASE_URL", "CREDENTIALS_DIRECTORY")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


# --- what is in the folder


def test_every_file_is_filled_in(made):
    shop, _choice = made
    for file in shop.rglob("*"):
        if file.is_file() and "theme/templates" not in file.as_posix():
            text = file.read_text(encoding="utf-8")
            assert "cookiecutter" not in text, file
            assert not re.search(r"\{[{%#]", text), file
            assert text.endswith("\n") or file.parent.name == "secrets", file


def test_secrets_are_fresh_and_their_owners_alone(made, quick):
    shop, _choice = made
    for name in ("bookshop_secret", "metrics_token"):
        secret, other = ((each / "secrets" / name).read_text() for each in (shop, quick))
        assert re.fullmatch(r"[0-9a-f]{64}\n", secret)
        assert secret != other
    assert stat.S_IMODE((shop / "secrets").stat().st_mode) == 0o700
    for file in (shop / "secrets").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not any(
        (shop / "secrets" / "bookshop_secret").read_text().strip() in file.read_text()
        for file in shop.rglob("*")
        if file.is_file() and file.parent.name != "secrets"
    )


def test_git_ignores_secrets_and_what_the_shop_makes(quick):
    (quick / "var").mkdir()
    (quick / "var" / "bookshop.sqlite").write_text("")
    git = ["git", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet"], cwd=quick, check=True)
    found = subprocess.run(
        [*git, "ls-files", "--others", "--exclude-standard"],
        cwd=quick,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert {"development.ini", "production.ini", ".gitignore", "theme/static/logo.svg"} <= {*found}
    assert not any(name.startswith(("secrets", "var")) for name in found)


def test_development_is_ready_as_it_is(made):
    shop, choice = made
    found = settings.read(with_sandbox(ShopContext(shop / "development.ini").section))
    assert found.shop.name == NAME
    assert (found.shop.locale, found.shop.currency) == (choice["locale"], choice["currency"])
    assert found.shop.environment == "development"
    assert found.shop.theme == shop / "theme"
    assert found.shop.secret.reveal() == (shop / "secrets" / "bookshop_secret").read_text().strip()
    assert found.database.database == str(shop / "var" / "bookshop.sqlite")


def with_sandbox(section):
    """A section as the sandbox changes it, without one."""
    assert section["pyramid.includes"] == "bookshop.sandbox"
    return {**section, "stripe.api_base": "http://localhost:6544"}


def test_production_needs_the_keys_of_stripe_and_nothing_else(made, monkeypatch):
    shop, choice = made
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    ini = shop / "production.ini"
    with pytest.raises(settings.SettingsError) as caught:
        settings.read(ShopContext(ini).section)
    assert {(problem.key, problem.problem) for problem in caught.value.problems} == {
        ("stripe.secret_key", "is missing"),
        ("stripe.publishable_key", "is missing"),
        ("stripe.webhook_secrets", "is missing"),
    }
    found = settings.read({**filled_in(shop), "stripe.publishable_key": "pk_live_otter"})
    assert found.shop.name == NAME
    assert found.shop.url == "https://otter.example"
    assert found.stripe.livemode
    assert found.metrics.token is not None
    assert found.database.get_backend_name() == choice["database"]
    assert found.limits.storage == "database"
    if choice["mail"] == "none":
        assert found.mail.folder == shop / "var" / "mail"
    else:
        assert (found.mail.host, found.mail.security) == (choice["mail"], "starttls")


def filled_in(shop):
    """The section of production, with the secrets where systemd would put them."""
    folder = shop.parent / "credentials"
    folder.mkdir(exist_ok=True)
    for file in (shop / "secrets").iterdir():
        (folder / file.name).write_text(KEYS.get(file.name, file.read_text()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENTIALS_DIRECTORY", str(folder))
        return ShopContext(shop / "production.ini").section


@pytest.mark.parametrize("ini", ["development.ini", "production.ini"])
def test_settings_are_said_once_and_logging_is_whole(made, ini):
    shop, _choice = made
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.read(shop / ini, encoding="utf-8")
    assert parser["app:main"]["use"] == parser["server:main"]["use"] == "egg:bookshop"
    for kind, prefix in (
        ("loggers", "logger"),
        ("handlers", "handler"),
        ("formatters", "formatter"),
    ):
        for name in parser[kind]["keys"].split(","):
            assert parser.has_section(f"{prefix}_{name.strip()}")
    sections = [name for name in parser.sections() if name.startswith("server:")]
    assert len({parser[name]["listen"] for name in sections}) == len(sections)


def test_the_theme_is_made_of_templates_and_pictures_that_can_be_read(made):
    shop, _choice = made
    for file in (shop / "theme" / "templates").rglob("*.jinja2"):
        Environment(autoescape=True).parse(file.read_text(encoding="utf-8"))
    for file in (shop / "theme" / "static").glob("*.svg"):
        assert etree.parse(file).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    style = (shop / "theme" / "static" / "theme.css").read_text(encoding="utf-8")
    assert "--accent: light-dark(" in style
    assert style.count("{") == style.count("}")


def test_the_rest_can_be_read_by_those_whom_it_is_for(made):
    shop, choice = made
    with (shop / "catalogue.csv").open(encoding="utf-8", newline="") as sheet:
        rows = list(csv.reader(sheet))
    assert len({len(row) for row in rows}) == 1
    assert rows[0][0] == "sku"
    ast.parse((shop / "test_shop.py").read_text(encoding="utf-8"))
    lines = (shop / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = {each.name: each for each in map(Requirement, filter(_says_something, lines))}
    assert {"bookshop", "WebTest", "pytest"} == set(wanted)
    assert wanted["bookshop"].extras == {"postgresql"} - {_other(choice["database"])}
    cron = (shop / "deploy" / "cron").read_text(encoding="utf-8").splitlines()
    jobs = [line.split(maxsplit=6) for line in filter(_says_something, cron) if "=" not in line[:8]]
    for *when, user, _command in jobs:
        assert all(re.fullmatch(r"[\d*/,-]+", each) for each in when)
        assert (len(when), user) == (5, "bookshop")
    assert ["reconcile" in jobs[0][-1], "backup" in jobs[1][-1]] == [True, True]
    steps = (shop / "Containerfile").read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    steps = [step for step in steps if _says_something(step)]
    assert steps[0].startswith("FROM ")
    known = "FROM WORKDIR COPY RUN ENV USER VOLUME EXPOSE STOPSIGNAL CMD"
    assert {step.split()[0] for step in steps} <= set(known.split())
    assert json.loads(steps[-1].removeprefix("CMD "))[:2] == ["pserve", "production.ini"]
    caddy = (shop / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    assert re.search(r"^otter\.example \{$", caddy, re.MULTILINE)
    assert caddy.count("{") == caddy.count("}")


def _says_something(line):
    return line.strip() and not line.lstrip().startswith("#")


def _other(database):
    return "postgresql" if database == "sqlite" else ""


def test_the_readme_names_files_and_commands_that_are_there(made):
    shop, _choice = made
    text = (shop / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"`([\w./]+/[\w./]*|\w+\.(?:ini|csv|txt))`", text):
        if not name.startswith("var/"):
            assert (shop / name).exists(), name
    named = re.findall(r"\.ini (?:--\S+ )*([a-z]+)\b|\$as ([a-z]+)", text)
    for words in named:
        assert "".join(words) in main.commands, words
    assert len(text.splitlines()) < 60


# --- who serves it


def test_systemd_takes_the_units(made, tmp_path):
    shop, _choice = made
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for program in ("pserve", "bookshop"):
        (tmp_path / ".venv" / "bin" / program).symlink_to("/bin/true")
    units = []
    for file in sorted((shop / "deploy" / "systemd").iterdir()):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.optionxform = str
        text = file.read_text(encoding="utf-8")
        parser.read_string(text)
        assert "Unit" in parser
        if file.suffix == ".service":
            assert parser["Service"]["ProtectSystem"] == "strict"
            assert parser["Service"]["NoNewPrivileges"] == "yes"
            assert re.findall(r"LoadCredential=(\w+):", text) == sorted(
                (secret.name for secret in (shop / "secrets").iterdir()),
                key=re.findall(r"LoadCredential=(\w+):", text).index,
            )
        else:
            assert parser["Install"]["WantedBy"] in {"timers.target", "sockets.target"}
        units.append(tmp_path / file.name)
        # The verifier looks for the programs.
        text = re.sub(r"/srv/[\w-]+", str(tmp_path), text)
        units[-1].write_text(re.sub(r"/usr/bin/\w+", "/bin/true", text), encoding="utf-8")
    if verifier := shutil.which("systemd-analyze"):
        said = subprocess.run(
            [verifier, "verify", *units], capture_output=True, text=True, check=False, timeout=60
        )
        assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.detail
def test_nginx_takes_its_example(made, tmp_path):
    shop, _choice = made
    certificate = trustme.CA().issue_cert("otter.example")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    text = (shop / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    assert text.count("server_name otter.example;") == 2
    text = re.sub(r"/etc/letsencrypt/live/otter\.example/\w+\.pem", f"{tmp_path}/both.pem", text)
    # nginx tries the ports: 80 is root's alone, and not every machine has IPv6.
    for port in ("80", "443"):
        text = re.sub(rf"listen {port}\b", f"listen 127.0.0.1:{free_port()}", text)
        text = re.sub(rf" *listen \[::\]:{port}\b.*;\n", "", text)
    kept = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid;\nerror_log {tmp_path}/log;\nevents {{}}\nhttp {{\naccess_log off;\n"
        + "".join(f"{name}_temp_path {tmp_path}/{name};\n" for name in kept)
        + text
        + "}\n",
        encoding="utf-8",
    )
    said = subprocess.run(
        [find_nginx.find(), "-tq", "-e", "log", "-p", tmp_path, "-c", tmp_path / "nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (said.returncode, said.stderr) == (0, "")


# --- whether it runs


@pytest.mark.usefixtures("closing")
def test_its_check_is_green_and_its_catalogue_can_be_imported(made, tmp_path):
    shop = tmp_path / "a copy"
    shutil.copytree(made[0], shop)
    move_ports(shop)
    assert command(shop, "migrate").exit_code == 0
    report = json.loads(command(shop, "import", str(shop / "catalogue.csv"), "--json").stdout)
    assert (report["new"], report["refused"]) == (4, 0)
    # The shop starts it too, and check asks Stripe.
    sandbox = SandboxServer(Options.from_settings(ShopContext(shop / "development.ini").section))
    sandbox.start()
    try:
        checked = command(shop, "check", "--json")
    finally:
        sandbox.stop()
    assert json.loads(checked.stdout) == {"findings": []}
    assert checked.exit_code == 0


@pytest.fixture
def pserve():
    """Starts a shop's INI, waits until it answers at that address, and gives its index."""
    servers = []

    def start(shop, ini, url):
        log = shop / "pserve.log"
        with log.open("w") as said:
            server = subprocess.Popen(
                [BIN / "pserve", ini],
                cwd=shop,
                env=environment(),
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        servers.append(server)
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return urllib.request.urlopen(url, timeout=5).read().decode()
            except OSError:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)

    yield start
    for server in servers:
        server.terminate()
    assert [server.wait(TIMEOUT) for server in servers] == [0] * len(servers)


@pytest.mark.parametrize(
    "answers", [{}, {"database": "postgresql", "mail": "localhost", "currency": "JPY"}]
)
def test_it_starts_and_sells_its_own_books_and_no_others(tmp_path, pserve, answers):
    shop = tmp_path / "my shop"
    words = [f"{name}={value}" for name, value in {"name": NAME, **answers}.items()]
    assert new(shop, "--no-input", *words).exit_code == 0
    url = move_ports(shop)
    page = pserve(shop, "development.ini", url)
    assert f"<h1>{html.escape(NAME)}</h1>" in page
    assert len(re.findall(r"/checkout\?item=FIRST-\d", page)) == 4
    assert "/checkout?item=9" not in page
    assert "/static/logo." in page
    assert "packs every book by hand" in page
    assert "every book on it is there for a reason" in page
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{url}/nothing", timeout=10)
    assert "There is nothing at this address" in missing.value.read().decode()
    checked = subprocess.run(
        [BIN / "bookshop", "check", "--json"],
        cwd=shop,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert json.loads(checked.stdout) == {"findings": []}
    assert checked.returncode == 0


def logged(file):
    """The whole lines of JSON in a log."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}\n")]


@pytest.mark.detail
@pytest.mark.usefixtures("closing")
def test_with_the_keys_filled_in_it_goes_live(quick, pserve):
    for name, key in KEYS.items():
        (quick / "secrets" / name).write_text(f"{key}\n")
    ini = quick / "production.ini"
    port = free_port()
    text = ini.read_text(encoding="utf-8").replace("127.0.0.1:6543", f"127.0.0.1:{port}")
    text = text.replace("publishable_key =", "publishable_key = pk_live_otter")
    ini.write_text(text, encoding="utf-8")
    for words in (["migrate"], ["import", str(quick / "catalogue.csv")]):
        result = command(quick, *words, ini=ini.name)
        assert result.exit_code == 0, result.output
    checked = command(quick, "check", "--offline", "--json", ini=ini.name)
    assert json.loads(checked.stdout) == {"findings": []}
    assert "FIRST-1" in pserve(quick, ini.name, f"http://127.0.0.1:{port}/")
    until(lambda: any(line.get("path") == "/" for line in logged(quick / "pserve.log")))
    assert (quick / "var" / "bookshop.sqlite").exists()


@pytest.mark.detail
def test_its_own_test_passes(quick):
    move_ports(quick)
    ended = subprocess.run(
        [BIN / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=quick,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "1 passed" in ended.stdout
    assert ended.returncode == 0


# --- what is refused, and asked


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = new(tmp_path, "--no-input")
    assert result.exit_code == 2
    assert "is not empty: a new shop needs a folder of its own" in result.output
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert new(".", "--no-input").exit_code == 0
    assert (tmp_path / "development.ini").exists()


def test_what_the_settings_would_refuse_is_refused_before_there_is_a_shop(tmp_path):
    ended = subprocess.run(
        [BIN / "bookshop", "new", "shop", "--no-input", "currency=XYZ", "url=otter.example"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "currency: 'XYZ' is not the ISO 4217 code of a currency" in ended.stderr
    assert "url: is not a web address" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("database=mysql", "the choices are ['sqlite', 'postgresql']"),
        ("colour=red", "the keys are name, url, email, locale, currency, database, mail"),
        ("name", "is no KEY=VALUE"),
        ("name={{ nothing }}", "Unable to render variable 'name'"),
        ("name={% if", "was not made"),
    ],
)
def test_an_answer_that_cannot_be_used_is_wrong_usage(tmp_path, answer, said):
    result = new(tmp_path / "shop", "--no-input", answer)
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "shop").exists()


def test_a_folder_that_cannot_be_made_is_wrong_usage(tmp_path):
    (tmp_path / "file").write_text("")
    result = new(tmp_path / "file" / "shop", "--no-input")
    assert result.exit_code == 2
    assert "was not made" in result.output


def test_it_asks_for_what_is_not_given(tmp_path):
    answers = "The Asked Shelf\nhttps://asked.example\n\nde_DE\nEUR\n2\n\n"
    result = CliRunner().invoke(main, ["new", str(tmp_path / "shop")], input=answers)
    assert result.exit_code == 0, result.output
    assert "The shop's name" in result.output
    text = (tmp_path / "shop" / "production.ini").read_text(encoding="utf-8")
    assert "bookshop.name = The Asked Shelf\n" in text
    assert "bookshop.email = hello@asked.example\n" in text
    assert "bookshop.currency = EUR\n" in text
    assert "postgresql+psycopg://" in text


@pytest.mark.detail
def test_cookiecutter_itself_makes_the_same_shop(tmp_path):
    installed = tmp_path / "installed"
    shutil.copytree(TEMPLATE, installed)
    compiled = installed / "{{ cookiecutter.__directory }}" / "__pycache__"
    compiled.mkdir(exist_ok=True)  # as installing a package does
    (compiled / "test_shop.cpython-311.pyc").write_bytes(b"\xa7\r\r\n\0")
    ended = subprocess.run(
        [BIN / "cookiecutter", "--no-input", installed, "name=The Other Shelf"],
        cwd=tmp_path,
        env={**environment(), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    shop = tmp_path / "the-other-shelf"
    assert ShopContext(shop / "development.ini").section["bookshop.name"] == "The Other Shelf"
    assert stat.S_IMODE((shop / "secrets" / "bookshop_secret").stat().st_mode) == 0o600
    assert new(tmp_path / "ours", "--no-input", "name=The Other Shelf").exit_code == 0
    files = [
        {file.relative_to(each).as_posix() for file in each.rglob("*")}
        for each in (shop, tmp_path / "ours")
    ]
    assert files[0] == files[1]


def test_the_way_on_is_told_so_that_a_shell_takes_it(tmp_path):
    result = new(tmp_path / "my shop", "--no-input")
    words = shlex.split(result.output.splitlines()[-1])
    assert words == ["cd", str(tmp_path / "my shop"), "&&", "pserve", "development.ini"]
