"""The INI as a whole: filled in, read, and refused with every reason at once."""

import dataclasses
import errno
import logging
import os
import traceback
from pathlib import Path

import plaster
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop import settings
from bookshop.settings import KEYS, SettingsError, expand, read

ROOT = Path(__file__).parents[3]
SECRETS = {
    "bookshop.secret": "5d0c7e1b9a8f4e3d2c1b0a9f8e7d6c5b",
    "stripe.secret_key": "sk_live_Secretive51",
    "stripe.webhook_secrets": "whsec_First, whsec_Second",
    "mail.password": "Passphrase25",
}
PRODUCTION = {
    **SECRETS,
    "bookshop.name": "The Corner Bookshop",
    "bookshop.url": "https://books.example.com",
    "bookshop.locale": "de_DE",
    "bookshop.currency": "EUR",
    "bookshop.email": "hello@books.example.com",
    "bookshop.var": "/var/lib/bookshop",
    "sqlalchemy.url": "postgresql+psycopg://bookshop:Passphrase@localhost/bookshop",
    "stripe.publishable_key": "pk_live_Public51",
    "mail.host": "smtp.example.com",
    "mail.username": "shop",
}
DEVELOPMENT = {
    **PRODUCTION,
    "bookshop.environment": "development",
    "bookshop.url": "http://localhost:6543",
    "stripe.secret_key": "sk_test_Secretive51",
    "stripe.publishable_key": "pk_test_Public51",
    "stripe.api_base": "http://localhost:6544",
    "stripe.js_url": "http://localhost:6544/endive/stripe.js",
}


def changed(base, **changes):
    """The section with some keys changed (`__` for the dot), those given as None left out."""
    section = dict(base)
    for name, value in changes.items():
        key = name.replace("__", ".", 1)
        if value is None:
            del section[key]
        else:
            section[key] = value
    return section


def problems(section):
    """What is wrong with it, by key."""
    with pytest.raises(SettingsError) as caught:
        read(section)
    found = {problem.key: problem for problem in caught.value.problems}
    assert len(found) == len(caught.value.problems), "a key is reported twice"
    return found


def the_problem(section, key):
    """The one thing that is wrong with it."""
    found = problems(section)
    assert list(found) == [key]
    return found[key]


def section_of(name):
    """The shop's section of one of our own INIs."""
    url = plaster.PlasterURL("file+ini", path=str(ROOT / name))
    return plaster.get_loader(url, protocols=["wsgi"]).get_wsgi_app_settings()


# --- what is read


def test_production_is_read_into_types():
    found = read(PRODUCTION)
    assert found.shop.environment == "production"
    assert found.shop.var == Path("/var/lib/bookshop")
    assert found.shop.secret.reveal() == SECRETS["bookshop.secret"]
    assert found.stripe.livemode is True
    assert [secret.reveal() for secret in found.stripe.webhook_secrets] == [
        "whsec_First",
        "whsec_Second",
    ]
    assert found.stripe.api_base == settings.STRIPE_API
    assert found.stripe.js_url == settings.STRIPE_JS
    assert (found.stripe.timeout, found.stripe.max_network_retries) == (8.0, 2)
    assert found.database.password == "Passphrase"


def test_the_default_environment_follows_from_the_stripe_key():
    unsaid = changed(DEVELOPMENT, bookshop__environment=None)
    assert read(unsaid).shop.environment == "development"
    assert read(PRODUCTION).shop.environment == "production"


def test_development_may_use_another_stripe_address():
    found = read(DEVELOPMENT)
    assert found.stripe.livemode is False
    assert found.stripe.api_base == "http://localhost:6544"


def test_staging_is_test_mode_at_the_real_stripe():
    section = changed(
        DEVELOPMENT, bookshop__environment="staging", stripe__api_base=None, stripe__js_url=None
    )
    assert read(section).stripe.livemode is False


def test_the_settings_are_frozen():
    found = read(PRODUCTION)
    for part, name in ((found, "shop"), (found.shop, "currency"), (found.stripe, "timeout")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, name, None)


