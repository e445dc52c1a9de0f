"""Save and load the tensors of a method.

A file is written whole or not at all. It is read only if its content is as it should be. Nothing here can run
code: the formats are safetensors and JSON, not pickle.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from idgan_sc.files import DataError, write_atomic
from idgan_sc.models import Method


def save(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write tensors, their digest and a description, whole or not at all.

    The description is JSON, in the header. The same content gives the same bytes.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(metadata)
    header = {"about": f"{_digest(plain, text)} {text}"}  # one entry: safetensors writes several in random order
    try:
        write_atomic(path, lambda temporary: save_file(plain, temporary, header))
    except SafetensorError as error:  # what a full disk is to safetensors
        raise OSError(0, str(error), str(path)) from error


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and `about` of a file that `save` wrote.

    Raises
    ------
    DataError
        If the file is missing, truncated or altered.
    """
    try:
        with safe_open(path, "pt") as file:
            digest, _, text = (file.metadata() or {})["about"].partition(" ")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        metadata = json.loads(text)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing: run the training that writes it") from error
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise DataError(f"{path} is damaged ({' '.join(str(error).split())}): delete it and run again") from error
    if digest != _digest(tensors, text):
        raise DataError(f"{path} is damaged (its content does not match its digest): delete it and run again")
    return tensors, metadata


def _digest(tensors: dict[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


# ----------------------------------------------------------------------------------------- a method's tensors, by name
def network_tensors(method: Method) -> dict[str, Tensor]:
    """Weights and buffers of every network: `<player>/<name>`."""
    return {
        f"{player}/{name}": tensor
        for player, network in method.networks.items()
        for name, tensor in network.state_dict().items()
    }


def moment_tensors(method: Method) -> dict[str, Tensor]:
    """Adam's moments and step counts: `adam/<player>/<index>/<name>`."""
    return {
        f"adam/{player}/{index}/{name}": torch.as_tensor(tensor)
        for player, optimiser in method.optimisers.items()
        for index, moments in optimiser.state_dict()["state"].items()
        for name, tensor in moments.items()
    }


def stream_tensors(method: Method) -> dict[str, Tensor]:
    """States of the random streams: `stream/<purpose>`."""
    return {f"stream/{purpose}": stream.get_state() for purpose, stream in method.streams.items()}


def load_networks(method: Method, tensors: dict[str, Tensor], path: Path) -> None:
    """Set every network of `method` that has tensors in a file.

    A network that has none keeps its own.

    Raises
    ------
    DataError
        If names or shapes do not fit the method.
    """
    for player, network in method.networks.items():
        own = _below(tensors, player)
        if own:
            _load_network(network, own, f"{path} ({player})")


def load_moments(method: Method, tensors: dict[str, Tensor]) -> None:
    """Set Adam's moments of every player that has some in the file.

    The other players start anew. The moments get the memory layout of their weights, because fused Adam pairs
    them element by element as they lie in memory.
    """
    for player, optimiser in method.optimisers.items():
        weights = [weight for group in optimiser.param_groups for weight in group["params"]]
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below(tensors, f"adam/{player}").items():
            index, _, key = name.partition("/")
            weight = weights[int(index)]
            laid_out = torch.empty_like(weight).copy_(tensor) if tensor.shape == weight.shape else tensor
            moments.setdefault(int(index), {})[key] = laid_out
        if moments:
            optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})


def load_streams(method: Method, tensors: dict[str, Tensor]) -> None:
    for purpose, stream in method.streams.items():
        stream.set_state(tensors[f"stream/{purpose}"])


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}/")}


def _load_network(network: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        name = wrong[0]
        raise DataError(f"{where}: `{name}` has shape {found.get(name)}, the settings need {expected.get(name)}")
    network.load_state_dict(tensors)
