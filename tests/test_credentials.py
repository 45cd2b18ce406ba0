import base64
import re

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type
from standardwebhooks import Webhook

from appliance import credentials

LOOK_ALIKE = set("0Oo1Il")

MAKERS = [
    (credentials.new_api_key, r"sk_[A-Za-z0-9]{40}"),
    (credentials.new_system_id, r"[a-z][a-z0-9]{9}"),
    (credentials.new_smpp_password, r"[A-Za-z0-9]{8}"),
]


@pytest.mark.parametrize(("make", "pattern"), MAKERS)
def test_what_people_copy_has_its_form_and_no_look_alikes(make, pattern):
    made = {make() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(pattern, each) for each in made)
    assert not LOOK_ALIKE & {character for each in made for character in each}


def test_a_webhook_secret_signs_and_verifies_with_the_standard_library():
    secret = credentials.new_webhook_secret()
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert secret != credentials.new_webhook_secret()
    Webhook(secret)  # refuses what it cannot read


def test_an_api_key_is_found_again_by_its_hash_and_not_read_from_it():
    key = credentials.new_api_key()
    assert credentials.hash_api_key(key) == credentials.hash_api_key(key)
    assert re.fullmatch("[0-9a-f]{64}", credentials.hash_api_key(key))
    assert credentials.hash_api_key(key) != credentials.hash_api_key(key + "x")


def test_a_password_is_verified_and_any_other_is_not():
    hashed = credentials.hash_password("Zk7mPq2x")
    assert "Zk7mPq2x" not in hashed
    assert credentials.verify_password(hashed, "Zk7mPq2x")
    for wrong in ("zk7mPq2x", "Zk7mPq2", "Zk7mPq2xx", "", "Zk7m\x00", "п" * 8):
        assert not credentials.verify_password(hashed, wrong)


def test_the_same_password_is_hashed_differently_for_two_accounts():
    assert credentials.hash_password("same") != credentials.hash_password("same")


@pytest.mark.parametrize("broken", ["", "plain", "$argon2id$v=19$m=8,t=1,p=1$x", "$2b$12$abc"])
def test_a_broken_hash_lets_nobody_in(broken):
    assert not credentials.verify_password(broken, "")
    assert not credentials.verify_password(broken, broken)


def test_an_unknown_name_costs_what_a_wrong_password_costs():
    assert not credentials.verify_password(None, "Zk7mPq2x")
    real = extract_parameters(credentials.hash_password("x"))
    assert extract_parameters(credentials._NOBODY) == real


def test_hashing_is_argon2id_in_memory_that_a_raspberry_pi_can_spare():
    cost = extract_parameters(credentials.hash_password("x"))
    assert cost.type is Type.ID
    assert cost.memory_cost <= 16 * 1024
    assert cost.memory_cost * cost.time_cost >= 36 * 1024  # OWASP: 12 MiB with 3 passes
