# Chores for developers; the two commands of the README need no make.

.PHONY: run test lint types format bench

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
