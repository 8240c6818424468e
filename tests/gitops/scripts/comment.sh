if [ -s "$REPORT" ]; then
  gh pr comment "$PULL_REQUEST" --body-file "$REPORT" --edit-last --create-if-none ||
    echo "::notice::no comment: the workflow needs the permission pull-requests: write, which forks do not get"
fi
