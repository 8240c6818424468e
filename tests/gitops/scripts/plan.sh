set -- --filename "$FILES" --output markdown
if [ -n "$CLUSTER" ]; then set -- "$@" --cluster "$CLUSTER"; else set -- "$@" --live; fi
if [ -n "$COMPARE" ]; then set -- "$@" --compare "$COMPARE"; fi
code=0
aim plan "$@" > "$REPORT" || code=$?
cat "$REPORT"
