"""Scripts by which shells complete commands and flags, as each command's `--help` names them at that moment."""

import sys
from collections.abc import Sequence

BAD_USAGE = 2
_FLAGS = r"""irsa-sidecar "$1" --help 2>/dev/null | grep -oE -- '(^|[ ,[])--?[a-z][a-z0-9-]*' | tr -d ' ,[' | sort -u"""

_BASH = r"""_irsa_sidecar_flags() { @flags@; }
_irsa_sidecar() {
    local current=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W '@commands@ --help' -- "$current"))
    elif [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$(_irsa_sidecar_flags "${COMP_WORDS[1]}")" -- "$current"))
    fi
}
complete -o default -F _irsa_sidecar irsa-sidecar
"""
_ZSH = r"""#compdef irsa-sidecar
_irsa_sidecar_flags() { @flags@; }
_irsa_sidecar() {
    if ((CURRENT == 2)); then
        compadd -- @commands@ --help
    elif [[ $words[CURRENT] == -* ]]; then
        compadd -- $(_irsa_sidecar_flags "$words[2]")
    else
        _files
    fi
}
compdef _irsa_sidecar irsa-sidecar
"""
_FISH = r"""function __irsa_sidecar_flags
    set --local words (commandline -opc)
    irsa-sidecar $words[2] --help 2>/dev/null | string match -arg -- '(?:^|[ ,\[])(--?[a-z][a-z0-9-]*)'
end
complete -c irsa-sidecar -n 'test (count (commandline -opc)) -eq 1' -f -a '@commands@ --help'
complete -c irsa-sidecar -n 'test (count (commandline -opc)) -gt 1; and string match -q -- "-*" (commandline -ct)' \
    -f -a '(__irsa_sidecar_flags)'
"""
SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_HELP = """usage: irsa-sidecar completion {bash,zsh,fish}

Print a script for the shell. For this session:
  source <(irsa-sidecar completion bash)
  source <(irsa-sidecar completion zsh)
  irsa-sidecar completion fish | source
"""


def main(argv: Sequence[str], commands: Sequence[str]) -> int:
    """Print the script for the shell that argv names. Returns 0, or 2 for bad usage."""
    if list(argv) in (["--help"], ["-h"]):
        sys.stdout.write(_HELP)
        return 0
    if len(argv) != 1 or argv[0] not in SHELLS:
        sys.stderr.write(f"{_HELP}\nirsa-sidecar completion: name one of {', '.join(SHELLS)}.\n")
        return BAD_USAGE
    script = SHELLS[argv[0]]
    sys.stdout.write(script.replace("@flags@", _FLAGS).replace("@commands@", " ".join(commands)))
    return 0
