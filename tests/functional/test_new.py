"""`bookshop new`: the shop of each combination of answers is complete, valid and starts."""

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

import find_proxies
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
from bookshop.settings.timezones import usual_timezone
from bookshop.starter import TEMPLATE
from tests.waiting import until

BIN = Path(sys.executable).parent
NAME = "Otter & Ink: 100 % \N{LATIN SMALL LETTER E WITH ACUTE}"
LOCALES = [("en_GB", "GBP"), ("ja_JP", "JPY"), ("de_DE", "EUR"), ("ar_KW", "KWD")]
CHOICES = [
    {"database": database, "mail": mail, "locale": locale, "currency": currency}
    for (database, mail), (locale, currency) in zip(
        product(["sqlite", "postgresql"], ["none", "smtp.otter.example"]), LOCALES, strict=True
    )
]
KEYS = {"stripe_secret_key": "sk_live_otter", "stripe_webhook_secrets": "whsec_otter"}
TIMEOUT = 60  # seconds


def new(*words):
    return CliRunner().invoke(main, ["new", *map(str, words)])


def command(shop, *words, ini="development.ini"):
    return CliRunner().invoke(main, ["--config", str(shop / ini), *words])


@pytest.fixture(scope="module")
def bake(tmp_path_factory):
    """Create a shop of a choice once, in a folder with a space in its name. Tests only read it."""
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
def created(request, bake):
    """The folder of a shop of each choice, and the choice."""
    return bake(request.param), request.param


@pytest.fixture
def default_shop(tmp_path):
    """A shop with default answers, which the test may change."""
    assert new(tmp_path / "shop", "--no-input").exit_code == 0
    return tmp_path / "shop"


@pytest.fixture
def closing(monkeypatch):
    """Close what commands open after the test."""
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
    """Give the shop and its sandbox free ports; return the shop's address."""
    ini = shop / "development.ini"
    port, sandbox = free_port(), free_port()
    text = ini.read_text(encoding="utf-8").replace("6543", str(port))
    text = text.replace("[server:main]", f"sandbox.listen = localhost:{sandbox}\n\n[server:main]")
    ini.write_text(text, encoding="utf-8")
    return f"http://localhost:{port}"


def environment():
    """Return the environment without settings of the machine's own shop."""
    ours = ("STRIPE_", "BOOKSHOP_", "DATABASE_URL", "CREDENTIALS_DIRECTORY")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


# --- files


def test_no_placeholder_is_left(created):
    shop, _choice = created
    for file in shop.rglob("*"):
        if file.is_file() and "theme/templates" not in file.as_posix():
            text = file.read_text(encoding="utf-8")
            assert "cookiecutter" not in text, file
            assert not re.search(r"\{[{%#]", text), file
            assert text.endswith("\n") or file.parent.name == "secrets", file


def test_secrets_are_random_and_private(created, default_shop):
    shop, _choice = created
    for name in ("bookshop_secret", "metrics_token"):
        secret, other = ((each / "secrets" / name).read_text() for each in (shop, default_shop))
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


