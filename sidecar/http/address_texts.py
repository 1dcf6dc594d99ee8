"""Addresses as settings spell them."""

from sidecar.http.addresses import Address, TcpAddress, UnixAddress, canonical_host


def addresses(value: str) -> tuple[Address, ...]:
    """Raises `ValueError`, saying what is allowed."""
    return tuple(_address(part.strip()) for part in value.split(","))


def listeners(value: str) -> tuple[Address, ...]:
    """Addresses, or none at all for `off`."""
    return () if value.strip().lower() == "off" else addresses(value)


def _address(value: str) -> Address:
    if value.startswith("unix:/"):
        from pathlib import Path  # noqa: PLC0415 (a probe rarely needs it)

        return UnixAddress(Path(value.removeprefix("unix:")))
    host, _, port = value.rpartition(":")
    host = canonical_host(host.removeprefix("[").removesuffix("]") if host.startswith("[") else host)
    if not host or not (port.isascii() and port.isdigit() and int(port) <= 65_535):  # noqa: PLR2004
        raise ValueError(
            "is not an address to listen on; use IP:PORT, [IPv6]:PORT, localhost:PORT or unix:/PATH, "
            "several separated by commas"
        )
    return TcpAddress(host, int(port))
