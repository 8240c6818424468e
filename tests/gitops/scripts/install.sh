python3 -m venv "$RUNNER_TEMP/aim"
"$RUNNER_TEMP/aim/bin/python" -m pip install --quiet --no-deps --require-hashes --requirement "$AIM/requirements.lock"
