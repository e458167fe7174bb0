"""A shop as an operator deploys it, for tests of `check` and `webhooks`."""

import json
import re
import shutil
from zoneinfo import ZoneInfo

from click.testing import CliRunner
from sqlalchemy import create_engine

import bookshop
from bookshop import clock
from bookshop.catalogue.listings import rebuild_listings
from bookshop.catalogue.pricing import SalesContext
from bookshop.cli import main
from bookshop.payments.gateway import Gateway
from tests.shops import PUBLISHABLE_KEY, SECRET_KEY, Served

INI = """\
[app:main]
use = egg:bookshop
bookshop.environment = staging
bookshop.name = The Test Shop
bookshop.url = {url}
bookshop.locale = en_GB
bookshop.timezone = Europe/London
bookshop.currency = GBP
bookshop.email = hello@shop.example
bookshop.secret = 0123456789abcdef0123456789abcdef
bookshop.var = {var}
sqlalchemy.url = sqlite:///{var}/shop.sqlite
stripe.secret_key = {secret_key}
stripe.publishable_key = {publishable_key}
stripe.webhook_secrets_file = {var}/webhook
stripe.api_base = {stripe}
stripe.js_url = {stripe}/endive/stripe.js
stripe.max_concurrency = 12
mail.host = 127.0.0.1
mail.port = {mail}
mail.security = none
limits.storage = database

[server:main]
use = egg:bookshop
listen = 127.0.0.1:6543
threads = 16
trusted_proxy = 127.0.0.1
trusted_proxy_headers = x-forwarded-for x-forwarded-proto
"""


def respond(status, body):
    """Return an application that always responds the same."""

    def app(_environ, start):
        start(status, [])
        return [body]

    return app


def _in_london(template, file):
    """Copy a database to a file, with listings for the time zone of INI; return the file."""
    shutil.copy(template, file)
    engine = create_engine(f"sqlite:///{file}")
    rebuild_listings(engine, SalesContext("GBP", "GB", ZoneInfo("Europe/London")), clock.now())
    engine.dispose()
    return file


