"""Files and profiles that the application's SDK reads: the sidecar's, or one that comes before its answer."""

from sidecar.core.findings import Finding
from sidecar.core.variables import CREDENTIALS_FILE
from sidecar.doctor.application_way import Way, file_read, ways
from sidecar.doctor.findings import failed, missing, passed, skipped, warned
from sidecar.doctor.pod import Pod

PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
FILES = (
    "AWS_CONFIG_FILE",
    CREDENTIALS_FILE,
    "AWS_CREDENTIAL_PROFILES_FILE",  # Java v1
    "AWS_CREDENTIAL_FILE",  # botocore, of the first command-line tools
    "BOTO_CONFIG",
)
_KEYS = "^ *(aws_access_key_id|role_arn|credential_process|credential_source|sso_session|sso_start_url)"
"""Settings that give credentials, for grep, which shows no value."""
_NO_FILE = frozenset({"", "/dev/null"})


def credentials_file(pod: Pod) -> Finding | None:
    """Where the file is the way, the application must read the one that the sidecar writes."""
    if pod.app is None or pod.config is None or Way.FILE not in ways(pod):
        return None
    read, written = file_read(pod), str(pod.config.credentials_file)
    fix = f"- name: {CREDENTIALS_FILE}\n  value: {written} # where the application mounts the same volume"
    if CREDENTIALS_FILE in pod.hidden:
        return skipped(
            "app-credentials-file", f"{CREDENTIALS_FILE} from {pod.hidden[CREDENTIALS_FILE]}", "Not checked."
        )
    if not pod.app.get(CREDENTIALS_FILE) and not written.endswith("/.aws/credentials"):
        saw = f"{CREDENTIALS_FILE} is missing"
        return missing(pod, "app-credentials-file", saw, f"The sidecar writes {written}, and no SDK reads it.", fix)
    if read == written or (read.startswith("~") and written.endswith(read[1:])):
        return passed("app-credentials-file", read, "The file that the sidecar writes.")
    if read.rpartition("/")[2] != written.rpartition("/")[2]:
        return failed("app-credentials-file", read, f"The sidecar writes {written}.", fix)
    return skipped(
        "app-credentials-file",
        f"{read}; the sidecar writes {written}",
        "The same file only if the application mounts the volume there.",
        "kubectl get pod POD -o jsonpath='{.spec.containers[*].volumeMounts}'",
    )


def profile(pod: Pod) -> Finding | None:
    if pod.app is None:
        return None
    named = [name for name in PROFILES if pod.has(name)]
    if pod.config is not None and Way.FILE in ways(pod):
        return _profile_in_our_file(pod, named, pod.config.credentials_profile)
    if not named:
        return None
    return failed(
        "app-profile",
        f"{', '.join(named)} set",
        "SDKs use a profile before they call an endpoint, and some fail if it does not exist.",
        pod.without(*named),
    )


def _profile_in_our_file(pod: Pod, named: list[str], written: str) -> Finding | None:
    used = {(pod.app or {}).get(name, "") for name in named} or {"default"}
    if used == {written} or any(name in pod.hidden for name in named):
        return None
    saw, fix = f"profile {', '.join(sorted(used))}", f"- name: AWS_PROFILE\n  value: {written}"
    return failed(
        "app-profile", saw, f"The sidecar writes the profile {written} (SIDECAR_CREDENTIALS_FILE_PROFILE).", fix
    )


def settings_files(pod: Pod) -> Finding | None:
    """We see their names, seldom their content: they may hold nothing but a region."""
    if pod.app is None:
        return None
    ours = {CREDENTIALS_FILE} if Way.FILE in ways(pod) else set()
    named = [name for name in FILES if pod.has(name) and name not in ours and pod.app.get(name) not in _NO_FILE]
    if not named:
        return None
    files = " ".join(filter(None, (pod.app.get(name, "") for name in named))) or "FILE"
    look = f"kubectl exec POD -c {pod.container or 'APP'} -- grep -hoE '{_KEYS}' {files}"
    return warned(
        "app-settings-file",
        f"{', '.join(named)} set",
        "Keys, roles and programs in such a file are used before the sidecar is asked.",
        f"{pod.without(*named)}\n# unless this prints nothing:\n{look}",
    )
