"""Run one case of a client and write what it returned: ``drive.py CASE LIBRARY MEDIA RESULT``.

LIBRARY is "cycodec", which `cycodec.compat` puts in place of TorchCodec, or "torchcodec". MEDIA is
a JSON object of paths. RESULT is the pickle file of ``("value", value)`` or ``("error", text)``.
"""

import json
import pickle
import sys
import traceback
from pathlib import Path

import torch


def allow_torchvision_without_cuda():
    """Let torchvision of PyPI be imported beside a torch without CUDA.

    Its operators are linked to CUDA and do not load then. Its Python code runs if the operators
    exist for which it registers functions when it is imported.
    """
    if torch.version.cuda is None:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library
    return None


def main(name, library, media, result):
    kept = allow_torchvision_without_cuda()
    if library == "cycodec":
        import cycodec.compat

        cycodec.compat.install()
    import cases

    try:
        outcome = ("value", cases.CASES[name](json.loads(media)))
    except Exception:
        outcome = ("error", traceback.format_exc(limit=-4))
    import torchcodec

    served = torchcodec.decoders.VideoDecoder.__module__.split(".")[0]
    assert served == library, f"{served} took part, not {library}"
    Path(result).write_bytes(pickle.dumps(outcome))
    del kept


if __name__ == "__main__":
    main(*sys.argv[1:])
