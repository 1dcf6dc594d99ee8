"""Which characters the parts of a session may have: what is outside is refused where it comes in and where it goes out.

AWS writes key ids as word characters (STS service model 2011-06-15, accessKeyIdType) and the rest in base64; other STS
servers write tokens as JWTs. None of these characters means anything in an INI file, JSON, a header, a shell or a
terminal.
"""

import re

_KEY_ID = re.compile(r"\w{16,128}", re.ASCII)
_SECRET = re.compile(r"[\w/+=.~:-]{16,256}", re.ASCII)
_TOKEN = re.compile(r"[\w/+=.~:-]{16,16384}", re.ASCII)
_TIME = re.compile(r"[0-9T:.Z+-]{20,40}", re.ASCII)


def fault_in(access_key_id: object, secret_access_key: object, session_token: object) -> str:
    """The name of the first part that no STS server writes so; `""` if there is none. Quotes nothing."""
    parts = (
        ("AccessKeyId", _KEY_ID, access_key_id),
        ("SecretAccessKey", _SECRET, secret_access_key),
        ("SessionToken", _TOKEN, session_token),
    )
    return next((name for name, form, text in parts if not (isinstance(text, str) and form.fullmatch(text))), "")


def is_time(text: object) -> bool:
    """Whether this may be an ISO 8601 time as credentials carry it."""
    return isinstance(text, str) and _TIME.fullmatch(text) is not None
