"""What `docker save` writes: manifest.json, a configuration, and layers, mostly uncompressed.

No manifest of a registry is in it, for classic engines keep none; the image is known by its
configuration's digest.
"""

from functools import partial
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceMissing
from sp1tee.verify.digests.built import BuiltImage
from sp1tee.verify.digests.configs import read_config
from sp1tee.verify.digests.documents import ENTRIES, SIZE
from sp1tee.verify.digests.layers import Layer, check_layer
from sp1tee.verify.digests.platforms import Platform
from sp1tee.verify.digests.stores import Store, read_stored
from sp1tee.verify.facts import Json
from sp1tee.verify.reading import read_json

_LISTING: Final = "manifest.json"


def read(store: Store, source: str, platform: Platform) -> BuiltImage:
    """Read the one image that was saved.

    Raises:
        EvidenceMissing: it is for another platform, or a part is not there.
        EvidenceMalformed: there are several, or the archive is damaged.
        EvidenceTooLarge: a document is larger than anything genuine.
    """
    config_name, layer_names = _only_image(store)
    config = read_config(read_stored(store, config_name, SIZE))
    if not platform.takes(config.platform):
        raise EvidenceMissing(
            f"The archive has an image for {config.platform}, not for {platform}.",
            advice="Build it with `--platform`, or name its platform with `--platform`.",
        )
    if len(layer_names) != len(config.diff_ids):
        raise EvidenceMalformed("The archive has more or fewer layers than its image.")
    layers = tuple(
        Layer(diff_id, partial(store.open, name))
        for name, diff_id in zip(layer_names, config.diff_ids, strict=True)
    )
    for layer in layers:
        check_layer(layer)
    return BuiltImage(source, (), config, layers)


def _only_image(store: Store) -> tuple[str, tuple[str, ...]]:
    if not store.has(_LISTING):
        raise EvidenceMissing(
            "There is neither an image layout nor a saved image.",
            advice="Name what `docker save` or `docker buildx build --output type=oci` wrote.",
        )
    images = read_json(read_stored(store, _LISTING, SIZE), f"The archive's {_LISTING}", limit=SIZE)
    if not isinstance(images, list) or len(images) != 1 or not isinstance(images[0], dict):
        raise EvidenceMalformed(
            f"The archive's {_LISTING} does not name exactly one image.",
            advice="Save one image to one file.",
        )
    return _name(images[0].get("Config")), _names(images[0].get("Layers"))


def _names(value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > ENTRIES:
        raise EvidenceMalformed(f"The archive's {_LISTING} lists no layers.")
    return tuple(map(_name, value))


def _name(value: Json) -> str:
    if not isinstance(value, str) or ".." in value.split("/") or value.startswith("/"):
        raise EvidenceMalformed(f"The archive's {_LISTING} names something that is no file in it.")
    return value
