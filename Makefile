# Chores for developers; the two commands of the README need no make.

.PHONY: run test lint types format bench soak fuzz receipts

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

# 100,000 mutated PDUs and more, or as long as is said: make fuzz HOURS=24 SEED=7
fuzz:
	@.venv/bin/python -m tests.fuzz $(if $(HOURS),--hours $(HOURS)) $(if $(SEED),--seed $(SEED))

# 10,000 receipts to a hostile ESME, the daemon killed in between: make receipts MESSAGES=10000 SEED=7
receipts:
	@.venv/bin/python -m tests.receipts $(if $(MESSAGES),--messages $(MESSAGES)) $(if $(SEED),--seed $(SEED))
