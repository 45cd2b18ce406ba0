"""The numbers of SMPP and our names for them. Clauses are those of SMPP 3.4, if not of 5.0."""

from enum import IntEnum, IntFlag
from typing import Final

RESPONSE: Final = 0x80000000
"""The bit that a response adds to its request's command_id (5.1.2.1)."""

GENERIC_NACK: Final = RESPONSE
"""The answer to what cannot be told what it is (4.3)."""

V34: Final = 0x34
"""The interface_version from which on a peer knows optional parameters (5.2.4)."""

V50: Final = 0x50
"""The interface_version from which on a peer knows the statuses from 0x100 on (5.0, 4.7.6)."""


class Command(IntEnum):
    """command_id of the requests that an ESME may know (5.1.2.1)."""

    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    QUERY_SM = 0x03
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    REPLACE_SM = 0x07
    CANCEL_SM = 0x08
    BIND_TRANSCEIVER = 0x09
    OUTBIND = 0x0B
    ENQUIRE_LINK = 0x15
    SUBMIT_MULTI = 0x21
    ALERT_NOTIFICATION = 0x102
    DATA_SM = 0x103


class Status(IntEnum):
    """command_status (5.1.3); the name in the standard stands beside."""

    OK = 0x00  # ESME_ROK
    BAD_MESSAGE_LENGTH = 0x01  # ESME_RINVMSGLEN
    BAD_COMMAND_LENGTH = 0x02  # ESME_RINVCMDLEN
    UNKNOWN_COMMAND = 0x03  # ESME_RINVCMDID
    WRONG_BIND_STATE = 0x04  # ESME_RINVBNDSTS
    ALREADY_BOUND = 0x05  # ESME_RALYBND
    BAD_PRIORITY = 0x06  # ESME_RINVPRTFLG
    BAD_REGISTERED_DELIVERY = 0x07  # ESME_RINVREGDLVFLG
    SYSTEM_ERROR = 0x08  # ESME_RSYSERR
    BAD_SOURCE = 0x0A  # ESME_RINVSRCADR
    BAD_DESTINATION = 0x0B  # ESME_RINVDSTADR
    BAD_MESSAGE_ID = 0x0C  # ESME_RINVMSGID
    BIND_FAILED = 0x0D  # ESME_RBINDFAIL
    BAD_PASSWORD = 0x0E  # ESME_RINVPASWD
    BAD_SYSTEM_ID = 0x0F  # ESME_RINVSYSID
    QUEUE_FULL = 0x14  # ESME_RMSGQFUL
    BAD_SERVICE_TYPE = 0x15  # ESME_RINVSERTYP
    REPLACE_REFUSED = 0x42  # ESME_RINVSUBREP
    BAD_ESM_CLASS = 0x43  # ESME_RINVESMCLASS
    SUBMIT_FAILED = 0x45  # ESME_RSUBMITFAIL
    BAD_SOURCE_TON = 0x48  # ESME_RINVSRCTON
    BAD_SOURCE_NPI = 0x49  # ESME_RINVSRCNPI
    BAD_DESTINATION_TON = 0x50  # ESME_RINVDSTTON
    BAD_DESTINATION_NPI = 0x51  # ESME_RINVDSTNPI
    BAD_SYSTEM_TYPE = 0x53  # ESME_RINVSYSTYP
    BAD_REPLACE_FLAG = 0x54  # ESME_RINVREPFLAG
    THROTTLED = 0x58  # ESME_RTHROTTLED
    BAD_SCHEDULE = 0x61  # ESME_RINVSCHED
    BAD_VALIDITY = 0x62  # ESME_RINVEXPIRY
    BAD_DEFAULT_MESSAGE = 0x63  # ESME_RINVDFTMSGID
    RECEIVER_TEMPORARY = 0x64  # ESME_RX_T_APPN
    RECEIVER_PERMANENT = 0x65  # ESME_RX_P_APPN
    RECEIVER_REJECTS = 0x66  # ESME_RX_R_APPN
    BROKEN_OPTIONAL_PART = 0xC0  # ESME_RINVOPTPARSTREAM
    OPTIONAL_NOT_ALLOWED = 0xC1  # ESME_ROPTPARNOTALLWD
    BAD_OPTIONAL_LENGTH = 0xC2  # ESME_RINVPARLEN
    MISSING_OPTIONAL = 0xC3  # ESME_RMISSINGOPTPARAM
    BAD_OPTIONAL_VALUE = 0xC4  # ESME_RINVOPTPARAMVAL
    BAD_DATA_CODING = 0x104  # ESME_RINVDCS; SMPP 5.0, 4.7.6


class Tag(IntEnum):
    """Tags of the optional parameters we read or write (5.3.2)."""

    RECEIPTED_MESSAGE_ID = 0x001E
    USER_MESSAGE_REFERENCE = 0x0204
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


class EsmClass(IntFlag):
    """Bits of esm_class (5.2.12)."""

    RECEIPT = 0x04
    INTERMEDIATE = 0x20
    UDHI = 0x40


class Ton(IntEnum):
    """Type of number (5.2.5)."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK = 3
    SUBSCRIBER = 4
    ALPHANUMERIC = 5
    ABBREVIATED = 6


class Npi(IntEnum):
    """Numbering plan indicator (5.2.6)."""

    UNKNOWN = 0
    ISDN = 1
    DATA = 3
    TELEX = 4
    LAND_MOBILE = 6
    NATIONAL = 8
    PRIVATE = 9
    ERMES = 10
    INTERNET = 14
    WAP = 18
