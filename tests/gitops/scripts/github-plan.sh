cat "$REPORT" >> "$GITHUB_STEP_SUMMARY"
put report "$REPORT"
if [ "$code" = 0 ]; then put fits true; elif [ "$code" = 3 ]; then put fits false; fi
exit "$code"
