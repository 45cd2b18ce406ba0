"""How many connections there may be: who is bound stays, the oldest stranger makes room."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.smpp_server.guests import Guest, Guests
from appliance.smpp_server.places import allowed, place_of


class House:
    def __init__(self, most, most_strangers):
        self.guests = Guests(most, most_strangers)
        self.left = []

    def come(self, name, place="a"):
        guest = Guest(place, lambda: self.left.append(name))
        return guest if self.guests.come(guest) else None


def test_the_oldest_stranger_of_an_address_makes_room_for_its_next_one():
    house = House(10, 2)
    for name in "123":
        assert house.come(name)

    assert house.left == ["1"]
    assert len(house.guests) == 2


def test_who_binds_is_no_stranger_any_more():
    house = House(10, 1)
    house.guests.bound(house.come("1"))
    assert house.come("2")
    assert house.left == []


def test_one_that_is_being_looked_at_stays():
    house = House(10, 1)
    house.come("1").idle = lambda: False
    assert house.come("2") is None
    assert house.left == []


def test_if_all_is_full_the_address_with_most_strangers_makes_room():
    house = House(5, 5)
    house.guests.bound(house.come("bound", "x"))
    house.come("shy", "b")
    for name in "123":
        house.come(name, "a")

    assert house.come("new", "c")
    assert house.left == ["1"]


def test_if_all_are_bound_nobody_else_comes_in():
    house = House(2, 2)
    first, second = house.come("1"), house.come("2")
    house.guests.bound(first)
    house.guests.bound(second)
    assert house.come("3") is None

    house.guests.gone(first)
    assert house.come("3")


STEP = st.tuples(st.sampled_from(["come", "bound", "gone", "busy"]), st.integers(0, 30))


@given(st.lists(STEP, max_size=200), st.integers(1, 6), st.integers(1, 4))
def test_there_are_never_more_than_there_may_be(steps, most, most_strangers):
    house, known = House(most, most_strangers), []
    for step, number in steps:
        if step == "come":
            known.append(house.come(len(known), "ab"[number % 2]))
        elif known and (guest := known[number % len(known)]):
            if step == "busy":
                guest.idle = lambda: False
            else:
                getattr(house.guests, step)(guest)

        assert len(house.guests) <= most
        assert house.guests.strangers <= min(most, 2 * most_strangers)


def test_networks_are_those_of_their_family_and_a_mapped_address_is_what_it_stands_for():
    assert allowed(None, "anything")
    assert allowed("192.0.2.0/24", "192.0.2.77")
    assert allowed("192.0.2.0/24", "::ffff:192.0.2.77")
    assert allowed("2001:db8::/32,192.0.2.1/32", "2001:db8::5%eth0")
    for address in ("192.0.3.1", "::1", "", "shop.example"):
        assert not allowed("192.0.2.0/24,2001:db8::/32", address)


def test_all_addresses_of_an_ipv6_site_are_one_place():
    assert place_of("2001:db8::1") == place_of("2001:db8::ffff:1") != place_of("2001:db8:0:1::1")
    assert place_of("192.0.2.1") == place_of("::ffff:192.0.2.1") != place_of("192.0.2.2")
    assert place_of("") == ""