def test_the_repr_of_the_settings_contains_no_secret():
    shown = f"{read(PRODUCTION)!r} {read(PRODUCTION)}"
    for secret in ("5d0c7e1b", "Secretive51", "First", "Second", "Passphrase", "Passphrase25"):
        assert secret not in shown
    assert "pk_live_Public51" in shown


def test_keys_of_other_packages_are_ignored():
    section = changed(PRODUCTION, shipping__zone="x", sandbox__listen="y", pyramid__reload="z")
    assert repr(read(section)) == repr(read(PRODUCTION))


@pytest.mark.parametrize("name", ["development.ini", "production.ini"])
def test_the_projects_inis_are_valid(name, monkeypatch):
    for key in ("BOOKSHOP_SECRET", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "DATABASE_URL"):
        monkeypatch.delenv(key, raising=False)
    if name == "production.ini":
        monkeypatch.setenv("BOOKSHOP_NAME", "The Corner Bookshop")
        monkeypatch.setenv("BOOKSHOP_URL", "https://books.example.com")
        monkeypatch.setenv("BOOKSHOP_EMAIL", "hello@books.example.com")
        monkeypatch.setenv("BOOKSHOP_SECRET", SECRETS["bookshop.secret"])
        monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_1")
        monkeypatch.setenv("STRIPE_PUBLISHABLE_KEY", "pk_live_1")
        monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_1")
    section = section_of(name)
    if name == "development.ini":
        section["stripe.api_base"] = "http://localhost:6544"  # as what it includes sets it
    found = read(expand(section))
    assert found.shop.environment == name.removesuffix(".ini")


def test_placeholder_keys_are_refused_at_stripe():
    section = {**section_of("development.ini")}
    found = the_problem(expand(section), "stripe.secret_key")
    assert found.code == "placeholder"
    assert found.fix == "stripe.secret_key = sk_test_…"


def test_production_ini_names_every_variable_that_is_missing(monkeypatch):
    section = section_of("production.ini")
    named = [
        "BOOKSHOP_NAME",
        "BOOKSHOP_URL",
        "BOOKSHOP_EMAIL",
        "BOOKSHOP_SECRET",
        "STRIPE_SECRET_KEY",
        "STRIPE_PUBLISHABLE_KEY",
        "STRIPE_WEBHOOK_SECRET",
    ]
    for name in named:
        monkeypatch.delenv(name, raising=False)
    found = problems(expand(section))
    assert {problem.code for problem in found.values()} == {"variable_not_set"}
    texts = " ".join(problem.problem for problem in found.values())
    assert sorted(name for name in named if name in texts.split()) == sorted(named)
    assert len(found) == len(named)


# --- ${NAME}


def test_variables_are_replaced(monkeypatch):
    monkeypatch.setenv("SHOP_A", "one")
    monkeypatch.setenv("SHOP_EMPTY", "")
    monkeypatch.delenv("SHOP_UNSET", raising=False)
    assert expand(
        {
            "plain": "text",
            "set": "<${SHOP_A}>",
            "twice": "${SHOP_A}${SHOP_A}",
            "set with default": "${SHOP_A:-two}",
            "unset with default": "${SHOP_UNSET:-two:-three}",
            "empty with default": "${SHOP_EMPTY:-two}",
            "empty": "${SHOP_EMPTY}",
            "empty default": "${SHOP_UNSET:-}",
            "unset": "${SHOP_UNSET}",
            "no reference": "$SHOP_A $(SHOP_A) ${} ${1}",
        }
    ) == {
        "plain": "text",
        "set": "<one>",
        "twice": "oneone",
        "set with default": "one",
        "unset with default": "two:-three",
        "empty with default": "two",
        "empty": "",
        "empty default": "",
        "unset": "${SHOP_UNSET}",
        "no reference": "$SHOP_A $(SHOP_A) ${} ${1}",
    }


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_a_reference_is_unchanged(text):
    assert expand({"key": text}) == {"key": text}


