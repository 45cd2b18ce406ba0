"""What outcomes in a row say of a line."""

import pytest

from appliance.lines.judging import Judge
from appliance.modem.causes import Cause, Kind
from appliance.modem.ladder import Symptom
from appliance.modem.values import MaybeSent, NotSent, Refused, Sent
from appliance.policy.judgement import Fate

FAILURES = 4

SENT = Sent(1)
LOST = MaybeSent("no answer")
UNSENT = NotSent("no prompt")


def refused(kind):
    return Refused(Cause(kind, "so it is"), 1, "+CMS ERROR: 1")


PASSING, DEVICE, SIM, FOR_GOOD = map(refused, (Kind.PASSING, Kind.DEVICE, Kind.SIM, Kind.NUMBER))


def verdicts(*outcomes, registered=True):
    judge = Judge(FAILURES)
    return [judge.judge(outcome, registered=registered) for outcome in outcomes]


def symptoms(*outcomes, registered=True):
    return [verdict.symptom for verdict in verdicts(*outcomes, registered=registered)]


@pytest.mark.parametrize(
    ("outcome", "symptom"),
    [
        (UNSENT, Symptom.FAILURES),
        (DEVICE, Symptom.FAILURES),
        (LOST, Symptom.NOTHING_OUT),
        (PASSING, Symptom.NOTHING_OUT),
    ],
)
def test_so_many_failures_in_a_row_and_no_fewer_ask_for_mending(outcome, symptom):
    assert symptoms(*[outcome] * FAILURES) == [None] * (FAILURES - 1) + [symptom]


@pytest.mark.parametrize("outcome", [UNSENT, DEVICE, LOST, PASSING])
@pytest.mark.parametrize("good", [SENT, FOR_GOOD])
def test_one_part_that_gets_out_begins_the_count_anew(outcome, good):
    row = [*[outcome] * (FAILURES - 1), good, *[outcome] * (FAILURES - 1)]
    assert set(symptoms(*row)) == {None}
    assert verdicts(good)[0].fate is Fate.OUT


def test_after_it_was_asked_for_the_count_begins_anew():
    found = symptoms(*[UNSENT] * FAILURES * 2)
    assert [at for at, each in enumerate(found, 1) if each] == [FAILURES, 2 * FAILURES]


def test_a_network_that_refuses_is_no_reason_while_the_modem_is_not_registered():
    assert set(symptoms(*[PASSING] * FAILURES * 2, registered=False)) == {None}
    assert symptoms(*[LOST] * FAILURES, registered=False)[-1] is Symptom.FAILURES


def test_a_sim_that_is_refused_is_no_fault_of_its_modem():
    found = verdicts(*[SIM] * FAILURES * 2)
    assert {(one.symptom, one.troubles, one.doubt) for one in found} == {(None, 0, False)}
    assert {(one.fate, one.cause) for one in found} == {(Fate.REFUSED, "so it is")}


@pytest.mark.parametrize("outcome", [UNSENT, DEVICE, LOST, PASSING])
def test_what_does_not_get_out_has_failed(outcome):
    assert verdicts(outcome)[0].fate is Fate.FAILED


def test_one_part_lost_sight_of_pauses_nothing_two_have_the_modem_looked_at():
    first, second = verdicts(LOST, LOST)
    assert (first.troubles, first.doubt) == (0, False)
    assert (second.troubles, second.doubt) == (1, True)


def test_each_part_that_was_not_even_begun_pauses_for_longer():
    assert [one.troubles for one in verdicts(UNSENT, UNSENT, UNSENT)] == [1, 2, 3]
