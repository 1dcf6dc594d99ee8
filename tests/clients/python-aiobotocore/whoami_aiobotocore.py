"""GetCallerIdentity by aiobotocore, once for each line on standard input."""

import asyncio
import json
import os
import sys

import aiobotocore  # type: ignore[import-not-found]
from aiobotocore.session import get_session  # type: ignore[import-not-found]


async def main() -> None:
    session = get_session()
    async with session.create_client("sts", endpoint_url=os.environ["AWS_ENDPOINT_URL_STS"]) as sts:
        for _ in sys.stdin:
            who = (await sts.get_caller_identity())["Arn"]
            credentials = await (await session.get_credentials()).get_frozen_credentials()
            answer = {"who": who, "access_key_id": credentials.access_key}
            answer |= {"client": "aiobotocore", "version": aiobotocore.__version__}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


asyncio.run(main())
