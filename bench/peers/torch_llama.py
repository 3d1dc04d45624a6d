#!/usr/bin/env python3
"""Decoding and prompts of a Llama shape in PyTorch, as a peer of `./millrace bench gpu`.

The model is the usual plain one: a static cache of keys and values, torch's own attention, the whole
step compiled with CUDA graphs (torch.compile, "reduce-overhead"). Weights are random; they are
  bf16   as they are
  int8   bytes with a scale per row, turned into bf16 by the compiled product
  int4   groups of 128 with torch's own kernel (_weight_int4pack_mm); the embedding stays bf16
and the head is of the same type as the rest. Needs torch 2.5 or later and nothing else.

It prints a line of JSON per test, of the fields that llama-bench prints and the number of
sequences, so that `bench gpu --peer` reads them:

  ./millrace bench gpu llama-8b --type int4-g128 \\
      --peer "python3 bench/peers/torch_llama.py --weights int4 --prompt 2048 --depth 1024 --batch 1,64"
"""

import argparse
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

SHAPES = {
    "llama-1b": "layers=16,embedding=2048,feed_forward=8192,heads=32,kv_heads=8,vocabulary=128256",
    "llama-3b": "layers=28,embedding=3072,feed_forward=8192,heads=24,kv_heads=8,vocabulary=128256",
    "llama-7b": "layers=32,embedding=4096,feed_forward=11008,heads=32,kv_heads=32,vocabulary=32000",
    "llama-8b": "layers=32,embedding=4096,feed_forward=14336,heads=32,kv_heads=8,vocabulary=128256",
}
GROUP = 128
INNER_K_TILES = 8
WARMING_ROUNDS = 3


