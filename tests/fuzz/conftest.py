import pytest

from tests.smpp_server.tap import wireshark_reads_along


@pytest.fixture(scope="module", autouse=True)
def wireshark(tmp_path_factory):
    """Let Wireshark read what servers here say to peers that send them anything."""
    with wireshark_reads_along(tmp_path_factory.mktemp("tape") / "smpp.pcap"):
        yield
