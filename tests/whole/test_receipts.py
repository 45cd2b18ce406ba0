from tests.receipts.proof import prove


async def test_no_receipt_is_lost_or_overtaken_whatever_the_esme_does_and_though_we_are_killed(
    tmp_path,
):
    """``make receipts`` does the same with 10,000 messages."""
    outcome = await prove(tmp_path, messages=1500, kills=3, seed=20260507)
    assert outcome.complaints() == []
    books = outcome.books
    assert min(*books.refused.values(), books.ignored, books.left, books.aborted) > 0