def test_values_of_variables_are_not_expanded_again(monkeypatch):
    monkeypatch.setenv("SHOP_A", "${SHOP_B}")
    monkeypatch.setenv("SHOP_B", "secret")
    assert expand({"key": "${SHOP_A}"}) == {"key": "${SHOP_B}"}


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_missing_variable_is_named(key, monkeypatch):
    monkeypatch.delenv("SHOP_UNSET", raising=False)
    section = {**PRODUCTION, "bookshop.environment": "production", key: "${SHOP_UNSET}"}
    found = problems(expand(section))
    assert found[key].code == "variable_not_set"
    assert "SHOP_UNSET" in found[key].problem
    assert found[key].fix == f"{key} = {KEYS[key].example}".replace("{mode}", "live")


# --- <key>_file


@pytest.mark.parametrize("key", [key for key, how in KEYS.items() if how.secret])
def test_a_secret_may_be_read_from_a_file(key, tmp_path):
    file = tmp_path / "secret"
    direct = {"metrics.token": "Token-of-the-metrics-0123456789abcdef", **PRODUCTION}
    file.write_text(f"{direct[key]}\n", encoding="utf-8")
    section = {**direct, f"{key}_file": str(file)}
    del section[key]
    given_so, given_directly = read(section), read(direct)
    assert repr(given_so) == repr(given_directly)
    assert given_so.shop.secret.reveal() == given_directly.shop.secret.reveal()
    assert given_so.stripe.secret_key.reveal() == given_directly.stripe.secret_key.reveal()
    assert given_so.mail.password.reveal() == given_directly.mail.password.reveal()
    assert given_so.database == given_directly.database


def test_a_secret_cannot_be_given_twice(tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRETS["bookshop.secret"], encoding="utf-8")
    found = the_problem({**PRODUCTION, "bookshop.secret_file": str(file)}, "bookshop.secret")
    assert found.code == "given_twice"
    assert "bookshop.secret_file" in found.problem


@pytest.mark.parametrize(
    ("content", "reason"), [(None, os.strerror(errno.ENOENT)), (b"\xff\xfe secret", "text")]
)
def test_an_unreadable_secret_file_is_a_problem(content, reason, tmp_path):
    file = tmp_path / "secret"
    if content:
        file.write_bytes(content)
    section = changed(PRODUCTION, bookshop__secret=None) | {"bookshop.secret_file": str(file)}
    found = the_problem(section, "bookshop.secret")
    assert found.code == "file_unreadable"
    assert "bookshop.secret_file" in found.problem
    assert reason in found.problem


def test_an_empty_file_is_a_missing_secret(tmp_path):
    file = tmp_path / "secret"
    file.write_text("\n", encoding="utf-8")
    section = changed(PRODUCTION, bookshop__secret=None) | {"bookshop.secret_file": str(file)}
    assert the_problem(section, "bookshop.secret").code == "missing"


@pytest.mark.parametrize("key", ["bookshop.secret", "stripe.secret_key", "stripe.webhook_secrets"])
def test_advice_for_a_secret_in_a_file_names_the_file(key, tmp_path):
    file = tmp_path / "a secret"
    file.write_text("wrong\n", encoding="utf-8")
    section = changed(PRODUCTION, **{key.replace(".", "__"): None}) | {f"{key}_file": str(file)}
    fixes = [problem.fix for problem in problems(section).values() if problem.key == key]
    assert len(fixes) == 1
    assert f" into {file} ({key}_file)" in fixes[0]
    assert "${" not in fixes[0]
    assert f"{key} = " not in fixes[0]


def test_only_secrets_are_read_from_files():
    found = the_problem({**PRODUCTION, "bookshop.name_file": "/etc/hostname"}, "bookshop.name_file")
    assert found.code == "unknown"


# --- what is refused


