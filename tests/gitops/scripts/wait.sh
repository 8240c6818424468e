code=0
aim wait "$ENDPOINT" --namespace "$NAMESPACE" --timeout "$TIMEOUT" || code=$?
status=$(aim status "$ENDPOINT" --namespace "$NAMESPACE" --output json) || status='{}'
field() {
  printf %s "$status" | python3 -c 'import functools, json, sys
found = functools.reduce(lambda one, key: (one or {}).get(key), sys.argv[1].split("."), json.load(sys.stdin))
print("".join(found.split("\n")) if found else "", end="")' "$1"
}
put "${RESULT_PHASE:-phase}" "$(field status.phase)"
put "${RESULT_RECIPE:-recipe}" "$(field status.resolved.recipe)"
put "${RESULT_URL:-url}" "$(field status.endpoints.internal)"
exit "$code"
