"""Verbs of the command line, one file each, loaded when they are called: --help answers at once.

Exit codes: 0 done, 1 the job failed, 2 the arguments or the data cannot be used, 3 a claim does not hold (reproduce
--strict), 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cyclopts import App
from cyclopts.exceptions import CycloptsError

from zeeman.cli import failures, settings, words

__all__ = ["app", "main"]

VERBS = tuple(  # explore is listed where it is installed
    verb for verb in words.SAYS if (Path(__file__).parent / f"{verb}.py").is_file()
)
_ALIASES = {"--replicas": "--n-replicas"}

app = App(
    name="zeeman",
    help="The physics of latent spaces: fields, energies, states and phases that survive retraining.",
    help_epilogue=words.EPILOGUE,
    help_format="plaintext",
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
)
for _order, _verb in enumerate(VERBS):
    app.command(
        f"zeeman.cli.{_verb}:{_verb}", name=_verb, help=words.SAYS[_verb], sort_key=_order,
        usage=f"Usage: zeeman {_verb} {words.USAGE[_verb]}",  # given: working it out takes a tenth of --help
        help_epilogue=f"{words.EXAMPLES[_verb]}\n\n{words.EXIT_CODES}",
    )  # fmt: skip
app.register_install_completion_command(help="Install completion for this shell: zsh, bash or fish (--shell).")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; errors are one paragraph, the traceback is for --debug or ZEEMAN_DEBUG=1."""
    words_given = sys.argv[1:] if arguments is None else list(arguments)
    _wait_briefly()
    debug = "--debug" in words_given or os.environ.get("ZEEMAN_DEBUG") == "1"
    verb = next((word for word in words_given if word in VERBS), "")
    try:
        rest, config = settings.taken_from([_alias(word) for word in words_given if word != "--debug"], verb)
        if not {"--help", "-h"}.isdisjoint(rest):  # without parsing what stands beside it, which takes a third longer
            app.help_print([verb] if verb else [])
            sys.exit(0)
        app.config = (*([] if config is None else [config]), settings.whole_numbers)
        code = app(rest)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (head, less) has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (Exception, KeyboardInterrupt) as error:
        if debug and not isinstance(error, (KeyboardInterrupt, CycloptsError)):
            raise
        message, code = failures.explained(error, verb)
        words.complain(message)
    finally:
        app.config = ()  # a settings file belongs to one call
    sys.exit(code if isinstance(code, int) else 0)


def _wait_briefly() -> None:
    """Let OpenMP's threads spin for microseconds, then sleep, unless told how; read once, when torch is loaded.

    Threads that spin for long make training many times slower where cores are shared, those that sleep at once a tenth
    slower where they are not.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.update(OMP_WAIT_POLICY="passive", GOMP_SPINCOUNT="5000")


def _alias(word: str) -> str:
    """The long name of an option that has a short one too, with its value if it is attached."""
    name, equals, value = word.partition("=")
    return _ALIASES.get(name, name) + equals + value
