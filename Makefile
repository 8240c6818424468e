# Everything that is done to this repository. Each target sets up what it needs; `make help` lists them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup demo quick test dataplane autoscalers queues groups engines sources browser site bench mutation chaos check check-locks sbom audit crds docs rules gitops chart dashboards screenshots recording golden lock
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## the virtual environment, from the lock file

demo: $(READY) ## serve a model on a control plane on this machine; stays up on a terminal
	$(BIN)/python -m tests.cluster demo

quick: $(READY) ## the tests for while you work: none on a control plane, none that is slow; about a minute
	HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest --quiet -m 'not e2e and not slow' \
		--numprocesses auto --maxprocesses 4 --dist loadfile --durations 10

test: $(READY) ## the tests, those on a real control plane included, and their coverage
	$(BIN)/python -m tests.cluster binaries
	$(BIN)/python -m tests.parts

dataplane: $(READY) ## gateways, canaries and clients on a network of their own, with the real Envoy, Prometheus and openai client
	$(BIN)/python -m tests.dataplane

autoscalers: $(READY) ## endpoints that the real KEDA and VerticalPodAutoscaler scale; builds them once, twelve minutes
	$(BIN)/python -m tests.autoscalers

queues: $(READY) ## endpoints that the real Kueue admits, holds back and preempts; builds it and LeaderWorkerSet once, fifteen minutes
	$(BIN)/python -m tests.queues

groups: $(READY) ## replicas on several nodes by the real LeaderWorkerSet; builds it once, ten minutes
	$(BIN)/python -m tests.groups

engines: $(READY) ## a real vLLM on CPUs behind endpoints; installs it once, 6 GiB in the user's cache
	$(BIN)/python -m tests.engines

sources: $(READY) ## downloads from real servers of S3, OCI and MLflow, killed meanwhile; installs them once in the user's cache
	$(BIN)/python -m tests.sources

browser: $(READY) ## the web page in a real browser, and its accessibility; installs Chromium once in the user's cache
	$(BIN)/python -m tests.web

site: $(READY) ## the documentation as a site, into site/, with its links checked; installs mkdocs-material once in the user's cache
	$(BIN)/python -m tests.site

bench: $(READY) ## latency, throughput, quiet and memory of the hooks
	$(BIN)/python -m tests.bench

mutation: $(READY) ## N bodies that are broken, odd or spoiled to the hooks, other ones each time; 100000 unless N is given
	$(BIN)/python -m tests.mutation $(N)

chaos: $(READY) ## MINUTES of endpoints in churn while everything is killed at random; ten unless MINUTES is given
	$(BIN)/python -m tests.cluster binaries
	$(BIN)/python -m tests.chaos $(MINUTES)

check: $(READY) sbom ## lint, format, types, licences and known vulnerabilities of what is locked
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tests/tools/audit.py --offline-is-fine

check-locks: $(READY) ## install each lock file into an empty environment, on a day with newer releases of everything
	$(BIN)/python tests/tools/lock_installs.py

sbom: $(READY) ## the bills of materials of the images, into dist/
	$(BIN)/python tests/tools/sbom.py dist

audit: $(READY) ## known vulnerabilities; unlike check, it fails when nobody could be asked
	$(BIN)/python tests/tools/audit.py

crds: $(READY) ## write crds/ and their schemas from the models in aimlib/api
	$(BIN)/python -m aimlib.schema.crd crds aimlib/data/schemas

docs: $(READY) ## write the generated pages of docs/ from CRDs, settings, reasons, recipes and the command line
	$(BIN)/python -m tests.docs

rules: $(READY) ## write the rules of Prometheus from the table of metrics and rules/alerts.yaml
	$(BIN)/python -m aimlib.telemetry.recording_rules manifests/components/monitoring $(RUNBOOKS)

gitops: $(READY) ## write the health checks of Argo CD and Flux from their table in tests/gitops
	$(BIN)/python -m tests.gitops

chart: $(READY) ## write the Helm charts into dist/charts; needs github.com; DIGESTS=FILE has digests of the images
	$(BIN)/python -m tests.chart dist/charts $(if $(DIGESTS),--digests $(DIGESTS))

dashboards: $(READY) ## write the dashboards of Grafana from their tables in tests/dashboards
	$(BIN)/python -m tests.dashboards

screenshots: $(READY) ## draw the dashboards and the web page for the docs in a real browser; needs pngquant
	$(BIN)/python -m tests.web --screenshots

recording: $(READY) ## run the README's commands on a control plane on this machine, and draw what they print for it
	$(BIN)/python -m tests.recording

golden: $(READY) ## rewrite the expected answers of the hooks; the diff is the review
	$(BIN)/python -m pytest tests/test_golden.py tests/test_pod_templates.py tests/hooks/cli/test_commands.py tests/hooks/cli/test_decision_report.py tests/hooks/endpoint/test_admission.py \
		tests/hooks/observability/test_audit_entry.py tests/aimlib/gateway/test_render.py --update-golden

lock: $(READY) ## resolve the dependencies anew; what runs in production constrains what is tested
	$(COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	$(COMPILE) --upgrade pyproject.toml --extra download --constraint requirements.lock --output-file requirements-download.lock
	$(COMPILE) --upgrade pyproject.toml --group dev --constraint requirements-download.lock --output-file requirements-dev.lock
	$(subst --universal,--python-platform x86_64-manylinux_2_28 --no-annotate,$(COMPILE)) --upgrade --override tests/engines/overrides.txt \
		tests/engines/requirements.in --output-file tests/engines/requirements.lock
	$(subst --universal,--python-platform x86_64-manylinux_2_28 --no-annotate,$(COMPILE)) --upgrade \
		tests/sources/requirements.in --output-file tests/sources/requirements.lock
	$(subst --universal,--python-platform x86_64-manylinux_2_28 --no-annotate,$(COMPILE)) --upgrade \
		tests/web/requirements.in --output-file tests/web/requirements.lock
	$(subst --universal,--python-platform x86_64-manylinux_2_28 --no-annotate,$(COMPILE)) --upgrade \
		tests/site/requirements.in --output-file tests/site/requirements.lock

$(READY): requirements-dev.lock pyproject.toml
	@echo "installing $$(grep -c '^[a-z].*==' requirements-dev.lock) packages into $(VENV) (about half a minute, once)"
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check
	touch $@
