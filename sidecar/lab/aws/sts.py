"""The strict STS as an HTTP server: the query protocol, the headers that AWS sends, and faults in responses."""

import email.utils
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web

from sidecar.lab.aws import answers, http_faults, sigv4
from sidecar.lab.aws.answers import StsRefusal
from sidecar.lab.aws.operations import OperationResult, Operations, caller_identity
from sidecar.lab.aws.sessions import RoleSession
from sidecar.lab.aws.sigv4 import SignedRequest
from sidecar.lab.aws.token_verification import no_key
from sidecar.lab.clock import LabClock
from sidecar.lab.events import Answered, LabObserver
from sidecar.lab.faults import Faults

API_VERSION = "2011-06-15"
LARGEST_BODY = 256 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """One complete request."""

    signed: SignedRequest
    form: Mapping[str, str]
    source_ip: str

    @property
    def action(self) -> str:
        return self.form.get("Action", "")


class Sts:
    """Reads requests, calls `Operations`, writes responses and informs the observer."""

    def __init__(
        self,
        operations: Operations,
        faults: Faults,
        *,
        clock: LabClock,
        region: str,
        observe: LabObserver,
    ) -> None:
        self._operations = operations
        self._faults = faults
        self._clock = clock
        self._region = region
        self._observe = observe
        self._handlers: Mapping[str, Callable[[Call], Awaitable[OperationResult]]] = {
            "AssumeRoleWithWebIdentity": self._assume_role_with_web_identity,
            "AssumeRole": self._assume_role,
            "GetCallerIdentity": self._get_caller_identity,
        }

    def app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/", self.handle)
        return app

    def now(self) -> float:
        """STS's own clock, which a fault may have set wrong."""
        return self._clock() + self._faults.seconds("skew")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = await self._read(request)
        if call.action not in http_faults.AFFECTED_ACTIONS:
            return await self._answer(call)
        return await http_faults.apply(self._faults, request, lambda: self._answer(call))

    async def _answer(self, call: Call) -> web.Response:
        request_id = str(uuid.uuid4())
        try:
            outcome = await self._decide(call)
        except StsRefusal as refusal:
            self._tell(call, request_id, refusal=refusal)
            return self._response(answers.refusal(refusal, request_id), refusal.status, request_id)
        self._tell(call, request_id, outcome=outcome)
        return self._response(answers.success(call.action, outcome.result, request_id), 200, request_id)

    async def _decide(self, call: Call) -> OperationResult:
        version = call.form.get("Version", "NO_VERSION_SPECIFIED")
        handler = self._handlers.get(call.action)
        if handler is None or version != API_VERSION:
            name = call.action or "null"
            raise StsRefusal("InvalidAction", f"Could not find operation {name} for version {version}")
        return await handler(call)

    async def _assume_role_with_web_identity(self, call: Call) -> OperationResult:
        http_faults.refuse(self._faults, call.form.get("RoleArn", ""))
        http_faults.refuse_token(self._faults)
        if call.signed.header("x-amz-security-token"):
            raise no_key("The request has an X-Amz-Security-Token header; AWS gives this answer too. Send it unsigned.")
        return await self._operations.assume_role_with_web_identity(call.form, self.now(), call.source_ip)

    async def _assume_role(self, call: Call) -> OperationResult:
        role_arn = call.form.get("RoleArn", "")
        http_faults.refuse(self._faults, role_arn)
        caller = self._caller(call)
        http_faults.refuse_chain(self._faults, caller, role_arn)
        return self._operations.assume_role(call.form, caller, self.now(), call.source_ip)

    async def _get_caller_identity(self, call: Call) -> OperationResult:
        return OperationResult(caller_identity(self._caller(call)))

    def _caller(self, call: Call) -> RoleSession:
        return sigv4.authenticate(call.signed, self._operations.sessions, self.now(), region=self._region)

    async def _read(self, request: web.Request) -> Call:
        try:
            body = await request.read()
        except web.RequestPayloadError:
            raise web.HTTPBadRequest(text="The body is not encoded as its headers say.\n") from None
        text = body.decode("utf-8", "replace") if request.method == "POST" else request.rel_url.raw_query_string
        headers: dict[str, list[str]] = {}
        for name, value in request.headers.items():
            headers.setdefault(name.lower(), []).append(value)
        path, _, query = request.raw_path.partition("?")
        signed = SignedRequest(request.method, path, query, headers, body)
        form = dict(parse_qsl(text, keep_blank_values=True))
        return Call(signed, form, request.remote or "")

    def _response(self, body: bytes, status: int, request_id: str) -> web.Response:
        headers = {"x-amzn-RequestId": request_id, "Date": email.utils.formatdate(self.now(), usegmt=True)}
        return web.Response(body=body, status=status, content_type="text/xml", headers=headers)

    def _tell(
        self, call: Call, request_id: str, *, refusal: StsRefusal | None = None, outcome: OperationResult | None = None
    ) -> None:
        session = outcome.issued.session if outcome and outcome.issued else None
        self._observe(
            Answered(
                action=call.action,
                status=refusal.status if refusal else 200,
                code=refusal.code if refusal else "",
                message=refusal.message if refusal else "",
                why=refusal.why if refusal else "",
                role_arn=call.form.get("RoleArn", ""),
                session_arn=session.arn if session else "",
                access_key_id=session.access_key_id if session else "",
                expires_at=session.expires_at if session else 0.0,
                request_id=request_id,
            )
        )
