"""Tell the author of a network what is wrong with it: ``python -m benchmark.check_model ...``.

``model=NAME`` names a file of benchmark/conf/model, ``model._target_=my_module.MyVariant`` a class
anywhere on the path; ``model.KEY=VALUE`` (with a class of one's own ``+model.KEY=VALUE``) sets its
arguments. See docs/variants.md.
"""

import sys

from hydra.errors import HydraException
from hydra.utils import instantiate

from benchmark.errors import UserError, one_sentence
from benchmark.runner.compose import compose_settings
from benchmark.runner.settings import check_complete
from benchmark.runner.words import complete
from benchmark.tools.model_check import find_problems


def main(words: list[str]) -> int:
    """Print what is wrong; the exit code is 0 if nothing is."""
    if not words or {"--help", "-h"} & set(words):
        print(__doc__)
        return 0 if words else 2
    try:
        settings = compose_settings(complete(words))
        check_complete(settings)
        if "_target_" not in settings["model"]:
            raise UserError("Name the network: model=NAME or model._target_=my_module.MyVariant.")
        problems = find_problems(instantiate(settings["model"]))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except HydraException as error:
        print(f"error: {one_sentence(error)}", file=sys.stderr)
        return 2
    chosen = settings["choices"]["model"]
    name = settings["model"]["_target_"].rpartition(".")[2] if chosen == "custom" else chosen
    print(*problems or [f"{name} keeps the contract."], sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
