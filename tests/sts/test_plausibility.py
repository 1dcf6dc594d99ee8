"""Where an answer's times and names stop being plausible."""

import pytest

from sidecar.core.arns import LONGEST_ARN
from sidecar.core.claims import Claims
from sidecar.core.errors import StsUnavailable
from sidecar.sts.plausibility import CLOCKS_DIFFER, Clocks, Presented, check_assumed_role
from tests.doubles import EPOCH, ROLE_ARN

LIFE = 86_400
CLAIMS = Claims(issued_at=EPOCH, expires_at=EPOCH + LIFE)
SESSION = "arn:aws:sts::111122223333:assumed-role/checkout/"


def test_an_answer_may_be_as_late_after_the_tokens_end_as_two_right_clocks_differ() -> None:
    end = CLAIMS.expires_at + CLOCKS_DIFFER
    Clocks(wall=EPOCH, date=end).check(Presented.of_token(CLAIMS))
    with pytest.raises(StsUnavailable, match="from after the end of the token"):
        Clocks(wall=EPOCH, date=end + 1).check(Presented.of_token(CLAIMS))


def test_an_answer_may_be_as_old_as_two_right_clocks_differ() -> None:
    oldest = EPOCH - CLOCKS_DIFFER
    Clocks(wall=EPOCH, date=oldest, expected=EPOCH).check(Presented.of_token(CLAIMS))
    with pytest.raises(StsUnavailable, match="301 s old"):
        Clocks(wall=EPOCH, date=oldest - 1, expected=EPOCH).check(Presented.of_token(CLAIMS))


def test_an_answer_that_is_older_than_its_token_is_refused_where_the_nodes_clock_agrees() -> None:
    Clocks(wall=EPOCH, date=EPOCH - CLOCKS_DIFFER).check(Presented.of_token(CLAIMS))
    with pytest.raises(StsUnavailable, match="older than the token"):
        Clocks(wall=EPOCH, date=EPOCH - CLOCKS_DIFFER - 1).check(Presented.of_token(CLAIMS))


def test_only_another_server_than_awss_may_leave_out_whose_credentials_they_are() -> None:
    check_assumed_role("", ROLE_ARN, may_be_absent=True)
    with pytest.raises(StsUnavailable, match="without the role"):
        check_assumed_role("", ROLE_ARN, may_be_absent=False)


def test_a_session_of_another_role_is_refused_wherever_it_comes_from() -> None:
    check_assumed_role(f"{SESSION}pod", ROLE_ARN, may_be_absent=True)
    for other in (SESSION, f"{SESSION}p", f"{SESSION}pod\n", f"{SESSION}{'p' * LONGEST_ARN}", "nonsense"):
        with pytest.raises(StsUnavailable, match="another role"):
            check_assumed_role(other, ROLE_ARN, may_be_absent=True)