class DeployedShop:
    """A shop at a public address, with an INI, a mail server and a webhook endpoint at Stripe.

    It is built once for all tests; `reset` removes what a test has changed. `responder` is the
    application at the public address, the shop's own by default.
    """

    def __init__(self, folder, template, sandbox, mail_server):
        self.var, self.ini = folder / "var", folder / "shop.ini"
        self.database, self.secret = self.var / "shop.sqlite", self.var / "webhook"
        self.sandbox, self._mail_server = sandbox, mail_server
        self._template = _in_london(template, folder / "template.sqlite")
        self.responder = None
        self._server = Served(self._respond)
        self.url = self._server.url
        self.app = self.registry = self._endpoint = None
        self.reset()

    @property
    def endpoint(self):
        """The id of the webhook endpoint."""
        return self._endpoint["id"]

    def reset(self):
        """Restore files, database and webhook endpoint."""
        if self.registry is not None:
            self.registry.services.engine.dispose()
        shutil.rmtree(self.var, ignore_errors=True)
        self.var.mkdir()
        shutil.copy(self._template, self.database)
        self.database.chmod(0o600)
        for other in self.ini.parent.glob("*.ini"):
            other.unlink()
        self._write_ini()
        self._restore_endpoint()
        self.responder = self.app
        # Deliver the events that a test has let fail.
        self.sandbox.flush()
        self.sandbox.until_delivered()

    def close(self):
        self._server.close()
        self.registry.services.payments.close()
        self.registry.services.engine.dispose()

    def run(self, *words, **options):
        """Run a command on this shop."""
        return CliRunner().invoke(main, ["--config", str(self.ini), *words], **options)

    def check(self, *words):
        """Run `check`; return its findings and exit code."""
        result = self.run("check", "--json", *words)
        assert result.stdout, result.output
        return json.loads(result.stdout)["findings"], result.exit_code

    def codes(self, *words):
        """Run `check`; return the codes of its findings."""
        findings, exit_code = self.check(*words)
        assert exit_code == (1 if findings else 0)
        return [finding["code"] for finding in findings]

    def register(self):
        """Register one more webhook endpoint, and configure its secret; return its id."""
        gateway = Gateway(bookshop.settings.read(self._section()).stripe)
        endpoint, secret = gateway.create_endpoint(f"{self.url}/webhooks/stripe")
        gateway.save_fingerprints(endpoint.id, [secret])
        gateway.close()
        self.secret.write_text(secret.reveal())
        return endpoint.id

    def endpoints(self):
        """Return all webhook endpoints of the account."""
        return self.sandbox.api("GET", "/v1/webhook_endpoints", {"limit": 100})["data"]

    def change_endpoint(self, **params):
        self.sandbox.api("POST", f"/v1/webhook_endpoints/{self.endpoint}", params)

    def delete_endpoint(self):
        self.sandbox.api("DELETE", f"/v1/webhook_endpoints/{self.endpoint}")

    def write(self, key, value):
        """Set a key of `[app:main]`; None removes it, and a new key comes first."""
        text = self.ini.read_text()
        line = re.compile(rf"(?m)^{re.escape(key)} = .*\n")
        new = "" if value is None else f"{key} = {value}\n"
        if line.search(text):
            text = line.sub(lambda _match: new, text, count=1)
        else:
            text = text.replace("use = egg:bookshop\n", f"use = egg:bookshop\n{new}", 1)
        self.ini.write_text(text)

    def write_server(self, key, value):
        """Set a key of `[server:main]`; None removes it."""
        app, header, server = self.ini.read_text().partition("[server:main]\n")
        server = re.sub(rf"(?m)^{key} = .*\n", "", server)
        new = "" if value is None else f"{key} = {value}\n"
        self.ini.write_text(f"{app}{header}{server}{new}")

    def line(self, key):
        """Return the line that sets a key, or the header of the section where it is missing."""
        lines = self.ini.read_text().splitlines()
        for start in (f"{key} =", f"{key}_file =", "[app:main]"):
            for number, line in enumerate(lines, 1):
                # `use` is in both sections; a finding is about the server's.
                if line.startswith(start) and (key != "use" or "[server:main]" in lines[:number]):
                    return number
        raise AssertionError(key)

    def sql(self, statement):
        with self.registry.services.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def _respond(self, environ, start):
        return self.responder(environ, start)

    def _section(self):
        app = self.ini.read_text().partition("[server")[0]
        return dict(re.findall(r"(?m)^([a-z_.]+) = (.*)$", app)[1:])

    def _write_ini(self):
        self.ini.write_text(
            INI.format(
                url=self.url,
                var=self.var,
                stripe=self.sandbox.url,
                secret_key=SECRET_KEY,
                publishable_key=PUBLISHABLE_KEY,
                mail=self._mail_server.port,
            )
        )
        self.ini.chmod(0o600)

    def _restore_endpoint(self):
        """Register the endpoint again if it was changed, and start the shop with its secret."""
        if self._endpoint is not None and self.endpoints() == [self._endpoint]:
            self.secret.write_text(self._signing_secret)
        else:
            self._delete_endpoints()
            self.secret.write_text("whsec_first")
            self.register()
            (self._endpoint,) = self.endpoints()
            self._signing_secret = self.secret.read_text()
            self._start()
        self.secret.chmod(0o600)

    def _delete_endpoints(self):
        for each in self.endpoints():
            self.sandbox.api("DELETE", f"/v1/webhook_endpoints/{each['id']}")

    def _start(self):
        if self.registry is not None:
            self.registry.services.payments.close()
        config = bookshop.configure(self._section())
        self.registry, self.app = config.registry, config.make_wsgi_app()
        self.registry.job_worker.stop()
        self.registry.mail_worker.stop()