@pytest.mark.parametrize(
    "key", [key for key, how in KEYS.items() if how.default is None and not how.optional]
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_keys_without_default_are_required(key, value):
    section = {**PRODUCTION, key: value}
    if value is None:
        del section[key]
    found = the_problem(section, key)
    assert found.code == "missing"
    assert found.fix.startswith(f"{key} = ")


def test_a_short_secret_is_refused():
    found = the_problem(changed(PRODUCTION, bookshop__secret="too-short"), "bookshop.secret")
    assert found.code == "invalid"
    assert "openssl rand -hex 32" in found.problem
    assert found.fix == "bookshop.secret = ${BOOKSHOP_SECRET}"


def test_the_public_secret_of_development_is_refused():
    ini = (ROOT / "development.ini").read_text(encoding="utf-8")
    known = ini.split("${BOOKSHOP_SECRET:-")[1].split("}")[0]
    found = the_problem(changed(PRODUCTION, bookshop__secret=known), "bookshop.secret")
    assert found.code == "public"


@pytest.mark.parametrize(
    ("locale", "country", "expected"),
    [("de_DE", None, "DE"), ("de_DE", "AT", "AT"), ("de", "ch", "CH"), ("en_GB", "UK", "GB")],
)
def test_the_country_is_given_or_that_of_the_locale(locale, country, expected):
    changes = {"bookshop__country": country} if country else {}
    found = settings.read(changed(PRODUCTION, bookshop__locale=locale, **changes))
    assert found.shop.country == expected


def test_a_country_is_required_if_the_locale_has_none():
    found = the_problem(changed(PRODUCTION, bookshop__locale="de"), "bookshop.country")
    assert (found.code, found.fix) == ("missing", "bookshop.country = GB")


@pytest.mark.parametrize("country", ["ZZ", "EU", "GBR", "Germany"])
def test_an_unknown_country_is_refused(country):
    found = the_problem(changed(PRODUCTION, bookshop__country=country), "bookshop.country")
    assert (found.code, found.fix) == ("invalid", "bookshop.country = GB")


def test_an_unknown_currency_is_refused():
    found = the_problem(changed(PRODUCTION, bookshop__currency="DEM"), "bookshop.currency")
    assert found.code == "invalid"
    assert "DEM" in found.problem
    assert found.fix == "bookshop.currency = GBP"


@pytest.mark.parametrize(
    ("base", "key", "wanted"),
    [(PRODUCTION, "pk_test_Public51", "pk_live_…"), (DEVELOPMENT, "pk_live_Public51", "pk_test_…")],
)
def test_bug_10_keys_of_both_modes(base, key, wanted):
    section = changed(base, stripe__publishable_key=key)
    found = the_problem(section, "stripe.publishable_key")
    assert found.code == "mode_mismatch"
    assert found.fix == f"stripe.publishable_key = {wanted}"


@pytest.mark.parametrize("environment", ["development", "staging"])
def test_a_live_key_is_refused_outside_production(environment):
    section = changed(PRODUCTION, bookshop__environment=environment)
    found = the_problem(section, "stripe.secret_key")
    assert found.code == "environment_mismatch"
    assert environment in found.problem
    assert "bookshop.environment = production" in found.fix


def test_test_keys_are_refused_in_production():
    section = changed(
        PRODUCTION,
        bookshop__environment="production",
        stripe__secret_key="sk_test_1",
        stripe__publishable_key="pk_test_1",
    )
    found = the_problem(section, "stripe.secret_key")
    assert found.code == "environment_mismatch"
    assert "stripe.secret_key = sk_live_…" in found.fix


LOOKALIKES = [
    "http://localhost:6544",
    "https://api.stripe.com.example",
    "https://api.stripe.com:8443",
    "https://js.stripe.com.example/endive/stripe.js",
    "http://api.stripe.com",
    "http://js.stripe.com/endive/stripe.js",
]


@pytest.mark.parametrize("environment", ["development", "staging", "production"])
@pytest.mark.parametrize("key", ["stripe.api_base", "stripe.js_url"])
@pytest.mark.parametrize("address", LOOKALIKES)
def test_a_live_key_is_sent_to_stripe_only(environment, key, address):
    found = problems({**PRODUCTION, "bookshop.environment": environment, key: address})
    assert found[key].code == "live_key"
    assert found[key].fix == f"{key} = {KEYS[key].default}"


@pytest.mark.parametrize("key", ["stripe.api_base", "stripe.js_url"])
def test_production_uses_stripe_only(key):
    section = changed(DEVELOPMENT, bookshop__environment="production")
    assert problems(section)[key].code == "production"


@pytest.mark.parametrize(
    ("includes", "kept"),
    [
        ("bookshop.sandbox", ""),
        ("pyramid_debugtoolbar\nbookshop.sandbox", " pyramid_debugtoolbar"),
    ],
)
def test_the_sandbox_is_refused_in_production(includes, kept):
    found = the_problem({**PRODUCTION, "pyramid.includes": includes}, "pyramid.includes")
    assert found.code == "sandbox"
    assert found.fix == f"pyramid.includes ={kept}"


def test_production_requires_https():
    section = changed(PRODUCTION, bookshop__url="http://books.example.com")
    found = the_problem(section, "bookshop.url")
    assert found.fix == "bookshop.url = https://books.example.com"


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("bookshop.curency", "bookshop.currency"),
        ("stripe.secret", "stripe.secret_key"),
        ("stripe.webhook_secret", "stripe.webhook_secrets"),
        ("stripe.secret_keys_file", "stripe.secret_key_file"),
        ("bookshop.mail", "bookshop.email"),
        ("mail.hots", "mail.host"),
        ("mail.user", "mail.username"),
        ("mail.passwordfile", "mail.password_file"),
    ],
)
def test_an_unknown_key_with_a_similar_one(key, near):
    found = the_problem({**PRODUCTION, key: "value"}, key)
    assert found.code == "unknown"
    assert near in found.problem
    assert found.fix == f"{near} = …"


