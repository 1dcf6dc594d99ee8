"""The estate of docs/audit.md: one of each kind of thing that an audit finds."""

from sidecar.audit import Audit
from tests.audit.estate import arn, audited, pod, service_account
from tests.explain.asking import CLUSTER, OLD_CLUSTER, PROVIDER_ARN, equals, policy, statement


def of_account(name: str) -> str:
    return f"system:serviceaccount:{name.replace('/', ':')}"


def estate() -> Audit:
    pattern = {
        "StringLike": {f"{CLUSTER}:sub": "system:serviceaccount:batch:*"},
        "StringEquals": {f"{CLUSTER}:aud": "sts.amazonaws.com"},
    }
    old = PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER)
    return audited(
        service_account("batch/default"),
        service_account("batch/nightly", arn("nightly")),
        service_account("payments/api", arn("payments")),
        service_account("payments/web", arn("payment-web")),
        service_account("shop/cart", arn("cart")),
        pod("batch/nightly-0", "nightly"),
        pod("payments/api-0", "api", arn("payments"), "sts.amazonaws.com"),
        pod("shop/cart-0", "cart", arn("cart"), "sts.amazonaws.com"),
        nightly=policy(statement(Condition=pattern)),
        payments=policy(statement(Condition=equals(of_account("payment/api")))),
        cart=policy(
            statement(Condition=equals(of_account("shop/cart"))),
            statement(Principal={"Federated": old}, Condition=equals(of_account("shop/cart"), cluster=OLD_CLUSTER)),
        ),
        legacy=policy(statement(Condition=equals(of_account("shop/legacy")))),
    )
