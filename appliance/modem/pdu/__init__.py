"""SMS TPDUs (3GPP TS 23.040) in the PDU mode of 27.005: encode SUBMIT, decode what comes. Pure.

Clause numbers without a standard's name are those of 23.040.
"""

from appliance.modem.pdu.header import Concat
from appliance.modem.pdu.indication import Indication, Waits
from appliance.modem.pdu.received import Deliver, StatusReport, SubmitSeen, decode
from appliance.modem.pdu.septets import pack, unpack
from appliance.modem.pdu.submit import EncodedSubmit, Submit, encode_submit

__all__ = [
    "Concat",
    "Deliver",
    "EncodedSubmit",
    "Indication",
    "StatusReport",
    "Submit",
    "SubmitSeen",
    "Waits",
    "decode",
    "encode_submit",
    "pack",
    "unpack",
]
