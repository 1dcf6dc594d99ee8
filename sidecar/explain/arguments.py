"""The flags of `irsa-sidecar explain`."""

import argparse
from urllib.parse import urlsplit

from sidecar.explain.question import OidcProvider, provider
from sidecar.terminal.command_parser import CommandParser


def parser() -> argparse.ArgumentParser:
    found = CommandParser(
        prog="irsa-sidecar explain",
        allow_abbrev=False,
        description="Check offline whether STS would accept this token for this trust policy, and if not, why. "
        "Never prints the token.",
        epilog="Exit code: 0 allow, 1 refusal, 2 invalid arguments.",
    )
    _add_call(found)
    _add_iam(found)
    _add_chain(found)
    _add_output(found)
    return found


def _add_call(parser: argparse.ArgumentParser) -> None:
    """The token and the policy, and what STS made of them."""
    of_call = parser.add_mutually_exclusive_group(required=True)
    of_call.add_argument("--token-file", metavar="FILE", help="the service-account token")
    of_call.add_argument(
        "--event", metavar="FILE", help="a CloudTrail event of the call in the place of the token; a log file works too"
    )
    parser.add_argument(
        "--trust-policy",
        metavar="FILE",
        help="required without --profile: the policy document, or what contains it, such as the output of "
        "`aws iam get-role`, a Terraform plan in JSON, "
        "a CloudFormation template, ...",
    )
    parser.add_argument(
        "--role-arn",
        default="",
        metavar="ARN",
        help="the role that the pod requests: AWS_ROLE_ARN; with --profile, also the role of a container endpoint",
    )
    parser.add_argument(
        "--sts-message", "--said", default="", metavar="TEXT", help="STS's error message, as the SDK printed it"
    )


def _add_iam(parser: argparse.ArgumentParser) -> None:
    """What the account and the cluster have besides."""
    parser.add_argument(
        "--provider",
        action="append",
        default=[],
        type=_provider,
        metavar="URL|ARN",
        help="an IAM OIDC provider of the account; repeatable. Default: assume one for the token's issuer",
    )
    parser.add_argument(
        "--client-id",
        action="append",
        default=[],
        metavar="ID",
        help="an audience that the provider lists; repeatable. Default: assume the token's own",
    )
    parser.add_argument(
        "--endpoint-url-sts",
        type=_endpoint,
        metavar="URL",
        help="the STS that is asked, as AWS_ENDPOINT_URL_STS of the sidecar. Default: AWS's. If it is not AWS's, the "
        "token's issuer need not be reachable from AWS",
    )


def _add_chain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile", metavar="NAME", help="explain this profile's chain link by link, from the token's role on"
    )
    parser.add_argument("--config", metavar="FILE", help="the file with the profile. Default: AWS_CONFIG_FILE")
    parser.add_argument(
        "--account",
        action="append",
        default=[],
        metavar="FILE",
        help="with --profile: the output of `aws iam get-account-authorization-details`, or of `get-role` where a role "
        "is not yours; repeatable",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fix", action="store_true", help="print a corrected policy on standard output")
    parser.add_argument("--json", action="store_true", help="print verdict and findings as JSON")
    parser.add_argument(
        "--now", type=float, metavar="UNIX", help="evaluate the token's times as of this moment, in Unix seconds"
    )


def _provider(text: str) -> OidcProvider:
    try:
        return provider(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not an http:// or https:// URL")
