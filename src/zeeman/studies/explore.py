"""The latent explorer of a run in a browser, with whole decoders: a server on this machine, for nobody else.

    GET /            the run's report.html, told that a server answers
    GET /api/run     names and latent dimensions of the trainings that it decodes
    POST /api/decode {"training": r, "z": [[...], ...]} -> the decoder's output (sample, channel, site...), float32

The page shows its own decoder's picture at once and this answer when it comes. The server listens on the loopback
address and answers only requests addressed to it, so no other machine and no other page can ask.
"""

from __future__ import annotations

import os
import socket
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from zeeman.training import evaluating
from zeeman.vae import BetaVAE
from zeeman.vae.inputs import check_codes

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["Decoders", "application", "explore"]

_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
_MOST_POINTS = 512  # decoded in one request
_MARK = "<head>"
_SERVED = '<head>\n<meta name="zeeman-server" content="api/decode">'


class Decoders:
    """Every trained decoder of a run, in the order of its page.

    Parameters
    ----------
    run : path
        Folder that `zeeman analyze` wrote.

    Raises
    ------
    ValueError
        If it holds no report.
    """

    def __init__(self, run: str | os.PathLike[str]) -> None:
        self.path = Path(run)
        self.page = self.path / "report.html"
        if not self.page.is_file():
            raise ValueError(
                f"{run} holds no report.html to explore: give the folder of a finished run, as `zeeman analyze` and "
                "`zeeman spectrum` write it"
            )
        folders = [self.path / name for name in ("model", "ensemble") if (self.path / name).is_dir()]
        self.models = [BetaVAE.load(folder, device="cpu") for folder in folders]
        self.decoders = [(vae, model.decoder) for vae in self.models for model in vae.modules_]

    def facts(self) -> dict[str, Any]:
        """What can be asked for."""
        return {
            "run": self.path.name,
            "trainings": [
                {"latent": vae.latent_dim, "likelihood": vae.likelihood_, "weights": _weights(decoder)}
                for vae, decoder in self.decoders
            ],
        }

    def output(self, training: int, z: Any) -> NDArray[np.float32]:
        """The whole decoder's output at points z, (sample, channel, site...): fields, and a tempered one's branch."""
        if not 0 <= training < len(self.decoders):
            raise ValueError(f"training must be one of 0..{len(self.decoders) - 1}, got {training}")
        vae, decoder = self.decoders[training]
        codes = check_codes(z, vae.latent_dim)
        if len(codes) > _MOST_POINTS:
            raise ValueError(f"z holds {len(codes)} points, more than {_MOST_POINTS}: ask in parts")
        with evaluating(vae.engine_["threads"]):
            return np.ascontiguousarray(decoder(torch.from_numpy(codes)).float().numpy())


def application(run: str | os.PathLike[str]) -> FastAPI:
    """Return the FastAPI application that serves the folder `run`."""
    from fastapi import Body, FastAPI, HTTPException, Response
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    held = Decoders(run)
    app = FastAPI(title="zeeman explorer", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS)  # no other page reaches it by a name of its own
    page = held.page.read_text(encoding="utf-8")
    served = page.replace(_MARK, _SERVED, 1) if held.decoders else page

    def show() -> Response:
        return Response(served, media_type="text/html; charset=utf-8", headers={"cache-control": "no-store"})

    def decode(training: int = Body(), z: list[list[float]] = Body()) -> Response:  # noqa: B008 (FastAPI's way)
        try:
            found = held.output(training, z)
        except (ValueError, TypeError) as error:
            raise HTTPException(422, str(error)) from error
        shape = ",".join(map(str, found.shape))
        return Response(found.tobytes(), media_type="application/octet-stream", headers={"x-shape": shape})

    app.get("/")(show)
    app.get("/api/run")(held.facts)
    app.post("/api/decode")(decode)
    return app


def explore(run: str | os.PathLike[str], *, port: int = 0, show: bool = True, say: Any = print) -> None:
    """Serve the explorer of `run` until interrupted.

    Parameters
    ----------
    run : path
        Folder of a finished run.
    port : int
        On 127.0.0.1; 0 takes a free one.
    show : bool
        Open a browser there.
    say : callable
        Told the address.

    Raises
    ------
    ImportError
        Without the extra ``serve`` (fastapi, uvicorn).
    ValueError, OSError
        If `run` holds nothing to explore, or the port is taken.
    """
    try:
        import uvicorn

        app = application(run)
    except ModuleNotFoundError as missing:
        raise ImportError(
            f"the explorer's server needs {missing.name}: pip install 'zeeman[serve]'; report.html opens without it"
        ) from missing
    bound = _bound(port)
    address = f"http://127.0.0.1:{bound.getsockname()[1]}/"
    say(f"{address}  (Ctrl+C stops)")
    if show:
        webbrowser.open(address)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with bound, suppress(KeyboardInterrupt):  # the way it ends
        server.run(sockets=[bound])


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen()  # a browser that is faster than the server waits
    except OSError as error:
        listening.close()
        raise OSError(f"port {port} of this machine cannot be used ({error.strerror}): choose another, or 0") from error
    return listening


def _weights(decoder: torch.nn.Module) -> int:
    return sum(p.numel() for p in decoder.parameters())
