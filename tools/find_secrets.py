"""Find secrets in the repository's files, before they are published.

Everywhere it searches for the formats of keys; outside tests also for values that are assigned to a
name like `secret`, or look random. False positives are listed in KNOWN, with the reason.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

#: False positives: a part of the line, and the reason.
KNOWN = {
    "ABCDEFGHJKMNPQRSTVWXYZ": "the alphabet of order numbers",
    "postgresql+psycopg://user:password@": "an example",
    "sk_test_sandbox": "the sandbox's own key, which no other service accepts",
    "whsec_sandbox": "the sandbox's own secret, which signs nothing else",
}
# Folders with invented keys: only formats of real ones count there.
INVENTED_KEYS = ("tests/",)
# Files with thousands of hashes, which look random.
LOCKS = (".lock", "package-lock.json")
FORMATS = (
    *(
        "AWSKeyDetector",
        "ArtifactoryDetector",
        "AzureStorageKeyDetector",
        "DiscordBotTokenDetector",
    ),
    *("GitHubTokenDetector", "GitLabTokenDetector", "JwtTokenDetector", "MailchimpDetector"),
    *("NpmDetector", "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector"),
    *("SendGridDetector", "SlackDetector", "StripeDetector", "TwilioKeyDetector"),
)
HEURISTICS = (
    {"name": "Base64HighEntropyString", "limit": 4.5},
    {"name": "HexHighEntropyString", "limit": 3.0},
    {"name": "BasicAuthDetector"},
    {"name": "KeywordDetector"},
)


def settings(*, guessing: bool) -> dict[str, object]:
    """Return the configuration of detect-secrets."""
    formats = [{"name": name} for name in FORMATS]
    return {
        "plugins_used": [*formats, *HEURISTICS] if guessing else formats,
        "filters_used": [
            {"path": f"detect_secrets.filters.heuristic.{name}"}
            for name in (
                *("is_potential_uuid", "is_likely_id_string", "is_templated_secret"),
                *("is_sequential_string", "is_not_alphanumeric_string", "is_indirect_reference"),
            )
        ],
    }


def secrets_in(path: str) -> list[str]:
    """Return the findings of one file: `path:line: kind of secret`."""
    with transient_settings(settings(guessing=not path.startswith(INVENTED_KEYS))):
        lines = Path(path).read_bytes().splitlines()
        return sorted(
            f"{path}:{each.line_number}: {each.type}"
            for each in scan_file(path)
            if not any(known.encode() in lines[each.line_number - 1] for known in KNOWN)
        )


def files() -> list[str]:
    """Return the files that git tracks or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    return [
        name
        for name in listed.stdout.split("\0")
        if name and not name.endswith(LOCKS) and Path(name).is_file()
    ]


def scan(paths: Iterable[str]) -> Iterator[str]:
    """Yield the findings of all files."""
    with ProcessPoolExecutor() as pool:
        for findings in pool.map(secrets_in, paths, chunksize=20):
            yield from findings


def main() -> None:
    """Report on the files of the current folder; exit 1 if one may contain a secret."""
    paths = files()
    findings = list(scan(paths))
    if findings:
        advice = "Revoke real secrets. List false positives in KNOWN of tools/find_secrets.py."
        sys.exit("\n".join([*findings, advice]))
    print(f"{len(paths)} files contain no secrets.")


if __name__ == "__main__":
    main()
