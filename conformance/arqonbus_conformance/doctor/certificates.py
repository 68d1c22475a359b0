"""How long certificates are valid. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509

from arqonbus_conformance.doctor.check import Blame, Check, ok, problem, warning

__all__ = ["SOON_DAYS", "expiry_check"]

SOON_DAYS: Final = 14
"""A certificate that ends within so many days is warned of."""


def expiry_check(about: str, whose: str, certificates: Sequence[x509.Certificate], now: datetime) -> Check:
    """Whether all of them are valid at ``now`` and for a while; the one that ends first is told.

    Args:
        about: the field of the profile.
        whose: what the certificates are, such as "certificate of localhost:443".
        certificates: at least one.
        now: with a zone.
    """
    ends = min(certificate.not_valid_after_utc for certificate in certificates)
    begins = max(certificate.not_valid_before_utc for certificate in certificates)
    until = ends.astimezone(UTC).isoformat(timespec="seconds")
    if begins > now:
        since = begins.astimezone(UTC).isoformat(timespec="seconds")
        detail = f"the {whose} is not valid before {since}"
        return problem(about, "expiry", detail, "look at the clock of this machine", Blame.TARGET)
    if ends <= now:
        detail = f"the {whose} expired at {until}"
        return problem(about, "expiry", detail, "renew it", Blame.TARGET)
    if ends <= now + timedelta(days=SOON_DAYS):
        days = (ends - now) / timedelta(days=1)
        detail = f"the {whose} expires at {until}, in {days:.1f} days"
        return warning(about, "expiry", detail, "renew it before it does")
    return ok(about, "expiry", f"the {whose} is valid until {until}")
