#!/bin/sh
# The one test command: style, floors, types, then tests (and doctests). PYTHON names the interpreter.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python}
BIN=$(dirname "$PYTHON")
export OMP_WAIT_POLICY=passive MPLBACKEND=agg

# Browser tests drive a real Chromium; Debian's is installed where we may.
if ! command -v chromium >/dev/null 2>&1 && ! command -v chromium-browser >/dev/null 2>&1 && ! command -v google-chrome >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
    else
        echo "No Chromium found: install it (Debian: apt-get install chromium), the browser tests need it." >&2
    fi
fi

"$BIN/ruff" check .
"$BIN/ruff" format --check .
"$BIN/lint-imports" --no-cache
"$BIN/mypy"
"$PYTHON" -m pytest "$@"
