"""What a text is that holds no trust policy, so that one sentence can say it."""

import re

UNRESOLVED = "\0template\0"
"""Stands for a document whose parts are filled in later; no text of a policy has it."""

_KINDS = (
    (r"ey[\w-]+\.[\w-]+\.[\w-]*$", "it is a token, not a policy; give it as --token-file"),
    (r"-----BEGIN ", "it is a key or a certificate, not a policy"),
    (r"(?i)<(!doctype|html|\?xml|\w+ xmlns)", "it is a page or an XML document, not a policy"),
    (
        r"(?m)^(ROLE|ASSUMEROLEPOLICYDOCUMENT|STATEMENT)\t|^20\d\d-\d\d-\d\d\t?\nSTATEMENT\t",
        "it is the AWS CLI's text output, which leaves out the names of condition keys; use --output json",
    ),
    (r"\+?-{10,}|\|\s+\w+Role", "it is the AWS CLI's table output; use --output json"),
    (
        r"(?m)^\s*(resource|data|module|variable|locals|output)\b.*\{\s*$|^\s*assume_role_policy\s*=",
        "it is Terraform source; give the output of `terraform show -json`, or of `aws iam get-role`",
    ),
    (r"(?s).{0,200}An error occurred \(", "it is an error message of the AWS CLI, not a policy"),
    (r"arn:aws[a-z-]*:iam::\d*:role/\S*$", "it is a role's ARN, not its policy; `aws iam get-role` prints the policy"),
)


def what_it_is(text: str) -> str:
    """The sentence for a text of a known kind; "" for any other."""
    for pattern, sentence in _KINDS:
        found = re.search(pattern, text) if pattern.startswith("(?m)") else re.match(pattern, text)
        if found:
            return sentence
    return ""
