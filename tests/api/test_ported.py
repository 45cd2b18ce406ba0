"""Numbers that have moved to another operator are imported from this box only."""

NUMBER = "+4915228817386"


async def test_they_are_taken_and_known_from_then_on(house, local):
    body = {"numbers": [{"number": "0152 28817386", "operator": "Vodafone"}]}
    answer = await local.post("/local/ported", json=body)
    assert answer.json() == {"taken": 1, "known": 1}
    assert await house.store.ported.operator(NUMBER) == "Vodafone"


async def test_one_that_is_no_number_is_named_and_none_is_taken(house, local):
    good = {"number": NUMBER, "operator": "Vodafone"}
    answer = await local.post(
        "/local/ported", json={"numbers": [good, {"number": "no number", "operator": "O2"}]}
    )
    assert answer.status_code == 422
    assert answer.json()["field"] == "numbers.1.number"
    assert await house.store.ported.count() == 0


async def test_nobody_from_outside_may(api):
    answer = await api.post("/local/ported", json={"numbers": []})
    assert answer.status_code == 404
