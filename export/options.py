"""How weights are quantised for the ONNX runtime, with the defaults that were measured (docs/adr/0012)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

Precision = Literal["int4", "int8", "fp16", "fp32"]
ALGORITHMS = ("gptq_mixed", "rtn", "rtn_last", "rtn_mixed", "k_quant", "k_quant_last", "k_quant_mixed")
_OURS = {"gptq_mixed": "read", "rtn_mixed": "mixed"}  # the builder has no such rule; what stays in int8
_CALIBRATED_BLOCK, _PLAIN_BLOCK = 64, 32  # what plain rounding loses in coarser blocks, calibration makes good
BLOCKS = (16, 32, 64, 128, 256)


@dataclass(frozen=True)
class OnnxOptions:
    """algorithm: rounding rule; "_last" keeps the head in int8, "_mixed" some products, too.

    block: weights that share a scale, at most; made smaller where the model's width is no multiple of it.
    accuracy_level 4: activations in int8 within the product. prune_head: logits of the last token only.
    """

    precision: Precision = "int4"
    algorithm: str = "gptq_mixed"
    block: int = _CALIBRATED_BLOCK
    symmetric: bool = False
    accuracy_level: int = 4
    prune_head: bool = True

    @classmethod
    def of(
        cls, precision: Precision, algorithm: str | None = None, block: int | None = None, symmetric: bool | None = None
    ) -> OnnxOptions:
        """The measured defaults of a precision (int8 needs few scales and no zero points), but for what is given."""
        measured = cls("int8", "rtn", 128, True) if precision == "int8" else cls(precision)
        if precision == "int4" and algorithm not in (None, measured.algorithm):
            measured = replace(measured, block=_PLAIN_BLOCK)
        return replace(
            measured,
            algorithm=measured.algorithm if algorithm is None else algorithm,
            block=measured.block if block is None else block,
            symmetric=measured.symmetric if symmetric is None else symmetric,
        )

    def record(self) -> dict[str, str | int | bool]:
        """For the manifest: what has a meaning at this precision."""
        if self.precision in ("fp16", "fp32"):
            return {"prune_head": self.prune_head}
        values: dict[str, str | int | bool] = asdict(self)
        del values["precision"]
        return values

    def fitted(self, width: int) -> OnnxOptions:
        """These options for a model of hidden size width (a multiple of 32).

        A shared embedding is read by whole blocks; the builder packs two zero points into a byte; and k_quant always
        writes zero points, which the shared embedding must then read.
        """
        if self.precision in ("fp16", "fp32"):
            return self
        symmetric = self.symmetric and not self.algorithm.startswith("k_quant")
        whole = 1 if symmetric else 2
        fitting = [block for block in BLOCKS if block <= self.block and width % (whole * block) == 0]
        return replace(self, block=max(fitting, default=BLOCKS[0]), symmetric=symmetric)

    def builder_precision(self) -> tuple[str, str]:
        """Which products stay in int8 (export.builder_child), and the precision that the builder is told."""
        if self.precision == "int8":
            return "all", "int4"
        return _OURS.get(self.algorithm, "builder") if self.precision == "int4" else "builder", self.precision

    @property
    def calibrated(self) -> bool:
        """Whether rounding needs texts (export.calibrated)."""
        return self.precision == "int4" and self.algorithm.startswith("gptq")

    def builder_options(self, tied: bool) -> list[str]:
        """KEY=VALUE words for the runtime's model builder."""
        words = {"prune_lm_head": self.prune_head, "shared_embeddings": tied, "hf_remote": False, "hf_token": False}
        pairs = [f"{key}={str(value).lower()}" for key, value in words.items()]
        if self.precision in ("int4", "int8"):
            # To the builder "rtn_last" means that the head, and with it a shared embedding, is int8.
            ours = self.precision == "int8" or self.algorithm in _OURS
            pairs += [
                f"int4_algo_config={'rtn_last' if ours else self.algorithm}",
                f"int4_block_size={self.block}",
                f"int4_is_symmetric={str(self.symmetric).lower()}",
                f"int4_accuracy_level={self.accuracy_level}",
            ]
        return pairs
