"""hardware.md says what the code knows, names its sources, and leads to where it says."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from appliance.modem.profiles import BY_NAME
from appliance.modem.usb import AT_CLASS, AT_INTERFACE, MAKERS
from tests.require import ROOT

PAGE = (ROOT / "hardware.md").read_text("utf-8")

TARGETS = dict(re.findall(r"^\[([\w-]+)\]: (\S+)$", PAGE, re.MULTILINE))

# every link with its target beside it, wherever it stands on the page
TEXT = re.sub(
    r"\]\[([\w-]+)\]",
    lambda found: f"]({TARGETS[found[1]]})",
    re.sub(r"^\[[\w-]+\]: .*\n", "", PAGE, flags=re.MULTILINE),
)

HEADER = "| model | profile | USB id | AT interface | reports come as | quirks | status |"

LINK = re.compile(r"\[(?P<label>[^\]]+)\]\((?P<target>[^)]*)\)")

THREAD = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/(?P<number>\d+)")

STANDARD = re.compile(r"\b(3GPP TS|TS \d\d\.\d{3}|ITU-T V\.\d+|USB [23]\.\d)")

UNPROVED = "[unproved]"

PRODUCT = re.compile(r"`([0-9a-f]{4}):([0-9a-f]{4})`")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table of models."""

    model: str
    profile: str
    usb_id: str
    interface: str
    reports: str
    quirks: str
    status: str

    @property
    def products(self) -> list[tuple[str, str]]:
        """The USB products it names, as vendor and product."""
        return PRODUCT.findall(self.usb_id)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows() -> list[Row]:
    lines = iter(TEXT[TEXT.index(HEADER) :].splitlines()[2:])
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        model, profile, *rest = cells(line)
        found.append(Row(model, profile.strip("`"), *rest))
    return found


def points() -> list[str]:
    """Return the rows of all tables, without their headings, and the points of all lists."""
    plain = re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    table = re.compile(r"^\|.+\n\|[-|]+\n(?P<rows>(?:\|.*\n)+)", re.MULTILINE)
    of_tables = [line for found in table.finditer(plain) for line in found["rows"].splitlines()]
    of_lists = re.findall(r"^- .*(?:\n  .*)*", plain, re.MULTILINE)
    return of_tables + of_lists


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


ROWS = rows()

LINKS = [(found["label"], found["target"]) for found in LINK.finditer(TEXT)]

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.model)


def test_what_to_buy_stands_first_and_the_page_stays_short():
    headings = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)

    assert headings[0] == "What to buy"
    assert len(PAGE.splitlines()) <= 350


@pytest.mark.parametrize("name", BY_NAME)
def test_every_profile_has_a_row(name):
    assert name in {row.profile for row in ROWS}


@each_row
def test_a_row_names_a_profile_that_there_is(row):
    assert row.profile in BY_NAME


@pytest.mark.parametrize("vendor", sorted({*AT_INTERFACE, *AT_CLASS, *MAKERS}))
def test_every_vendor_that_is_looked_for_is_named(vendor):
    assert any(f"`{vendor}" in row.usb_id for row in ROWS)


@each_row
def test_the_at_interface_is_the_one_that_is_looked_for(row):
    known = {AT_INTERFACE.get(vendor, {}).get(product) for vendor, product in row.products}

    assert known - {None} == set(re.findall(r"`([0-9a-f]{2})`", row.interface))


@each_row
def test_a_product_that_we_do_not_know_is_tried_or_to_be_named(row):
    for vendor, product in row.products:
        if product not in AT_INTERFACE.get(vendor, {}):
            way = "each is tried" if vendor in MAKERS else "name the port"
            assert way in row.interface or vendor in AT_CLASS


def test_every_interface_class_that_is_looked_for_is_named():
    for vendor, classes in AT_CLASS.items():
        said = " ".join(row.interface for row in ROWS if f"`{vendor}" in row.usb_id)
        assert [triple for triple in classes if f"`{triple}`" not in said] == []


@each_row
def test_reports_come_as_the_profile_asks_for_them(row):
    profile = BY_NAME[row.profile]
    kept = "stored" if profile.stored_reports else "direct"

    assert row.reports.startswith(f"`{kept}`" if profile.reports else "`none`")


@each_row
def test_a_row_says_whether_it_is_proved_and_from_where_it_comes(row):
    proved, _, source = row.status.partition("; source: ")

    assert re.fullmatch(r"proved on hardware: (no|yes, \d{4}-\d\d-\d\d, .+)", proved)
    assert LINK.search(source) or STANDARD.search(source) or UNPROVED in source


@pytest.mark.parametrize("point", points(), ids=lambda point: point[:60])
def test_every_point_has_a_source_or_is_marked(point):
    assert LINK.search(point) or STANDARD.search(point) or UNPROVED in point


@pytest.mark.parametrize("target", sorted({target for _, target in LINKS}))
def test_a_link_leads_somewhere(target):
    headings = {anchor(heading) for heading in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)}
    parts = urlsplit(target)
    if not parts.scheme and not parts.path:
        assert parts.fragment in headings
    elif not parts.scheme:
        assert (ROOT / parts.path).is_file()
    else:
        assert parts.scheme in {"http", "https"}
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc)
        assert not re.search(r"[\s<>]", target)


def test_every_target_is_used():
    assert [name for name in TARGETS if f"][{name}]" not in PAGE] == []


def test_no_address_stands_outside_a_link():
    assert not re.search(r"https?://", LINK.sub("", TEXT))


@pytest.mark.parametrize(("label", "target"), LINKS)
def test_a_thread_is_called_by_its_number(label, target):
    if found := THREAD.fullmatch(target):
        assert found["number"] in re.findall(r"\d+", label) or "#" not in label


def test_a_number_of_a_thread_always_leads_to_it():
    assert re.findall(r"#\d+", LINK.sub("", TEXT)) == []