def test_git_ignores_secrets_and_files_that_the_shop_writes(default_shop):
    (default_shop / "var").mkdir()
    (default_shop / "var" / "bookshop.sqlite").write_text("")
    git = ["git", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet"], cwd=default_shop, check=True)
    found = subprocess.run(
        [*git, "ls-files", "--others", "--exclude-standard"],
        cwd=default_shop,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert {"development.ini", "production.ini", ".gitignore", "theme/static/logo.svg"} <= {*found}
    assert not any(name.startswith(("secrets", "var")) for name in found)


def test_development_settings_are_complete(created):
    shop, choice = created
    found = settings.read(with_sandbox(ShopContext(shop / "development.ini").section))
    assert found.shop.name == NAME
    assert (found.shop.locale, found.shop.currency) == (choice["locale"], choice["currency"])
    assert found.shop.timezone.key == usual_timezone(choice["locale"][-2:])
    assert found.shop.environment == "development"
    assert found.shop.theme == shop / "theme"
    assert found.shop.secret.reveal() == (shop / "secrets" / "bookshop_secret").read_text().strip()
    assert found.database.database == str(shop / "var" / "bookshop.sqlite")


def with_sandbox(section):
    """Return the settings as the sandbox changes them."""
    assert section["pyramid.includes"] == "bookshop.sandbox"
    return {**section, "stripe.api_base": "http://localhost:6544"}


def test_production_settings_lack_only_stripes_keys(created, monkeypatch):
    shop, choice = created
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    ini = shop / "production.ini"
    with pytest.raises(settings.SettingsError) as caught:
        settings.read(ShopContext(ini).section)
    assert {problem.key for problem in caught.value.problems} == {
        "stripe.secret_key",
        "stripe.publishable_key",
        "stripe.webhook_secrets",
    }
    found = settings.read({**with_keys(shop), "stripe.publishable_key": "pk_live_otter"})
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


def with_keys(shop):
    """Return the production settings, with the secrets in a folder as systemd passes them."""
    folder = shop.parent / "credentials"
    folder.mkdir(exist_ok=True)
    for file in (shop / "secrets").iterdir():
        (folder / file.name).write_text(KEYS.get(file.name, file.read_text()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENTIALS_DIRECTORY", str(folder))
        return ShopContext(shop / "production.ini").section


@pytest.mark.parametrize("ini", ["development.ini", "production.ini"])
def test_no_setting_is_repeated_and_logging_is_complete(created, ini):
    shop, _choice = created
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


def test_the_theme_has_valid_templates_and_images(created):
    shop, _choice = created
    for file in (shop / "theme" / "templates").rglob("*.jinja2"):
        Environment(autoescape=True).parse(file.read_text(encoding="utf-8"))
    for file in (shop / "theme" / "static").glob("*.svg"):
        assert etree.parse(file).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    style = (shop / "theme" / "static" / "theme.css").read_text(encoding="utf-8")
    assert "--accent: light-dark(" in style
    assert style.count("{") == style.count("}")


def test_other_files_are_valid_for_their_programs(created):
    shop, choice = created
    with (shop / "catalogue.csv").open(encoding="utf-8", newline="") as sheet:
        rows = list(csv.reader(sheet))
    assert len({len(row) for row in rows}) == 1
    assert rows[0][0] == "sku"
    ast.parse((shop / "test_shop.py").read_text(encoding="utf-8"))
    lines = (shop / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = {each.name: each for each in map(Requirement, filter(_is_content, lines))}
    assert {"bookshop", "WebTest", "pytest"} == set(wanted)
    assert wanted["bookshop"].extras == {"postgresql"} - {_other(choice["database"])}
    cron = (shop / "deploy" / "cron").read_text(encoding="utf-8").splitlines()
    jobs = [line.split(maxsplit=6) for line in filter(_is_content, cron) if "=" not in line[:8]]
    for *when, user, _command in jobs:
        assert all(re.fullmatch(r"[\d*/,-]+", each) for each in when)
        assert (len(when), user) == (5, "bookshop")
    assert ["reconcile" in jobs[0][-1], "backup" in jobs[1][-1]] == [True, True]
    steps = (shop / "Containerfile").read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    steps = [step for step in steps if _is_content(step)]
    assert steps[0].startswith("FROM ")
    known = "FROM WORKDIR COPY RUN ENV USER VOLUME EXPOSE STOPSIGNAL CMD"
    assert {step.split()[0] for step in steps} <= set(known.split())
    assert json.loads(steps[-1].removeprefix("CMD "))[:2] == ["pserve", "production.ini"]
    caddy = (shop / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    assert re.search(r"^otter\.example \{$", caddy, re.MULTILINE)
    assert caddy.count("{") == caddy.count("}")


def test_a_container_gets_the_wheel_that_requirements_name(default_shop):
    steps = (default_shop / "Containerfile").read_text(encoding="utf-8").splitlines()
    install = next(number for number, step in enumerate(steps) if "pip install" in step)
    copied = [step.split()[1:-1] for step in steps[:install] if step.startswith("COPY ")]
    assert ["requirements.txt", "*.whl"] in copied
    ignored = (default_shop / ".dockerignore").read_text(encoding="utf-8").split()
    assert {"secrets", "var"} <= set(ignored)
    assert not any(pattern.endswith("whl") for pattern in ignored)


def _is_content(line):
    return line.strip() and not line.lstrip().startswith("#")


def _other(database):
    return "postgresql" if database == "sqlite" else ""


def test_the_readme_names_existing_files_and_commands(created):
    shop, _choice = created
    text = (shop / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"`([\w./]+/[\w./]*|\w+\.(?:ini|csv|txt))`", text):
        if not name.startswith("var/"):
            assert (shop / name).exists(), name
    named = re.findall(r"\.ini (?:--\S+ )*([a-z]+)\b|\$as ([a-z]+)", text)
    for words in named:
        assert "".join(words) in main.commands, words
    assert len(text.splitlines()) < 60


# --- deployment


def test_systemd_accepts_the_units(created, tmp_path):
    shop, _choice = created
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
        # The verifier requires that the programs exist.
        text = re.sub(r"/srv/[\w-]+", str(tmp_path), text)
        units[-1].write_text(re.sub(r"/usr/bin/\w+", "/bin/true", text), encoding="utf-8")
    if verifier := shutil.which("systemd-analyze"):
        verified = subprocess.run(
            [verifier, "verify", *units], capture_output=True, text=True, check=False, timeout=60
        )
        assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.detail
def test_nginx_accepts_its_example(created, tmp_path):
    shop, _choice = created
    certificate = trustme.CA().issue_cert("otter.example")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    text = (shop / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    assert text.count("server_name otter.example;") == 2
    text = re.sub(r"/etc/letsencrypt/live/otter\.example/\w+\.pem", f"{tmp_path}/both.pem", text)
    # nginx opens the ports: 80 needs root, and not every machine has IPv6.
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
    nginx = find_proxies.find("nginx")
    verified = subprocess.run(
        [nginx, "-tq", "-e", "log", "-p", tmp_path, "-c", tmp_path / "nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


# --- running it


@pytest.mark.parametrize("name", ["The Reading Room", "the-reading-room", "the_reading room"])
def test_the_folder_proposes_the_shops_name(tmp_path, name):
    assert new(tmp_path / name, "--no-input").exit_code == 0
    for ini in ("development.ini", "production.ini"):
        text = (tmp_path / name / ini).read_text(encoding="utf-8")
        assert "\nbookshop.name = The Reading Room\n" in text


@pytest.mark.usefixtures("closing")
def test_check_before_the_first_start_only_says_to_start_the_shop(default_shop):
    checked = command(default_shop, "check", "--json")
    findings = json.loads(checked.stdout)["findings"]
    assert [each["code"] for each in findings] == ["not_started"]
    assert "migrate" not in checked.output
    assert not (default_shop / "var").exists()


@pytest.mark.usefixtures("closing")
def test_placeholders_of_a_new_shop_are_found_before_they_go_live(default_shop):
    ini = default_shop / "production.ini"
    text = ini.read_text(encoding="utf-8")
    ini.write_text(text.replace("publishable_key =", "publishable_key = pk_live_otter"))
    for name, value in KEYS.items():
        (default_shop / "secrets" / name).write_text(value)
    assert command(default_shop, "migrate", ini="production.ini").exit_code == 0
    sheet = default_shop / "catalogue.csv"
    assert command(default_shop, "import", str(sheet), ini="production.ini").exit_code == 0

    def found():
        checked = command(default_shop, "check", "--offline", "--json", ini="production.ini")
        return sorted(
            (each["code"], each["key"]) for each in json.loads(checked.stdout)["findings"]
        )

    assert found() == [
        ("example_books", "sqlalchemy.url"),
        *[("example_template", "bookshop.theme")] * 3,
        ("placeholder", "bookshop.email"),
        ("placeholder", "bookshop.url"),
    ]
    text = ini.read_text(encoding="utf-8")
    ini.write_text(text.replace("books.example.com", "otter-and-ink.co.uk"), encoding="utf-8")
    for template in (default_shop / "theme" / "templates").rglob("*.jinja2"):
        template.write_text(f"{template.read_text()}\n")
    sheet.write_text("sku,title,price,format\nFIRST-1,Our own first book,9,paperback\n")
    database = default_shop / "var" / "bookshop.sqlite"
    database.unlink()
    assert command(default_shop, "migrate", ini="production.ini").exit_code == 0
    assert command(default_shop, "import", str(sheet), ini="production.ini").exit_code == 0
    assert found() == []


@pytest.mark.usefixtures("closing")
def test_check_has_no_findings_and_the_catalogue_is_importable(created, tmp_path):
    shop = tmp_path / "a copy"
    shutil.copytree(created[0], shop)
    move_ports(shop)
    assert command(shop, "migrate").exit_code == 0
    report = json.loads(command(shop, "import", str(shop / "catalogue.csv"), "--json").stdout)
    assert (report["new"], report["refused"]) == (4, 0)
    checked = command(shop, "check", "--offline", "--json")
    assert json.loads(checked.stdout) == {"findings": []}
    assert checked.exit_code == 0


@pytest.fixture
def pserve():
    """Start a shop, wait until its address responds, and return the page."""
    servers = []

    def start(shop, ini, url):
        log = shop / "pserve.log"
        with log.open("w") as output:
            server = subprocess.Popen(
                [BIN / "pserve", ini],
                cwd=shop,
                env=environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        servers.append(server)
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return urllib.request.urlopen(url, timeout=60).read().decode()
            except OSError:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)

    yield start
    for server in servers:
        server.terminate()
    assert [server.wait(TIMEOUT) for server in servers] == [0] * len(servers)


def theme_text(shop, template):
    """Return a sentence that only the theme's own template has."""
    text = (shop / "theme" / "templates" / f"{template}.jinja2").read_text(encoding="utf-8")
    return re.search(r"<p[^>]*>([^<{]+)</p>", text)[1]


@pytest.mark.parametrize(
    "answers",
    [
        {},
        pytest.param(
            {"database": "postgresql", "mail": "localhost", "currency": "JPY"},
            marks=pytest.mark.detail,
        ),
    ],
)
def test_the_new_shop_starts_with_its_theme_and_books(tmp_path, pserve, answers):
    shop = tmp_path / "my shop"
    words = [f"{name}={value}" for name, value in {"name": NAME, **answers}.items()]
    assert new(shop, "--no-input", *words).exit_code == 0
    url = move_ports(shop)
    page = pserve(shop, "development.ini", url)
    assert f">{html.escape(NAME)}</h1>" in page
    assert len(re.findall(r"/checkout\?item=FIRST-\d", page)) == 4
    assert "/checkout?item=9" not in page
    assert "/static/logo." in page
    for template in ("layout", "catalogue/index"):
        assert theme_text(shop, template) in page
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{url}/nothing", timeout=60)
    assert theme_text(shop, "errors/404") in missing.value.read().decode()
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
    """Return the complete JSON lines of a log."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}\n")]


@pytest.mark.detail
@pytest.mark.usefixtures("closing")
def test_with_keys_the_new_shop_starts_in_production(default_shop, pserve):
    for name, key in KEYS.items():
        (default_shop / "secrets" / name).write_text(f"{key}\n")
    ini = default_shop / "production.ini"
    port = free_port()
    text = ini.read_text(encoding="utf-8").replace("127.0.0.1:6543", f"127.0.0.1:{port}")
    text = text.replace("publishable_key =", "publishable_key = pk_live_otter")
    ini.write_text(text, encoding="utf-8")
    for words in (["migrate"], ["import", str(default_shop / "catalogue.csv")]):
        result = command(default_shop, *words, ini=ini.name)
        assert result.exit_code == 0, result.output
    assert "FIRST-1" in pserve(default_shop, ini.name, f"http://127.0.0.1:{port}/")
    until(lambda: any(line.get("path") == "/" for line in logged(default_shop / "pserve.log")))
    assert (default_shop / "var" / "bookshop.sqlite").exists()


@pytest.mark.detail
def test_tests_of_the_new_shop_pass(default_shop):
    move_ports(default_shop)
    ended = subprocess.run(
        [BIN / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=default_shop,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "1 passed" in ended.stdout
    assert ended.returncode == 0


# --- invalid answers, and prompts


def test_a_folder_with_files_is_not_changed(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = new(tmp_path, "--no-input")
    assert result.exit_code == 2
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert new(".", "--no-input").exit_code == 0
    assert (tmp_path / "development.ini").exists()


def test_answers_that_the_settings_refuse_create_no_shop(tmp_path):
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
    assert set(re.findall(r"^ +(\w+): ", ended.stderr, re.MULTILINE)) == {"url", "currency"}
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("database=mysql", "'sqlite', 'postgresql'"),
        ("colour=red", "name, url, email, locale, timezone, currency, database, mail"),
        ("name", "KEY=VALUE"),
        ("name={{ nothing }}", "name"),
        ("name={% if", "name"),
    ],
)
def test_an_unusable_answer_is_wrong_usage(tmp_path, answer, message):
    result = new(tmp_path / "shop", "--no-input", answer)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "shop").exists()


CODE = "{{ cycler.__init__.__globals__.os.popen('touch ran') }}"


@pytest.mark.parametrize("words", [[f"name={CODE}"], [f"mail={CODE}"], []])
def test_answers_are_never_run_as_code(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    # Without an answer, the folder's own name is one.
    result = new("shop" if words else CODE.replace("/", ""), "--no-input", *words)
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_created_is_wrong_usage(tmp_path):
    (tmp_path / "file").write_text("")
    result = new(tmp_path / "file" / "shop", "--no-input")
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)


def test_missing_answers_are_prompted_for(tmp_path):
    answers = "The Asked Shop\nhttps://asked.example\n\nde_DE\n\nEUR\n2\n\n"
    result = CliRunner().invoke(main, ["new", str(tmp_path / "shop")], input=answers)
    assert result.exit_code == 0, result.output
    text = (tmp_path / "shop" / "production.ini").read_text(encoding="utf-8")
    assert "bookshop.name = The Asked Shop\n" in text
    assert "bookshop.email = hello@asked.example\n" in text
    assert "bookshop.timezone = Europe/Berlin\n" in text  # of the locale's country
    assert "bookshop.currency = EUR\n" in text
    assert "postgresql+psycopg://" in text


@pytest.mark.detail
def test_cookiecutter_creates_the_same_shop(tmp_path):
    installed = tmp_path / "installed"
    shutil.copytree(TEMPLATE, installed)
    compiled = installed / "{{ cookiecutter.__directory }}" / "__pycache__"
    compiled.mkdir(exist_ok=True)  # as installing a package does
    (compiled / "test_shop.cpython-311.pyc").write_bytes(b"\xa7\r\r\n\0")
    ended = subprocess.run(
        [BIN / "cookiecutter", "--no-input", installed, "name=The Other Shop"],
        cwd=tmp_path,
        env={**environment(), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    shop = tmp_path / "the-other-shop"
    assert ShopContext(shop / "development.ini").section["bookshop.name"] == "The Other Shop"
    assert stat.S_IMODE((shop / "secrets" / "bookshop_secret").stat().st_mode) == 0o600
    assert new(tmp_path / "ours", "--no-input", "name=The Other Shop").exit_code == 0
    files = [
        {file.relative_to(each).as_posix() for file in each.rglob("*")}
        for each in (shop, tmp_path / "ours")
    ]
    assert files[0] == files[1]


def test_the_printed_command_is_quoted_for_a_shell(tmp_path):
    result = new(tmp_path / "my shop", "--no-input")
    words = shlex.split(result.output.splitlines()[-1])
    assert words == ["cd", str(tmp_path / "my shop"), "&&", "pserve", "development.ini"]