@pytest.mark.parametrize(
    "key",
    [
        *("stripe.qqqqqqqqqqqqqqq", "bookshop.colour", "bookshop.basket_days", "stripe.country"),
        *("mail.retries", "limits.refunds", "sqlalchemy.echo", "metrics.port"),
    ],
)
def test_an_unknown_key_without_a_similar_one(key):
    found = the_problem({**PRODUCTION, key: "1"}, key)
    assert found.code == "unknown"
    assert not any(known in found.problem for known in KEYS)
    assert f"{key} = …" in found.fix


# --- mail


WITHOUT_MAIL = {key: value for key, value in PRODUCTION.items() if not key.startswith("mail.")}


@pytest.mark.parametrize("environment", ["development", "staging"])
def test_mail_goes_to_a_folder_by_default_outside_production(environment):
    section = changed(DEVELOPMENT, bookshop__environment=environment, mail__host=None)
    for key in ("mail.username", "mail.password"):
        del section[key]
    assert read(section).mail.folder == Path("/var/lib/bookshop/mail")
    assert read({**section, "mail.host": "smtp.example.com"}).mail.folder is None
    assert read({**section, "mail.folder": "/srv/letters"}).mail.folder == Path("/srv/letters")


def test_production_uses_the_local_mail_server_by_default():
    found = read(WITHOUT_MAIL).mail
    assert found.folder is None
    assert (found.host, found.port, found.security) == ("localhost", 25, "none")
    assert (found.username, found.password) == (None, None)
    assert (found.sender, found.timeout) == ("hello@books.example.com", 30.0)


@pytest.mark.parametrize(
    ("given", "port", "security"),
    [
        ({"mail.host": "smtp.example.com"}, 587, "starttls"),
        ({"mail.host": "smtp.example.com", "mail.security": "tls"}, 465, "tls"),
        ({"mail.host": "smtp.example.com", "mail.security": "none"}, 25, "none"),
        ({"mail.host": "smtp.example.com", "mail.port": "2525"}, 2525, "starttls"),
        ({"mail.host": "localhost"}, 25, "none"),
        ({"mail.host": "127.0.0.1"}, 25, "none"),
        ({"mail.host": "::1"}, 25, "none"),
        ({"mail.host": "localhost", "mail.security": "starttls"}, 587, "starttls"),
        ({"mail.host": "192.0.2.1"}, 587, "starttls"),
    ],
)
def test_defaults_of_the_mail_server(given, port, security):
    found = read({**WITHOUT_MAIL, **given}).mail
    assert (found.host, found.port, found.security) == (given["mail.host"], port, security)


