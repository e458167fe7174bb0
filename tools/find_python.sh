#!/bin/sh
# Print the first Python on the PATH that the shop runs on: 3.11 or newer, able to make a virtual
# environment. Arguments: the commands to try instead of the usual ones.
set -eu

[ $# -gt 0 ] || set -- python3.14 python3.13 python3.12 python3.11 python3 python

bare=
for python in "$@"; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "$python"
        exit 0
    fi
    bare=$python
done

if [ -n "$bare" ]; then
    echo "$bare cannot make a virtual environment: its venv module is missing." >&2
    echo "On Debian and Ubuntu: apt-get install python3-venv" >&2
else
    echo "No Python 3.11 or newer found (tried: $*)." >&2
    echo "Install one, or name yours: make PYTHON=/path/to/python3 ..." >&2
fi
exit 1
