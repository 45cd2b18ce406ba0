"""What is answered to keywords: the site's own words, to phone numbers that may be written to.

Short codes and names are never answered: machines send from them, and two machines that answer
each other do not end.
"""

from collections.abc import Mapping, Sequence

from appliance import msisdn, text
from appliance.errors import SubmissionRefused
from appliance.policy.countries import country_of_imsi
from appliance.policy.keywords import Keyword
from appliance.store.values import Reply


class Replies:
    """Answers by keyword; to be asked as a function."""

    def __init__(
        self,
        said: Mapping[Keyword, str],
        *,
        countries: frozenset[str],
        national: Sequence[int] = (),
        wide: bool = False,
    ) -> None:
        """Prepare the answers.

        Args:
            said: the texts; a keyword that is left out is not answered.
            countries: that may be written to (ISO 3166); empty: those of the SIMs.
            national: languages whose 7-bit tables may be used.
            wide: parts are numbered with 16-bit references.

        """
        self._countries = countries
        self._replies = {
            keyword: _written(words, national, wide=wide) for keyword, words in said.items()
        }

    def __call__(self, said: Keyword, sender: str, subscribers: Sequence[str]) -> Reply | None:
        """Return what is answered to a sender, None if nothing is.

        ``subscribers`` are the IMSIs of our SIMs.
        """
        reply = self._replies.get(said)
        return reply if reply is not None and self._may(sender, subscribers) else None

    def _may(self, sender: str, subscribers: Sequence[str]) -> bool:
        homes = {country_of_imsi(imsi) for imsi in subscribers}
        countries = self._countries or frozenset(home for home in homes if home)
        try:
            msisdn.parse(sender, region=None, short_codes=False, countries=countries)
        except SubmissionRefused:
            return False
        return True


def _written(words: str, national: Sequence[int], *, wide: bool) -> Reply:
    segments, language = text.choose(words, national, wide=wide)
    return Reply(
        text=words,
        encoding=segments[0].encoding,
        parts=len(segments),
        language=language,
        wide=wide,
    )
