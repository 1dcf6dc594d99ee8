"""What IMDS reports about the instance: only what is known of the pod.

An answer that looks like EC2's and is wrong does more harm than a 404: programs place data by zone and name things by
instance.
"""

import json
from dataclasses import dataclass

from sidecar.core.arns import RoleArn
from sidecar.core.model import DEFAULT_ROLE, Credentials
from sidecar.core.timestamps import timestamp

METADATA = "/latest/meta-data"


@dataclass(frozen=True, slots=True)
class Instance:
    """Where the pod runs, as far as anybody said. `host_name` stands in for the instance id: it names the pod.

    `role`: None where only the credentials tell which it is; `called` is its name then.
    """

    role: RoleArn | None
    host_name: str
    region: str | None
    availability_zone: str | None
    called: str = DEFAULT_ROLE

    @property
    def role_name(self) -> str:
        """What programs ask for."""
        return self.called if self.role is None else self.role.name

    def pages(self) -> dict[str, bytes]:
        """Path and text of all that does not change. What is not known has no page."""
        known = {
            f"{METADATA}/iam/security-credentials": self.role_name,
            f"{METADATA}/instance-id": self.host_name,
            f"{METADATA}/placement/region": self.region,
            f"{METADATA}/placement/availability-zone": self.availability_zone,
            "/latest/dynamic/instance-identity/document": self._identity(),
        }
        return {path: text.encode() for path, text in known.items() if text}

    def _identity(self) -> str:
        """Without a signature, for nobody could check one; `accountId` is the account of the credentials."""
        document = {
            "version": "2017-09-30",
            "accountId": self.role.account if self.role else None,
            "instanceId": self.host_name,
            "region": self.region,
            "availabilityZone": self.availability_zone,
        }
        return json.dumps({name: value for name, value in document.items() if value})

    def info(self, credentials: Credentials) -> bytes:
        """`iam/info`. The profile has the role's name, as the profiles do that the EC2 console makes."""
        issued = timestamp(credentials.expiration - credentials.lifetime)
        told = {"Code": "Success", "LastUpdated": issued, "InstanceProfileArn": self._profile(credentials)}
        return json.dumps({name: value for name, value in told.items() if value}).encode()

    def _profile(self, credentials: Credentials) -> str:
        if self.role is None:
            return credentials.role_arn.replace(":role/", ":instance-profile/")
        return f"arn:{self.role.partition}:iam::{self.role.account}:instance-profile/{self.role.name}"
