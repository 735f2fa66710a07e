"""A llama of half a megabyte that says the alphabet: through the real engine, tokenizer and grammar.

Its layers do next to nothing, so that each token's successor is the one chosen here: letters in their order, then the
quotation mark that ends a JSON string. Random weights would go on until they are cut off.
"""

import itertools
from pathlib import Path

import gguf
import numpy as np

EMBEDDING, LAYERS, HEADS, FEED_FORWARD, CONTEXT = 64, 2, 4, 128, 8_192


def write_tiny_model(path: Path) -> None:
    """Write the model as GGUF: bytes and printable ASCII as its 354 tokens, float32 weights of a fixed seed."""
    made = np.random.default_rng(0)
    tokens, kinds = _vocabulary()
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("atlas-tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(EMBEDDING)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(EMBEDDING // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    weights = {name: made.standard_normal(shape) * 1e-3 for name, shape in _shapes(len(tokens)).items()}
    weights |= {name: np.ones(shape) for name, shape in _shapes(len(tokens)).items() if name.endswith("norm.weight")}
    embedding = made.standard_normal((len(tokens), EMBEDDING))
    weights["token_embd.weight"] = embedding
    for token, successor in _successors(tokens).items():
        weights["output.weight"][successor] += embedding[token]
    for name, values in weights.items():
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _vocabulary() -> tuple[list[bytes], list[gguf.TokenType]]:
    control = [(b"<unk>", gguf.TokenType.UNKNOWN), (b"<s>", gguf.TokenType.CONTROL), (b"</s>", gguf.TokenType.CONTROL)]
    raw = [(b"<0x%02X>" % number, gguf.TokenType.BYTE) for number in range(256)]
    printable = [("\u2581".encode() if code == 32 else bytes([code]), gguf.TokenType.NORMAL) for code in range(32, 127)]
    every = [*control, *raw, *printable]
    return [token for token, _ in every], [kind for _, kind in every]


def _successors(tokens: list[bytes]) -> dict[int, int]:
    number = {token: n for n, token in enumerate(tokens) if n > 2 + 256}
    chain = [b'"', *(bytes([code]) for code in range(ord("a"), ord("z") + 1)), b'"']
    return {number[token]: number[successor] for token, successor in itertools.pairwise(chain)}


def _shapes(tokens: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (tokens, EMBEDDING),
        "output_norm.weight": (EMBEDDING,),
        "output.weight": (tokens, EMBEDDING),
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        shapes |= {f"{block}attn_norm.weight": (EMBEDDING,), f"{block}ffn_norm.weight": (EMBEDDING,)}
        shapes |= {
            f"{block}{name}.weight": (EMBEDDING, EMBEDDING) for name in ("attn_q", "attn_k", "attn_v", "attn_output")
        }
        shapes |= {f"{block}{name}.weight": (FEED_FORWARD, EMBEDDING) for name in ("ffn_gate", "ffn_up")}
        shapes[f"{block}ffn_down.weight"] = (EMBEDDING, FEED_FORWARD)
    return shapes
