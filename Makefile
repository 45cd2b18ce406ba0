# Chores for developers; the two commands of the README need no make.

.PHONY: run test lint types format bench soak

run:
	@scripts/run

test:
	@scripts/test

lint:
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

types:
	@.venv/bin/mypy

format:
	@.venv/bin/ruff check --fix --select I .
	@.venv/bin/ruff format .

bench:
	@.venv/bin/python -m benchmarks

# Some minutes, or as long as is said: make soak HOURS=8 SEED=7
soak:
	@.venv/bin/python -m tests.soak $(if $(HOURS),--hours $(HOURS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))
