"""Reads config.yaml."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from idgan_sc.config.runs import factorial
from idgan_sc.config.settings import Config, ConfigError
from idgan_sc.config.validation import _validate_schema, validate


@cache
def _loader() -> Any:
    """YAML without objects, and without a key twice in one place."""
    import yaml  # when a configuration is read: the metrics alone must not need it

    class Loader(yaml.SafeLoader):
        def number(self, node: yaml.ScalarNode) -> int | float:
            """Read a number; refuse the spellings of base 8 and 60."""
            if re.fullmatch(r"[+-]?(0[0-9_]+|.*:.*)", node.value):
                line = node.start_mark.line + 1
                raise ConfigError(f"line {line}: {node.value} is read in base 8 or 60: write a decimal number")
            return self.construct_yaml_float(node) if node.tag.endswith("float") else self.construct_yaml_int(node)

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            own = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]  # `<<` is no key
            keys = [self.construct_object(key, deep=True) for key in own]
            twice = next((key for i, key in enumerate(keys) if key in keys[:i]), None)
            if twice is not None:
                raise ConfigError(f"line {node.start_mark.line + 1}: `{twice}` stands twice: remove one")
            return super().construct_mapping(node, deep)

    for kind in ("int", "float"):
        Loader.add_constructor(f"tag:yaml.org,2002:{kind}", Loader.number)
    return Loader


def load(path: str | Path = "config.yaml") -> Config:
    """Read and check a configuration file.

    Raises
    ------
    ConfigError
        If the file is absent, not YAML, or fails `check`.
    """
    import yaml

    _Loader = _loader()
    try:
        config = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): give the configuration with --config") from error
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read as YAML ({error}): mend it there") from error
    except (ConfigError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        _validate_schema(config)
        for name, row in factorial(config).items():
            if config["variants"].get(name, row) != row:
                raise ConfigError(f"variants.{name}: the sensitivity study names a run so: choose another name")
        config["variants"] |= factorial(config)
        validate(config)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return config
