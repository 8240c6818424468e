set -u
aim() { PYTHONPATH="$AIM" "$RUNNER_TEMP/aim/bin/python" -m hooks.cli.main "$@"; }
put() { printf '%s=%s\n' "$1" "$(printf %s "$2" | tr -d '\r\n' | head -c 300)" >> "$GITHUB_OUTPUT"; }
REPORT="$RUNNER_TEMP/aim-plan.md"
