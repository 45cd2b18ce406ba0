"""Elements that number the segments of what an app has split itself."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.text import numbering_in, renumbered

SHORT, WIDE = bytes((0, 3, 7, 3, 2)), bytes((8, 4, 1, 2, 3, 2))
PORTS = bytes((5, 4, 0x0B, 0x84, 0, 0))

headers = st.lists(
    st.one_of(
        st.builds(lambda r, n: bytes((0, 3, r, 9, n)), st.integers(0, 255), st.integers(1, 9)),
        st.builds(lambda r, n: bytes((8, 4, r, 1, 9, n)), st.integers(0, 255), st.integers(1, 9)),
        st.just(PORTS),
    ),
    max_size=4,
).map(b"".join)


def test_a_segment_is_read_off_either_element():
    short, wide = numbering_in(PORTS + SHORT), numbering_in(WIDE)
    assert (short.reference, short.total, short.ordinal, short.wide) == (7, 3, 2, False)
    assert (wide.reference, wide.total, wide.ordinal, wide.wide) == (0x0102, 3, 2, True)


def test_what_makes_no_sense_numbers_nothing():
    for header in (b"", PORTS, bytes((0, 3, 7, 3, 4)), bytes((0, 3, 7, 3, 0)), b"\x00\x03\x07"):
        assert numbering_in(header) is None


def test_a_reference_is_exchanged_in_its_own_width_and_nothing_else():
    assert renumbered(PORTS + SHORT, 0x1FF) == PORTS + bytes((0, 3, 0xFF, 3, 2))
    assert renumbered(WIDE + PORTS, 0x1FF) == bytes((8, 4, 1, 0xFF, 3, 2)) + PORTS


@given(headers, st.integers(0, 65535))
def test_renumbering_changes_the_reference_alone(header, reference):
    before, after = numbering_in(header), numbering_in(renumbered(header, reference))
    assert len(renumbered(header, reference)) == len(header)
    if before is None:
        assert after is None
        return
    assert after.reference == reference % (65536 if before.wide else 256)
    assert (after.total, after.ordinal, after.wide) == (before.total, before.ordinal, before.wide)
