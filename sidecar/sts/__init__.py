"""One exchange with STS: the form, what an answer holds, what a refusal means.

The call is one unsigned form and thirty lines of XML, so we speak it ourselves: +2 MiB, where botocore costs +17 MiB
and a thread that cannot be cancelled. botocore is the judge, in the contract tests: same bytes, same answer.
"""