def sizes_of(text):
    """The sizes of a shape: a name above, settings joined by commas, or the one with some of the other."""
    first, _, rest = text.partition(",")
    settings = SHAPES[first] + "," + rest if first in SHAPES else text
    sizes = {}
    for setting in filter(None, settings.split(",")):
        name, equals, value = setting.partition("=")
        if not equals or not value.isdigit():
            sys.exit(f"torch_llama: a shape is one of {', '.join(SHAPES)} or NAME=NUMBER joined by"
                     f" commas, got \"{setting}\"")
        sizes[name] = int(value)
    for name in ("layers", "embedding", "feed_forward", "heads", "vocabulary"):
        if name not in sizes:
            sys.exit(f"torch_llama: the shape \"{text}\" does not say its {name}")
    sizes.setdefault("kv_heads", sizes["heads"])
    sizes.setdefault("head_size", sizes["embedding"] // sizes["heads"])
    return sizes


class Bf16Linear(torch.nn.Module):
    def __init__(self, columns, rows, device):
        super().__init__()
        weight = torch.randn(rows, columns, dtype=torch.bfloat16, device=device)
        self.register_buffer("weight", weight.mul_(columns ** -0.5))

    def forward(self, x):
        return F.linear(x, self.weight)


class Int8Linear(torch.nn.Module):
    def __init__(self, columns, rows, device):
        super().__init__()
        self.register_buffer("weight", torch.randint(-127, 128, (rows, columns), dtype=torch.int8,
                                                     device=device))
        scale = columns ** -0.5 / 73  # the deviation of such integers
        self.register_buffer("scales", torch.full((rows,), scale, dtype=torch.bfloat16,
                                                  device=device))

    def forward(self, x):
        return F.linear(x, self.weight.to(x.dtype)) * self.scales


class Int4Linear(torch.nn.Module):
    def __init__(self, columns, rows, device):
        super().__init__()
        if columns % GROUP:
            sys.exit(f"torch_llama: {columns} columns are no whole groups of {GROUP}")
        scale = columns ** -0.5 / 4.6
        self.register_buffer("scales_and_zeros", torch.tensor([scale, 0.0]).to(
            torch.bfloat16).to(device).expand(columns // GROUP, rows, 2).contiguous())
        if device.type == "cuda":
            packed = torch.randint(0, 256, (rows, columns // 2), dtype=torch.uint8, device=device)
            weight = torch.ops.aten._convert_weight_to_int4pack(packed, INNER_K_TILES)
            self.product = torch.ops.aten._weight_int4pack_mm
        else:
            codes = torch.randint(0, 16, (rows, columns), dtype=torch.int32, device=device)
            weight = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes, INNER_K_TILES)
            self.product = torch.ops.aten._weight_int4pack_mm_for_cpu
        self.register_buffer("weight", weight)

    def forward(self, x):
        flat = x.reshape(-1, x.shape[-1])
        return self.product(flat, self.weight, GROUP, self.scales_and_zeros).reshape(
            *x.shape[:-1], -1)


LINEARS = {"bf16": Bf16Linear, "int8": Int8Linear, "int4": Int4Linear}


def rotate(x, cosines, sines):
    first, second = x.float().chunk(2, -1)
    turned = torch.cat((first * cosines - second * sines, second * cosines + first * sines), -1)
    return turned.to(x.dtype)


class Layer(torch.nn.Module):
    def __init__(self, sizes, linear, batch, positions, device):
        super().__init__()
        self.heads, self.kv_heads, self.head = (sizes[n] for n in ("heads", "kv_heads", "head_size"))
        width, inner = sizes["embedding"], sizes["feed_forward"]
        self.qkv = linear(width, (self.heads + 2 * self.kv_heads) * self.head, device)
        self.output = linear(self.heads * self.head, width, device)
        self.gate_up = linear(width, 2 * inner, device)
        self.down = linear(inner, width, device)
        ones = torch.ones(width, dtype=torch.bfloat16, device=device)
        self.register_buffer("attention_norm", ones)
        self.register_buffer("feed_forward_norm", ones.clone())
        cache = torch.zeros(batch, self.kv_heads, positions, self.head, dtype=torch.bfloat16,
                            device=device)
        self.register_buffer("keys", cache)
        self.register_buffer("values", cache.clone())

    def forward(self, x, at, mask, cosines, sines):
        batch, count, width = x.shape
        normed = F.rms_norm(x, (width,), self.attention_norm, 1e-5)
        q, k, v = self.qkv(normed).view(batch, count, -1, self.head).transpose(1, 2).split(
            (self.heads, self.kv_heads, self.kv_heads), 1)
        q, k = rotate(q, cosines, sines), rotate(k, cosines, sines)
        self.keys.index_copy_(2, at, k)
        self.values.index_copy_(2, at, v)
        if mask is None:  # a prompt from the beginning: only what it has just stored
            attended = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        else:
            attended = F.scaled_dot_product_attention(q, self.keys, self.values, attn_mask=mask,
                                                      enable_gqa=True)
        x = x + self.output(attended.transpose(1, 2).reshape(batch, count, -1))
        normed = F.rms_norm(x, (width,), self.feed_forward_norm, 1e-5)
        gate, up = self.gate_up(normed).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Llama(torch.nn.Module):
    """At every step it returns the likeliest token of each sequence."""

    def __init__(self, sizes, weights, batch, positions, device):
        super().__init__()
        linear = LINEARS[weights]
        width = sizes["embedding"]
        self.register_buffer("embedding", torch.randn(sizes["vocabulary"], width,
                                                      dtype=torch.bfloat16, device=device))
        self.layers = torch.nn.ModuleList(Layer(sizes, linear, batch, positions, device)
                                          for _ in range(sizes["layers"]))
        self.register_buffer("norm", torch.ones(width, dtype=torch.bfloat16, device=device))
        self.head = linear(width, sizes["vocabulary"], device)
        pairs = sizes["head_size"] // 2
        angles = torch.arange(positions, device=device).float()[:, None] * 500000.0 ** (
            -torch.arange(pairs, device=device).float() / pairs)
        self.register_buffer("cosines", angles.cos())
        self.register_buffer("sines", angles.sin())
        self.register_buffer("causal", torch.ones(positions, positions, dtype=torch.bool,
                                                  device=device).tril())

    def forward(self, tokens, at, prompt: bool):
        x = F.embedding(tokens, self.embedding)
        mask = None if prompt else self.causal[at][None, None]
        for layer in self.layers:
            x = layer(x, at, mask, self.cosines[at], self.sines[at])
        x = F.rms_norm(x[:, -1], (x.shape[-1],), self.norm, 1e-5)
        return self.head(x).argmax(-1)


def settle(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds(device, work):
    settle(device)
    start = time.perf_counter()
    work()
    settle(device)
    return time.perf_counter() - start


class Subject:
    """A compiled model with room for so many sequences and positions."""

    def __init__(self, options, batch, positions):
        self.device, self.batch = torch.device(options.device), batch
        self.model = Llama(sizes_of(options.shape), options.weights, batch, positions, self.device)
        self.step = self.model
        if options.compile:
            self.step = torch.compile(self.model, mode="reduce-overhead", fullgraph=True)
        self.vocabulary = self.model.embedding.shape[0]

    def generate(self, depth, count):
        token = torch.randint(self.vocabulary, (self.batch, 1), device=self.device)
        for i in range(count):
            at = torch.tensor([depth + i], device=self.device)
            # A copy: the graph's own output is written anew by the next step.
            token = self.step(token, at, False)[:, None].clone()

    def read(self, count):
        tokens = torch.randint(self.vocabulary, (self.batch, count), device=self.device)
        self.step(tokens, torch.arange(count, device=self.device), True)

    def median(self, work, rounds):
        for _ in range(WARMING_ROUNDS):
            work()
        return statistics.median(seconds(self.device, work) for _ in range(rounds))


def numbers(text):
    return [int(part) for part in text.split(",") if part]


def measure(options):
    deepest = options.depth + options.generate
    for prompt in numbers(options.prompt):
        subject = Subject(options, 1, prompt)
        taken = subject.median(lambda: subject.read(prompt), options.rounds)
        yield {"n_prompt": prompt, "n_gen": 0, "n_depth": 0, "sequences": 1,
               "avg_ts": prompt / taken}
        del subject
    for batch in numbers(options.batch):
        subject = Subject(options, batch, deepest)
        taken = subject.median(lambda: subject.generate(options.depth, options.generate),
                               options.rounds)
        yield {"n_prompt": 0, "n_gen": options.generate, "n_depth": options.depth,
               "sequences": batch, "avg_ts": batch * options.generate / taken}
        del subject


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", default="llama-8b", help="as bench gpu takes it")
    parser.add_argument("--weights", choices=LINEARS, default="bf16")
    parser.add_argument("--prompt", default="", help="lengths of prompts, such as 512,2048")
    parser.add_argument("--batch", default="1", help="sequences that decode together, such as 1,64")
    parser.add_argument("--depth", type=int, default=1024, help="positions before decoding")
    parser.add_argument("--generate", type=int, default=32, help="tokens that each generates")
    parser.add_argument("--rounds", type=int, default=5, help="the median of so many counts")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("torch_llama: this torch sees no GPU; --device cpu only tries the script out")
    with torch.inference_mode():
        for result in measure(options):
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
