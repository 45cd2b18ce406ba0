"""Fixtures that tests of several rooms share. What only one room needs lives beside its tests."""

from collections.abc import Iterator

import pytest

from tests.forking import begin, end
from tests.postgres import Cluster, running_cluster


@pytest.fixture(scope="session", autouse=True)
def forking() -> Iterator[None]:
    """Fork the daemons, banks and commands of all tests from one process."""
    begin()
    yield
    end()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with whole daemons: they take longest, and what runs beside fills their waits."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/whole/"))


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """Run one throw-away PostgreSQL server for all tests."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """Give the SQLAlchemy URL of a fresh, empty database on that server."""
    with postgres_cluster.database() as url:
        yield url