def test_the_sender_may_differ_from_the_shops_address():
    found = read({**PRODUCTION, "mail.from": "no-reply@books.example.com"})
    assert found.mail.sender == "no-reply@books.example.com"
    assert found.shop.email == "hello@books.example.com"


def test_mail_folder_and_mail_host_exclude_each_other():
    found = the_problem({**PRODUCTION, "mail.folder": "/srv/letters"}, "mail.folder")
    assert found.code == "mail_host"
    assert found.fix == "mail.folder ="


def test_a_password_requires_tls():
    found = the_problem({**PRODUCTION, "mail.security": "none"}, "mail.security")
    assert found.fix == "mail.security = starttls"
    read({**PRODUCTION, "mail.security": "none", "mail.host": "localhost"})


@pytest.mark.parametrize(("missing", "given"), [("username", "password"), ("password", "username")])
def test_a_login_requires_username_and_password(missing, given):
    section = {key: value for key, value in PRODUCTION.items() if key != f"mail.{missing}"}
    found = the_problem(section, f"mail.{missing}")
    assert found.code == "missing"
    assert f"mail.{given}" in found.problem


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mail.host", "smtp.example.com:25"),
        ("mail.host", "smtp..example.com"),
        ("mail.port", "0"),
        ("mail.port", "65536"),
        ("mail.port", "smtp"),
        ("mail.security", "ssl"),
        ("mail.from", "The Shop"),
        ("mail.timeout", "61"),
    ],
)
def test_invalid_mail_settings_are_refused(key, value):
    assert repr(value) in the_problem({**PRODUCTION, key: value}, key).problem


# --- all at once


def test_every_problem_is_reported_at_once():
    section = changed(
        PRODUCTION,
        bookshop__name=None,
        bookshop__secret="short",
        bookshop__curency="EUR",
        bookshop__url="http://books.example.com",
        stripe__publishable_key="pk_test_1",
        stripe__timeout="soon",
        stripe__api_base="http://localhost:6544",
        sqlalchemy__url="mysql://localhost",
        pyramid__includes="bookshop.sandbox",
    )
    found = problems(section)
    assert set(found) == {
        "bookshop.name",
        "bookshop.secret",
        "bookshop.curency",
        "bookshop.url",
        "stripe.publishable_key",
        "stripe.timeout",
        "stripe.api_base",
        "sqlalchemy.url",
        "pyramid.includes",
    }
    with pytest.raises(SettingsError) as caught:
        read(section)
    text = str(caught.value)
    for problem in found.values():
        assert f"{problem.key}: {problem.problem}" in text
        assert problem.fix in text


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"bookshop__name": None}, "1 setting is wrong."),
        ({"bookshop__name": None, "bookshop__url": None}, "2 settings are wrong."),
    ],
)
def test_problem_count_texts(changes, count):
    with pytest.raises(SettingsError) as caught:
        read(changed(PRODUCTION, **changes))
    assert count in str(caught.value).splitlines()[0]


@given(broken=st.sets(st.sampled_from(sorted(KEYS)), min_size=1))
def test_every_broken_key_is_reported(broken):
    unset = dict.fromkeys(broken, "${SHOP_NEVER_SET}")
    assert broken <= set(problems({**PRODUCTION, **unset}))


def test_the_error_contains_no_secret(caplog):
    caplog.set_level(logging.DEBUG)
    section = changed(
        PRODUCTION,
        bookshop__secret="Secretive51",
        stripe__secret_key="Secretive51",
        stripe__webhook_secrets="Secretive51",
        sqlalchemy__url="Secretive51",
        stripe__secret="Secretive51",
    )
    try:
        read(section)
    except SettingsError as err:
        shown = f"{err} {err!r} {traceback.format_exc()}"
    assert "Secretive51" not in shown + caplog.text
    assert shown.count("stripe.secret:") >= 1
